// What every backend of ProcessGroup must do, as one suite. A binary includes this once and
// instantiates it for the groups it can make:
//   INSTANTIATE_TEST_SUITE_P(Mpi, ProcessGroupConformance, testing::Values(GroupKind{...}));
#pragma once

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <ostream>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "common/error.h"
#include "common/philox.h"
#include "tests/fixtures/names.h"

namespace temper {

struct GroupKind {
  std::string name;
  std::function<std::unique_ptr<ProcessGroup>()> make;  // collective over the test's ranks
  at::Device device = at::kCPU;                         // of the tensors

  friend std::ostream& operator<<(std::ostream& out, const GroupKind& kind) {
    return out << kind.name;
  }
};

inline std::string group_kind_name(const testing::TestParamInfo<GroupKind>& info) {
  return info.param.name;
}

// The same bits, so that -0.0 differs from 0.0 and a NaN equals itself.
inline bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor left = a.cpu().contiguous();
  const at::Tensor right = b.cpu().contiguous();
  return left.sizes() == right.sizes() && left.scalar_type() == right.scalar_type() &&
         (left.numel() == 0 || std::memcmp(left.data_ptr(), right.data_ptr(), left.nbytes()) == 0);
}

// Values over many magnitudes and signs: any change in the order of a sum shows in its bits.
inline at::Tensor rough_values(int64_t count, uint64_t seed) {
  const Philox random(seed, 77);
  at::Tensor values = at::empty({count}, at::kFloat);
  for (int64_t i = 0; i < count; ++i) {
    const float exponent = 24.0f * random.uniform(2 * i + 1) - 12.0f;
    values.data_ptr<float>()[i] = random.normal(2 * i) * std::exp2(exponent);
  }
  return values;
}

class ProcessGroupConformance : public testing::TestWithParam<GroupKind> {
 protected:
  void SetUp() override {
    group_ = GetParam().make();
    rank_ = group_->rank();
    size_ = group_->size();
  }

  at::Tensor on_device(const at::Tensor& tensor) const { return tensor.to(GetParam().device); }
  at::Tensor arange(int64_t first, int64_t count, at::ScalarType type) const {
    return on_device(at::arange(first, first + count, at::kLong).to(type));
  }

  std::unique_ptr<ProcessGroup> group_;
  int rank_ = 0;
  int size_ = 1;
};

TEST_P(ProcessGroupConformance, RanksCountUp) {
  const std::vector<std::string> ranks = group_->all_gather_text(std::to_string(rank_));
  ASSERT_EQ(ranks.size(), static_cast<size_t>(size_));
  for (int r = 0; r < size_; ++r) EXPECT_EQ(ranks[r], std::to_string(r));
  EXPECT_GE(group_->node_rank(), 0);
  EXPECT_LT(group_->node_rank(), group_->node_size());
  EXPECT_LE(group_->node_size(), size_);
}

TEST_P(ProcessGroupConformance, BroadcastsFromAnyRoot) {
  for (int root = 0; root < size_; ++root) {
    for (const int64_t count : {0, 1, 13, 1000}) {
      at::Tensor floats = arange(1000 * rank_, count, at::kFloat);
      at::Tensor integers = arange(int64_t{1} << (40 + rank_), count, at::kLong);
      group_->broadcast(floats, root);
      group_->broadcast(integers, root);
      EXPECT_TRUE(same_bits(floats, arange(1000 * root, count, at::kFloat)));
      EXPECT_TRUE(same_bits(integers, arange(int64_t{1} << (40 + root), count, at::kLong)));
    }
  }
}

TEST_P(ProcessGroupConformance, ReducesIntegersExactly) {
  const int64_t count = 101;
  const int64_t large = int64_t{1} << 56;
  at::Tensor sum = arange(large + rank_, count, at::kLong);
  at::Tensor max = arange(-10 * rank_, count, at::kLong);
  group_->all_reduce_sum(sum);
  group_->all_reduce_max(max);
  const at::Tensor index = at::arange(count, at::kLong);
  const int64_t offsets = size_ * large + size_ * (size_ - 1) / 2;
  EXPECT_TRUE(same_bits(sum, index * size_ + offsets));
  EXPECT_TRUE(same_bits(max, index));
}

TEST_P(ProcessGroupConformance, ReducesFloatingPoint) {
  at::Tensor sum = arange(rank_, 50, at::kDouble);
  at::Tensor max = arange(rank_, 50, at::kFloat) * -1.5;
  group_->all_reduce_sum(sum);
  group_->all_reduce_max(max);
  const at::Tensor index = at::arange(50, at::kDouble);
  EXPECT_TRUE(same_bits(sum, index * size_ + size_ * (size_ - 1) / 2.0));
  EXPECT_TRUE(same_bits(max, at::arange(50, at::kFloat) * -1.5));
}

TEST_P(ProcessGroupConformance, GathersInPlace) {
  for (const at::ScalarType type : {at::kFloat, at::kLong, at::kBFloat16}) {
    for (const int64_t part : {1, 13, 256, 1001}) {
      at::Tensor full = on_device(at::full({part * size_}, -1).to(type));
      full.narrow(0, rank_ * part, part).copy_(arange(100 * rank_, part, type));
      group_->all_gather_in_place(full);
      for (int r = 0; r < size_; ++r) {
        EXPECT_TRUE(same_bits(full.narrow(0, r * part, part), arange(100 * r, part, type)))
            << "part " << r << " of " << part;
      }
    }
  }
}

TEST_P(ProcessGroupConformance, GathersInTheBackground) {
  const int64_t part = 1001;
  std::vector<at::Tensor> fulls;
  std::vector<std::unique_ptr<PendingGather>> pending;
  for (int i = 0; i < 2; ++i) {
    at::Tensor& full = fulls.emplace_back(on_device(at::zeros({part * size_}, at::kFloat)));
    full.narrow(0, rank_ * part, part).copy_(arange(1000 * i + 100 * rank_, part, at::kFloat));
    pending.push_back(group_->start_all_gather(full));
  }
  at::Tensor sum = arange(rank_, 1, at::kLong);
  group_->all_reduce_sum(sum);  // other operations may come between
  EXPECT_EQ(sum.item<int64_t>(), size_ * (size_ - 1) / 2);
  for (int i = 0; i < 2; ++i) {
    pending[i]->wait();
    for (int r = 0; r < size_; ++r) {
      EXPECT_TRUE(same_bits(fulls[i].narrow(0, r * part, part),
                            arange(1000 * i + 100 * r, part, at::kFloat)));
    }
  }
}

TEST_P(ProcessGroupConformance, SendsAroundARing) {
  if (size_ == 1) return;
  const int next = (rank_ + 1) % size_, previous = (rank_ + size_ - 1) % size_;
  for (const int64_t count : {0, 1, 4097}) {
    const at::Tensor mine = arange(10 * rank_, count, at::kFloat);
    at::Tensor theirs = on_device(at::zeros({count}, at::kFloat));
    // Rank 0 begins; the others pass on, so that blocking transports do not wait in a circle.
    if (rank_ == 0) group_->send(mine, next);
    group_->receive(theirs, previous);
    if (rank_ != 0) group_->send(mine, next);
    EXPECT_TRUE(same_bits(theirs, arange(10 * previous, count, at::kFloat)));
  }
}

// The ordered reduce-scatter written down: start + gradient of rank 0 + gradient of rank 1 + ...
inline at::Tensor expected_sum(at::Tensor start, int64_t part, int rank, int active_ranks,
                               const std::function<at::Tensor(int)>& gradient_of) {
  for (int r = 0; r < active_ranks; ++r) {
    start = start + gradient_of(r).narrow(0, rank * part, part);
  }
  return start;
}

TEST_P(ProcessGroupConformance, ReducesInRankOrder) {
  for (const int64_t part : {1, 13, 256, 5000}) {
    const auto gradient_of = [&](int r) { return rough_values(part * size_, 10 * part + r); };
    for (int active_ranks = 0; active_ranks <= size_; ++active_ranks) {
      const bool idle = rank_ >= active_ranks;
      const at::Tensor nan = at::full({part * size_}, std::numeric_limits<float>::quiet_NaN());
      const at::Tensor start = rough_values(part, 3);
      at::Tensor accumulator = on_device(start.clone());
      group_->reduce_scatter(on_device(idle ? nan : gradient_of(rank_)), accumulator, active_ranks);
      EXPECT_TRUE(
          same_bits(accumulator, expected_sum(start, part, rank_, active_ranks, gradient_of)))
          << active_ranks << " active ranks, parts of " << part;
    }
  }
}

TEST_P(ProcessGroupConformance, IdleRanksChangeNoBits) {
  at::Tensor accumulator = on_device(at::full({8}, -0.0f));
  const at::Tensor gradient = on_device(at::zeros({8 * size_}, at::kFloat));
  group_->reduce_scatter(gradient, accumulator, 0);
  EXPECT_TRUE(same_bits(accumulator, at::full({8}, -0.0f)));
}

// Twelve gradients on any number of ranks: the sum that one rank alone makes.
TEST_P(ProcessGroupConformance, ReducesToTheSameBitsAsOneRank) {
  constexpr int kGradients = 12;
  const int64_t elements = int64_t{24} * 50;
  const int64_t part = elements / size_;
  ASSERT_EQ(elements % size_, 0);
  at::Tensor alone = at::zeros({elements}, at::kFloat);
  for (int m = 0; m < kGradients - 1; ++m) alone = alone + rough_values(elements, m);

  at::Tensor full = on_device(at::zeros({elements}, at::kFloat));
  at::Tensor mine = full.narrow(0, rank_ * part, part);
  for (int first = 0; first < kGradients - 1; first += size_) {
    const int active_ranks = std::min(size_, kGradients - 1 - first);
    group_->reduce_scatter(on_device(rough_values(elements, first + rank_)), mine, active_ranks);
  }
  group_->all_gather_in_place(full);
  EXPECT_TRUE(same_bits(full, alone));
}

// Gradients in memory that the node shares are read in place. The next one is written at once, so
// an owner that still read the last one would see it.
TEST_P(ProcessGroupConformance, ReducesGradientsInPeerBuffers) {
  if (GetParam().device != at::kCPU) return;
  const int64_t part = 3000;
  const int64_t offset = 512;
  const auto buffers = group_->make_peer_buffers(offset + part * size_);
  at::Tensor gradient = buffers->mine().narrow(0, offset, part * size_);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffers->mine().data_ptr()) % 64, 0u);
  EXPECT_TRUE(same_bits(gradient, at::zeros({part * size_})));
  at::Tensor accumulator = at::zeros({part}, at::kFloat);
  at::Tensor expected = accumulator.clone();
  for (int round = 0; round < 20; ++round) {
    const int active_ranks = 1 + round % size_;
    const auto gradient_of = [&](int r) { return rough_values(part * size_, 100 * round + r); };
    gradient.copy_(gradient_of(rank_));
    group_->reduce_scatter(gradient, accumulator, active_ranks);
    gradient.fill_(std::numeric_limits<float>::quiet_NaN());
    expected = expected_sum(expected, part, rank_, active_ranks, gradient_of);
  }
  EXPECT_TRUE(same_bits(accumulator, expected));
}

// Leaves of ordinary memory, larger than what is passed on at once, overwritten right afterwards.
TEST_P(ProcessGroupConformance, ReducesLargeGradients) {
  const int64_t part = 150001;
  at::Tensor accumulator = on_device(at::zeros({part}, at::kFloat));
  at::Tensor expected = at::zeros({part}, at::kFloat);
  for (int round = 0; round < 3; ++round) {
    const int active_ranks = std::max(1, size_ - round);
    const auto gradient_of = [&](int r) {
      return at::arange(part * size_, at::kFloat).add_(7 * r + round).mul_(1.0f / 3.0f).sin_();
    };
    at::Tensor gradient = on_device(gradient_of(rank_));
    group_->reduce_scatter(gradient, accumulator, active_ranks);
    gradient.fill_(std::numeric_limits<float>::quiet_NaN());
    expected = expected_sum(expected, part, rank_, active_ranks, gradient_of);
  }
  EXPECT_TRUE(same_bits(accumulator, expected));
}

TEST_P(ProcessGroupConformance, CountsTheBytesItReceives) {
  const int64_t part = 1000;
  const int64_t others = (size_ - 1) * part * static_cast<int64_t>(sizeof(float));
  at::Tensor full = on_device(at::zeros({part * size_}, at::kFloat));
  at::Tensor accumulator = on_device(at::zeros({part}, at::kFloat));
  group_->all_gather_in_place(full);
  EXPECT_EQ(group_->traffic().all_gather_bytes, others);
  group_->reduce_scatter(full, accumulator, size_);
  EXPECT_EQ(group_->traffic().reduce_bytes, others);
  EXPECT_EQ(group_->traffic().shared_read_bytes, 0);
  if (GetParam().device != at::kCPU) return;
  const auto buffers = group_->make_peer_buffers(part * size_);
  const TrafficCounters before = group_->traffic();
  group_->reduce_scatter(buffers->mine(), accumulator, size_);
  const int64_t on_node = (group_->node_size() - 1) * part * static_cast<int64_t>(sizeof(float));
  EXPECT_EQ(group_->traffic().shared_read_bytes, on_node);
  EXPECT_EQ(group_->traffic().reduce_bytes - before.reduce_bytes, others - on_node);
}

TEST_P(ProcessGroupConformance, GathersTexts) {
  const auto text_of = [](int r) {
    return r % 2 == 1 ? std::string() : std::string("a\0b", 3) + std::string(70000 * r, 'x');
  };
  const std::vector<std::string> texts = group_->all_gather_text(text_of(rank_));
  ASSERT_EQ(texts.size(), static_cast<size_t>(size_));
  for (int r = 0; r < size_; ++r) EXPECT_EQ(texts[r], text_of(r));
}

TEST_P(ProcessGroupConformance, SplitsByColorAndKey) {
  const auto half = group_->split(rank_ % 2, -rank_);  // the highest rank comes first
  const int color_size = (size_ + 1 - rank_ % 2) / 2;
  ASSERT_EQ(half->size(), color_size);
  EXPECT_EQ(half->rank(), color_size - 1 - rank_ / 2);
  EXPECT_EQ(half->backend_name(), group_->backend_name());
  at::Tensor sum = arange(rank_, 1, at::kLong);
  half->all_reduce_sum(sum);
  int64_t expected = 0;
  for (int r = rank_ % 2; r < size_; r += 2) expected += r;
  EXPECT_EQ(sum.item<int64_t>(), expected);
}

TEST_P(ProcessGroupConformance, SharesOneCopyPerNode) {
  const int64_t count = 10000;
  const auto buffer = group_->make_shared_buffer(count);
  at::Tensor values = buffer->tensor();
  ASSERT_EQ(values.numel(), count);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(values.data_ptr()) % 64, 0u);
  EXPECT_TRUE(same_bits(values, at::zeros({count})));
  group_->barrier();
  const int64_t share = count / group_->node_size();
  values.narrow(0, group_->node_rank() * share, share).fill_(1.0f + group_->node_rank());
  group_->barrier();
  for (int r = 0; r < group_->node_size(); ++r) {
    EXPECT_TRUE(same_bits(values.narrow(0, r * share, share), at::full({share}, 1.0f + r)));
  }
}

// Where one node holds all ranks, a gather in shared memory is a barrier.
TEST_P(ProcessGroupConformance, GathersInSharedMemoryWithoutCopies) {
  if (group_->node_size() != size_ || GetParam().device != at::kCPU) return;
  const int64_t part = 640;
  const auto buffer = group_->make_shared_buffer(part * size_);
  at::Tensor full = buffer->tensor();
  for (int round = 0; round < 20; ++round) {
    full.narrow(0, rank_ * part, part).fill_(100.0f * round + rank_);
    group_->all_gather_in_place(full);
    for (int r = 0; r < size_; ++r) {
      EXPECT_TRUE(same_bits(full.narrow(0, r * part, part), at::full({part}, 100.0f * round + r)));
    }
    group_->barrier();  // all have read
  }
  EXPECT_EQ(group_->traffic().all_gather_bytes, 0);
}

TEST_P(ProcessGroupConformance, RefusesMoreSharedMemoryThanThereIs) {
  at::Tensor node_size = arange(group_->node_size(), 1, at::kLong);
  group_->all_reduce_max(node_size);
  if (node_size.item<int64_t>() == 1) return;  // private memory
  const int64_t too_many = int64_t{1} << 45;
  try {
    const auto buffer = group_->make_shared_buffer(too_many);
    ADD_FAILURE() << "no error";
  } catch (const SharedMemoryError& error) {
    EXPECT_THAT(error.what(), names("/dev/shm", "bytes"));
  }
  EXPECT_THROW(group_->make_peer_buffers(too_many), SharedMemoryError);
  group_->barrier();  // the group still works
  EXPECT_EQ(group_->make_shared_buffer(8)->tensor().numel(), 8);
}

}  // namespace temper
