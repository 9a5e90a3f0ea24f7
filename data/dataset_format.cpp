#include "data/dataset_format.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "common/error.h"
#include "io/atomic_file.h"

namespace temper {
namespace {

constexpr char kSealMagic[] = "temper dataset 1";  // 16 bytes without the terminating zero

// The bytes as they lie in the file; every machine this builds for is little-endian.
struct SealBytes {
  char magic[16];
  uint64_t hdf5_bytes;
  uint64_t tokens_begin, tokens_bytes, supervised_begin, supervised_bytes;
  uint64_t hash_high, hash_low;
};
static_assert(sizeof(SealBytes) == 72);
constexpr size_t kHashedSealBytes = offsetof(SealBytes, hash_high);
constexpr size_t kReadBytes = size_t{1} << 20;

bool is_inside(const ByteRange& range, uint64_t size) {
  return range.begin <= size && range.size <= size - range.begin;
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

Hash128 hash_around_payload(int fd, const DatasetSeal& seal, const SealBytes& bytes,
                            const std::filesystem::path& path) {
  ByteRange first = seal.tokens, second = seal.supervised;
  if (second.begin < first.begin) std::swap(first, second);
  StreamHasher hasher;
  hash_file_range(hasher, fd, 0, first.begin, path);
  hash_file_range(hasher, fd, first.begin + first.size, second.begin, path);
  hash_file_range(hasher, fd, second.begin + second.size, seal.hdf5_bytes, path);
  hasher.update(&bytes, kHashedSealBytes);
  return hasher.digest();
}

SealBytes bytes_of(const DatasetSeal& seal) {
  SealBytes bytes{};
  std::memcpy(bytes.magic, kSealMagic, sizeof(bytes.magic));
  bytes.hdf5_bytes = seal.hdf5_bytes;
  bytes.tokens_begin = seal.tokens.begin;
  bytes.tokens_bytes = seal.tokens.size;
  bytes.supervised_begin = seal.supervised.begin;
  bytes.supervised_bytes = seal.supervised.size;
  return bytes;
}

bool payload_is_plausible(const DatasetSeal& seal) {
  if (!is_inside(seal.tokens, seal.hdf5_bytes) || !is_inside(seal.supervised, seal.hdf5_bytes)) {
    return false;
  }
  return seal.tokens.begin + seal.tokens.size <= seal.supervised.begin ||
         seal.supervised.begin + seal.supervised.size <= seal.tokens.begin;
}

}  // namespace

uint64_t hash_row(std::span<const int32_t> tokens, std::span<const uint8_t> supervised,
                  std::span<const int32_t> document_lengths) {
  StreamHasher hasher;
  hasher.update(tokens.data(), tokens.size_bytes());
  hasher.update(supervised.data(), supervised.size_bytes());
  hasher.update(document_lengths.data(), document_lengths.size_bytes());
  return hasher.digest().low;
}

Hash128 hash_content(int64_t sequence_len, std::span<const uint64_t> row_hashes) {
  StreamHasher hasher;
  hasher.update(&sequence_len, sizeof(sequence_len));
  hasher.update(row_hashes.data(), row_hashes.size_bytes());
  return hasher.digest();
}

void DatasetSeal::write(int fd, const std::filesystem::path& path) const {
  TEMPER_CHECK(payload_is_plausible(*this), "{}", path.native());
  SealBytes bytes = bytes_of(*this);
  const Hash128 hash = hash_around_payload(fd, *this, bytes, path);
  bytes.hash_high = hash.high;
  bytes.hash_low = hash.low;
  write_fully(fd, hdf5_bytes, &bytes, sizeof(bytes), path);
}

DatasetSeal DatasetSeal::read_and_check(int fd, const std::filesystem::path& path) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    throw UserError("{}: not a regular file", path.native());
  }
  const auto file_bytes = static_cast<uint64_t>(status.st_size);
  SealBytes bytes{};
  if (file_bytes > sizeof(bytes)) {
    read_fully(fd, file_bytes - sizeof(bytes), &bytes, sizeof(bytes), path);
  }
  if (std::memcmp(bytes.magic, kSealMagic, sizeof(bytes.magic)) != 0) {
    throw UserError(
        "{}: not a dataset made by `temper pack`, or cut short, or rewritten by another program; "
        "pack the corpus again or copy the file again",
        path.native());
  }
  DatasetSeal seal;
  seal.hdf5_bytes = bytes.hdf5_bytes;
  seal.tokens = {bytes.tokens_begin, bytes.tokens_bytes};
  seal.supervised = {bytes.supervised_begin, bytes.supervised_bytes};
  const bool plausible =
      seal.hdf5_bytes == file_bytes - sizeof(bytes) && payload_is_plausible(seal);
  if (!plausible ||
      hash_around_payload(fd, seal, bytes, path) != Hash128{bytes.hash_high, bytes.hash_low}) {
    throw UserError(
        "{}: the dataset is damaged: its header is not what was written; copy the file again or "
        "pack the corpus again",
        path.native());
  }
  return seal;
}

}  // namespace temper
