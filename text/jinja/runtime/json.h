// Between template values and JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "io/json.h"
#include "text/jinja/runtime/value.h"

namespace temper {

// Refers to the strings of `json`, which outlives the value. Adds the bytes to `num_bytes`.
// JinjaFailure for integers that do not fit in 64 bits and for nesting beyond what values allow.
JinjaValue jinja_from_json(const OrderedJson& json, size_t& num_bytes);

// json.dumps.
struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent;  // of one level
  std::string item_separator = ", ", key_separator = ": ";
};
std::string jinja_to_json(const JinjaValue& value, const JsonStyle& style, JinjaBudget& budget);

}  // namespace temper
