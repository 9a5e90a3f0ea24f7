#include "comm/mpi/node_window.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <cstdint>
#include <exception>

#include "comm/errors.h"
#include "comm/mpi/mpi_check.h"
#include "common/error.h"

namespace temper {
namespace {

constexpr int64_t kAlignment = 64;
// Bytes that MPI itself may still take there for the messages of each rank of the node.
constexpr int64_t kReservedForMessages = int64_t{4} << 20;
constexpr const char* kSharedMemoryPath = "/dev/shm";

int64_t free_shared_memory() {
  struct statvfs info {};
  while (statvfs(kSharedMemoryPath, &info) != 0) {
    if (errno != EINTR) {
      throw SystemError("cannot read the free space of {}: {}", kSharedMemoryPath,
                        errno_text(errno));
    }
  }
  return static_cast<int64_t>(info.f_bavail) * static_cast<int64_t>(info.f_frsize);
}

// A full tmpfs is met as SIGBUS at the first touch of a page, so it is asked before.
void require_free_space(MPI_Comm group_comm, MPI_Comm node_comm, int64_t my_bytes) {
  int64_t needed = 0;
  check_mpi(MPI_Allreduce(&my_bytes, &needed, 1, MPI_INT64_T, MPI_SUM, node_comm),
            "MPI_Allreduce (size of a shared window)");
  int node_size = 0;
  check_mpi(MPI_Comm_size(node_comm, &node_size), "MPI_Comm_size");
  if (needed > 0) needed += node_size * kReservedForMessages;
  // Largest shortage first, then that node's sizes: one reduction carries the shortage, a second
  // its figures, so that every rank throws the same error.
  const int64_t free = free_shared_memory();
  int64_t shortage = needed - free;
  int64_t worst = 0;
  check_mpi(MPI_Allreduce(&shortage, &worst, 1, MPI_INT64_T, MPI_MAX, group_comm),
            "MPI_Allreduce (free shared memory)");
  if (worst <= 0) return;
  int64_t needed_there = shortage == worst ? needed : 0;
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, &needed_there, 1, MPI_INT64_T, MPI_MAX, group_comm),
            "MPI_Allreduce (free shared memory)");
  throw SharedMemoryError(fmt::format(
      "{} is too small on a node: {} bytes are needed for memory that its ranks share, {} bytes "
      "are free. Enlarge it (mount -o remount,size=..., or --shm-size of the container), or keep "
      "frozen weights elsewhere (base_placement: replicated or sharded).",
      kSharedMemoryPath, needed_there, needed_there - worst));
}

// MPI returns segments at any multiple of 4; they start at the same place of the same file in every
// process, which maps it at whole pages, so all processes round up by the same amount.
float* align(void* pointer) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  const uintptr_t padding = (kAlignment - address % kAlignment) % kAlignment;
  return reinterpret_cast<float*>(static_cast<char*>(pointer) + padding);
}

}  // namespace

NodeWindow::NodeWindow(MPI_Comm group_comm, MPI_Comm node_comm, int64_t num_bytes) {
  const int64_t bytes = num_bytes == 0 ? 0 : num_bytes + kAlignment;
  int node_size = 0;
  check_mpi(MPI_Comm_size(node_comm, &node_size), "MPI_Comm_size");
  require_free_space(group_comm, node_comm, node_size == 1 ? 0 : bytes);
  if (node_size == 1) {
    private_memory_.reset(new char[static_cast<size_t>(bytes)]);
    return;
  }
  void* base = nullptr;
  check_mpi(MPI_Win_allocate_shared(bytes, 1, MPI_INFO_NULL, node_comm, &base, &window_),
            "MPI_Win_allocate_shared");
  check_mpi(MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
}

NodeWindow::~NodeWindow() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (window_ == MPI_WIN_NULL || finalized != 0 || std::uncaught_exceptions() > 0) return;
  MPI_Win_free(&window_);
}

float* NodeWindow::segment(int node_rank) const {
  if (private_memory_) return align(private_memory_.get());
  MPI_Aint bytes = 0;
  int unit = 0;
  void* base = nullptr;
  check_mpi(MPI_Win_shared_query(window_, node_rank, &bytes, &unit, &base), "MPI_Win_shared_query");
  return align(base);
}

}  // namespace temper
