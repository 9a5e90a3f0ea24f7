#include "comm/nccl/nccl_process_group.h"

#include <ATen/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <nccl.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "common/error.h"

namespace temper {
namespace {

// Elements of one active rank that the receiver holds at a time.
constexpr int64_t kMaxReduceElements = int64_t{1} << 24;

void check_nccl(ncclResult_t result, ncclComm_t comm, const char* operation) {
  if (result == ncclSuccess) return;
  throw SystemError("{} failed: {} ({}). NCCL_DEBUG=WARN shows more.", operation,
                    ncclGetErrorString(result), ncclGetLastError(comm));
}

ncclDataType_t nccl_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return ncclFloat;
    case at::kDouble:
      return ncclDouble;
    case at::kBFloat16:
      return ncclBfloat16;
    case at::kLong:
      return ncclInt64;
    case at::kInt:
      return ncclInt32;
    case at::kByte:
      return ncclUint8;
    default:
      TEMPER_CHECK(false, "NCCL has no type for tensors of {}", c10::toString(type));
  }
  return ncclFloat;
}

ncclUniqueId agree_on_id(ProcessGroup& control) {
  std::string mine;
  if (control.rank() == 0) {
    ncclUniqueId id;
    check_nccl(ncclGetUniqueId(&id), nullptr, "ncclGetUniqueId");
    mine.assign(id.internal, sizeof(id.internal));
  }
  const std::string first = control.all_gather_text(mine).front();
  ncclUniqueId id;
  TEMPER_CHECK(first.size() == sizeof(id.internal), "an NCCL id of {} bytes", first.size());
  std::memcpy(id.internal, first.data(), first.size());
  return id;
}

// A gather on NCCL's stream. Whoever waits makes its own current stream wait, not the host.
class StreamGather : public PendingGather {
 public:
  explicit StreamGather(const c10::cuda::CUDAStream& stream) { done_.record(stream); }
  ~StreamGather() override {
    if (!waited_ && std::uncaught_exceptions() == 0) StreamGather::wait();
  }
  StreamGather(const StreamGather&) = delete;
  StreamGather& operator=(const StreamGather&) = delete;

  void wait() override {
    done_.block(c10::cuda::getCurrentCUDAStream(done_.device_index()));
    waited_ = true;
  }

 private:
  at::cuda::CUDAEvent done_;
  bool waited_ = false;
};

class NcclProcessGroup : public ProcessGroup {
 public:
  NcclProcessGroup(std::unique_ptr<ProcessGroup> control, int device)
      : control_(std::move(control)),
        device_(static_cast<c10::DeviceIndex>(device)),
        stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device_)) {
    const c10::cuda::CUDAGuard guard(device_);
    const ncclUniqueId id = agree_on_id(*control_);
    check_nccl(ncclCommInitRank(&comm_, size(), id, rank()), nullptr, "ncclCommInitRank");
  }

  ~NcclProcessGroup() override {
    // While an exception unwinds the other ranks may never come: waiting for them would hang.
    if (std::uncaught_exceptions() > 0) {
      ncclCommAbort(comm_);
    } else {
      ncclCommDestroy(comm_);
    }
  }
  NcclProcessGroup(const NcclProcessGroup&) = delete;
  NcclProcessGroup& operator=(const NcclProcessGroup&) = delete;

  int rank() const override { return control_->rank(); }
  int size() const override { return control_->size(); }
  std::string backend_name() const override { return "nccl"; }
  int node_rank() const override { return control_->node_rank(); }
  int node_size() const override { return control_->node_size(); }

  // Also waits for everything that was started on the GPU.
  void barrier() override {
    stream_.synchronize();
    compute_stream().synchronize();
    control_->barrier();
  }

  void broadcast(at::Tensor& tensor, int root) override {
    if (tensor.is_cpu()) return control_->broadcast(tensor, root);
    const InStream in_stream(*this);
    run(ncclBroadcast(data(tensor), data(tensor), tensor.nbytes(), ncclUint8, root, comm_, stream_),
        "ncclBroadcast");
    if (rank() != root) own_traffic_.other_bytes += static_cast<int64_t>(tensor.nbytes());
  }

  void all_reduce_sum(at::Tensor& tensor) override {
    if (tensor.is_cpu()) return control_->all_reduce_sum(tensor);
    all_reduce(tensor, ncclSum, "ncclAllReduce (sum)");
  }

  void all_reduce_max(at::Tensor& tensor) override {
    if (tensor.is_cpu()) return control_->all_reduce_max(tensor);
    all_reduce(tensor, ncclMax, "ncclAllReduce (max)");
  }

  void all_gather_in_place(at::Tensor& full) override {
    if (full.is_cpu()) return control_->all_gather_in_place(full);
    start_all_gather(full)->wait();
  }

  std::unique_ptr<PendingGather> start_all_gather(at::Tensor& full) override {
    if (full.is_cpu()) return control_->start_all_gather(full);
    TEMPER_CHECK(full.numel() % size() == 0, "{} elements in {} parts", full.numel(), size());
    const c10::cuda::CUDAGuard guard(device_);
    // Kernels that still read or write the buffer are in the current stream already.
    wait_for_compute();
    const size_t part_bytes = full.nbytes() / size();
    run(ncclAllGather(data(full) + rank() * part_bytes, data(full), part_bytes, ncclUint8, comm_,
                      stream_),
        "ncclAllGather");
    own_traffic_.all_gather_bytes += static_cast<int64_t>(part_bytes) * (size() - 1);
    return std::make_unique<StreamGather>(stream_);
  }

  void send(const at::Tensor& tensor, int to) override {
    if (tensor.is_cpu()) return control_->send(tensor, to);
    const InStream in_stream(*this);
    run(ncclSend(data(tensor), tensor.nbytes(), ncclUint8, to, comm_, stream_), "ncclSend");
  }

  void receive(at::Tensor& tensor, int from) override {
    if (tensor.is_cpu()) return control_->receive(tensor, from);
    const InStream in_stream(*this);
    run(ncclRecv(data(tensor), tensor.nbytes(), ncclUint8, from, comm_, stream_), "ncclRecv");
    own_traffic_.reduce_bytes += static_cast<int64_t>(tensor.nbytes());
  }

  void reduce_scatter(const at::Tensor& full, at::Tensor& accumulator, int active_ranks) override {
    if (full.is_cpu()) return control_->reduce_scatter(full, accumulator, active_ranks);
    TEMPER_CHECK(full.numel() == accumulator.numel() * size() && full.scalar_type() == at::kFloat &&
                     accumulator.scalar_type() == at::kFloat,
                 "gradients of {} elements, accumulator of {}, {} ranks", full.numel(),
                 accumulator.numel(), size());
    TEMPER_CHECK(active_ranks >= 0 && active_ranks <= size(), "{} active ranks among {} ranks",
                 active_ranks, size());
    const c10::cuda::CUDAGuard guard(device_);
    for (int64_t begin = 0; begin < accumulator.numel(); begin += kMaxReduceElements) {
      const int64_t count = std::min(kMaxReduceElements, accumulator.numel() - begin);
      reduce_slice(full, accumulator, begin, count, active_ranks);
    }
  }

  std::vector<std::string> all_gather_text(const std::string& mine) override {
    return control_->all_gather_text(mine);
  }
  std::unique_ptr<ProcessGroup> split(int color, int key) override {
    return make_nccl_process_group(control_->split(color, key), device_);
  }
  std::unique_ptr<SharedBuffer> make_shared_buffer(int64_t num_elements) override {
    return control_->make_shared_buffer(num_elements);
  }
  std::unique_ptr<PeerBuffers> make_peer_buffers(int64_t num_elements) override {
    return control_->make_peer_buffers(num_elements);
  }

  const TrafficCounters& traffic() const override {
    const TrafficCounters& host = control_->traffic();
    traffic_ = own_traffic_;
    traffic_.all_gather_bytes += host.all_gather_bytes;
    traffic_.reduce_bytes += host.reduce_bytes;
    traffic_.other_bytes += host.other_bytes;
    traffic_.shared_read_bytes += host.shared_read_bytes;
    return traffic_;
  }

 private:
  // An operation's life: NCCL's stream waits for the current one, and that one waits for it at the
  // end. The host waits for neither.
  class InStream {
   public:
    explicit InStream(const NcclProcessGroup& group) : group_(group), guard_(group.device_) {
      group_.wait_for_compute();
    }
    ~InStream() {
      if (std::uncaught_exceptions() > 0) return;  // nothing is used any more
      order(group_.stream_, group_.compute_stream());
    }
    InStream(const InStream&) = delete;
    InStream& operator=(const InStream&) = delete;

   private:
    const NcclProcessGroup& group_;
    c10::cuda::CUDAGuard guard_;
  };

  // Orders two streams: `second` begins its next work after the present work of `first`.
  static void order(const c10::cuda::CUDAStream& first, const c10::cuda::CUDAStream& second) {
    at::cuda::CUDAEvent event;
    event.record(first);
    event.block(second);
  }

  c10::cuda::CUDAStream compute_stream() const { return c10::cuda::getCurrentCUDAStream(device_); }

  void wait_for_compute() const { order(compute_stream(), stream_); }

  char* data(const at::Tensor& tensor) const {
    TEMPER_CHECK(tensor.is_contiguous() && tensor.get_device() == device_,
                 "a tensor for communication must be contiguous, on GPU {}",
                 static_cast<int>(device_));
    return static_cast<char*>(tensor.data_ptr());
  }

  // The call's own result, then errors that earlier operations met on the way.
  void run(ncclResult_t result, const char* operation) {
    check_nccl(result, comm_, operation);
    ncclResult_t earlier = ncclSuccess;
    check_nccl(ncclCommGetAsyncError(comm_, &earlier), comm_, "ncclCommGetAsyncError");
    check_nccl(earlier, comm_, "an earlier NCCL operation");
  }

  void all_reduce(at::Tensor& tensor, ncclRedOp_t operation, const char* name) {
    const InStream in_stream(*this);
    run(ncclAllReduce(data(tensor), data(tensor), tensor.numel(), nccl_type(tensor.scalar_type()),
                      operation, comm_, stream_),
        name);
    if (size() > 1) own_traffic_.reduce_bytes += static_cast<int64_t>(tensor.nbytes());
  }

  // As in the MPI backend, parts travel point to point and are added in rank order by their owner:
  // ncclReduceScatter would choose the order by its topology.
  void reduce_slice(const at::Tensor& full, at::Tensor& accumulator, int64_t begin, int64_t count,
                    int active_ranks) {
    const int64_t part = accumulator.numel();
    const at::Tensor received = at::empty({active_ranks, count}, full.options());
    exchange(full, received, begin, count, active_ranks);
    at::Tensor sum = accumulator.narrow(0, begin, count);
    for (int r = 0; r < active_ranks; ++r) {
      sum.add_(r == rank() ? full.narrow(0, rank() * part + begin, count) : received[r]);
    }
  }

  // `received` belongs to the current stream, which waits for NCCL's before anything else.
  void exchange(const at::Tensor& full, const at::Tensor& received, int64_t begin, int64_t count,
                int active_ranks) {
    const int64_t part = full.numel() / size();
    const InStream in_stream(*this);
    check_nccl(ncclGroupStart(), comm_, "ncclGroupStart");
    for (int r = 0; r < active_ranks; ++r) {
      if (r == rank()) continue;
      check_nccl(ncclRecv(data(received[r]), count, ncclFloat, r, comm_, stream_), comm_,
                 "ncclRecv (gradient)");
      own_traffic_.reduce_bytes += count * static_cast<int64_t>(sizeof(float));
    }
    for (int owner = 0; owner < size() && rank() < active_ranks; ++owner) {
      if (owner == rank()) continue;
      check_nccl(ncclSend(data(full.narrow(0, owner * part + begin, count)), count, ncclFloat,
                          owner, comm_, stream_),
                 comm_, "ncclSend (gradient)");
    }
    run(ncclGroupEnd(), "ncclGroupEnd (gradient)");
  }

  std::unique_ptr<ProcessGroup> control_;
  c10::DeviceIndex device_;
  c10::cuda::CUDAStream stream_;
  ncclComm_t comm_ = nullptr;
  TrafficCounters own_traffic_;
  mutable TrafficCounters traffic_;
};

}  // namespace

std::unique_ptr<ProcessGroup> make_nccl_process_group(std::unique_ptr<ProcessGroup> control,
                                                      int device) {
  const int available = c10::cuda::device_count();
  if (device < 0 || device >= available) {
    throw SystemError(
        "GPU {} was asked for, but {} are usable here: check the allocation, CUDA_VISIBLE_DEVICES "
        "and that the driver serves this build's CUDA",
        device, available);
  }
  return std::make_unique<NcclProcessGroup>(std::move(control), device);
}

}  // namespace temper
