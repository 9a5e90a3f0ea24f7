#include "io/safetensors/safetensors_writer.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "common/error.h"
#include "io/atomic_file.h"
#include "io/safetensors/float_conversion.h"
#include "io/safetensors/safetensors_layout.h"

namespace temper {
namespace {

constexpr int64_t kConvertedElements = int64_t{1} << 18;  // at a time

// Which bytes of a tensor were written, as disjoint ranges: begin -> end.
class Coverage {
 public:
  // False when some of the bytes were written before.
  bool add(uint64_t begin, uint64_t end) {
    if (begin == end) return true;
    auto next = ranges_.lower_bound(begin);
    if (next != ranges_.end() && next->first < end) return false;
    if (next != ranges_.begin()) {
      const auto before = std::prev(next);
      if (before->second > begin) return false;
      if (before->second == begin) {
        begin = before->first;
        ranges_.erase(before);
      }
    }
    if (next != ranges_.end() && next->first == end) {
      end = next->second;
      ranges_.erase(next);
    }
    ranges_[begin] = end;
    return true;
  }

  bool is_complete(uint64_t size) const {
    if (size == 0) return true;
    return ranges_.size() == 1 && ranges_.begin()->first == 0 && ranges_.begin()->second == size;
  }

 private:
  std::map<uint64_t, uint64_t> ranges_;
};

}  // namespace

struct SafetensorsWriter::State {
  std::filesystem::path path;
  SafetensorsLayout layout;
  std::unordered_map<std::string, Coverage> written;
  std::optional<AtomicFile> file;
};

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, std::vector<Entry> entries,
                                     const std::map<std::string, std::string>& metadata)
    : state_(new State{path, SafetensorsLayout(std::move(entries), metadata), {}, {}}) {
  state_->file.emplace(path);
  state_->file->append(state_->layout.head());
}

SafetensorsWriter::~SafetensorsWriter() = default;
SafetensorsWriter::SafetensorsWriter(SafetensorsWriter&&) noexcept = default;

void SafetensorsWriter::write(const std::string& name, uint64_t offset_bytes,
                              std::span<const std::byte> bytes) {
  const SafetensorsLayout::Place& place = state_->layout.place(name);
  const uint64_t size = place.end - place.begin;
  TEMPER_CHECK(offset_bytes <= size && bytes.size() <= size - offset_bytes,
               "bytes [{}, +{}) of \"{}\", which has {}", offset_bytes, bytes.size(), name, size);
  TEMPER_CHECK(state_->written[name].add(offset_bytes, offset_bytes + bytes.size()),
               "bytes [{}, +{}) of \"{}\" were written before", offset_bytes, bytes.size(), name);
  state_->file->write_at(place.begin + offset_bytes, bytes.data(), bytes.size());
}

void SafetensorsWriter::write_floats(const std::string& name, int64_t begin, const float* values,
                                     int64_t count) {
  const DType dtype = state_->layout.place(name).dtype;
  const uint64_t element = dtype_size_bytes(dtype);
  if (dtype == DType::kF32) {
    write(name, static_cast<uint64_t>(begin) * element,
          std::as_bytes(std::span(values, static_cast<size_t>(count))));
    return;
  }
  std::vector<std::byte> converted(static_cast<size_t>(std::min(count, kConvertedElements)) *
                                   element);
  for (int64_t done = 0; done < count; done += kConvertedElements) {
    const int64_t part = std::min(count - done, kConvertedElements);
    convert_floats(values + done, part, dtype, converted.data());
    write(name, static_cast<uint64_t>(begin + done) * element,
          std::span(converted).first(static_cast<size_t>(part) * element));
  }
}

uint64_t SafetensorsWriter::finish() {
  for (const auto& [name, place] : state_->layout.places()) {
    TEMPER_CHECK(state_->written[name].is_complete(place.end - place.begin),
                 "tensor \"{}\" of {} was not written completely", name, state_->path.native());
  }
  const uint64_t size = state_->file->size();
  TEMPER_CHECK(size == state_->layout.size_bytes());
  state_->file->commit();
  return size;
}

}  // namespace temper
