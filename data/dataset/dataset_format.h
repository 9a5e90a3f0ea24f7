// What the writer and the reader of packed datasets share (docs/formats/dataset.md).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "common/hash.h"
#include "io/hdf5.h"

namespace temper {

inline constexpr const char* kDatasetFormat = "temper packed dataset";
// Files without topics are of version 1, as all once were.
inline constexpr int64_t kDatasetFormatVersion = 2;
inline constexpr const char* kTemplateSource = "chat_template_source";
inline constexpr int64_t kMaxSequenceLen = int64_t{1} << 24;
inline constexpr int64_t kMaxShards = 99999;
inline constexpr size_t kMaxTopics = 256;
// What a reader accepts of a text in the header, and of a name; a writer makes nothing larger.
inline constexpr size_t kMaxHeaderTextBytes = size_t{64} << 20;
inline constexpr size_t kMaxHeaderNameBytes = 4096;

// The arrays whose size grows with the corpus, in the order in which the seal lists them.
enum class Payload {
  kTokens,
  kSupervised,
  kFirstDocument,
  kNumTargets,
  kLength,
  kSource,
  kRecord,
  kPiece,
  kDroppedSource,
  kDroppedRecord,
  kDroppedReason,
  kTopic,  // not in every file
};
inline constexpr size_t kNumPayloads = 12;
inline constexpr uint64_t kPayloadBlockBytes = uint64_t{1} << 20;

struct PayloadPlace {
  const char* group;
  const char* name;
  H5Type type;
};
const PayloadPlace& payload_place(Payload payload);

// The low half of the hash over a row's content.
uint64_t hash_row(std::span<const int32_t> tokens, std::span<const uint8_t> supervised,
                  std::span<const int32_t> document_lengths);

// Over sequence_len and the hashes of all rows, as they come.
class ContentHasher {
 public:
  explicit ContentHasher(int64_t sequence_len) {
    hasher_.update(&sequence_len, sizeof(sequence_len));
  }
  void add_row(uint64_t row_hash) { hasher_.update(&row_hash, sizeof(row_hash)); }
  Hash128 digest() const { return hasher_.digest(); }

 private:
  StreamHasher hasher_;
};

// Hashes of the blocks of a payload, as its bytes come.
class BlockHasher {
 public:
  void update(const void* data, size_t num_bytes);
  std::vector<uint64_t> finish();

 private:
  StreamHasher hasher_;
  uint64_t num_pending_ = 0;
  std::vector<uint64_t> hashes_;
};
uint64_t hash_block(const void* data, size_t num_bytes);

// Where the bytes of a payload lie in the file.
struct PayloadExtent {
  uint64_t begin = 0;
  uint64_t size = 0;

  uint64_t num_blocks() const { return (size + kPayloadBlockBytes - 1) / kPayloadBlockBytes; }
  bool operator==(const PayloadExtent&) const = default;
};

// What follows the HDF5 part of the file and says that it is whole.
struct DatasetSeal {
  uint64_t hdf5_bytes = 0;
  std::array<PayloadExtent, kNumPayloads> extents;
  std::vector<uint64_t> block_hashes;  // of all extents, one after the other
  Hash128 hash;                        // of all that is no payload, this seal included

  PayloadExtent& extent(Payload payload) { return extents[static_cast<size_t>(payload)]; }
  const PayloadExtent& extent(Payload payload) const {
    return extents[static_cast<size_t>(payload)];
  }
  // How many of the extents the file lists: the last one only when it has topics.
  size_t num_listed() const { return kNumPayloads - (extent(Payload::kTopic).size == 0 ? 1 : 0); }
  // The first of block_hashes that belongs to each extent.
  std::array<size_t, kNumPayloads> first_blocks() const;

  // Hashes what lies around the payload and appends the seal to the file, without syncing it.
  void write(int fd, const std::filesystem::path& path);
  // UserError when there is no seal, or the bytes outside the payload differ from what was sealed.
  static DatasetSeal read_and_check(int fd, const std::filesystem::path& path);
  // The hash that the file's seal states, without reading more. UserError when there is no seal.
  static Hash128 read_hash(int fd, const std::filesystem::path& path);
};

// The file itself when there is one; else its shards, in order. UserError when neither is there, or
// shards are missing or of different counts.
std::vector<std::filesystem::path> dataset_files(const std::filesystem::path& path);

}  // namespace temper
