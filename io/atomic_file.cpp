#include "io/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "common/error.h"
#include "io/system_calls.h"
#include "io/temporary_name.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

namespace temper {
namespace fs = std::filesystem;
namespace {

constexpr mode_t kDirectoryMode = 0700;

fs::path parent_of(const fs::path& path) {
  const fs::path parent = path.parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

// "out/run/" and "out/run/." name the directory "out/run".
fs::path without_trailing_slash(const fs::path& path) {
  const fs::path directory = path.has_filename() ? path : path.parent_path();
  if (directory.filename() != "." && directory.filename() != "..") return directory;
  return fs::weakly_canonical(directory);
}

void sync_tree(const fs::path& directory) {
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    const fs::file_status status = entry.symlink_status();
    if (fs::is_directory(status)) {
      sync_tree(entry.path());
    } else if (fs::is_regular_file(status)) {
      const FileDescriptor file(sys::open(entry.path().c_str(), O_RDONLY));
      if (!file.is_open()) {
        throw SystemError("cannot open {}: {}", entry.path().native(), errno_text(errno));
      }
      sync_file(file.get(), entry.path());
    }
  }
  sync_directory(directory);
}

// Swaps two names in one step; false where the file system cannot.
bool exchange(const fs::path& a, const fs::path& b) {
  return syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

void FileDescriptor::close(const fs::path& path) {
  const int fd = std::exchange(fd_, -1);
  // close is not repeated on EINTR: Linux has released the descriptor by then.
  if (fd >= 0 && sys::close(fd) != 0 && errno != EINTR) {
    throw SystemError("cannot close {}: {}", path.native(), errno_text(errno));
  }
}

AtomicFile::AtomicFile(const fs::path& path) : path_(path) {
  int fd = -1;
  temporary_path_ = create_temporary(path, "partial", fd);
  fd_ = FileDescriptor(fd);
}

AtomicFile::~AtomicFile() {
  if (!committed_) sys::unlink(temporary_path_.c_str());
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_path_(std::move(other.temporary_path_)),
      fd_(std::move(other.fd_)),
      size_(other.size_),
      committed_(std::exchange(other.committed_, true)) {}

void AtomicFile::append(const void* data, size_t num_bytes) {
  write_at(size_, data, num_bytes);
}

void AtomicFile::write_at(uint64_t offset, const void* data, size_t num_bytes) {
  write_fully(fd_.get(), offset, data, num_bytes, path_);
  size_ = std::max(size_, offset + num_bytes);
}

void AtomicFile::commit() {
  TEMPER_CHECK(!committed_, "{} was committed before", path_.native());
  sync_file(fd_.get(), path_);
  fd_.close(path_);
  rename_durably(temporary_path_, path_);
  committed_ = true;
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  AtomicFile file(path);
  file.append(content);
  file.commit();
}

std::string read_file(const fs::path& path, size_t max_bytes) {
  const FileDescriptor file(sys::open(path.c_str(), O_RDONLY));
  struct stat info {};
  if (!file.is_open() || fstat(file.get(), &info) != 0) {
    throw UserError("cannot read {}: {}", path.native(), errno_text(errno));
  }
  if (S_ISDIR(info.st_mode)) throw UserError("cannot read {}: it is a directory", path.native());
  const auto size = static_cast<size_t>(std::max<off_t>(info.st_size, 0));
  std::string content;
  // One byte more than the size, so that the read that finds the end needs no second buffer.
  content.resize(std::min(size, max_bytes) + 1);
  size_t filled = 0;
  while (true) {
    if (filled > max_bytes || size > max_bytes) {
      throw UserError("{} is larger than the {} bytes that are accepted here", path.native(),
                      max_bytes);
    }
    if (filled == content.size()) content.resize(std::min(2 * filled, max_bytes) + 1);
    const ssize_t count = ::read(file.get(), content.data() + filled, content.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw UserError("cannot read {}: {}", path.native(), errno_text(errno));
    if (count == 0) break;
    filled += static_cast<size_t>(count);
  }
  content.resize(filled);
  return content;
}

void write_fully(int fd, uint64_t offset, const void* data, size_t num_bytes,
                 const fs::path& path) {
  const char* next = static_cast<const char*>(data);
  while (num_bytes > 0) {
    const ssize_t count = sys::pwrite(fd, next, num_bytes, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      throw SystemError("cannot write {} at byte {}: {}", path.native(), offset,
                        errno_text(count == 0 ? ENOSPC : errno));
    }
    next += count;
    offset += static_cast<uint64_t>(count);
    num_bytes -= static_cast<size_t>(count);
  }
}

void read_fully(int fd, uint64_t offset, void* data, size_t num_bytes, const fs::path& path) {
  char* next = static_cast<char*>(data);
  while (num_bytes > 0) {
    const ssize_t count = pread(fd, next, num_bytes, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw SystemError("cannot read {} at byte {}: {}", path.native(), offset, errno_text(errno));
    }
    if (count == 0) {
      throw SystemError("{} ends at byte {}, {} bytes too early: was it cut off?", path.native(),
                        offset, num_bytes);
    }
    next += count;
    offset += static_cast<uint64_t>(count);
    num_bytes -= static_cast<size_t>(count);
  }
}

void sync_file(int fd, const fs::path& path) {
  int result = 0;
  do {
    result = sys::fsync(fd);
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    throw SystemError("cannot sync {} to disk: {}", path.native(), errno_text(errno));
  }
}

void sync_directory(const fs::path& path) {
  const FileDescriptor directory(sys::open(path.c_str(), O_RDONLY | O_DIRECTORY));
  if (!directory.is_open()) {
    throw SystemError("cannot open the directory {}: {}", path.native(), errno_text(errno));
  }
  // Some network file systems sync their directories by themselves and refuse with EINVAL.
  if (sys::fsync(directory.get()) != 0 && errno != EINVAL) {
    throw SystemError("cannot sync the directory {} to disk: {}", path.native(), errno_text(errno));
  }
}

void make_directories(const fs::path& path) {
  const fs::path directory = without_trailing_slash(path);
  if (directory.empty() || fs::is_directory(directory)) return;
  make_directories(directory.parent_path());
  // EEXIST: another rank was faster.
  if (sys::mkdir(directory.c_str(), kDirectoryMode) != 0 &&
      !(errno == EEXIST && fs::is_directory(directory))) {
    throw SystemError("cannot make the directory {}: {}", directory.native(), errno_text(errno));
  }
}

void rename_durably(const fs::path& from, const fs::path& to) {
  if (sys::rename(from.c_str(), to.c_str()) != 0) {
    throw SystemError("cannot rename {} to {}: {}", from.native(), to.native(), errno_text(errno));
  }
  sync_directory(parent_of(to));
  if (parent_of(from) != parent_of(to)) sync_directory(parent_of(from));
}

AtomicDirectory::AtomicDirectory(const fs::path& path) : path_(without_trailing_slash(path)) {
  std::error_code error;
  if (fs::exists(path_, error) && !fs::is_directory(path_, error)) {
    throw UserError("{} exists and is not a directory", path_.native());
  }
  // Programs that work in a directory would go on in the one that was replaced.
  if (fs::equivalent(path_, ".", error)) {
    throw UserError("{} is the working directory and cannot be replaced whole; name another",
                    path_.native());
  }
  make_directories(parent_of(path_));
  partial_path_ = make_temporary(path_, "partial", [](const fs::path& name) {
    return sys::mkdir(name.c_str(), kDirectoryMode) == 0;
  });
}

AtomicDirectory::~AtomicDirectory() {
  std::error_code error;
  if (!committed_) fs::remove_all(partial_path_, error);
}

void AtomicDirectory::commit() {
  TEMPER_CHECK(!committed_, "{} was committed before", path_.native());
  try {
    sync_tree(partial_path_);
  } catch (const fs::filesystem_error& error) {
    throw SystemError("cannot sync {}: {}", partial_path_.native(), error.code().message());
  }
  std::error_code ignored;
  if (fs::symlink_status(path_, ignored).type() == fs::file_type::not_found) {
    rename_durably(partial_path_, path_);
    committed_ = true;
    return;
  }
  fs::path old = partial_path_;
  if (exchange(partial_path_, path_)) {
    sync_directory(parent_of(path_));
  } else {
    old = make_temporary(path_, "old", [this](const fs::path& name) {
      return sys::rename(path_.c_str(), name.c_str()) == 0;
    });
    rename_durably(partial_path_, path_);
  }
  committed_ = true;
  fs::remove_all(old, ignored);  // a leftover is harmless: nothing reads that name
}

}  // namespace temper
