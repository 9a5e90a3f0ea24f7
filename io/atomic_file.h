// Files and directories that are complete or absent: written under a temporary name in the same
// directory, synced, renamed, and the parent directory synced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace temper {

// Owner of a file descriptor.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  // Closes and reports: a failed close means that data may be lost (SystemError).
  void close(const std::filesystem::path& path);

 private:
  int fd_ = -1;
};

// A file being written. Mode 0600.
class AtomicFile {
 public:
  // Creates it under a temporary name (io/temporary_name.h). SystemError when the directory can't
  // be written.
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();  // removes the temporary file unless commit() was called
  AtomicFile(AtomicFile&&) noexcept;

  void append(const void* data, size_t num_bytes);
  void append(std::string_view text) { append(text.data(), text.size()); }
  void write_at(uint64_t offset, const void* data, size_t num_bytes);
  int fd() const { return fd_.get(); }
  const std::filesystem::path& temporary_path() const { return temporary_path_; }
  uint64_t size() const { return size_; }  // highest byte written

  // fsync, close, rename to the final name, fsync the directory. SystemError (disk full, ...) names
  // the file and leaves an older file of that name untouched.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_path_;
  FileDescriptor fd_;
  uint64_t size_ = 0;
  bool committed_ = false;
};

// AtomicFile in one call.
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

// A whole file of at most `max_bytes`; UserError when it is missing, unreadable or larger.
std::string read_file(const std::filesystem::path& path, size_t max_bytes = size_t{1} << 30);

// pwrite until everything is written, EINTR and short writes included.
void write_fully(int fd, uint64_t offset, const void* data, size_t num_bytes,
                 const std::filesystem::path& path);
// pread exactly num_bytes; SystemError when the file ends before.
void read_fully(int fd, uint64_t offset, void* data, size_t num_bytes,
                const std::filesystem::path& path);

void sync_file(int fd, const std::filesystem::path& path);
void sync_directory(const std::filesystem::path& path);

// Makes the directory and its parents (mode 0700); fine when it exists.
void make_directories(const std::filesystem::path& path);
// rename(2) + sync of the parent directory.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

// A directory being written under a temporary name and renamed by commit(), which syncs all files
// in it first. An existing directory at `path` is replaced whole, in one step where the file system
// can swap two names; the working directory, and anything else of that name, is a UserError.
class AtomicDirectory {
 public:
  explicit AtomicDirectory(const std::filesystem::path& path);
  ~AtomicDirectory();  // removes the partial directory unless commit() was called

  const std::filesystem::path& partial_path() const { return partial_path_; }
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path partial_path_;
  bool committed_ = false;
};

}  // namespace temper
