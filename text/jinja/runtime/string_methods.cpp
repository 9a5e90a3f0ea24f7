// Methods of str.
#include <algorithm>
#include <utility>

#include "text/jinja/runtime/builtins.h"
#include "text/jinja/runtime/format.h"
#include "text/jinja/runtime/method_table.h"
#include "text/jinja/runtime/splitting.h"
#include "text/jinja/runtime/unicode.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

using Value = JinjaValue;
using Runtime = JinjaRuntime;
using Arguments = JinjaArguments;

Value made(std::string text, Runtime& runtime) {
  runtime.budget.charge_text(text.size());
  return Value::text(std::move(text));
}

template <std::string (*kChange)(std::string_view)>
Value change_case(Runtime& runtime, const Value& self, Arguments& arguments) {
  expect_no_arguments(arguments);
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

Value replace(Runtime& runtime, const Value& self, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"old", "new", "count"});
  return Value::text(replace_in_text(self.as_text(), parameters.text(0), parameters.text(1),
                                     parameters.integer_or(2, -1), runtime.budget));
}

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

template <bool (*kIs)(char32_t)>
Value all_are(Runtime& runtime, const Value& self, Arguments& arguments) {
  expect_no_arguments(arguments);
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
  expect_no_arguments(arguments);
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
  expect_no_arguments(arguments);
  runtime.budget.charge(self.as_text().size());
  return Value::boolean(is_ascii(self.as_text()));
}

// Sorted by name.
constexpr JinjaMethod kStringMethods[] = {
    {"capitalize", change_case<python_capitalize>},
    {"casefold", change_case<python_lower>},
    {"center", justify<Side::kCenter>},
    {"count", count_in_text},
    {"encode", unsupported_method},
    {"endswith", has_affix<true>},
    {"expandtabs", unsupported_method},
    {"find", find<false, false>},
    {"format", brace_format},
    {"format_map", unsupported_method},
    {"index", find<false, true>},
    {"isalnum", all_are<is_letter_or_number>},
    {"isalpha", all_are<is_letter>},
    {"isascii", is_ascii_text},
    {"isdecimal", all_are<is_decimal>},
    {"isdigit", all_are<is_digit>},
    {"isidentifier", unsupported_method},
    {"islower", has_case<false>},
    {"isnumeric", all_are<is_digit>},
    {"isprintable", unsupported_method},
    {"isspace", all_are<is_python_space>},
    {"istitle", unsupported_method},
    {"isupper", has_case<true>},
    {"join", method_join},
    {"ljust", justify<Side::kLeft>},
    {"lower", change_case<python_lower>},
    {"lstrip", strip<true, false>},
    {"maketrans", unsupported_method},
    {"partition", method_partition},
    {"removeprefix", remove_affix<false>},
    {"removesuffix", remove_affix<true>},
    {"replace", replace},
    {"rfind", find<true, false>},
    {"rindex", find<true, true>},
    {"rjust", justify<Side::kRight>},
    {"rpartition", method_rpartition},
    {"rsplit", method_rsplit},
    {"rstrip", strip<false, true>},
    {"split", method_split},
    {"splitlines", method_splitlines},
    {"startswith", has_affix<false>},
    {"strip", strip<true, true>},
    {"swapcase", change_case<swap_case>},
    {"title", change_case<python_title>},
    {"translate", unsupported_method},
    {"upper", change_case<python_upper>},
    {"zfill", zero_fill},
};

}  // namespace

JinjaFunction find_string_method(std::string_view name) {
  return find_method(kStringMethods, name);
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
