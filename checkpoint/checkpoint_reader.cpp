#include "checkpoint/checkpoint_reader.h"

#include <algorithm>
#include <charconv>

#include "common/error.h"
#include "run/checkpoint/checkpoint_files.h"

namespace temper {
namespace {

CommitRecord require_complete(const std::filesystem::path& directory) {
  const CheckpointStatus status = inspect_checkpoint(directory);
  if (!status.complete) {
    throw UserError("{}: not a complete checkpoint: {}", directory.string(), status.problem);
  }
  return *status.record;
}

// Parses "begin:end" of a slice's metadata.
std::pair<int64_t, int64_t> parse_range(const std::string& text, const std::string& place) {
  int64_t begin = -1, end = -1;
  const char* last = text.data() + text.size();
  const auto first = std::from_chars(text.data(), last, begin);
  const bool has_colon = first.ec == std::errc() && first.ptr != last && *first.ptr == ':';
  const auto second = has_colon ? std::from_chars(first.ptr + 1, last, end) : first;
  if (!has_colon || second.ec != std::errc() || second.ptr != last || begin < 0 || end < begin) {
    throw UserError("{}: bad slice range '{}' (a damaged checkpoint)", place, text.substr(0, 64));
  }
  return {begin, end};
}

}  // namespace

std::string rank_file_name(int64_t rank, int64_t world_size) {
  return fmt::format("rank-{:05}-of-{:05}.safetensors", rank, world_size);
}

CheckpointReader::CheckpointReader(const std::filesystem::path& directory)
    : directory_(directory), record_(require_complete(directory)) {}

void CheckpointReader::open_rank(int64_t rank) {
  if (files_.count(rank) != 0) return;
  const auto path = directory_ / rank_file_name(rank, record_.world_size);
  const SafetensorsFile& file = files_.emplace(rank, SafetensorsFile(path)).first->second;
  for (const auto& [key, info] : file.tensors()) {
    const size_t slash = key.find('/');
    const auto range = slash == std::string::npos
                           ? file.metadata().end()
                           : file.metadata().find("slice/" + key.substr(slash + 1));
    if (range == file.metadata().end() || info.dtype != DType::kF32) {
      throw UserError("{}: tensor {} is not a slice of a parameter (a damaged checkpoint)",
                      path.string(), key);
    }
    const auto [begin, end] = parse_range(range->second, path.string());
    if (end - begin != info.num_elements()) {
      throw UserError("{}: tensor {} holds {} elements, its range says {}", path.string(), key,
                      info.num_elements(), end - begin);
    }
    slices_[key][begin] = {end, rank};
  }
}

void CheckpointReader::open_all() {
  for (int64_t rank = 0; rank < record_.world_size; ++rank) open_rank(rank);
}

void CheckpointReader::verify_files() const {
  const std::string damage = find_damage(directory_, record_);
  if (!damage.empty()) {
    throw UserError("{}: damaged: {}; use another checkpoint", directory_.string(), damage);
  }
}

std::vector<std::string> CheckpointReader::parameter_names() const {
  constexpr std::string_view kPrefix = "weight/";
  std::vector<std::string> names;
  for (const auto& [key, ranges] : slices_) {
    if (key.compare(0, kPrefix.size(), kPrefix) == 0) names.push_back(key.substr(kPrefix.size()));
  }
  return names;
}

bool CheckpointReader::contains(const std::string& kind, const std::string& parameter) const {
  return slices_.count(kind + "/" + parameter) != 0;
}

void CheckpointReader::read(const std::string& kind, const std::string& parameter, int64_t begin,
                            int64_t end, float* out) const {
  const std::string key = kind + "/" + parameter;
  const auto found = slices_.find(key);
  int64_t position = begin;
  while (position < end) {
    const bool known = found != slices_.end();
    auto slice = known ? found->second.upper_bound(position) : decltype(found->second.begin()){};
    if (!known || slice == found->second.begin() || (--slice)->second.end <= position) {
      throw UserError("{}: element {} of {} is missing", directory_.string(), position, key);
    }
    const int64_t stop = std::min(end, slice->second.end);
    files_.at(slice->second.rank)
        .read_floats(key, position - slice->first, stop - slice->first, out + (position - begin));
    position = stop;
  }
}

bool CheckpointWeights::contains(const std::string& name) const {
  return reader_->contains("weight", name);
}

void CheckpointWeights::read(const std::string& name, const std::vector<int64_t>&, int64_t begin,
                             int64_t end, float* out) const {
  reader_->read("weight", name, begin, end, out);
}

}  // namespace temper
