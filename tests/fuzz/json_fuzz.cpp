// JSON: both parsers agree on what is a document, and what they read can be written and read again.
#include <optional>

#include "common/error.h"
#include "io/json.h"

namespace temper {
namespace {

std::optional<Json> parse_sorted(std::string_view text) {
  try {
    return parse_json(text, "input");
  } catch (const UserError&) {
    return std::nullopt;
  }
}

std::optional<OrderedJson> parse_ordered(std::string_view text) {
  try {
    return parse_ordered_json(text, "input");
  } catch (const UserError&) {
    return std::nullopt;
  }
}

}  // namespace
}  // namespace temper

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace temper;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::optional<Json> sorted = parse_sorted(text);
  const std::optional<OrderedJson> ordered = parse_ordered(text);
  TEMPER_CHECK(sorted.has_value() == ordered.has_value());
  if (sorted) {
    TEMPER_CHECK(parse_json(sorted->dump(), "again") == *sorted);
    TEMPER_CHECK(parse_json(ordered->dump(), "again") == *sorted);
  }
  return 0;
}
