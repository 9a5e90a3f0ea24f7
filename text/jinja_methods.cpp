// Methods of str, dict, list and tuple.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "text/jinja_builtins.h"
#include "text/jinja_format.h"
#include "text/jinja_unicode.h"
#include "text/utf8.h"

namespace temper {
namespace {

using Value = JinjaValue;
using Runtime = JinjaRuntime;
using Arguments = JinjaArguments;

Value made(std::string text, Runtime& runtime) {
  runtime.budget.charge_text(text.size());
  return Value::text(std::move(text));
}

void no_arguments(Arguments& arguments) {
  expect_no_arguments(arguments);
}

// ---- str: case and white space

template <std::string (*kChange)(std::string_view)>
Value change_case(Runtime& runtime, const Value& self, Arguments& arguments) {
  no_arguments(arguments);
  runtime.budget.charge(8 * self.as_text().size());
  return made(kChange(self.as_text()), runtime);
}

std::string swap_case(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const char32_t c = next_code_point(text, i);
    const std::string_view one = text.substr(begin, i - begin);
    out += is_upper(c) ? python_lower(one) : is_lower(c) ? python_upper(one) : std::string(one);
  }
  return out;
}

template <bool kBegin, bool kEnd>
Value strip(Runtime& runtime, const Value& self, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"chars"});
  std::string_view text = self.as_text(), characters;
  const std::string_view* set = nullptr;
  if (parameters.is_given(0)) {
    characters = parameters.text(0);
    set = &characters;
    runtime.budget.charge(text.size() * (1 + characters.size()));
  }
  if (kBegin) text = strip_begin(text, set);
  if (kEnd) text = strip_end(text, set);
  return Value::part(self, text);
}

// ---- str: searching

// The part of the text that the arguments `first` and `first` + 1 bound, and where it begins.
struct Range {
  std::string_view text;
  int64_t begin = 0;  // code points
  bool is_empty_beyond = false;
};

Range bounded(const Value& self, const JinjaParameters& parameters, size_t first) {
  const std::string_view text = self.as_text();
  if (!parameters.is_given(first) && !parameters.is_given(first + 1)) return {text, 0};
  const int64_t size = jinja_length(self);
  const auto bound = [&](size_t i, int64_t fallback) {
    int64_t at = parameters.integer_or(i, fallback);
    if (at < 0) at = std::max(int64_t{0}, at + size);
    return at;
  };
  const int64_t begin = bound(first, 0), end = std::min(bound(first + 1, size), size);
  if (begin > end) return {{}, begin, true};
  const auto byte = [&](int64_t count) {
    size_t at = 0;
    for (; count > 0; --count) at += utf8_length(text[at]);
    return at;
  };
  const size_t from = byte(begin), to = byte(end);
  return {text.substr(from, to - from), begin};
}

template <bool kLast, bool kMustExist>
Value find(Runtime& runtime, const Value& self, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"sub", "start", "end"});
  runtime.budget.charge(2 * self.as_text().size());
  const Range range = bounded(self, parameters, 1);
  const std::string_view part = parameters.text(0);
  const size_t found = range.is_empty_beyond ? std::string_view::npos
                       : kLast               ? find_last_part(range.text, part)
                                             : find_part(range.text, part);
  if (found != std::string_view::npos) {
    return Value::integer(range.begin +
                          static_cast<int64_t>(count_code_points(range.text.substr(0, found))));
  }
  if (kMustExist) throw JinjaFailure{"index(): the substring is not found"};
  return Value::integer(-1);
}

size_t count_parts(std::string_view text, std::string_view part) {
  if (part.empty()) return count_code_points(text) + 1;
  size_t count = 0;
  for (size_t at = find_part(text, part); at != text.npos; at = find_part(text, part, at)) {
    ++count;
    at += part.size();
  }
  return count;
}

Value count_in_text(Runtime& runtime, const Value& self, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"sub", "start", "end"});
  runtime.budget.charge(2 * self.as_text().size());
  const Range range = bounded(self, parameters, 1);
  if (range.is_empty_beyond) return Value::integer(0);
  return Value::integer(static_cast<int64_t>(count_parts(range.text, parameters.text(0))));
}

template <bool kEnd>
Value has_affix(Runtime& runtime, const Value& self, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"prefix", "start", "end"});
  runtime.budget.charge(self.as_text().size());
  const Range range = bounded(self, parameters, 1);
  const auto has = [&](const Value& affix) {
    if (!affix.is_string()) throw JinjaFailure{"startswith and endswith take a str or a tuple"};
    if (range.is_empty_beyond) return false;
    return kEnd ? range.text.ends_with(affix.as_text()) : range.text.starts_with(affix.as_text());
  };
  const Value& affixes = parameters.at(0);
  if (!affixes.is(JinjaType::kTuple)) return Value::boolean(has(affixes));
  const auto& items = affixes.as_items().items;
  return Value::boolean(std::any_of(items.begin(), items.end(), has));
}

template <bool kEnd>
Value remove_affix(Runtime&, const Value& self, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"affix"});
  std::string_view text = self.as_text();
  const std::string_view affix = parameters.text(0);
  if (kEnd ? text.ends_with(affix) : text.starts_with(affix)) {
    kEnd ? text.remove_suffix(affix.size()) : text.remove_prefix(affix.size());
  }
  return Value::part(self, text);
}

// ---- str: splitting and joining

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

template <bool kFromEnd>
Value split(Runtime& runtime, const Value& self, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"sep", "maxsplit"});
  runtime.budget.charge(9 * self.as_text().size());
  const int64_t max_splits = parameters.integer_or(1, -1);
  if (parameters.is_given(0)) {
    return Value::list(split_at_part(runtime, self, parameters.text(0), max_splits, kFromEnd));
  }
  return Value::list(kFromEnd ? split_at_space_from_end(runtime, self, max_splits)
                              : split_at_space(runtime, self, max_splits));
}

template <bool kLast>
Value partition(Runtime& runtime, const Value& self, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"sep"});
  runtime.budget.charge(2 * self.as_text().size());
  const std::string_view text = self.as_text(), part = parameters.text(0);
  if (part.empty()) throw JinjaFailure{"partition(): the separator is empty"};
  const size_t at = kLast ? find_last_part(text, part) : find_part(text, part);
  const Value empty = Value::constant("");
  if (at == text.npos) {
    return Value::tuple(kLast ? std::vector<Value>{empty, empty, self}
                              : std::vector<Value>{self, empty, empty});
  }
  return Value::tuple({Value::part(self, text.substr(0, at)), parameters.at(0),
                       Value::part(self, text.substr(at + part.size()))});
}

Value split_lines(Runtime& runtime, const Value& self, Arguments& arguments) {
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

Value join(Runtime& runtime, const Value& self, Arguments& arguments) {
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
  return made(std::move(text), runtime);
}

Value replace(Runtime& runtime, const Value& self, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"old", "new", "count"});
  return Value::text(replace_in_text(self.as_text(), parameters.text(0), parameters.text(1),
                                     parameters.integer_or(2, -1), runtime.budget));
}

// ---- str: padding

std::string repeated(std::string_view text, int64_t count, Runtime& runtime) {
  std::string out;
  if (count <= 0) return out;
  runtime.budget.charge_text(static_cast<size_t>(std::min(count, int64_t{1} << 40)) * text.size());
  for (int64_t i = 0; i < count; ++i) out += text;
  return out;
}

enum class Side { kLeft, kCenter, kRight };

template <Side kSide>
Value justify(Runtime& runtime, const Value& self, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"width", "fillchar"});
  const std::string_view fill = parameters.text_or(1, " ");
  if (count_code_points(fill) != 1) throw JinjaFailure{"the fill character is not one character"};
  const int64_t width = parameters.integer(0), missing = width - jinja_length(self);
  if (missing <= 0) return self;
  const int64_t left = kSide == Side::kRight    ? missing
                       : kSide == Side::kCenter ? missing / 2 + (missing & width & 1)
                                                : 0;
  return made(repeated(fill, left, runtime) + std::string(self.as_text()) +
                  repeated(fill, missing - left, runtime),
              runtime);
}

Value zero_fill(Runtime& runtime, const Value& self, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"width"});
  const std::string_view text = self.as_text();
  const bool has_sign = text.starts_with('-') || text.starts_with('+');
  const std::string zeros = repeated("0", parameters.integer(0) - jinja_length(self), runtime);
  return made(std::string(text.substr(0, has_sign)) + zeros + std::string(text.substr(has_sign)),
              runtime);
}

// ---- str: what it consists of

template <bool (*kIs)(char32_t)>
Value all_are(Runtime& runtime, const Value& self, Arguments& arguments) {
  no_arguments(arguments);
  const std::string_view text = self.as_text();
  runtime.budget.charge(text.size());
  for (size_t i = 0; i < text.size();) {
    if (!kIs(next_code_point(text, i))) return Value::boolean(false);
  }
  return Value::boolean(!text.empty());
}

bool is_letter_or_number(char32_t c) {
  return is_letter(c) || is_decimal(c) || is_digit(c);
}

template <bool kUpper>
Value has_case(Runtime& runtime, const Value& self, Arguments& arguments) {
  no_arguments(arguments);
  const std::string_view text = self.as_text();
  runtime.budget.charge(text.size());
  bool found = false;
  for (size_t i = 0; i < text.size();) {
    const char32_t c = next_code_point(text, i);
    if (kUpper ? is_lower(c) : is_upper(c)) return Value::boolean(false);
    found = found || (kUpper ? is_upper(c) : is_lower(c));
  }
  return Value::boolean(found);
}

Value is_ascii_text(Runtime& runtime, const Value& self, Arguments& arguments) {
  no_arguments(arguments);
  runtime.budget.charge(self.as_text().size());
  return Value::boolean(is_ascii(self.as_text()));
}

Value unsupported(Runtime&, const Value&, Arguments&) {
  throw JinjaFailure{"this method is not supported in templates"};
}

// ---- dict

Value view(Runtime& runtime, const Value& self, const char* name) {
  const auto& entries = self.as_dict().entries;
  runtime.budget.charge(entries.size() * 3 * sizeof(Value));
  const std::string_view what = name;
  std::vector<Value> items;
  items.reserve(entries.size());
  for (const auto& [key, value] : entries) {
    items.push_back(what == "dict_items"  ? Value::tuple({key, value})
                    : what == "dict_keys" ? key
                                          : value);
  }
  return Value::items(JinjaType::kView, std::move(items), name);
}

Value dict_items(Runtime& runtime, const Value& self, Arguments& arguments) {
  no_arguments(arguments);
  return view(runtime, self, "dict_items");
}
Value dict_keys(Runtime& runtime, const Value& self, Arguments& arguments) {
  no_arguments(arguments);
  return view(runtime, self, "dict_keys");
}
Value dict_values(Runtime& runtime, const Value& self, Arguments& arguments) {
  no_arguments(arguments);
  return view(runtime, self, "dict_values");
}

Value dict_get(Runtime& runtime, const Value& self, Arguments& arguments) {
  if (!arguments.named.empty()) throw JinjaFailure{"get() takes no named arguments"};
  const JinjaParameters parameters(arguments, {"key", "default"});
  if (const Value* value = self.as_dict().find(parameters.at(0), runtime.budget)) return *value;
  return parameters.has(1) ? parameters.at(1) : Value::none();
}

Value copy(Runtime&, const Value& self, Arguments& arguments) {
  no_arguments(arguments);
  return self;
}

// ---- list and tuple

Value index_in_list(Runtime& runtime, const Value& self, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"value"});
  const auto& items = self.as_items().items;
  for (size_t i = 0; i < items.size(); ++i) {
    if (jinja_equal(items[i], parameters.at(0), runtime.budget)) {
      return Value::integer(static_cast<int64_t>(i));
    }
  }
  throw JinjaFailure{"index(): the value is not in the list"};
}

Value count_in_list(Runtime& runtime, const Value& self, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"value"});
  const auto& items = self.as_items().items;
  return Value::integer(std::count_if(items.begin(), items.end(), [&](const Value& item) {
    return jinja_equal(item, parameters.at(0), runtime.budget);
  }));
}

struct Method {
  std::string_view name;
  JinjaFunction function;
};

// Sorted by name.
constexpr Method kStringMethods[] = {
    {"capitalize", change_case<python_capitalize>},
    {"casefold", change_case<python_lower>},
    {"center", justify<Side::kCenter>},
    {"count", count_in_text},
    {"encode", unsupported},
    {"endswith", has_affix<true>},
    {"expandtabs", unsupported},
    {"find", find<false, false>},
    {"format", brace_format},
    {"format_map", unsupported},
    {"index", find<false, true>},
    {"isalnum", all_are<is_letter_or_number>},
    {"isalpha", all_are<is_letter>},
    {"isascii", is_ascii_text},
    {"isdecimal", all_are<is_decimal>},
    {"isdigit", all_are<is_digit>},
    {"isidentifier", unsupported},
    {"islower", has_case<false>},
    {"isnumeric", all_are<is_digit>},
    {"isprintable", unsupported},
    {"isspace", all_are<is_python_space>},
    {"istitle", unsupported},
    {"isupper", has_case<true>},
    {"join", join},
    {"ljust", justify<Side::kLeft>},
    {"lower", change_case<python_lower>},
    {"lstrip", strip<true, false>},
    {"maketrans", unsupported},
    {"partition", partition<false>},
    {"removeprefix", remove_affix<false>},
    {"removesuffix", remove_affix<true>},
    {"replace", replace},
    {"rfind", find<true, false>},
    {"rindex", find<true, true>},
    {"rjust", justify<Side::kRight>},
    {"rpartition", partition<true>},
    {"rsplit", split<true>},
    {"rstrip", strip<false, true>},
    {"split", split<false>},
    {"splitlines", split_lines},
    {"startswith", has_affix<false>},
    {"strip", strip<true, true>},
    {"swapcase", change_case<swap_case>},
    {"title", change_case<python_title>},
    {"translate", unsupported},
    {"upper", change_case<python_upper>},
    {"zfill", zero_fill},
};
constexpr Method kDictMethods[] = {
    {"copy", copy},        {"fromkeys", unsupported}, {"get", dict_get},
    {"items", dict_items}, {"keys", dict_keys},       {"values", dict_values},
};
constexpr Method kListMethods[] = {
    {"copy", copy}, {"count", count_in_list}, {"index", index_in_list}};

template <size_t kSize>
JinjaFunction find_method(const Method (&methods)[kSize], std::string_view name) {
  const auto* found =
      std::lower_bound(std::begin(methods), std::end(methods), name,
                       [](const Method& method, std::string_view n) { return method.name < n; });
  return found != std::end(methods) && found->name == name ? found->function : nullptr;
}

}  // namespace

JinjaFunction find_string_method(std::string_view name) {
  return find_method(kStringMethods, name);
}
JinjaFunction find_dict_method(std::string_view name) {
  return find_method(kDictMethods, name);
}
JinjaFunction find_list_method(std::string_view name) {
  return find_method(kListMethods, name);
}

std::string replace_in_text(std::string_view text, std::string_view from, std::string_view to,
                            int64_t max_count, JinjaBudget& budget) {
  budget.charge_text(2 * text.size());
  std::string out;
  size_t begin = 0;
  for (size_t at = 0; max_count != 0; --max_count) {
    // An empty text is found before every character and at the end.
    const size_t found = from.empty() ? at : find_part(text, from, at);
    if (found == text.npos || found > text.size()) break;
    budget.charge_text(std::max(out.size(), size_t{1}) > kMaxJinjaText ? kMaxJinjaText + 1
                                                                       : 1 + to.size());
    out += text.substr(begin, found - begin);
    out += to;
    begin = found + from.size();
    at = begin;
    if (from.empty()) {
      if (found == text.size()) break;
      at = found + utf8_length(text[found]);
    }
  }
  out += text.substr(begin);
  return out;
}

}  // namespace temper
