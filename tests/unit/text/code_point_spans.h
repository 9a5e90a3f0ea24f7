// Byte ranges of a text as ranges of code points, in which the reference counts.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "text/unicode/utf8.h"

namespace temper {

using Spans = std::vector<std::pair<size_t, size_t>>;

inline Spans in_code_points(std::string_view text, const Spans& byte_ranges) {
  Spans spans;
  for (const auto& [begin, end] : byte_ranges) {
    spans.emplace_back(count_code_points(text.substr(0, begin)),
                       count_code_points(text.substr(0, end)));
  }
  return spans;
}

}  // namespace temper
