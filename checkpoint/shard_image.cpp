#include "checkpoint/shard_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "checkpoint/checkpoint_reader.h"
#include "common/finite.h"
#include "io/safetensors/safetensors_layout.h"
#include "io/safetensors/safetensors_writer.h"

namespace temper {
namespace {

// So many elements fit into a core's cache and are digested at once: memory is read only once.
constexpr int64_t kDigestedElements = int64_t{1} << 14;
static_assert(kDigestedElements % StateHasher::kChunkElements == 0);

void digest_slice(const StateSlice& slice, const float* values, StreamHasher* file,
                  ShardImage::Digest& digest) {
  for (int64_t done = 0; done < slice.count; done += kDigestedElements) {
    const int64_t count = std::min(kDigestedElements, slice.count - done);
    if (file != nullptr) file->update(values + done, static_cast<size_t>(count) * sizeof(float));
    digest.hasher.add(slice.kind, slice.parameter, slice.begin + done, values + done, count);
    if (digest.not_finite.empty() && !all_finite(values + done, count)) {
      digest.not_finite = fmt::format("{} of {}", slice.kind, slice.parameter);
    }
  }
}

}  // namespace

ShardImage::ShardImage(ShardedModel& model) {
  const ProcessGroup& group = model.mesh().shard();
  file_name_ = rank_file_name(group.rank(), group.size());
  std::vector<SafetensorsWriter::Entry> entries;
  std::map<std::string, std::string> metadata = {{"format", "temper-checkpoint"}};
  const std::vector<StateSlice> slices = state_slices(model);
  for (const StateSlice& slice : slices) {
    metadata["slice/" + slice.parameter] =
        fmt::format("{}:{}", slice.begin, slice.begin + slice.count);
    entries.push_back({slice.key(), DType::kF32, {slice.count}});
  }
  const SafetensorsLayout layout(std::move(entries), metadata);
  head_ = layout.head();
  size_bytes_ = layout.size_bytes();
  for (const StateSlice& slice : slices) {
    parts_.push_back({slice, layout.place(slice.key()).begin});
  }
  std::sort(parts_.begin(), parts_.end(),
            [](const Part& a, const Part& b) { return a.offset < b.offset; });
}

void ShardImage::copy(uint64_t begin, uint64_t end, std::byte* out) const {
  if (begin < head_.size()) {
    const uint64_t count = std::min<uint64_t>(end, head_.size()) - begin;
    std::memcpy(out, head_.data() + begin, count);
    begin += count;
    out += count;
  }
  auto part = std::upper_bound(parts_.begin(), parts_.end(), begin,
                               [](uint64_t at, const Part& p) { return at < p.offset; });
  if (part != parts_.begin()) --part;
  for (; begin < end; ++part) {
    const uint64_t skipped = begin - part->offset;
    const uint64_t count = std::min(end - begin, part->num_bytes() - skipped);
    std::memcpy(out, reinterpret_cast<const std::byte*>(part->slice.values) + skipped, count);
    begin += count;
    out += count;
  }
}

ShardImage::Digest ShardImage::digest(const std::byte* file, bool with_file_hash) const {
  Digest digest;
  StreamHasher hasher;
  if (with_file_hash) hasher.update(file, head_.size());
  for (const Part& part : parts_) {
    digest_slice(part.slice, reinterpret_cast<const float*>(file + part.offset),
                 with_file_hash ? &hasher : nullptr, digest);
  }
  if (with_file_hash) digest.file_hash = hasher.digest();
  return digest;
}

ShardImage::Digest ShardImage::digest_live() const {
  Digest digest;
  for (const Part& part : parts_) digest_slice(part.slice, part.slice.values, nullptr, digest);
  return digest;
}

}  // namespace temper
