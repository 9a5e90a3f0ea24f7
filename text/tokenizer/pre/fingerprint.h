// Texts that name what a tokenizer's part does, put together so that no two parts share one.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace temper {

// A text with its length in front: lists of these can be told apart.
inline std::string sized(std::string_view text) {
  return fmt::format("{}:{}", text.size(), text);
}

}  // namespace temper
