#include "text/jinja/runtime/splitting.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "text/jinja/runtime/builtins.h"
#include "text/jinja/runtime/unicode.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

using Value = JinjaValue;
using Runtime = JinjaRuntime;
using Arguments = JinjaArguments;

void push_part(std::vector<Value>& parts, Runtime& runtime, const Value& self,
               std::string_view part) {
  runtime.budget.charge(sizeof(Value));
  parts.push_back(Value::part(self, part));
}

std::vector<Value> split_at_space(Runtime& runtime, const Value& self, int64_t max_splits) {
  std::vector<Value> parts;
  std::string_view text = strip_begin(self.as_text());
  for (; !text.empty(); text = strip_begin(text)) {
    if (max_splits-- == 0) {
      push_part(parts, runtime, self, text);
      break;
    }
    size_t end = 0;
    while (end < text.size()) {
      size_t next = end;
      if (is_python_space(next_code_point(text, next))) break;
      end = next;
    }
    push_part(parts, runtime, self, text.substr(0, end));
    text.remove_prefix(end);
  }
  return parts;
}

std::vector<Value> split_at_space_from_end(Runtime& runtime, const Value& self,
                                           int64_t max_splits) {
  std::vector<Value> parts;
  std::string_view text = strip_end(self.as_text());
  for (; !text.empty(); text = strip_end(text)) {
    if (max_splits-- == 0) {
      push_part(parts, runtime, self, text);
      break;
    }
    size_t begin = text.size();
    while (begin > 0) {
      size_t previous = begin;
      if (is_python_space(previous_code_point(text, previous))) break;
      begin = previous;
    }
    push_part(parts, runtime, self, text.substr(begin));
    text.remove_suffix(text.size() - begin);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<size_t> places_of(std::string_view text, std::string_view part, bool from_end) {
  std::vector<size_t> places;
  if (!from_end) {
    for (size_t at = find_part(text, part); at != text.npos; at = find_part(text, part, at)) {
      places.push_back(at);
      at += part.size();
    }
    return places;
  }
  const std::string reversed_text(text.rbegin(), text.rend()),
      reversed_part(part.rbegin(), part.rend());
  for (const size_t at : places_of(reversed_text, reversed_part, false)) {
    places.push_back(text.size() - at - part.size());
  }
  return places;
}

std::vector<Value> split_at_part(Runtime& runtime, const Value& self, std::string_view part,
                                 int64_t max_splits, bool from_end) {
  if (part.empty()) throw JinjaFailure{"split(): the separator is empty"};
  const std::string_view text = self.as_text();
  std::vector<size_t> places = places_of(text, part, from_end);
  if (max_splits >= 0 && places.size() > static_cast<size_t>(max_splits)) {
    places.resize(static_cast<size_t>(max_splits));
  }
  std::sort(places.begin(), places.end());
  std::vector<Value> parts;
  size_t begin = 0;
  for (const size_t place : places) {
    push_part(parts, runtime, self, text.substr(begin, place - begin));
    begin = place + part.size();
  }
  push_part(parts, runtime, self, text.substr(begin));
  return parts;
}

Value split_text(Runtime& runtime, const Value& self, Arguments& arguments, bool from_end) {
  const JinjaParameters parameters(arguments, {"sep", "maxsplit"});
  runtime.budget.charge(9 * self.as_text().size());
  const int64_t max_splits = parameters.integer_or(1, -1);
  if (parameters.is_given(0)) {
    return Value::list(split_at_part(runtime, self, parameters.text(0), max_splits, from_end));
  }
  return Value::list(from_end ? split_at_space_from_end(runtime, self, max_splits)
                              : split_at_space(runtime, self, max_splits));
}

Value partition_text(Runtime& runtime, const Value& self, Arguments& arguments, bool at_last) {
  const JinjaParameters parameters(arguments, {"sep"});
  runtime.budget.charge(2 * self.as_text().size());
  const std::string_view text = self.as_text(), part = parameters.text(0);
  if (part.empty()) throw JinjaFailure{"partition(): the separator is empty"};
  const size_t at = at_last ? find_last_part(text, part) : find_part(text, part);
  const Value empty = Value::constant("");
  if (at == text.npos) {
    return Value::tuple(at_last ? std::vector<Value>{empty, empty, self}
                                : std::vector<Value>{self, empty, empty});
  }
  return Value::tuple({Value::part(self, text.substr(0, at)), parameters.at(0),
                       Value::part(self, text.substr(at + part.size()))});
}

}  // namespace

JinjaValue method_split(JinjaRuntime& runtime, const JinjaValue& self, JinjaArguments& arguments) {
  return split_text(runtime, self, arguments, false);
}

JinjaValue method_rsplit(JinjaRuntime& runtime, const JinjaValue& self, JinjaArguments& arguments) {
  return split_text(runtime, self, arguments, true);
}

JinjaValue method_partition(JinjaRuntime& runtime, const JinjaValue& self,
                            JinjaArguments& arguments) {
  return partition_text(runtime, self, arguments, false);
}

JinjaValue method_rpartition(JinjaRuntime& runtime, const JinjaValue& self,
                             JinjaArguments& arguments) {
  return partition_text(runtime, self, arguments, true);
}

JinjaValue method_splitlines(JinjaRuntime& runtime, const JinjaValue& self,
                             JinjaArguments& arguments) {
  const JinjaParameters parameters(arguments, {"keepends"});
  const bool keeps = parameters.boolean_or(0, false);
  const std::string_view text = self.as_text();
  runtime.budget.charge(text.size());
  std::vector<Value> lines;
  for (size_t begin = 0, at = 0; begin < text.size(); begin = at) {
    size_t end = at;
    bool is_end = false;
    while (at < text.size() && !is_end) {
      end = at;
      is_end = is_line_end(next_code_point(text, at));
    }
    if (!is_end) end = at;
    if (is_end && text[end] == '\r' && at < text.size() && text[at] == '\n') ++at;
    push_part(lines, runtime, self, text.substr(begin, (keeps ? at : end) - begin));
  }
  return Value::list(std::move(lines));
}

JinjaValue method_join(JinjaRuntime& runtime, const JinjaValue& self, JinjaArguments& arguments) {
  const JinjaParameters parameters(arguments, {"iterable"});
  std::string text;
  bool is_first = true;
  for (const Value& item : jinja_iterate(parameters.at(0), runtime.budget)) {
    if (!item.is_string()) {
      throw JinjaFailure{fmt::format("join(): a {} in the list", jinja_type_name(item))};
    }
    runtime.budget.charge_text(text.size() + item.as_text().size() > kMaxJinjaText
                                   ? kMaxJinjaText + 1
                                   : item.as_text().size() + self.as_text().size());
    if (!is_first) text += self.as_text();
    is_first = false;
    text += item.as_text();
  }
  runtime.budget.charge_text(text.size());
  return Value::text(std::move(text));
}

}  // namespace temper
