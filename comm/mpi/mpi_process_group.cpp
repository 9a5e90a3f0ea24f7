#include "comm/mpi/mpi_process_group.h"

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdlib>
#include <exception>
#include <numeric>

#include "comm/mpi/host_staging.h"
#include "comm/mpi/mpi_check.h"
#include "comm/mpi/mpi_shared_memory.h"
#include "comm/watch/heartbeat.h"
#include "common/error.h"

namespace temper {
namespace {

// Elements in one MPI call. Well below INT_MAX bytes, because implementations multiply counts by
// sizes and ranks in int; large enough that the cost of a call does not show.
constexpr int64_t kMaxMessageElements = int64_t{1} << 26;
constexpr int kMessageTag = 6;

// For tests only: pretend nodes of so many ranks, messages of at most so many elements.
int64_t test_setting(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  if (text == nullptr) return otherwise;
  const int64_t value = std::atoll(text);
  if (value < 1) throw UserError("{}={}: expected a positive integer", name, text);
  return value;
}

MPI_Datatype mpi_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return MPI_FLOAT;
    case at::kDouble:
      return MPI_DOUBLE;
    case at::kLong:
      return MPI_INT64_T;
    case at::kInt:
      return MPI_INT32_T;
    case at::kByte:
      return MPI_UINT8_T;
    default:
      TEMPER_CHECK(false, "no reduction for tensors of {}", c10::toString(type));
  }
  return MPI_DATATYPE_NULL;
}

char* bytes_of(const at::Tensor& host) {
  return static_cast<char*>(host.data_ptr());
}

// A datatype of `count` elements that occupies `stride` elements, for gathers of slices.
class StridedType {
 public:
  StridedType(int64_t count, int64_t stride, int64_t element_bytes) {
    MPI_Datatype run = MPI_DATATYPE_NULL;
    check_mpi(MPI_Type_contiguous(static_cast<int>(count * element_bytes), MPI_BYTE, &run),
              "MPI_Type_contiguous");
    const int code = MPI_Type_create_resized(run, 0, stride * element_bytes, &type_);
    MPI_Type_free(&run);
    check_mpi(code, "MPI_Type_create_resized");
    check_mpi(MPI_Type_commit(&type_), "MPI_Type_commit");
  }
  ~StridedType() { MPI_Type_free(&type_); }
  StridedType(const StridedType&) = delete;
  StridedType& operator=(const StridedType&) = delete;
  MPI_Datatype get() const { return type_; }

 private:
  MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

}  // namespace

MpiProcessGroup::MpiProcessGroup(MPI_Comm comm)
    : max_message_elements_(test_setting("TEMPER_TEST_MAX_MESSAGE", kMaxMessageElements)) {
  check_mpi(MPI_Comm_dup(comm, &comm_), "MPI_Comm_dup");
  check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  find_nodes();
}

MpiProcessGroup::~MpiProcessGroup() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  // Freeing is collective: while an exception unwinds the others would never come to it.
  if (finalized != 0 || std::uncaught_exceptions() > 0) return;
  node_staging_.reset();
  MPI_Comm_free(&node_comm_);
  MPI_Comm_free(&comm_);
}

void MpiProcessGroup::find_nodes() {
  check_mpi(MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node_comm_),
            "MPI_Comm_split_type");
  const int64_t pretended = test_setting("TEMPER_TEST_RANKS_PER_NODE", 0);
  if (pretended > 0) {
    MPI_Comm whole = node_comm_;
    const int color = static_cast<int>(rank_ / pretended);
    check_mpi(MPI_Comm_split(whole, color, rank_, &node_comm_), "MPI_Comm_split");
    MPI_Comm_free(&whole);
  }
  check_mpi(MPI_Comm_set_errhandler(node_comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(node_comm_, &node_rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(node_comm_, &node_size_), "MPI_Comm_size");

  MPI_Group group = MPI_GROUP_NULL;
  MPI_Group node_group = MPI_GROUP_NULL;
  check_mpi(MPI_Comm_group(comm_, &group), "MPI_Comm_group");
  check_mpi(MPI_Comm_group(node_comm_, &node_group), "MPI_Comm_group");
  std::vector<int> ranks(size_);
  std::iota(ranks.begin(), ranks.end(), 0);
  node_rank_of_.resize(size_);
  check_mpi(MPI_Group_translate_ranks(group, size_, ranks.data(), node_group, node_rank_of_.data()),
            "MPI_Group_translate_ranks");
  MPI_Group_free(&group);
  MPI_Group_free(&node_group);
  std::replace(node_rank_of_.begin(), node_rank_of_.end(), MPI_UNDEFINED, -1);
}

std::vector<int> MpiProcessGroup::node_ranks() const {
  std::vector<int> ranks(static_cast<size_t>(node_size_));
  for (int r = 0; r < size_; ++r) {
    if (node_rank_of_[r] >= 0) ranks[static_cast<size_t>(node_rank_of_[r])] = r;
  }
  return ranks;
}

// The fences keep the compiler and the processor from moving accesses to shared windows across the
// barrier: MPI_Barrier alone promises nothing for memory that MPI has not written.
void MpiProcessGroup::barrier() {
  const OperationScope scope(Operation::kBarrier);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  check_mpi(MPI_Barrier(comm_), "MPI_Barrier");
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void MpiProcessGroup::node_barrier() {
  const OperationScope scope(Operation::kBarrier);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  check_mpi(MPI_Barrier(node_comm_), "MPI_Barrier (node)");
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void MpiProcessGroup::broadcast(at::Tensor& tensor, int root) {
  const OperationScope scope(Operation::kBroadcast);
  at::Tensor host = to_host(tensor);
  const int64_t element_bytes = host.element_size();
  for (int64_t begin = 0; begin < host.numel(); begin += max_message_elements_) {
    const int64_t count = std::min(max_message_elements_, host.numel() - begin);
    check_mpi(MPI_Bcast(bytes_of(host) + begin * element_bytes,
                        static_cast<int>(count * element_bytes), MPI_BYTE, root, comm_),
              "MPI_Bcast");
  }
  if (rank_ != root) {
    traffic_.other_bytes += host.nbytes();
    return_from_host(host, tensor);
  }
}

void MpiProcessGroup::all_reduce(at::Tensor& tensor, MPI_Op operation, const char* name) {
  if (size_ == 1) return;
  const OperationScope scope(Operation::kReduce);
  at::Tensor host = to_host(tensor);
  MPI_Datatype type = mpi_type(host.scalar_type());
  for (int64_t begin = 0; begin < host.numel(); begin += max_message_elements_) {
    const int64_t count = std::min(max_message_elements_, host.numel() - begin);
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, bytes_of(host) + begin * host.element_size(),
                            static_cast<int>(count), type, operation, comm_),
              name);
  }
  traffic_.reduce_bytes += host.nbytes();
  return_from_host(host, tensor);
}

void MpiProcessGroup::all_reduce_sum(at::Tensor& tensor) {
  all_reduce(tensor, MPI_SUM, "MPI_Allreduce (sum)");
}

void MpiProcessGroup::all_reduce_max(at::Tensor& tensor) {
  all_reduce(tensor, MPI_MAX, "MPI_Allreduce (max)");
}

bool MpiProcessGroup::in_shared_buffer(const at::Tensor& tensor) const {
  if (!tensor.is_cpu() || tensor.scalar_type() != at::kFloat) return false;
  const float* data = tensor.const_data_ptr<float>();
  return std::any_of(shared_buffers_.begin(), shared_buffers_.end(),
                     [&](const MpiSharedBuffer* buffer) { return buffer->contains(data); });
}

// Calls call(data, slice) for slices [begin, begin + count) of all parts, `part` elements apart.
template <typename Call>
void MpiProcessGroup::for_each_slice(const at::Tensor& host, const Call& call) const {
  const int64_t part = host.numel() / size_, element_bytes = host.element_size();
  const int64_t max_count = std::max<int64_t>(1, max_message_elements_ / size_);
  for (int64_t begin = 0; begin < part; begin += max_count) {
    // MPI places rank r's part at r times the datatype's extent: stretched to a whole part, it lets
    // one call gather the same slice of all parts.
    const StridedType slice(std::min(max_count, part - begin), part, element_bytes);
    call(bytes_of(host) + begin * element_bytes, slice.get());
  }
}

// The messages of a gather under way, and the host copy they arrive in. Open MPI moves them only
// inside MPI calls, so what a stage's run hides of the gather depends on the transport.
class MpiProcessGroup::Gather final : public PendingGather {
 public:
  Gather(const MpiProcessGroup& group, const at::Tensor& full) : full_(full), host_(to_host(full)) {
    group.for_each_slice(host_, [&](char* data, MPI_Datatype slice) {
      check_mpi(MPI_Iallgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, data, 1, slice, group.comm_,
                               &requests_.emplace_back()),
                "MPI_Iallgather");
    });
  }
  ~Gather() override {
    if (std::uncaught_exceptions() == 0) wait();
  }
  Gather(const Gather&) = delete;
  Gather& operator=(const Gather&) = delete;

  void wait() override {
    if (requests_.empty()) return;
    const OperationScope scope(Operation::kGather);
    check_mpi(
        MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE),
        "MPI_Waitall (gather)");
    requests_.clear();
    return_from_host(host_, full_);
  }

 private:
  at::Tensor full_;
  at::Tensor host_;
  std::vector<MPI_Request> requests_;
};

bool MpiProcessGroup::gathers_in_place(const at::Tensor& full) const {
  return node_size_ == size_ && in_shared_buffer(full);
}

int64_t MpiProcessGroup::bytes_of_others(const at::Tensor& full) const {
  TEMPER_CHECK(full.numel() % size_ == 0, "{} elements in {} parts", full.numel(), size_);
  return static_cast<int64_t>(full.nbytes()) / size_ * (size_ - 1);
}

void MpiProcessGroup::all_gather_in_place(at::Tensor& full) {
  const int64_t received = bytes_of_others(full);
  if (size_ == 1) return;
  const OperationScope scope(Operation::kGather);
  if (gathers_in_place(full)) {
    node_barrier();
    traffic_.shared_read_bytes += received;
    return;
  }
  at::Tensor host = to_host(full);
  for_each_slice(host, [&](char* data, MPI_Datatype slice) {
    check_mpi(MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, data, 1, slice, comm_),
              "MPI_Allgather");
  });
  traffic_.all_gather_bytes += received;
  return_from_host(host, full);
}

std::unique_ptr<PendingGather> MpiProcessGroup::start_all_gather(at::Tensor& full) {
  traffic_.all_gather_bytes += bytes_of_others(full);
  TEMPER_CHECK(size_ == 1 || !gathers_in_place(full), "shared memory needs no gather");
  return std::make_unique<Gather>(*this, full);
}

void MpiProcessGroup::send(const at::Tensor& tensor, int to) {
  const OperationScope scope(Operation::kSend);
  const at::Tensor host = to_host(tensor);
  const int64_t element_bytes = host.element_size();
  for (int64_t begin = 0; begin < host.numel(); begin += max_message_elements_) {
    const int64_t count = std::min(max_message_elements_, host.numel() - begin);
    check_mpi(MPI_Send(bytes_of(host) + begin * element_bytes,
                       static_cast<int>(count * element_bytes), MPI_BYTE, to, kMessageTag, comm_),
              "MPI_Send");
  }
}

void MpiProcessGroup::receive(at::Tensor& tensor, int from) {
  const OperationScope scope(Operation::kReceive);
  at::Tensor host = to_host(tensor);
  const int64_t element_bytes = host.element_size();
  for (int64_t begin = 0; begin < host.numel(); begin += max_message_elements_) {
    const int64_t count = std::min(max_message_elements_, host.numel() - begin);
    check_mpi(
        MPI_Recv(bytes_of(host) + begin * element_bytes, static_cast<int>(count * element_bytes),
                 MPI_BYTE, from, kMessageTag, comm_, MPI_STATUS_IGNORE),
        "MPI_Recv");
  }
  traffic_.reduce_bytes += host.nbytes();
  return_from_host(host, tensor);
}

std::vector<std::string> MpiProcessGroup::all_gather_text(const std::string& mine) {
  TEMPER_CHECK(mine.size() < INT_MAX / static_cast<size_t>(size_), "a text of {} bytes",
               mine.size());
  const OperationScope scope(Operation::kGather);
  int length = static_cast<int>(mine.size());
  std::vector<int> lengths(size_);
  check_mpi(MPI_Allgather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, comm_),
            "MPI_Allgather (text lengths)");
  std::vector<int> offsets(size_ + 1, 0);
  std::partial_sum(lengths.begin(), lengths.end(), offsets.begin() + 1);
  std::string all(offsets.back(), '\0');
  check_mpi(MPI_Allgatherv(mine.data(), length, MPI_CHAR, all.data(), lengths.data(),
                           offsets.data(), MPI_CHAR, comm_),
            "MPI_Allgatherv (text)");
  traffic_.other_bytes += static_cast<int64_t>(all.size()) - length;
  std::vector<std::string> texts(size_);
  for (int r = 0; r < size_; ++r) texts[r] = all.substr(offsets[r], lengths[r]);
  return texts;
}

std::unique_ptr<ProcessGroup> MpiProcessGroup::split(int color, int key) {
  TEMPER_CHECK(color >= 0, "color {}", color);
  const OperationScope scope(Operation::kSetUp);
  MPI_Comm comm = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split(comm_, color, key, &comm), "MPI_Comm_split");
  auto group = std::make_unique<MpiProcessGroup>(comm);
  MPI_Comm_free(&comm);
  return group;
}

std::unique_ptr<SharedBuffer> MpiProcessGroup::make_shared_buffer(int64_t num_elements) {
  const OperationScope scope(Operation::kSetUp);
  return std::make_unique<MpiSharedBuffer>(*this, num_elements);
}

std::unique_ptr<PeerBuffers> MpiProcessGroup::make_peer_buffers(int64_t num_elements) {
  const OperationScope scope(Operation::kSetUp);
  return std::make_unique<MpiPeerBuffers>(*this, num_elements);
}

}  // namespace temper
