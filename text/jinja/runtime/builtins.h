// What the language gives to a template, by name. Null where there is no such thing.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/runtime/value.h"

namespace temper {

JinjaFunction find_jinja_filter(std::string_view name);
JinjaFunction find_jinja_test(std::string_view name);
// range, namespace, dict, raise_exception, strftime_now, joiner.
JinjaFunction find_jinja_global(std::string_view name);
JinjaFunction find_string_method(std::string_view name);
JinjaFunction find_dict_method(std::string_view name);
JinjaFunction find_list_method(std::string_view name);

// Sorts a call's arguments to a builtin's parameters. JinjaFailure for one too many, an unknown
// name or a value given twice.
class JinjaParameters {
 public:
  JinjaParameters(JinjaArguments& arguments, std::initializer_list<const char*> names);

  bool has(size_t i) const { return values_[i] != nullptr; }
  const JinjaValue& at(size_t i) const;  // JinjaFailure when it is not given
  const JinjaValue* find(size_t i) const { return values_[i]; }
  int64_t integer(size_t i) const;
  int64_t integer_or(size_t i, int64_t fallback) const;
  bool boolean_or(size_t i, bool fallback) const;
  std::string_view text(size_t i) const;
  std::string_view text_or(size_t i, std::string_view fallback) const;
  bool is_given(size_t i) const { return values_[i] && !values_[i]->is_none(); }

 private:
  const char* name(size_t i) const { return names_[i]; }
  std::vector<const JinjaValue*> values_;
  std::vector<const char*> names_;
};

// For builtins without parameters: JinjaFailure when the call has arguments.
inline void expect_no_arguments(JinjaArguments& arguments) {
  const JinjaParameters none(arguments, {});
}

// str.replace; a negative `max_count` is no limit.
std::string replace_in_text(std::string_view text, std::string_view from, std::string_view to,
                            int64_t max_count, JinjaBudget& budget);

// raise_exception(message) of a template.
JinjaValue jinja_raise(JinjaRuntime&, const JinjaValue&, JinjaArguments& arguments);

}  // namespace temper
