// Values as text: Python's str() and repr().
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "common/error.h"
#include "text/jinja/runtime/unicode.h"
#include "text/jinja/runtime/value.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

void append_string_repr(std::string& out, std::string_view text) {
  const bool has_single = text.find('\'') != text.npos;
  const char quote = has_single && text.find('"') == text.npos ? '"' : '\'';
  out += quote;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const char32_t c = next_code_point(text, i);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n' || c == '\t' || c == '\r') {
      out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
    } else if (is_printable(c)) {
      out += text.substr(begin, i - begin);
    } else {
      const auto code = static_cast<uint32_t>(c);
      out += code < 0x100     ? fmt::format("\\x{:02x}", code)
             : code < 0x10000 ? fmt::format("\\u{:04x}", code)
                              : fmt::format("\\U{:08x}", code);
    }
  }
  out += quote;
}

void append_items_repr(std::string& out, const std::vector<JinjaValue>& items, char open,
                       char close, JinjaBudget& budget) {
  out += open;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += ", ";
    append_jinja_repr(out, items[i], budget);
  }
  if (open == '(' && items.size() == 1) out += ',';
  out += close;
}

void append_dict_repr(std::string& out, const JinjaDict& dict, JinjaBudget& budget) {
  out += '{';
  for (size_t i = 0; i < dict.entries.size(); ++i) {
    if (i > 0) out += ", ";
    append_jinja_repr(out, dict.entries[i].first, budget);
    out += ": ";
    append_jinja_repr(out, dict.entries[i].second, budget);
  }
  out += '}';
}

void append_range_repr(std::string& out, const JinjaRange& range) {
  out += fmt::format("range({}, {}", range.start, range.stop);
  if (range.step != 1) out += fmt::format(", {}", range.step);
  out += ')';
}

}  // namespace

std::string jinja_float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[40];
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  TEMPER_CHECK(error == std::errc());
  const std::string scientific(buffer, end);
  const size_t e = scientific.find('e');
  const int exponent = std::stoi(scientific.substr(e + 1));
  if (exponent < -4 || exponent >= 16) {
    return fmt::format("{}e{}{:02}", scientific.substr(0, e), exponent < 0 ? '-' : '+',
                       std::abs(exponent));
  }
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  std::string text(buffer, fixed.ptr);
  if (text.find('.') == text.npos) text += ".0";
  return text;
}

void append_jinja_text(std::string& out, const JinjaValue& value, JinjaBudget& budget) {
  if (value.is_string()) {
    budget.charge_text(out.size() + value.as_text().size() > kMaxJinjaText
                           ? kMaxJinjaText + 1
                           : value.as_text().size());
    out += value.as_text();
  } else if (!value.is_undefined()) {
    append_jinja_repr(out, value, budget);
  }
}

void append_jinja_repr(std::string& out, const JinjaValue& value, JinjaBudget& budget) {
  budget.step();
  if (out.size() > kMaxJinjaText) budget.charge_text(out.size());
  switch (value.type()) {
    case JinjaType::kUndefined:
      out += "Undefined";
      return;
    case JinjaType::kNone:
      out += "None";
      return;
    case JinjaType::kBool:
      out += value.as_bool() ? "True" : "False";
      return;
    case JinjaType::kInt:
      out += fmt::format_int(value.as_integer()).c_str();
      return;
    case JinjaType::kFloat:
      out += jinja_float_repr(value.as_double());
      return;
    case JinjaType::kString:
      budget.charge_text(value.as_text().size());
      if (value.is_markup()) out += "Markup(";
      append_string_repr(out, value.as_text());
      if (value.is_markup()) out += ')';
      return;
    case JinjaType::kList:
      return append_items_repr(out, value.as_items().items, '[', ']', budget);
    case JinjaType::kTuple:
      return append_items_repr(out, value.as_items().items, '(', ')', budget);
    case JinjaType::kDict:
      return append_dict_repr(out, value.as_dict(), budget);
    case JinjaType::kView:
      out += value.as_items().name;
      out += '(';
      append_items_repr(out, value.as_items().items, '[', ']', budget);
      out += ')';
      return;
    case JinjaType::kRange:
      return append_range_repr(out, value.as_range());
    case JinjaType::kFunction:
      if (value.object()) {
        out += static_cast<JinjaCallable*>(value.object())->repr();
        return;
      }
      [[fallthrough]];
    default:
      // Python prints an address here, which no template means to.
      throw JinjaFailure{fmt::format("a {} cannot be printed", jinja_type_name(value))};
  }
}

JinjaValue jinja_to_text(const JinjaValue& value, JinjaBudget& budget) {
  if (value.is_string()) return value;
  if (value.is_undefined()) return JinjaValue::constant("");
  std::string text;
  append_jinja_text(text, value, budget);
  return JinjaValue::text(std::move(text));
}

}  // namespace temper
