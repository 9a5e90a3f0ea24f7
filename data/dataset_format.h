// What the writer and the reader of packed datasets share (docs/formats/dataset.md).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>

#include "common/hash.h"

namespace temper {

inline constexpr const char* kDatasetFormat = "temper packed dataset";
inline constexpr int64_t kDatasetFormatVersion = 1;
inline constexpr int64_t kMaxSequenceLen = int64_t{1} << 24;

// The low half of the hash over a row's content.
uint64_t hash_row(std::span<const int32_t> tokens, std::span<const uint8_t> supervised,
                  std::span<const int32_t> document_lengths);

Hash128 hash_content(int64_t sequence_len, std::span<const uint64_t> row_hashes);

struct ByteRange {
  uint64_t begin = 0;
  uint64_t size = 0;
};

// The end of the file: says that the HDF5 part before it is whole, payload aside.
struct DatasetSeal {
  uint64_t hdf5_bytes = 0;
  ByteRange tokens, supervised;  // the payload

  // Hashes what lies around the payload and appends the seal to the file, without syncing it.
  void write(int fd, const std::filesystem::path& path) const;
  // UserError when there is no seal or the bytes differ from what was sealed.
  static DatasetSeal read_and_check(int fd, const std::filesystem::path& path);
};

}  // namespace temper
