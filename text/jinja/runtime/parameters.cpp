#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/runtime/builtins.h"

namespace temper {

JinjaParameters::JinjaParameters(JinjaArguments& arguments,
                                 std::initializer_list<const char*> names)
    : values_(names.size(), nullptr), names_(names) {
  if (arguments.positional.size() > names.size()) {
    throw JinjaFailure{fmt::format("{} arguments where at most {} are taken",
                                   arguments.positional.size(), names.size())};
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (auto& [name, value] : arguments.named) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end()) throw JinjaFailure{"there is no parameter of that name"};
    const JinjaValue*& slot = values_[static_cast<size_t>(found - names_.begin())];
    if (slot) throw JinjaFailure{fmt::format("the argument '{}' is given twice", *found)};
    slot = &value;
  }
}

const JinjaValue& JinjaParameters::at(size_t i) const {
  if (!values_[i]) throw JinjaFailure{fmt::format("the argument '{}' is missing", name(i))};
  return *values_[i];
}

int64_t JinjaParameters::integer(size_t i) const {
  if (!at(i).is_integral()) {
    throw JinjaFailure{
        fmt::format("the argument '{}' is a {}, not an int", name(i), jinja_type_name(at(i)))};
  }
  return at(i).as_integer();
}

int64_t JinjaParameters::integer_or(size_t i, int64_t fallback) const {
  return is_given(i) ? integer(i) : fallback;
}

bool JinjaParameters::boolean_or(size_t i, bool fallback) const {
  return has(i) ? jinja_truth(*values_[i]) : fallback;
}

std::string_view JinjaParameters::text(size_t i) const {
  if (!at(i).is_string()) {
    throw JinjaFailure{
        fmt::format("the argument '{}' is a {}, not a str", name(i), jinja_type_name(at(i)))};
  }
  return at(i).as_text();
}

std::string_view JinjaParameters::text_or(size_t i, std::string_view fallback) const {
  return is_given(i) ? text(i) : fallback;
}

}  // namespace temper
