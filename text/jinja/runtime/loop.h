// `loop` within a for.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "text/jinja/runtime/value.h"

namespace temper {

struct JinjaLoop : JinjaObject {
  std::vector<JinjaValue> items;
  size_t index = 0;  // from 0
  std::optional<std::vector<JinjaValue>> last_changed;

  void clear() override {
    items.clear();
    last_changed.reset();
  }
};

// index, index0, first, last, length, previtem and so on; none for another name.
std::optional<JinjaValue> loop_attribute(const JinjaValue& loop, std::string_view name);
// cycle and changed; null for another name.
JinjaFunction find_loop_method(std::string_view name);

}  // namespace temper
