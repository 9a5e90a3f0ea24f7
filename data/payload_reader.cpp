#include "data/payload_reader.h"

#include <algorithm>
#include <utility>

#include "common/error.h"

namespace temper {

PayloadReader::PayloadReader(const std::filesystem::path& path, FileDescriptor fd,
                             const DatasetSeal& seal)
    : path_(path),
      fd_(std::move(fd)),
      extents_(seal.extents),
      first_blocks_(seal.first_blocks()),
      block_hashes_(seal.block_hashes),
      checked_(std::make_unique<std::atomic<uint8_t>[]>(seal.block_hashes.size())) {}

void PayloadReader::read_bytes(Payload payload, uint64_t offset, void* out,
                               uint64_t num_bytes) const {
  const auto index = static_cast<size_t>(payload);
  const ByteRange& extent = extents_[index];
  TEMPER_CHECK(offset <= extent.size && num_bytes <= extent.size - offset,
               "bytes {} to {} of {} in payload {}", offset, offset + num_bytes, extent.size,
               index);
  if (num_bytes == 0) return;
  const uint64_t last = (offset + num_bytes - 1) / kPayloadBlockBytes;
  for (uint64_t block = offset / kPayloadBlockBytes; block <= last; ++block) {
    if (checked_[first_blocks_[index] + block].load(std::memory_order_relaxed) == 0) {
      check_block(index, block);
    }
  }
  read_fully(fd_.get(), extent.begin + offset, out, num_bytes, path_);
}

void PayloadReader::check_block(size_t payload, uint64_t block) const {
  thread_local std::vector<char> buffer;
  const ByteRange& extent = extents_[payload];
  const uint64_t begin = block * kPayloadBlockBytes;
  buffer.resize(static_cast<size_t>(std::min(kPayloadBlockBytes, extent.size - begin)));
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
}

void PayloadReader::verify() const {
  for (size_t payload = 0; payload < kNumPayloads; ++payload) {
    for (uint64_t block = 0; block < extents_[payload].num_blocks(); ++block) {
      check_block(payload, block);
    }
  }
}

}  // namespace temper
