#include "data/dataset/dataset_format.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string>

#include "common/error.h"
#include "common/shard_names.h"
#include "io/atomic_file.h"

namespace temper {
namespace {

constexpr char kSealMagic[] = "temper dataset 1";  // 16 bytes without the terminating zero

// The last bytes of the file; every machine this builds for is little-endian.
struct Footer {
  char magic[16];
  uint64_t hdf5_bytes, num_extents, num_blocks;
  uint64_t hash_high, hash_low;
};
static_assert(sizeof(Footer) == 56);
constexpr size_t kHashedFooterBytes = offsetof(Footer, hash_high);
constexpr size_t kReadBytes = size_t{1} << 20;

constexpr std::array<PayloadPlace, kNumPayloads> kPlaces = {{
    {"rows", "tokens", H5Type::kInt32},
    {"rows", "supervised", H5Type::kUInt8},
    {"rows", "first_document", H5Type::kInt64},
    {"rows", "num_targets", H5Type::kInt32},
    {"documents", "length", H5Type::kInt32},
    {"documents", "source", H5Type::kInt32},
    {"documents", "record", H5Type::kInt64},
    {"documents", "piece", H5Type::kInt32},
    {"dropped", "source", H5Type::kInt32},
    {"dropped", "record", H5Type::kInt64},
    {"dropped", "reason", H5Type::kInt32},
    {"documents", "topic", H5Type::kInt32},
}};

// Non-empty extents in the order of the file; nothing when they overlap or leave the file.
std::optional<std::vector<PayloadExtent>> extents_in_order(const DatasetSeal& seal) {
  std::vector<PayloadExtent> sorted;
  for (const PayloadExtent& extent : seal.extents) {
    if (extent.begin > seal.hdf5_bytes || extent.size > seal.hdf5_bytes - extent.begin) return {};
    if (extent.size > 0) sorted.push_back(extent);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const PayloadExtent& a, const PayloadExtent& b) { return a.begin < b.begin; });
  for (size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i].begin < sorted[i - 1].begin + sorted[i - 1].size) return {};
  }
  return sorted;
}

void hash_file_range(StreamHasher& hasher, int fd, uint64_t begin, uint64_t end,
                     const std::filesystem::path& path) {
  std::vector<char> buffer(static_cast<size_t>(std::min<uint64_t>(kReadBytes, end - begin)));
  while (begin < end) {
    const auto count = static_cast<size_t>(std::min<uint64_t>(buffer.size(), end - begin));
    read_fully(fd, begin, buffer.data(), count, path);
    hasher.update(buffer.data(), count);
    begin += count;
  }
}

size_t listed_bytes(const DatasetSeal& seal) {
  return seal.num_listed() * sizeof(PayloadExtent);
}

Hash128 hash_outside_payload(int fd, const DatasetSeal& seal, const Footer& footer,
                             const std::vector<PayloadExtent>& extents,
                             const std::filesystem::path& path) {
  StreamHasher hasher;
  uint64_t at = 0;
  for (const PayloadExtent& extent : extents) {
    hash_file_range(hasher, fd, at, extent.begin, path);
    at = extent.begin + extent.size;
  }
  hash_file_range(hasher, fd, at, seal.hdf5_bytes, path);
  hasher.update(seal.extents.data(), listed_bytes(seal));
  hasher.update(seal.block_hashes.data(), seal.block_hashes.size() * sizeof(uint64_t));
  hasher.update(&footer, kHashedFooterBytes);
  return hasher.digest();
}

uint64_t count_blocks(const DatasetSeal& seal) {
  uint64_t count = 0;
  for (const PayloadExtent& extent : seal.extents) count += extent.num_blocks();
  return count;
}

uint64_t regular_file_size(int fd, const std::filesystem::path& path) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    throw UserError("{}: not a regular file", path.native());
  }
  return static_cast<uint64_t>(status.st_size);
}

Footer read_footer(int fd, uint64_t file_bytes, const std::filesystem::path& path) {
  Footer footer{};
  if (file_bytes > sizeof(footer)) {
    read_fully(fd, file_bytes - sizeof(footer), &footer, sizeof(footer), path);
  }
  if (std::memcmp(footer.magic, kSealMagic, sizeof(footer.magic)) != 0) {
    throw UserError(
        "{}: not a dataset made by `temper pack`, or cut short, or rewritten by another program; "
        "pack the corpus again or copy the file again",
        path.native());
  }
  return footer;
}

[[noreturn]] void refuse_damaged(const std::filesystem::path& path) {
  throw UserError(
      "{}: the dataset is damaged, its header is not what was written; copy the file again or pack "
      "the corpus again",
      path.native());
}

}  // namespace

const PayloadPlace& payload_place(Payload payload) {
  return kPlaces[static_cast<size_t>(payload)];
}

uint64_t hash_row(std::span<const int32_t> tokens, std::span<const uint8_t> supervised,
                  std::span<const int32_t> document_lengths) {
  StreamHasher hasher;
  hasher.update(tokens.data(), tokens.size_bytes());
  hasher.update(supervised.data(), supervised.size_bytes());
  hasher.update(document_lengths.data(), document_lengths.size_bytes());
  return hasher.digest().low;
}

uint64_t hash_block(const void* data, size_t num_bytes) {
  return hash_bytes(data, num_bytes).low;
}

void BlockHasher::update(const void* data, size_t num_bytes) {
  const auto* bytes = static_cast<const char*>(data);
  while (num_bytes > 0) {
    const auto count =
        static_cast<size_t>(std::min<uint64_t>(num_bytes, kPayloadBlockBytes - num_pending_));
    hasher_.update(bytes, count);
    bytes += count;
    num_bytes -= count;
    num_pending_ += count;
    if (num_pending_ < kPayloadBlockBytes) continue;
    hashes_.push_back(hasher_.digest().low);
    hasher_ = StreamHasher();
    num_pending_ = 0;
  }
}

std::vector<uint64_t> BlockHasher::finish() {
  if (num_pending_ > 0) hashes_.push_back(hasher_.digest().low);
  return std::move(hashes_);
}

std::array<size_t, kNumPayloads> DatasetSeal::first_blocks() const {
  std::array<size_t, kNumPayloads> first{};
  for (size_t i = 1; i < kNumPayloads; ++i) {
    first[i] = first[i - 1] + static_cast<size_t>(extents[i - 1].num_blocks());
  }
  return first;
}

void DatasetSeal::write(int fd, const std::filesystem::path& path) {
  const auto in_order = extents_in_order(*this);
  TEMPER_CHECK(in_order && block_hashes.size() == count_blocks(*this), "{}", path.native());
  Footer footer{};
  std::memcpy(footer.magic, kSealMagic, sizeof(footer.magic));
  footer.hdf5_bytes = hdf5_bytes;
  footer.num_extents = num_listed();
  footer.num_blocks = block_hashes.size();
  hash = hash_outside_payload(fd, *this, footer, *in_order, path);
  footer.hash_high = hash.high;
  footer.hash_low = hash.low;
  const uint64_t hash_bytes_size = block_hashes.size() * sizeof(uint64_t);
  uint64_t at = hdf5_bytes;
  write_fully(fd, at, extents.data(), listed_bytes(*this), path);
  at += listed_bytes(*this);
  write_fully(fd, at, block_hashes.data(), hash_bytes_size, path);
  write_fully(fd, at + hash_bytes_size, &footer, sizeof(footer), path);
}

DatasetSeal DatasetSeal::read_and_check(int fd, const std::filesystem::path& path) {
  const uint64_t file_bytes = regular_file_size(fd, path);
  const Footer footer = read_footer(fd, file_bytes, path);
  DatasetSeal seal;
  const bool lists_topics = footer.num_extents == kNumPayloads;
  const uint64_t extent_bytes = footer.num_extents * sizeof(PayloadExtent);
  const uint64_t fixed_bytes = extent_bytes + sizeof(footer);
  const uint64_t max_blocks = file_bytes / sizeof(uint64_t);
  if ((!lists_topics && footer.num_extents != kNumPayloads - 1) || footer.num_blocks > max_blocks ||
      footer.hdf5_bytes > file_bytes ||
      file_bytes - footer.hdf5_bytes != fixed_bytes + footer.num_blocks * sizeof(uint64_t)) {
    refuse_damaged(path);
  }
  seal.hdf5_bytes = footer.hdf5_bytes;
  read_fully(fd, seal.hdf5_bytes, seal.extents.data(), extent_bytes, path);
  const auto in_order = extents_in_order(seal);
  if (!in_order || count_blocks(seal) != footer.num_blocks ||
      seal.num_listed() != footer.num_extents) {
    refuse_damaged(path);
  }
  seal.block_hashes.resize(static_cast<size_t>(footer.num_blocks));
  read_fully(fd, seal.hdf5_bytes + extent_bytes, seal.block_hashes.data(),
             seal.block_hashes.size() * sizeof(uint64_t), path);
  seal.hash = {footer.hash_high, footer.hash_low};
  if (hash_outside_payload(fd, seal, footer, *in_order, path) != seal.hash) refuse_damaged(path);
  return seal;
}

Hash128 DatasetSeal::read_hash(int fd, const std::filesystem::path& path) {
  const Footer footer = read_footer(fd, regular_file_size(fd, path), path);
  return {footer.hash_high, footer.hash_low};
}

std::vector<std::filesystem::path> dataset_files(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (fs::exists(path, ignored)) return {path};
  const std::map<int64_t, int64_t> found = find_shards(path);
  if (found.empty())
    throw UserError("{}: no such file or directory, nor shards of such a file", path.native());
  if (found.size() > 1) {
    throw UserError(
        "{}: shards of different counts lie there ({}-of-{:05} and -of-{:05}); remove "
        "those that are old",
        path.native(), path.stem().native() + "-", found.begin()->first, found.rbegin()->first);
  }
  const int64_t count = found.begin()->first;
  std::vector<fs::path> files;
  for (int64_t index = 0; index < count; ++index) {
    files.push_back(shard_path(path, index, count));
    if (!fs::exists(files.back(), ignored)) {
      throw UserError("{}: missing, and {} has {} shards; pack it with --shard {}/{}",
                      files.back().native(), path.native(), count, index, count);
    }
  }
  if (files.empty())
    throw UserError("{}: no such file or directory, nor shards of such a file", path.native());
  return files;
}

}  // namespace temper
