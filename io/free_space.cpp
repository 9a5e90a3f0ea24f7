#include "io/free_space.h"

#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <cerrno>

#include "common/error.h"
#include "io/atomic_file.h"
#include "io/system_calls.h"
#include "io/temporary_name.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

// Such a file system has no quotas to ask about, and what is taken there is memory.
bool lies_in_memory(int fd) {
  constexpr auto kTmpfs = 0x01021994;
  struct statfs info {};
  return fstatfs(fd, &info) == 0 && info.f_type == kTmpfs;
}

// Beyond that the kernel sends a signal that ends the process.
bool is_above_file_limit(uint64_t num_bytes) {
  rlimit limit{};
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         num_bytes > limit.rlim_cur;
}

}  // namespace

fs::path nearest_directory(const fs::path& path) {
  fs::path place = fs::absolute(path);
  std::error_code ignored;
  while (!fs::is_directory(place, ignored) && place.has_relative_path()) {
    place = place.parent_path();
  }
  return place;
}

uint64_t free_bytes(const fs::path& path) {
  const fs::path place = nearest_directory(path);
  struct statvfs info {};
  while (statvfs(place.c_str(), &info) != 0) {
    if (errno == EINTR) continue;
    throw SystemError("cannot see the free space at {}: {}", place.native(), errno_text(errno));
  }
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

void require_free_space(const fs::path& path, uint64_t needed_bytes) {
  const uint64_t there = free_bytes(path);
  if (there >= needed_bytes) return;
  throw SystemError("{}: {} bytes are needed and {} are free; make room there", path.native(),
                    needed_bytes, there);
}

std::string find_allocation_problem(const fs::path& directory, uint64_t num_bytes) {
  int created = -1;
  fs::path path;
  try {
    path = create_temporary(directory / "space", "partial", created);
  } catch (const SystemError& error) {
    return error.what();
  }
  const FileDescriptor fd(created);
  sys::unlink(path.c_str());  // so that nothing is left, whatever ends this process
  if (num_bytes == 0 || lies_in_memory(fd.get()) || is_above_file_limit(num_bytes)) return "";
  int result = 0;
  do {
    result = sys::fallocate(fd.get(), static_cast<off_t>(num_bytes));
  } while (result != 0 && errno == EINTR);
  const bool says_no = result != 0 && (errno == ENOSPC || errno == EDQUOT);
  return says_no ? errno_text(errno) : "";
}

}  // namespace temper
