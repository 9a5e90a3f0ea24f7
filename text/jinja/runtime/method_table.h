// The methods of a type, by name.
#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>

#include "text/jinja/runtime/value.h"

namespace temper {

struct JinjaMethod {
  std::string_view name;
  JinjaFunction function;
};

// Finds a method in a table sorted by name; null where there is none.
template <size_t kSize>
JinjaFunction find_method(const JinjaMethod (&methods)[kSize], std::string_view name) {
  const auto* found = std::lower_bound(
      std::begin(methods), std::end(methods), name,
      [](const JinjaMethod& method, std::string_view n) { return method.name < n; });
  return found != std::end(methods) && found->name == name ? found->function : nullptr;
}

// Stands for methods of Python that templates do without.
inline JinjaValue unsupported_method(JinjaRuntime&, const JinjaValue&, JinjaArguments&) {
  throw JinjaFailure{"this method is not supported in templates"};
}

}  // namespace temper
