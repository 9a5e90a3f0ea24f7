#include "text/jinja/runtime/format.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "text/jinja/runtime/builtins.h"
#include "text/jinja/runtime/operators.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

constexpr int kMaxPrecision = 200;

[[noreturn]] void fail(const char* message) {
  throw JinjaFailure{fmt::format("a format: {}", message)};
}

// How one value is to be shown, of either way.
struct Spec {
  std::string fill = " ";
  char align = 0;  // < > ^ =
  char sign = '-';
  bool alternate = false;
  char group = 0;
  size_t width = 0;
  int precision = -1;
  char type = 0;
};

std::string shown_integer(int64_t value, const Spec& spec) {
  const bool negative = value < 0;
  const uint64_t size =
      negative ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  switch (spec.type) {
    case 'x':
      return fmt::format("{}{:x}", spec.alternate ? "0x" : "", size);
    case 'X':
      return fmt::format("{}{:X}", spec.alternate ? "0X" : "", size);
    case 'o':
      return fmt::format("{}{:o}", spec.alternate ? "0o" : "", size);
    case 'b':
      return fmt::format("{}{:b}", spec.alternate ? "0b" : "", size);
    default:
      return std::to_string(size);
  }
}

std::string shown_float(double value, const Spec& spec) {
  value = std::fabs(value);
  const int precision = spec.precision < 0 ? 6 : spec.precision;
  switch (spec.type) {
    case 'e':
      return fmt::format("{:.{}e}", value, precision);
    case 'E':
      return fmt::format("{:.{}E}", value, precision);
    case 'g':
      return fmt::format("{:.{}g}", value, precision == 0 ? 1 : precision);
    case 'G':
      return fmt::format("{:.{}G}", value, precision == 0 ? 1 : precision);
    case '%':
      return fmt::format("{:.{}f}%", value * 100, precision);
    case 0:
      if (spec.precision < 0) return jinja_float_repr(value);
      return fmt::format("{:.{}g}", value, precision == 0 ? 1 : precision);
    default:
      return fmt::format("{:.{}f}", value, precision);
  }
}

std::string grouped(const std::string& digits, char separator) {
  size_t whole = digits.find_first_not_of("0123456789");
  if (whole == digits.npos) whole = digits.size();
  std::string out;
  for (size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % 3 == 0) out += separator;
    out += digits[i];
  }
  return out + digits.substr(whole);
}

std::string padded(const std::string& sign, const std::string& body, const Spec& spec,
                   char default_align, JinjaBudget& budget) {
  const size_t size = count_code_points(sign) + count_code_points(body);
  if (spec.width <= size) return sign + body;
  budget.charge_text(spec.width * spec.fill.size());
  const size_t missing = spec.width - size;
  const char align = spec.align ? spec.align : default_align;
  const size_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  std::string left, right;
  for (size_t i = 0; i < before; ++i) left += spec.fill;
  for (size_t i = before; i < missing; ++i) right += spec.fill;
  return align == '=' ? sign + left + body : left + sign + body + right;
}

bool is_float_type(char type) {
  return type != 0 && std::string_view("eEfFgG%").find(type) != std::string_view::npos;
}

std::string shown_number(const JinjaValue& value, const Spec& spec, JinjaBudget& budget) {
  const bool as_float = value.is(JinjaType::kFloat) || is_float_type(spec.type);
  const bool negative = as_float ? std::signbit(value.as_double()) : value.as_integer() < 0;
  std::string body =
      as_float ? shown_float(value.as_double(), spec) : shown_integer(value.as_integer(), spec);
  if (spec.group) body = grouped(body, spec.group);
  const std::string sign = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  return padded(sign, body, spec, '>', budget);
}

std::string shown_text(std::string_view text, const Spec& spec, char align, JinjaBudget& budget) {
  budget.charge_text(text.size());
  size_t end = text.size();
  if (spec.precision >= 0) {
    end = 0;
    for (int i = 0; i < spec.precision && end < text.size(); ++i) end += utf8_length(text[end]);
  }
  return padded("", std::string(text.substr(0, end)), spec, align, budget);
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  char take() {
    if (at_end()) fail("it ends too early");
    return text_[at_++];
  }
  bool skip(char c) {
    if (peek() != c || at_end()) return false;
    ++at_;
    return true;
  }
  std::string_view until(char c) {
    const size_t end = text_.find(c, at_);
    if (end == text_.npos) fail("it ends too early");
    const std::string_view part = text_.substr(at_, end - at_);
    at_ = end + 1;
    return part;
  }
  bool has_digit() const { return peek() >= '0' && peek() <= '9'; }
  size_t number() {
    size_t value = 0;
    while (has_digit()) {
      value = value * 10 + static_cast<size_t>(take() - '0');
      if (value > kMaxJinjaText) fail("a number is too large");
    }
    return value;
  }
  std::string_view rest() const { return text_.substr(at_); }
  void advance(size_t count) { at_ += count; }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

int checked_precision(size_t precision) {
  if (precision > static_cast<size_t>(kMaxPrecision)) fail("the precision is too large");
  return static_cast<int>(precision);
}

// ---- "%s" % value

class PercentFormat {
 public:
  PercentFormat(const JinjaValue& format, const JinjaValue& arguments, JinjaBudget& budget)
      : reader_(format.as_text()), arguments_(arguments), budget_(budget) {
    budget_.charge_text(format.as_text().size());
  }

  std::string run() {
    std::string out;
    while (!reader_.at_end()) {
      const char c = reader_.take();
      if (c == '%') {
        out += reader_.skip('%') ? "%" : conversion();
      } else {
        out += c;
      }
      if (out.size() > kMaxJinjaText) budget_.charge_text(out.size());
    }
    if (arguments_.is(JinjaType::kTuple)
            ? num_taken_ < arguments_.as_items().items.size()
            : num_taken_ == 0 && !arguments_.is_dict() && !arguments_.is(JinjaType::kList)) {
      fail("not all arguments are used");
    }
    return out;
  }

 private:
  JinjaValue next_argument() {
    if (!arguments_.is(JinjaType::kTuple)) {
      if (num_taken_++ > 0) fail("there are not enough arguments");
      return arguments_;
    }
    const auto& items = arguments_.as_items().items;
    if (num_taken_ >= items.size()) fail("there are not enough arguments");
    return items[num_taken_++];
  }

  JinjaValue named_argument() {
    if (!arguments_.is_dict()) fail("it needs a dict");
    const JinjaValue* value = arguments_.as_dict().find(reader_.until(')'));
    if (!value) fail("a key is not in the dict");
    return *value;
  }

  std::string conversion() {
    std::optional<JinjaValue> value;
    if (reader_.skip('(')) value = named_argument();
    Spec spec;
    for (;; reader_.take()) {
      if (reader_.peek() == '-') {
        spec.align = '<';
      } else if (reader_.peek() == '+' || (reader_.peek() == ' ' && spec.sign != '+')) {
        spec.sign = reader_.peek();
      } else if (reader_.peek() == '0') {
        spec.fill = "0";
      } else if (reader_.peek() == '#') {
        spec.alternate = true;
      } else {
        break;
      }
    }
    if (reader_.peek() == '*') fail("'*' is not supported");
    spec.width = reader_.number();
    if (reader_.skip('.')) spec.precision = checked_precision(reader_.number());
    spec.type = reader_.take();
    if (!value) value = next_argument();
    return shown(*value, spec);
  }

  std::string shown(const JinjaValue& value, Spec spec) {
    if (spec.align == '<') spec.fill = " ";
    if (spec.type == 's' || spec.type == 'r' || spec.type == 'a') {
      spec.fill = " ";
      std::string text;
      if (spec.type == 's') {
        append_jinja_text(text, value, budget_);
      } else {
        append_jinja_repr(text, value, budget_);
      }
      return shown_text(text, spec, '>', budget_);
    }
    if (std::string_view("diuxXoeEfFgG").find(spec.type) == std::string_view::npos) {
      fail("a conversion is not supported");
    }
    if (!value.is_number()) fail("a number is required");
    if (spec.fill == "0" && !spec.align) spec.align = '=';
    return number(value, spec);
  }

  std::string number(const JinjaValue& value, Spec spec) {
    if (is_float_type(spec.type)) return shown_number(value, spec, budget_);
    if (spec.type == 'i' || spec.type == 'u') spec.type = 'd';
    if (value.is_integral()) return shown_number(value, spec, budget_);
    const double whole = std::trunc(value.as_double());
    if (spec.type != 'd' || !(std::fabs(whole) < 9e18)) fail("an integer is required");
    return shown_number(JinjaValue::integer(static_cast<int64_t>(whole)), spec, budget_);
  }

  Reader reader_;
  const JinjaValue& arguments_;
  JinjaBudget& budget_;
  size_t num_taken_ = 0;
};

// ---- "{}".format(value)

Spec parse_spec(std::string_view text) {
  Spec spec;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  const size_t first = text.empty() ? 0 : utf8_length(text[0]);
  Reader reader(text);
  if (text.size() > first && is_align(text[first])) {
    spec.fill = std::string(text.substr(0, first));
    spec.align = text[first];
    reader.advance(first + 1);
  } else if (is_align(reader.peek())) {
    spec.align = reader.take();
  }
  if (reader.peek() == '+' || reader.peek() == '-' || reader.peek() == ' ')
    spec.sign = reader.take();
  spec.alternate = reader.skip('#');
  if (reader.peek() == '0') {
    if (!spec.align) {
      spec.align = '=';
      spec.fill = "0";
    }
    reader.take();
  }
  spec.width = reader.number();
  if (reader.peek() == ',' || reader.peek() == '_') spec.group = reader.take();
  if (reader.skip('.')) {
    if (!reader.has_digit()) fail("the precision is missing");
    spec.precision = checked_precision(reader.number());
  }
  if (!reader.at_end()) spec.type = reader.take();
  if (!reader.at_end()) fail("a specification is not understood");
  return spec;
}

std::string shown_by_spec(const JinjaValue& value, std::string_view text, JinjaBudget& budget) {
  std::string plain;
  if (text.empty()) {
    append_jinja_text(plain, value, budget);
    return plain;
  }
  Spec spec = parse_spec(text);
  if (value.is_number() && !(value.is(JinjaType::kBool) && spec.type == 0)) {
    if (std::string_view("\0dxXobeEfFgG%", 13).find(spec.type) == std::string_view::npos) {
      fail("a type is not supported");
    }
    if (value.is(JinjaType::kFloat) && spec.type && !is_float_type(spec.type)) {
      fail("an integer is required");
    }
    return shown_number(value, spec, budget);
  }
  if (!value.is_string() && !value.is(JinjaType::kBool)) fail("this type takes no specification");
  if (spec.type != 0 && spec.type != 's') fail("a number is required");
  if (spec.align == '=') {
    if (spec.fill != "0") fail("'=' is for numbers");
    spec.align = '<';
  }
  append_jinja_text(plain, value, budget);
  return shown_text(plain, spec, '<', budget);
}

class BraceFormat {
 public:
  BraceFormat(JinjaRuntime& runtime, std::string_view format, JinjaArguments& arguments)
      : runtime_(runtime), reader_(format), arguments_(arguments) {
    runtime_.budget.charge_text(format.size());
  }

  std::string run() {
    std::string out;
    while (!reader_.at_end()) {
      const char c = reader_.take();
      const bool is_brace = c == '{' || c == '}';
      if (!is_brace || reader_.skip(c)) {
        out += c;
      } else if (c == '{') {
        out += field();
      } else {
        fail("a single '}'");
      }
      if (out.size() > kMaxJinjaText) runtime_.budget.charge_text(out.size());
    }
    return out;
  }

 private:
  std::string field() {
    const std::string_view text = reader_.until('}');
    if (text.find('{') != text.npos) fail("a field in a specification is not supported");
    const size_t end = text.find_first_of("!:");
    const JinjaValue value = look_up(text.substr(0, end));
    if (end == text.npos) return shown_by_spec(value, "", runtime_.budget);
    std::string_view rest = text.substr(end);
    if (rest[0] == ':') return shown_by_spec(value, rest.substr(1), runtime_.budget);
    const char conversion = rest.size() > 1 ? rest[1] : '\0';
    if (conversion != 'r' && conversion != 's') fail("a conversion is not supported");
    std::string converted;
    conversion == 'r' ? append_jinja_repr(converted, value, runtime_.budget)
                      : append_jinja_text(converted, value, runtime_.budget);
    rest = rest.size() > 2 && rest[2] == ':' ? rest.substr(3) : "";
    return shown_by_spec(JinjaValue::text(std::move(converted)), rest, runtime_.budget);
  }

  JinjaValue look_up(std::string_view path) {
    const size_t end = std::min(path.find_first_of(".["), path.size());
    JinjaValue value = argument(path.substr(0, end));
    path.remove_prefix(end);
    while (!path.empty()) {
      const bool is_attribute = path[0] == '.';
      size_t last =
          is_attribute ? std::min(path.find_first_of(".[", 1), path.size()) : path.find(']');
      if (last == path.npos) fail("a ']' is missing");
      const std::string_view name = path.substr(1, last - 1);
      if (name.empty()) fail("a name is missing");
      value = member(value, name, is_attribute);
      path.remove_prefix(is_attribute ? last : last + 1);
      if (!path.empty() && path[0] != '.' && path[0] != '[') fail("a '.' or '[' is missing");
    }
    return value;
  }

  JinjaValue member(const JinjaValue& object, std::string_view name, bool is_attribute) {
    const JinjaValue key = JinjaValue::text(std::string(name));
    if (!is_attribute && Reader(name).has_digit()) {
      Reader digits(name);
      return jinja_item(object, JinjaValue::integer(static_cast<int64_t>(digits.number())),
                        runtime_);
    }
    const JinjaValue found = jinja_item(object, key, runtime_);
    if (found.is_undefined()) fail("a member is undefined");
    return found;
  }

  JinjaValue argument(std::string_view name) {
    const auto positional = [&](size_t i) {
      if (i >= arguments_.positional.size()) fail("there are not enough arguments");
      return arguments_.positional[i];
    };
    if (name.empty()) return positional(num_taken_++);
    Reader digits(name);
    if (digits.has_digit()) {
      const size_t i = digits.number();
      return positional(i);
    }
    for (const auto& [key, value] : arguments_.named) {
      if (key == name) return value;
    }
    fail("an argument is not given");
  }

  JinjaRuntime& runtime_;
  Reader reader_;
  JinjaArguments& arguments_;
  size_t num_taken_ = 0;
};

}  // namespace

JinjaValue percent_format(const JinjaValue& format, const JinjaValue& arguments,
                          JinjaBudget& budget) {
  return JinjaValue::text(PercentFormat(format, arguments, budget).run());
}

JinjaValue brace_format(JinjaRuntime& runtime, const JinjaValue& format,
                        JinjaArguments& arguments) {
  return JinjaValue::text(BraceFormat(runtime, format.as_text(), arguments).run());
}

}  // namespace temper
