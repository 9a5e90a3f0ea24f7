#include <algorithm>
#include <optional>
#include <unordered_map>

#include "common/error.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "io/safetensors_header.h"

namespace temper {
namespace {

constexpr int64_t kConvertedElements = int64_t{1} << 18;  // at a time

// The reference implementation's order of dtypes, which it writes from the last to the first.
int reference_rank(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return 0;
    case DType::kU8:
      return 1;
    case DType::kI8:
      return 2;
    case DType::kI16:
      return 3;
    case DType::kU16:
      return 4;
    case DType::kF16:
      return 5;
    case DType::kBF16:
      return 6;
    case DType::kI32:
      return 7;
    case DType::kU32:
      return 8;
    case DType::kF32:
      return 9;
    case DType::kF64:
      return 10;
    case DType::kI64:
      return 11;
    case DType::kU64:
      return 12;
  }
  return 0;
}

std::string quoted(const std::string& text) {
  return Json(text).dump();
}

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

struct DeclaredTensor {
  DType dtype;
  uint64_t begin = 0, end = 0;  // in the data section
  Coverage written;
};

}  // namespace

struct SafetensorsWriter::State {
  std::filesystem::path path;
  std::unordered_map<std::string, DeclaredTensor> tensors;
  uint64_t data_begin = 0, data_bytes = 0;
  std::optional<AtomicFile> file;

  // Lays the tensors out and returns the header's text, padded as the reference implementation
  // does.
  std::string declare(std::vector<Entry> entries,
                      const std::map<std::string, std::string>& metadata);
  DeclaredTensor& find(const std::string& name) {
    const auto found = tensors.find(name);
    TEMPER_CHECK(found != tensors.end(), "\"{}\" was not declared for {}", name, path.native());
    return found->second;
  }
};

std::string SafetensorsWriter::State::declare(std::vector<Entry> entries,
                                              const std::map<std::string, std::string>& metadata) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    const int rank_a = reference_rank(a.dtype), rank_b = reference_rank(b.dtype);
    return rank_a != rank_b ? rank_a > rank_b : a.name < b.name;
  });
  std::string header = "{";
  if (!metadata.empty()) header += fmt::format("\"__metadata__\":{}", Json(metadata).dump());
  for (const Entry& entry : entries) {
    int64_t num_elements = 0;
    TEMPER_CHECK(count_shape_elements(entry.shape, num_elements), "shape of \"{}\"", entry.name);
    const uint64_t begin = data_bytes;
    data_bytes += static_cast<uint64_t>(num_elements) * dtype_size_bytes(entry.dtype);
    TEMPER_CHECK(
        entry.name != "__metadata__" &&
            tensors.emplace(entry.name, DeclaredTensor{entry.dtype, begin, data_bytes, {}}).second,
        "tensor \"{}\" was declared twice", entry.name);
    header += fmt::format("{}{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                          header.size() > 1 ? "," : "", quoted(entry.name), dtype_name(entry.dtype),
                          fmt::join(entry.shape, ","), begin, data_bytes);
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  TEMPER_CHECK(header.size() <= kMaxSafetensorsHeaderBytes, "a header of {} bytes", header.size());
  return header;
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, std::vector<Entry> entries,
                                     const std::map<std::string, std::string>& metadata)
    : state_(std::make_unique<State>()) {
  state_->path = path;
  const std::string header = state_->declare(std::move(entries), metadata);
  const uint64_t header_bytes = header.size();
  state_->data_begin = sizeof(header_bytes) + header_bytes;
  state_->file.emplace(path);
  state_->file->append(&header_bytes, sizeof(header_bytes));
  state_->file->append(header);
}

SafetensorsWriter::~SafetensorsWriter() = default;
SafetensorsWriter::SafetensorsWriter(SafetensorsWriter&&) noexcept = default;

void SafetensorsWriter::write(const std::string& name, uint64_t offset_bytes,
                              std::span<const std::byte> bytes) {
  DeclaredTensor& tensor = state_->find(name);
  const uint64_t size = tensor.end - tensor.begin;
  TEMPER_CHECK(offset_bytes <= size && bytes.size() <= size - offset_bytes,
               "bytes [{}, +{}) of \"{}\", which has {}", offset_bytes, bytes.size(), name, size);
  TEMPER_CHECK(tensor.written.add(offset_bytes, offset_bytes + bytes.size()),
               "bytes [{}, +{}) of \"{}\" were written before", offset_bytes, bytes.size(), name);
  state_->file->write_at(state_->data_begin + tensor.begin + offset_bytes, bytes.data(),
                         bytes.size());
}

void SafetensorsWriter::write_floats(const std::string& name, int64_t begin, const float* values,
                                     int64_t count) {
  const DType dtype = state_->find(name).dtype;
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
  for (const auto& [name, tensor] : state_->tensors) {
    TEMPER_CHECK(tensor.written.is_complete(tensor.end - tensor.begin),
                 "tensor \"{}\" of {} was not written completely", name, state_->path.native());
  }
  const uint64_t size = state_->file->size();
  TEMPER_CHECK(size == state_->data_begin + state_->data_bytes);
  state_->file->commit();
  return size;
}

}  // namespace temper
