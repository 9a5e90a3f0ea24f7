// Filters of texts and numbers.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "text/jinja/runtime/filters.h"
#include "text/jinja/runtime/format.h"
#include "text/jinja/runtime/json.h"
#include "text/jinja/runtime/operators.h"
#include "text/jinja/runtime/unicode.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

using Value = JinjaValue;
using Runtime = JinjaRuntime;
using Arguments = JinjaArguments;

void no_arguments(Arguments& arguments) {
  expect_no_arguments(arguments);
}

// A filter that is the method of the same name of the subject as a text.
Value call_method(const char* name, Runtime& runtime, const Value& subject, Arguments& arguments) {
  const Value text = jinja_to_text(subject, runtime.budget);
  return find_string_method(name)(runtime, text, arguments);
}

Value trim(Runtime& runtime, const Value& subject, Arguments& arguments) {
  return call_method("strip", runtime, subject, arguments);
}
Value upper(Runtime& runtime, const Value& subject, Arguments& arguments) {
  return call_method("upper", runtime, subject, arguments);
}
Value lower(Runtime& runtime, const Value& subject, Arguments& arguments) {
  return call_method("lower", runtime, subject, arguments);
}
Value capitalize(Runtime& runtime, const Value& subject, Arguments& arguments) {
  return call_method("capitalize", runtime, subject, arguments);
}

// Jinja's words begin behind white space, hyphens and opening brackets, unlike str.title's.
Value title(Runtime& runtime, const Value& subject, Arguments& arguments) {
  no_arguments(arguments);
  const Value value = jinja_to_text(subject, runtime.budget);
  const std::string_view text = value.as_text();
  runtime.budget.charge_text(4 * text.size());
  const auto is_separator = [](char32_t c) {
    return is_python_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
  };
  std::string out;
  for (size_t begin = 0, at = 0; begin < text.size(); begin = at) {
    size_t first = at;
    const bool separates = is_separator(next_code_point(text, at));
    const size_t second = at;
    while (at < text.size()) {
      size_t next = at;
      if (is_separator(next_code_point(text, next)) != separates) break;
      at = next;
    }
    out += python_upper(text.substr(first, second - first));
    out += python_lower(text.substr(second, at - second));
  }
  return Value::text(std::move(out));
}

Value string(Runtime& runtime, const Value& subject, Arguments& arguments) {
  no_arguments(arguments);
  return jinja_to_text(subject, runtime.budget);
}

Value safe(Runtime& runtime, const Value& subject, Arguments& arguments) {
  no_arguments(arguments);
  return jinja_to_text(subject, runtime.budget).with_markup();
}

Value escape(Runtime& runtime, const Value& subject, Arguments& arguments) {
  no_arguments(arguments);
  const Value text = jinja_to_text(subject, runtime.budget);
  if (text.is_markup()) return text;
  return Value::text(escape_html(text.as_text(), runtime.budget)).with_markup();
}

Value force_escape(Runtime& runtime, const Value& subject, Arguments& arguments) {
  no_arguments(arguments);
  const Value text = jinja_to_text(subject, runtime.budget);
  return Value::text(escape_html(text.as_text(), runtime.budget)).with_markup();
}

Value replace(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"old", "new", "count"});
  const Value text = jinja_to_text(subject, runtime.budget);
  const Value from = jinja_to_text(parameters.at(0), runtime.budget),
              to = jinja_to_text(parameters.at(1), runtime.budget);
  return Value::text(replace_in_text(text.as_text(), from.as_text(), to.as_text(),
                                     parameters.integer_or(2, -1), runtime.budget));
}

Value format(Runtime& runtime, const Value& subject, Arguments& arguments) {
  if (!arguments.named.empty() && !arguments.positional.empty()) {
    throw JinjaFailure{"format: positional and named arguments at once"};
  }
  const Value text = jinja_to_text(subject, runtime.budget);
  if (arguments.named.empty()) {
    return percent_format(text, Value::tuple(arguments.positional), runtime.budget);
  }
  JinjaRef<JinjaDict> named(new JinjaDict);
  for (const auto& [name, value] : arguments.named) {
    named->set(Value::text(std::string(name)), value, runtime.budget);
  }
  return percent_format(text, Value::dict(named), runtime.budget);
}

Value center(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"width"});
  Arguments width;
  width.positional.push_back(Value::integer(parameters.integer_or(0, 80)));
  return call_method("center", runtime, subject, width);
}

Value indent(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"width", "first", "blank"});
  const Value* width = parameters.find(0);
  const int64_t spaces = width && !width->is_string() ? parameters.integer(0) : 4;
  if (spaces > int64_t{1} << 20) throw JinjaFailure{"indent: the width is too large"};
  const std::string indention =
      width && width->is_string()
          ? std::string(width->as_text())
          : std::string(static_cast<size_t>(std::max(spaces, int64_t{0})), ' ');
  if (!subject.is_string()) throw JinjaFailure{"indent: the value is not a str"};
  Arguments none;
  const Value with_newline = Value::text(std::string(subject.as_text()) + "\n");
  const Value lines = find_string_method("splitlines")(runtime, with_newline, none);
  std::string out = parameters.boolean_or(1, false) ? indention : "";
  const bool blank = parameters.boolean_or(2, false);
  bool is_first = true;
  for (const Value& line : lines.as_items().items) {
    runtime.budget.charge(line.as_text().size() + indention.size() + 1);
    if (!is_first) {
      out += '\n';
      if (blank || !line.as_text().empty()) out += indention;
    }
    is_first = false;
    out += line.as_text();
  }
  runtime.budget.charge_text(out.size());
  return Value::text(std::move(out));
}

Value word_count(Runtime& runtime, const Value& subject, Arguments& arguments) {
  no_arguments(arguments);
  Arguments none;
  return Value::integer(jinja_length(call_method("split", runtime, subject, none)));
}

Value truncate(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"length", "killwords", "end", "leeway"});
  const Value text = jinja_to_text(subject, runtime.budget);
  const int64_t length = parameters.integer_or(0, 255);
  const std::string end(parameters.text_or(2, "..."));
  const int64_t end_size = static_cast<int64_t>(count_code_points(end));
  if (length < end_size) throw JinjaFailure{"truncate: the length is less than that of its end"};
  if (jinja_length(text) <= length + parameters.integer_or(3, 5)) return text;
  const Value stop = Value::integer(length - end_size);
  std::string cut(jinja_slice(text, nullptr, &stop, nullptr, runtime.budget).as_text());
  if (!parameters.boolean_or(1, false)) {
    const size_t space = cut.rfind(' ');
    if (space != cut.npos) cut.resize(space);
  }
  return Value::text(cut + end);
}

// ---- JSON

Value to_json(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments,
                                   {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ensure_ascii = parameters.boolean_or(0, false);
  style.sort_keys = parameters.boolean_or(3, false);
  if (parameters.is_given(1)) {
    const Value& indent = parameters.at(1);
    if (indent.is_string()) {
      style.indent = std::string(indent.as_text());
    } else {
      const int64_t width = std::clamp(parameters.integer(1), int64_t{0}, int64_t{1000});
      style.indent = std::string(static_cast<size_t>(width), ' ');
    }
    style.item_separator = ",";
  }
  if (parameters.is_given(2)) {
    const std::vector<Value> separators = jinja_iterate(parameters.at(2), runtime.budget);
    if (separators.size() != 2 || !separators[0].is_string() || !separators[1].is_string()) {
      throw JinjaFailure{"tojson: separators are two texts"};
    }
    style.item_separator = std::string(separators[0].as_text());
    style.key_separator = std::string(separators[1].as_text());
  }
  return Value::text(jinja_to_json(subject, style, runtime.budget));
}

// ---- numbers

// Python's int(text, base) for a base of 10, 16, 8, 2 and so on.
std::optional<int64_t> parse_integer(std::string_view text, int base) {
  text = strip_begin(strip_end(text));
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto has_prefix = [&](char letter) {
    return text.size() > 2 && text[0] == '0' && (text[1] | 0x20) == letter;
  };
  if ((base == 16 && has_prefix('x')) || (base == 8 && has_prefix('o')) ||
      (base == 2 && has_prefix('b'))) {
    text.remove_prefix(text.size() > 3 && text[2] == '_' ? 3 : 2);
  }
  std::string digits(negative ? "-" : "");
  for (size_t i = 0; i < text.size(); ++i) {
    const bool joins = text[i] == '_' && i > 0 && i + 1 < text.size() && text[i - 1] != '_';
    if (!joins) digits += text[i];
  }
  int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [last, error] = std::from_chars(digits.data(), end, value, base);
  if (error == std::errc::result_out_of_range) {
    throw JinjaFailure{"an integer does not fit in 64 bits"};
  }
  if (error != std::errc() || last != end) return std::nullopt;
  return value;
}

std::optional<double> parse_float(std::string_view text) {
  text = strip_begin(strip_end(text));
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const auto [last, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (last != text.data() + text.size() || text.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return std::nullopt;
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::optional<int64_t> truncated(double value) {
  if (!(std::fabs(value) < 9.2e18)) return std::nullopt;
  return static_cast<int64_t>(value);
}

Value to_int(Runtime&, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"default", "base"});
  if (subject.is_undefined()) subject.fail_undefined();
  const Value fallback = parameters.has(0) ? parameters.at(0) : Value::integer(0);
  if (subject.is_integral()) return Value::integer(subject.as_integer());
  std::optional<int64_t> result;
  if (subject.is(JinjaType::kFloat)) {
    result = truncated(subject.as_double());
  } else if (subject.is_string()) {
    const int64_t base = parameters.integer_or(1, 10);
    if (base < 2 || base > 36) throw JinjaFailure{"int: the base must be 2 to 36"};
    result = parse_integer(subject.as_text(), static_cast<int>(base));
    if (!result) {
      if (const auto number = parse_float(subject.as_text())) result = truncated(*number);
    }
  }
  return result ? Value::integer(*result) : fallback;
}

Value to_float(Runtime&, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"default"});
  if (subject.is_undefined()) subject.fail_undefined();
  if (subject.is_number()) return Value::number(subject.as_double());
  if (subject.is_string()) {
    if (const auto number = parse_float(subject.as_text())) return Value::number(*number);
  }
  return parameters.has(0) ? parameters.at(0) : Value::number(0);
}

void require_number(const Value& subject, const char* filter) {
  if (subject.is_undefined()) subject.fail_undefined();
  if (!subject.is_number()) {
    throw JinjaFailure{fmt::format("{}: a {} is no number", filter, jinja_type_name(subject))};
  }
}

Value absolute(Runtime&, const Value& subject, Arguments& arguments) {
  no_arguments(arguments);
  require_number(subject, "abs");
  if (subject.is(JinjaType::kFloat)) return Value::number(std::fabs(subject.as_double()));
  return subject.as_integer() < 0 ? jinja_negate(subject) : jinja_plus(subject);
}

// Correctly rounded in decimal, ties to even, as Python's round().
double round_to(double value, int precision) {
  if (!std::isfinite(value) || precision > 300) return value;
  if (precision >= 0) return std::stod(fmt::format("{:.{}f}", value, precision));
  const double unit = std::pow(10.0, -precision);
  return std::nearbyint(value / unit) * unit;
}

Value round(Runtime&, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"precision", "method"});
  require_number(subject, "round");
  const int64_t precision = parameters.integer_or(0, 0);
  const std::string_view method = parameters.text_or(1, "common");
  if (precision < -300 || precision > 300) throw JinjaFailure{"round: the precision is too large"};
  if (method == "common") {
    if (subject.is_integral() && precision >= 0) return Value::integer(subject.as_integer());
    const double rounded = round_to(subject.as_double(), static_cast<int>(precision));
    if (!subject.is_integral()) return Value::number(rounded);
    return Value::integer(static_cast<int64_t>(rounded));
  }
  if (method != "ceil" && method != "floor") {
    throw JinjaFailure{"round: the method must be common, ceil or floor"};
  }
  const double unit = std::pow(10.0, static_cast<double>(precision));
  const double scaled = subject.as_double() * unit;
  return Value::number((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit);
}

constexpr JinjaFilter kFilters[] = {
    {"abs", absolute},
    {"capitalize", capitalize},
    {"center", center},
    {"e", escape},
    {"escape", escape},
    {"float", to_float},
    {"forceescape", force_escape},
    {"format", format},
    {"indent", indent},
    {"int", to_int},
    {"lower", lower},
    {"replace", replace},
    {"round", round},
    {"safe", safe},
    {"string", string},
    {"title", title},
    {"tojson", to_json},
    {"trim", trim},
    {"truncate", truncate},
    {"upper", upper},
    {"wordcount", word_count},
};

}  // namespace

std::span<const JinjaFilter> jinja_text_filters() {
  return kFilters;
}

}  // namespace temper
