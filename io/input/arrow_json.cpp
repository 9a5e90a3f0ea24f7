#include "io/input/arrow_json.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "common/error.h"

namespace temper {
namespace {

template <typename ArrayType>
void append_integer(const arrow::Array& array, int64_t index, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{}", static_cast<const ArrayType&>(array).Value(index));
}

template <typename ArrayType>
void append_float(const arrow::Array& array, int64_t index, std::string& out) {
  const auto value = static_cast<const ArrayType&>(array).Value(index);
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(out), "{}", value);
  } else {
    out += "null";
  }
}

template <typename ArrayType>
void append_text(const arrow::Array& array, int64_t index, std::string& out) {
  append_json_text(static_cast<const ArrayType&>(array).GetView(index), out);
}

template <typename ArrayType>
void append_list(const arrow::Array& array, int64_t index, std::string& out) {
  const auto& list = static_cast<const ArrayType&>(array);
  const arrow::Array& values = *list.values();
  const int64_t begin = list.value_offset(index), size = list.value_length(index);
  TEMPER_CHECK(begin >= 0 && size >= 0 && begin + size <= values.length());
  out += '[';
  for (int64_t i = begin; i < begin + size; ++i) {
    if (i > begin) out += ',';
    append_json(values, i, out);
  }
  out += ']';
}

void append_struct(const arrow::Array& array, int64_t index, std::string& out) {
  const auto& row = static_cast<const arrow::StructArray&>(array);
  out += '{';
  bool first = true;
  for (int i = 0; i < row.num_fields(); ++i) {
    const arrow::Array& member = *row.field(i);
    if (member.IsNull(index) || !has_json_form(*member.type())) continue;
    if (!first) out += ',';
    first = false;
    append_json_text(row.type()->field(i)->name(), out);
    out += ':';
    append_json(member, index, out);
  }
  out += '}';
}

void append_entry(const arrow::Array& array, int64_t index, std::string& out) {
  const auto& entries = static_cast<const arrow::DictionaryArray&>(array);
  const arrow::Array& values = *entries.dictionary();
  const int64_t at = entries.GetValueIndex(index);
  TEMPER_CHECK(at >= 0 && at < values.length());
  append_json(values, at, out);
}

// The forms of all types that have one; null for the others.
using Append = void (*)(const arrow::Array&, int64_t, std::string&);
Append append_of(arrow::Type::type id) {
  switch (id) {
    case arrow::Type::INT8:
      return append_integer<arrow::Int8Array>;
    case arrow::Type::INT16:
      return append_integer<arrow::Int16Array>;
    case arrow::Type::INT32:
      return append_integer<arrow::Int32Array>;
    case arrow::Type::INT64:
      return append_integer<arrow::Int64Array>;
    case arrow::Type::UINT8:
      return append_integer<arrow::UInt8Array>;
    case arrow::Type::UINT16:
      return append_integer<arrow::UInt16Array>;
    case arrow::Type::UINT32:
      return append_integer<arrow::UInt32Array>;
    case arrow::Type::UINT64:
      return append_integer<arrow::UInt64Array>;
    case arrow::Type::BOOL:
      return append_integer<arrow::BooleanArray>;  // fmt says true and false
    case arrow::Type::FLOAT:
      return append_float<arrow::FloatArray>;
    case arrow::Type::DOUBLE:
      return append_float<arrow::DoubleArray>;
    case arrow::Type::STRING:
      return append_text<arrow::StringArray>;
    case arrow::Type::LARGE_STRING:
      return append_text<arrow::LargeStringArray>;
    case arrow::Type::STRING_VIEW:
      return append_text<arrow::StringViewArray>;
    case arrow::Type::LIST:
      return append_list<arrow::ListArray>;
    case arrow::Type::LARGE_LIST:
      return append_list<arrow::LargeListArray>;
    case arrow::Type::FIXED_SIZE_LIST:
      return append_list<arrow::FixedSizeListArray>;
    case arrow::Type::STRUCT:
      return append_struct;
    case arrow::Type::DICTIONARY:
      return append_entry;
    default:
      return nullptr;
  }
}

}  // namespace

bool has_json_form(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::NA:
      return true;
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST:
      return has_json_form(*type.field(0)->type());
    case arrow::Type::DICTIONARY:
      return has_json_form(*static_cast<const arrow::DictionaryType&>(type).value_type());
    default:
      return append_of(type.id()) != nullptr;
  }
}

void append_json(const arrow::Array& array, int64_t index, std::string& out) {
  if (array.IsNull(index)) {
    out += "null";
    return;
  }
  const Append append = append_of(array.type_id());
  TEMPER_CHECK(append, "an array of type {}", array.type()->ToString());
  append(array, index, out);
}

void append_json_text(std::string_view text, std::string& out) {
  out += '"';
  size_t copied = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, copied, i - copied);
    copied = i + 1;
    if (c >= 0x20) {
      out += '\\';
      out += text[i];
    } else {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
    }
  }
  out.append(text, copied);
  out += '"';
}

}  // namespace temper
