#include "comm/collective_check.h"

#include <algorithm>
#include <chrono>

namespace temper {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::max(1e-9, std::chrono::duration<double>(Clock::now() - start).count());
}

// Whole numbers below 2^24, so that every sum is exact whatever its order.
at::Tensor pattern(int64_t count, int rank) {
  return at::remainder(at::arange(count, at::kFloat), 251.0) + static_cast<float>(rank);
}

class Checker {
 public:
  Checker(ProcessGroup& group, int64_t num_bytes)
      : group_(group), count_(std::max<int64_t>(1, num_bytes / 4)) {
    check_.num_bytes = count_ * 4;
  }

  CollectiveCheck run() {
    broadcast();
    reduce();
    gather();
    reduce_scatter();
    return std::move(check_);
  }

 private:
  void expect(const at::Tensor& found, const at::Tensor& wanted, const char* operation) {
    if (!at::equal(found, wanted)) check_.wrong.emplace_back(operation);
  }

  void broadcast() {
    at::Tensor tensor = pattern(count_, group_.rank());
    group_.broadcast(tensor, group_.size() - 1);
    expect(tensor, pattern(count_, group_.size() - 1), "broadcast");
  }

  void reduce() {
    const auto ranks = static_cast<float>(group_.size());
    at::Tensor tensor = pattern(count_, group_.rank());
    group_.barrier();
    const auto start = Clock::now();
    group_.all_reduce_sum(tensor);
    check_.all_reduce_bytes_per_second =
        static_cast<double>(check_.num_bytes) / seconds_since(start);
    expect(tensor, pattern(count_, 0) * ranks + ranks * (ranks - 1) / 2, "all_reduce_sum");
    tensor = pattern(count_, group_.rank());
    group_.all_reduce_max(tensor);
    expect(tensor, pattern(count_, group_.size() - 1), "all_reduce_max");
  }

  void gather() {
    at::Tensor full = at::full({group_.size() * count_}, -1.0f);
    full.narrow(0, group_.rank() * count_, count_).copy_(pattern(count_, group_.rank()));
    group_.barrier();
    const auto start = Clock::now();
    group_.all_gather_in_place(full);
    check_.all_gather_bytes_per_second =
        static_cast<double>(check_.num_bytes * (group_.size() - 1)) / seconds_since(start);
    std::vector<at::Tensor> wanted;
    for (int rank = 0; rank < group_.size(); ++rank) wanted.push_back(pattern(count_, rank));
    expect(full, at::cat(wanted), "all_gather_in_place");
  }

  void reduce_scatter() {
    std::vector<at::Tensor> parts;
    for (int rank = 0; rank < group_.size(); ++rank) {
      parts.push_back(pattern(count_, group_.rank() + rank));
    }
    const at::Tensor full = at::cat(parts);
    at::Tensor accumulator = at::ones({count_}, at::kFloat);
    group_.reduce_scatter(full, accumulator, group_.size());
    at::Tensor wanted = at::ones({count_}, at::kFloat);
    for (int rank = 0; rank < group_.size(); ++rank) {
      wanted += pattern(count_, rank + group_.rank());
    }
    expect(accumulator, wanted, "reduce_scatter");
  }

  ProcessGroup& group_;
  int64_t count_;
  CollectiveCheck check_;
};

}  // namespace

std::vector<CollectiveCheck> check_collectives(ProcessGroup& group,
                                               const std::vector<int64_t>& sizes_in_bytes) {
  std::vector<CollectiveCheck> checks;
  for (const int64_t size : sizes_in_bytes) checks.push_back(Checker(group, size).run());
  return checks;
}

double measure_link(ProcessGroup& group, int64_t num_bytes) {
  if (group.size() == 1) return 0.0;
  at::Tensor tensor = at::zeros({std::max<int64_t>(1, num_bytes / 4)}, at::kFloat);
  double bytes_per_second = 0.0;
  for (int sender = 0; sender < group.size(); ++sender) {
    const int receiver = (sender + 1) % group.size();
    group.barrier();
    if (group.rank() == sender) group.send(tensor, receiver);
    if (group.rank() == receiver) {
      const auto start = Clock::now();
      group.receive(tensor, sender);
      bytes_per_second = static_cast<double>(tensor.nbytes()) / seconds_since(start);
    }
  }
  return bytes_per_second;
}

}  // namespace temper
