// Large files written past the page cache: what is written once and read only after a restart would
// push out what training reads, and reach the disk later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "io/atomic_file.h"

namespace temper {

// What O_DIRECT asks of addresses, offsets and sizes on any file system that we know of.
inline constexpr size_t kDirectAlignment = 4096;

constexpr uint64_t align_direct(uint64_t num_bytes) {
  return (num_bytes + kDirectAlignment - 1) / kDirectAlignment * kDirectAlignment;
}

// Memory of its own mapping, zero-filled, aligned for direct I/O, in huge pages where the system
// gives them. Returned to the system when it is destroyed.
class AlignedBuffer {
 public:
  explicit AlignedBuffer(size_t num_bytes);
  ~AlignedBuffer();
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  // Zeroes it: the pages are there from then on. For gigabytes that takes as long as several
  // copies.
  void touch() const;

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }  // rounded up to kDirectAlignment

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// A new file of mode 0600 in a directory that is still being made: it has its own name at once, but
// is complete only after finish(). Where the file system refuses O_DIRECT it is written through the
// page cache. SystemError (disk full, ...) names the file.
class DirectFile {
 public:
  // Replaces what a failed try has left there.
  explicit DirectFile(const std::filesystem::path& path);

  // `data` and `offset` are multiples of kDirectAlignment. So is num_bytes, but in the file's last
  // block, of which the memory up to the next multiple is read as well.
  void write(uint64_t offset, const std::byte* data, size_t num_bytes);
  // Cuts the file to its size, syncs and closes it.
  void finish(uint64_t size_bytes);

  bool is_direct() const { return is_direct_; }

 private:
  std::filesystem::path path_;
  FileDescriptor fd_;
  bool is_direct_ = false;
};

}  // namespace temper
