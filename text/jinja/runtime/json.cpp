#include "text/jinja/runtime/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "text/unicode/utf8.h"

namespace temper {
namespace {

JinjaValue text_of(const std::string& text, size_t& num_bytes) {
  num_bytes += text.size();
  if (is_valid_utf8(text)) return JinjaValue::borrowed(text);
  return JinjaValue::text(replace_invalid_utf8(text));
}

class Writer {
 public:
  Writer(const JsonStyle& style, JinjaBudget& budget) : style_(style), budget_(budget) {}

  void write(const JinjaValue& value) {
    budget_.step();
    switch (value.type()) {
      case JinjaType::kNone:
        out_ += "null";
        return;
      case JinjaType::kBool:
        out_ += value.as_bool() ? "true" : "false";
        return;
      case JinjaType::kInt:
        out_ += std::to_string(value.as_integer());
        return;
      case JinjaType::kFloat:
        out_ += number(value.as_double());
        return;
      case JinjaType::kString:
        return write_text(value.as_text());
      case JinjaType::kList:
      case JinjaType::kTuple:
        return write_list(value.as_items().items);
      case JinjaType::kDict:
        return write_dict(value.as_dict());
      case JinjaType::kUndefined:
        throw JinjaFailure{fmt::format("tojson: {}", value.undefined_text())};
      default:
        throw JinjaFailure{fmt::format("tojson: a {} has no JSON", jinja_type_name(value))};
    }
  }
  std::string finish() { return std::move(out_); }

 private:
  static std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    return jinja_float_repr(value);
  }

  void write_text(std::string_view text) {
    budget_.charge_text(out_.size() + text.size() > kMaxJinjaText ? kMaxJinjaText + 1
                                                                  : text.size() + 2);
    out_ += '"';
    for (size_t i = 0; i < text.size();) {
      const char c = text[i];
      if (static_cast<unsigned char>(c) >= 0x80 && style_.ensure_ascii) {
        write_escaped(next_code_point(text, i));
        continue;
      }
      ++i;
      if (c == '"' || c == '\\') {
        out_ += '\\';
        out_ += c;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        write_control(c);
      } else {
        out_ += c;
      }
    }
    out_ += '"';
  }

  void write_control(char c) {
    constexpr std::string_view kNamed = "\n\r\t\b\f", kNames = "nrtbf";
    const size_t named = kNamed.find(c);
    if (named == kNamed.npos) {
      out_ += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out_ += '\\';
      out_ += kNames[named];
    }
  }

  void write_escaped(char32_t c) {
    auto code = static_cast<uint32_t>(c);
    if (code >= 0x10000) {
      code -= 0x10000;
      out_ += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF));
    } else {
      out_ += fmt::format("\\u{:04x}", code);
    }
  }

  void new_line() {
    if (!style_.indent) return;
    budget_.charge(1 + style_.indent->size() * depth_);
    out_ += '\n';
    for (size_t i = 0; i < depth_; ++i) out_ += *style_.indent;
  }

  // Between the brackets, `write_item(i)` for each item.
  template <typename WriteItem>
  void write_items(size_t count, char open, char close, const WriteItem& write_item) {
    out_ += open;
    ++depth_;
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) out_ += style_.item_separator;
      new_line();
      write_item(i);
    }
    --depth_;
    if (count > 0) new_line();
    out_ += close;
  }

  void write_list(const std::vector<JinjaValue>& items) {
    write_items(items.size(), '[', ']', [&](size_t i) { write(items[i]); });
  }

  void write_dict(const JinjaDict& dict) {
    std::vector<const JinjaDict::Entry*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(), [&](const auto* a, const auto* b) {
        return jinja_compare(a->first, b->first, "<", budget_) < 0;
      });
    }
    write_items(entries.size(), '{', '}', [&](size_t i) {
      write_key(entries[i]->first);
      out_ += style_.key_separator;
      write(entries[i]->second);
    });
  }

  void write_key(const JinjaValue& key) {
    if (key.is_string()) return write_text(key.as_text());
    if (!key.is_number() && !key.is_none()) {
      throw JinjaFailure{fmt::format("tojson: a {} as a key has no JSON", jinja_type_name(key))};
    }
    out_ += '"';
    write(key);
    out_ += '"';
  }

  const JsonStyle& style_;
  JinjaBudget& budget_;
  std::string out_;
  size_t depth_ = 0;
};

}  // namespace

JinjaValue jinja_from_json(const OrderedJson& json, size_t& num_bytes) {
  num_bytes += sizeof(JinjaValue);
  switch (json.type()) {
    case OrderedJson::value_t::boolean:
      return JinjaValue::boolean(json.get<bool>());
    case OrderedJson::value_t::number_integer:
      return JinjaValue::integer(json.get<int64_t>());
    case OrderedJson::value_t::number_unsigned:
      if (json.get<uint64_t>() > INT64_MAX) {
        throw JinjaFailure{"an integer does not fit in 64 bits"};
      }
      return JinjaValue::integer(json.get<int64_t>());
    case OrderedJson::value_t::number_float:
      return JinjaValue::number(json.get<double>());
    case OrderedJson::value_t::string:
      return text_of(json.get_ref<const std::string&>(), num_bytes);
    case OrderedJson::value_t::array: {
      std::vector<JinjaValue> items;
      items.reserve(json.size());
      for (const OrderedJson& item : json) items.push_back(jinja_from_json(item, num_bytes));
      return JinjaValue::list(std::move(items));
    }
    case OrderedJson::value_t::object: {
      JinjaRef<JinjaDict> dict(new JinjaDict);
      dict->entries.reserve(json.size());
      for (const auto& [key, value] : json.items()) {
        JinjaValue name = text_of(key, num_bytes);
        dict->append(std::move(name), jinja_from_json(value, num_bytes));
      }
      return JinjaValue::dict(dict);
    }
    default:
      return JinjaValue::none();
  }
}

std::string jinja_to_json(const JinjaValue& value, const JsonStyle& style, JinjaBudget& budget) {
  Writer writer(style, budget);
  writer.write(value);
  return writer.finish();
}

}  // namespace temper
