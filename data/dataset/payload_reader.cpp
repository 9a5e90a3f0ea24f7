#include "data/dataset/payload_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/error.h"

namespace temper {
namespace {

constexpr uint64_t kMaxKeptBytes = uint64_t{128} << 20;
std::atomic<uint64_t> num_kept_bytes{0};

size_t block_size(const PayloadExtent& extent, uint64_t block) {
  return static_cast<size_t>(
      std::min(kPayloadBlockBytes, extent.size - block * kPayloadBlockBytes));
}

bool is_asked_by_every_row(size_t payload) {
  const auto which = static_cast<Payload>(payload);
  return which == Payload::kFirstDocument || which == Payload::kNumTargets ||
         which == Payload::kLength;
}

}  // namespace

PayloadReader::PayloadReader(const std::filesystem::path& path, FileDescriptor fd,
                             const DatasetSeal& seal)
    : path_(path),
      fd_(std::move(fd)),
      extents_(seal.extents),
      first_blocks_(seal.first_blocks()),
      block_hashes_(seal.block_hashes),
      checked_(std::make_unique<std::atomic<uint8_t>[]>(seal.block_hashes.size())),
      kept_(std::make_unique<std::atomic<char*>[]>(seal.block_hashes.size())) {}

PayloadReader::~PayloadReader() {
  for (size_t payload = 0; payload < kNumPayloads; ++payload) {
    const PayloadExtent& extent = extents_[payload];
    for (uint64_t block = 0; block < extent.num_blocks(); ++block) {
      const char* bytes = kept_[first_blocks_[payload] + block].load();
      if (bytes) num_kept_bytes -= block_size(extent, block);
      delete[] bytes;
    }
  }
}

void PayloadReader::read_bytes(Payload payload, uint64_t offset, void* out,
                               uint64_t num_bytes) const {
  const auto index = static_cast<size_t>(payload);
  const PayloadExtent& extent = extents_[index];
  TEMPER_CHECK(offset <= extent.size && num_bytes <= extent.size - offset,
               "bytes {} to {} of {} in payload {}", offset, offset + num_bytes, extent.size,
               index);
  auto* next = static_cast<char*>(out);
  while (num_bytes > 0) {
    const uint64_t block = offset / kPayloadBlockBytes, at = offset % kPayloadBlockBytes;
    const auto count = static_cast<size_t>(std::min(num_bytes, kPayloadBlockBytes - at));
    const size_t b = first_blocks_[index] + static_cast<size_t>(block);
    const char* bytes = kept_[b].load(std::memory_order_acquire);
    if (!bytes && checked_[b].load(std::memory_order_relaxed) == 0) {
      bytes = check_block(index, block);
    }
    if (bytes) {
      std::memcpy(next, bytes + at, count);
    } else {
      read_fully(fd_.get(), extent.begin + offset, next, count, path_);
    }
    next += count;
    offset += count;
    num_bytes -= count;
  }
}

const char* PayloadReader::check_block(size_t payload, uint64_t block) const {
  thread_local std::vector<char> buffer;
  const PayloadExtent& extent = extents_[payload];
  const uint64_t begin = block * kPayloadBlockBytes;
  buffer.resize(block_size(extent, block));
  read_fully(fd_.get(), extent.begin + begin, buffer.data(), buffer.size(), path_);
  const size_t index = first_blocks_[payload] + static_cast<size_t>(block);
  if (hash_block(buffer.data(), buffer.size()) != block_hashes_[index]) {
    const PayloadPlace& place = payload_place(static_cast<Payload>(payload));
    throw UserError(
        "{}: the dataset is damaged: bytes {} to {} of the file ({}/{}) are not what was written; "
        "copy the file again or pack the corpus again",
        path_.native(), extent.begin + begin, extent.begin + begin + buffer.size() - 1, place.group,
        place.name);
  }
  checked_[index].store(1, std::memory_order_relaxed);
  return is_asked_by_every_row(payload) ? keep(index, buffer) : nullptr;
}

const char* PayloadReader::keep(size_t index, const std::vector<char>& bytes) const {
  if (char* before = kept_[index].load(std::memory_order_acquire)) return before;
  if (num_kept_bytes.fetch_add(bytes.size()) + bytes.size() > kMaxKeptBytes) {
    num_kept_bytes -= bytes.size();
    return nullptr;
  }
  auto copy = std::make_unique<char[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), copy.get());
  char* other = nullptr;  // of a thread that was faster
  if (!kept_[index].compare_exchange_strong(other, copy.get(), std::memory_order_acq_rel)) {
    num_kept_bytes -= bytes.size();
    return other;
  }
  return copy.release();
}

void PayloadReader::verify() const {
  for (size_t payload = 0; payload < kNumPayloads; ++payload) {
    for (uint64_t block = 0; block < extents_[payload].num_blocks(); ++block) {
      check_block(payload, block);
    }
  }
}

}  // namespace temper
