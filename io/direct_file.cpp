#include "io/direct_file.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>

#include "common/error.h"
#include "io/system_calls.h"

namespace temper {
namespace {

constexpr mode_t kFileMode = 0600;

// False where the file system refuses.
bool set_direct(int fd, bool direct) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

}  // namespace

AlignedBuffer::AlignedBuffer(size_t num_bytes) : size_(align_direct(num_bytes)) {
  if (size_ == 0) return;
  void* memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    throw SystemError("cannot get {} bytes of memory to write from: {}", size_, errno_text(errno));
  }
  data_ = static_cast<std::byte*>(memory);
  madvise(memory, size_, MADV_HUGEPAGE);  // a wish
}

void AlignedBuffer::touch() const {
  for (size_t at = 0; at < size_; at += kDirectAlignment) {
    *static_cast<volatile std::byte*>(data_ + at) = std::byte{0};
  }
}

AlignedBuffer::~AlignedBuffer() {
  if (data_ != nullptr) munmap(data_, size_);
}

DirectFile::DirectFile(const std::filesystem::path& path) : path_(path) {
  sys::unlink(path_.c_str());
  fd_ =
      FileDescriptor(sys::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kFileMode));
  if (!fd_.is_open()) {
    throw SystemError("cannot create {}: {}", path_.native(), errno_text(errno));
  }
  is_direct_ = set_direct(fd_.get(), true);
}

void DirectFile::write(uint64_t offset, const std::byte* data, size_t num_bytes) {
  size_t left = align_direct(num_bytes);
  while (left > 0) {
    const ssize_t count = sys::pwrite(fd_.get(), data, left, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    // Refused only now, or after a short write that left the rest unaligned.
    if (count < 0 && errno == EINVAL && is_direct_ && set_direct(fd_.get(), false)) {
      is_direct_ = false;
      continue;
    }
    if (count <= 0) {
      throw SystemError("cannot write {} at byte {}: {}", path_.native(), offset,
                        errno_text(count == 0 ? ENOSPC : errno));
    }
    data += count;
    offset += static_cast<uint64_t>(count);
    left -= static_cast<size_t>(count);
  }
}

void DirectFile::finish(uint64_t size_bytes) {
  int result = 0;
  do {
    result = sys::ftruncate(fd_.get(), static_cast<off_t>(size_bytes));
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    throw SystemError("cannot cut {} to {} bytes: {}", path_.native(), size_bytes,
                      errno_text(errno));
  }
  sync_file(fd_.get(), path_);
  fd_.close(path_);
}

}  // namespace temper
