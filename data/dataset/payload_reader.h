// Reads the arrays of a packed dataset with pread. Each block of a MiB is compared with its hash
// when it is first touched; what is read was written. Blocks of the small arrays that every row
// asks (first documents, lengths, numbers of targets) stay in memory, 128 MiB over all files of the
// process at most; then a row costs two calls of pread.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "data/dataset/dataset_format.h"
#include "io/atomic_file.h"

namespace temper {

// Several threads may read at the same time.
class PayloadReader {
 public:
  // `fd` is a file whose seal this is.
  PayloadReader(const std::filesystem::path& path, FileDescriptor fd, const DatasetSeal& seal);
  ~PayloadReader();
  PayloadReader(const PayloadReader&) = delete;
  PayloadReader& operator=(const PayloadReader&) = delete;

  // Elements [begin, begin + count) of a payload into `out`. UserError naming the block when it is
  // not what was written; SystemError when the file cannot be read.
  template <typename T>
  void read(Payload payload, int64_t begin, int64_t count, T* out) const {
    read_bytes(payload, static_cast<uint64_t>(begin) * sizeof(T), out,
               static_cast<uint64_t>(count) * sizeof(T));
  }
  template <typename T>
  T at(Payload payload, int64_t index) const {
    T value;
    read(payload, index, 1, &value);
    return value;
  }

  // Checks every block.
  void verify() const;

 private:
  void read_bytes(Payload payload, uint64_t offset, void* out, uint64_t num_bytes) const;
  // Returns the block's copy when it is kept, else null.
  const char* check_block(size_t payload, uint64_t block) const;
  const char* keep(size_t index, const std::vector<char>& bytes) const;

  std::filesystem::path path_;
  FileDescriptor fd_;
  std::array<PayloadExtent, kNumPayloads> extents_;
  std::array<size_t, kNumPayloads> first_blocks_;
  std::vector<uint64_t> block_hashes_;
  std::unique_ptr<std::atomic<uint8_t>[]> checked_;  // by block
  std::unique_ptr<std::atomic<char*>[]> kept_;       // by block: its checked bytes, or null
};

}  // namespace temper
