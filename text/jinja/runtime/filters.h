// The filters, in two groups.
#pragma once

#include <span>
#include <string_view>

#include "text/jinja/runtime/builtins.h"

namespace temper {

struct JinjaFilter {
  std::string_view name;
  JinjaFunction function;
};

std::span<const JinjaFilter> jinja_text_filters();
std::span<const JinjaFilter> jinja_list_filters();

}  // namespace temper
