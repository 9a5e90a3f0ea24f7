#include "io/safetensors/safetensors_header.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/error.h"
#include "io/json_sax.h"

namespace temper {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

namespace {

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr size_t kMaxShownBytes = 200;

std::string shown(const std::string& name) {
  return name.size() <= kMaxShownBytes ? name : fmt::format("(a name of {} bytes)", name.size());
}

// Reads the header in one pass without building a document, so that a hostile one costs no more
// memory than its own size.
class HeaderHandler final : public JsonHandler {
 public:
  explicit HeaderHandler(const std::string& place) : JsonHandler(place) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(int64_t) override { return unexpected("a negative number"); }
  bool number_float(double, const std::string&) override {
    return unexpected("a number that is no 64-bit integer");
  }
  bool number_unsigned(uint64_t value) override;
  bool string(std::string& value) override;
  bool start_object(size_t) override;
  bool end_object() override;
  bool key(std::string& key) override;
  bool start_array(size_t) override;
  bool end_array() override;

 private:
  enum class Field { kNone, kDType, kShape, kOffsets };

  [[noreturn]] bool unexpected(const char* what) const {
    if (depth() == 0) throw UserError("{}: the header is not a JSON object", place());
    if (in_metadata_) throw UserError("{}: __metadata__ must hold strings only", place());
    throw UserError("{}: tensor \"{}\": {} where the format has none", place(), shown(name_), what);
  }
  void finish_tensor();

  SafetensorsHeader header_;
  bool seen_metadata_ = false, in_metadata_ = false;
  std::string name_;  // of the tensor being read, or the metadata key
  TensorInfo info_;
  Field field_ = Field::kNone;
  bool has_dtype_ = false, has_shape_ = false, has_offsets_ = false;
  int num_offsets_ = 0;
};

bool HeaderHandler::number_unsigned(uint64_t value) {
  if (depth() != 3) return unexpected("a number");
  if (field_ == Field::kShape) {
    if (value > uint64_t{std::numeric_limits<int64_t>::max()}) return unexpected("a huge dim");
    info_.shape.push_back(static_cast<int64_t>(value));
    return true;
  }
  if (num_offsets_ == 2) return unexpected("a third offset");
  (num_offsets_++ == 0 ? info_.begin : info_.end) = value;
  return true;
}

bool HeaderHandler::string(std::string& value) {
  if (depth() != 2) return unexpected("a string");
  if (in_metadata_) {
    if (!header_.metadata.emplace(name_, value).second) throw_duplicate_key(name_);
    return true;
  }
  if (field_ != Field::kDType) return unexpected("a string");
  const std::optional<DType> dtype = dtype_named(value);
  if (!dtype) {
    throw UserError("{}: tensor \"{}\" has dtype \"{}\", which is not supported", place(),
                    shown(name_), shown(value));
  }
  info_.dtype = *dtype;
  has_dtype_ = true;
  return true;
}

bool HeaderHandler::start_object(size_t) {
  if (depth() >= 2) return unexpected("an object");
  enter();
  return true;
}

bool HeaderHandler::key(std::string& key) {
  if (depth() == 1) {
    in_metadata_ = key == kMetadataKey;
    if (in_metadata_ && std::exchange(seen_metadata_, true)) throw_duplicate_key(key);
    name_ = key;
    info_ = TensorInfo();
    has_dtype_ = has_shape_ = has_offsets_ = false;
    return true;
  }
  if (in_metadata_) {
    name_ = key;
    return true;
  }
  bool seen = false;
  if (key == "dtype") {
    field_ = Field::kDType;
    seen = has_dtype_;
  } else if (key == "shape") {
    field_ = Field::kShape;
    seen = has_shape_;
  } else if (key == "data_offsets") {
    field_ = Field::kOffsets;
    seen = has_offsets_;
  } else {
    return unexpected("an unknown key");
  }
  if (seen) throw_duplicate_key(key);
  return true;
}

bool HeaderHandler::start_array(size_t) {
  if (depth() != 2 || in_metadata_ || field_ == Field::kDType) return unexpected("a list");
  enter();
  if (field_ == Field::kOffsets) num_offsets_ = 0;
  return true;
}

bool HeaderHandler::end_array() {
  leave();
  if (field_ == Field::kShape) {
    has_shape_ = true;
  } else {
    if (num_offsets_ != 2) return unexpected("fewer than two data_offsets");
    has_offsets_ = true;
  }
  return true;
}

bool HeaderHandler::end_object() {
  leave();
  if (depth() == 1 && !in_metadata_) finish_tensor();
  if (depth() == 1) in_metadata_ = false;
  return true;
}

void HeaderHandler::finish_tensor() {
  if (!has_dtype_ || !has_shape_ || !has_offsets_) {
    throw UserError("{}: tensor \"{}\" lacks its {}", place(), shown(name_),
                    !has_dtype_   ? "dtype"
                    : !has_shape_ ? "shape"
                                  : "data_offsets");
  }
  if (!header_.tensors.emplace(name_, std::move(info_)).second) {
    throw UserError("{}: tensor \"{}\" appears twice", place(), shown(name_));
  }
}

// Sizes that agree with dtype and shape, and ranges that cover the data section exactly.
void check_layout(const SafetensorsHeader& header, uint64_t data_bytes, const std::string& place) {
  std::vector<std::pair<const std::string*, const TensorInfo*>> tensors;
  tensors.reserve(header.tensors.size());
  for (const auto& [name, info] : header.tensors) {
    int64_t num_elements = 0;
    uint64_t num_bytes = 0;
    if (!count_shape_elements(info.shape, num_elements) ||
        __builtin_mul_overflow(static_cast<uint64_t>(num_elements), dtype_size_bytes(info.dtype),
                               &num_bytes)) {
      throw UserError("{}: the shape of tensor \"{}\" overflows", place, shown(name));
    }
    if (info.end < info.begin || info.end - info.begin != num_bytes) {
      throw UserError(
          "{}: tensor \"{}\" takes {} bytes by its dtype and shape, but its offsets are "
          "[{}, {})",
          place, shown(name), num_bytes, info.begin, info.end);
    }
    tensors.emplace_back(&name, &info);
  }
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
  });
  uint64_t covered = 0;
  for (const auto& [name, info] : tensors) {
    if (info->begin != covered) {
      throw UserError(
          "{}: tensor \"{}\" begins at byte {} of the data, where byte {} was expected "
          "({})",
          place, shown(*name), info->begin, covered,
          info->begin < covered ? "tensors overlap" : "a hole");
    }
    covered = info->end;
  }
  if (covered != data_bytes) {
    throw UserError("{}: the header describes {} bytes of data, the file has {}: {}", place,
                    covered, data_bytes,
                    covered > data_bytes ? "was it cut off?" : "it has extra bytes");
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file,
                                           const std::string& place) {
  uint64_t header_bytes = 0;
  if (file.size() < sizeof(header_bytes)) {
    throw UserError("{}: {} bytes are too few for a safetensors file", place, file.size());
  }
  std::memcpy(&header_bytes, file.data(), sizeof(header_bytes));
  if (header_bytes > kMaxSafetensorsHeaderBytes) {
    throw UserError("{}: not a safetensors file (its header would take {} bytes, the limit is {})",
                    place, header_bytes, kMaxSafetensorsHeaderBytes);
  }
  if (header_bytes > file.size() - sizeof(header_bytes)) {
    throw UserError("{}: the header of {} bytes reaches past the end of the file: was it cut off?",
                    place, header_bytes);
  }
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + sizeof(header_bytes),
                              header_bytes);
  if (text.empty() || text.front() != '{') {
    throw UserError("{}: not a safetensors file (its header does not begin with '{{')", place);
  }
  HeaderHandler handler(place);
  handler.parse(text);
  SafetensorsHeader header = handler.take();
  header.data_begin = sizeof(header_bytes) + header_bytes;
  check_layout(header, file.size() - header.data_begin, place);
  return header;
}

}  // namespace temper
