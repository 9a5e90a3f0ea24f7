#include "io/safetensors/safetensors_layout.h"

#include <algorithm>

#include "common/error.h"
#include "io/json.h"
#include "io/safetensors/safetensors_header.h"

namespace temper {
namespace {

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

}  // namespace

SafetensorsLayout::SafetensorsLayout(std::vector<SafetensorsWriter::Entry> entries,
                                     const std::map<std::string, std::string>& metadata) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    const int rank_a = reference_rank(a.dtype), rank_b = reference_rank(b.dtype);
    return rank_a != rank_b ? rank_a > rank_b : a.name < b.name;
  });
  uint64_t data_bytes = 0;
  std::string header = "{";
  if (!metadata.empty()) header += fmt::format("\"__metadata__\":{}", Json(metadata).dump());
  for (const SafetensorsWriter::Entry& entry : entries) {
    int64_t num_elements = 0;
    TEMPER_CHECK(count_shape_elements(entry.shape, num_elements), "shape of \"{}\"", entry.name);
    const uint64_t begin = data_bytes;
    data_bytes += static_cast<uint64_t>(num_elements) * dtype_size_bytes(entry.dtype);
    TEMPER_CHECK(entry.name != "__metadata__" &&
                     places_.emplace(entry.name, Place{entry.dtype, begin, data_bytes}).second,
                 "tensor \"{}\" was declared twice", entry.name);
    header += fmt::format("{}{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                          header.size() > 1 ? "," : "", quoted(entry.name), dtype_name(entry.dtype),
                          fmt::join(entry.shape, ","), begin, data_bytes);
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  TEMPER_CHECK(header.size() <= kMaxSafetensorsHeaderBytes, "a header of {} bytes", header.size());
  const uint64_t header_bytes = header.size();
  head_.assign(reinterpret_cast<const char*>(&header_bytes), sizeof(header_bytes));
  head_ += header;
  for (auto& [name, place] : places_) {
    place.begin += head_.size();
    place.end += head_.size();
  }
  size_bytes_ = head_.size() + data_bytes;
}

const SafetensorsLayout::Place& SafetensorsLayout::place(const std::string& name) const {
  const auto found = places_.find(name);
  TEMPER_CHECK(found != places_.end(), "\"{}\" was not declared", name);
  return found->second;
}

}  // namespace temper
