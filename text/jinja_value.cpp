#include "text/jinja_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "common/error.h"
#include "text/jinja_unicode.h"
#include "text/utf8.h"

namespace temper {
namespace {

constexpr size_t kSmallDict = 12;  // entries that are looked through one by one

uint16_t nesting_above(uint16_t inner) {
  if (inner >= kMaxJinjaNesting) throw JinjaFailure{"the template nests values too deeply"};
  return static_cast<uint16_t>(inner + 1);
}

uint64_t mix(uint64_t hash) {
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdULL;
  return hash ^ (hash >> 33);
}

bool fits_integer(double value) {
  return value >= -9223372036854775808.0 && value < 9223372036854775808.0;
}

// Equal numbers are equal keys, whatever their types: 1, 1.0 and true.
uint64_t hash_number(const JinjaValue& value) {
  if (value.is_integral()) return mix(static_cast<uint64_t>(value.as_integer()));
  const double number = value.as_double();
  if (number == std::floor(number) && fits_integer(number)) {
    return mix(static_cast<uint64_t>(static_cast<int64_t>(number)));
  }
  return mix(std::hash<double>()(number));
}

// An int and a float are compared exactly, as Python does.
int compare_numbers(const JinjaValue& a, const JinjaValue& b) {
  const auto order = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : 0; };
  if (a.is_integral() && b.is_integral()) return order(a.as_integer(), b.as_integer());
  return order(static_cast<long double>(a.is_integral() ? (long double)(a.as_integer())
                                                        : (long double)(a.as_double())),
               static_cast<long double>(b.is_integral() ? (long double)(b.as_integer())
                                                        : (long double)(b.as_double())));
}

bool equal_items(const std::vector<JinjaValue>& a, const std::vector<JinjaValue>& b,
                 JinjaBudget& budget) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(),
                    [&](const auto& x, const auto& y) { return jinja_equal(x, y, budget); });
}

bool equal_dicts(const JinjaDict& a, const JinjaDict& b, JinjaBudget& budget) {
  if (a.entries.size() != b.entries.size()) return false;
  return std::all_of(a.entries.begin(), a.entries.end(), [&](const auto& entry) {
    const JinjaValue* other = b.find(entry.first, budget);
    return other && jinja_equal(entry.second, *other, budget);
  });
}

bool is_nan(const JinjaValue& value) {
  return value.is(JinjaType::kFloat) && std::isnan(value.as_double());
}

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

std::vector<JinjaValue> characters_of(const JinjaValue& value, JinjaBudget& budget) {
  const std::string_view text = value.as_text();
  budget.charge(text.size() * sizeof(JinjaValue));
  std::vector<JinjaValue> characters;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    next_code_point(text, i);
    characters.push_back(JinjaValue::part(value, text.substr(begin, i - begin)));
  }
  return characters;
}

}  // namespace

JinjaValue JinjaValue::undefined(std::string_view name, JinjaType owner) {
  JinjaValue value;
  value.text_ = {name.data(), name.size()};
  value.owner_ = owner;
  return value;
}

JinjaValue JinjaValue::boolean(bool b) {
  JinjaValue value(JinjaType::kBool);
  value.integer_ = b;
  return value;
}

JinjaValue JinjaValue::integer(int64_t i) {
  JinjaValue value(JinjaType::kInt);
  value.integer_ = i;
  return value;
}

JinjaValue JinjaValue::number(double d) {
  JinjaValue value(JinjaType::kFloat);
  value.number_ = d;
  return value;
}

JinjaValue JinjaValue::borrowed(std::string_view text) {
  JinjaValue value(JinjaType::kString);
  value.text_ = {text.data(), text.size()};
  return value;
}

JinjaValue JinjaValue::constant(std::string_view text) {
  return borrowed(text).with_from_template();
}

JinjaValue JinjaValue::text(std::string text) {
  auto* owned = new JinjaText;
  JinjaValue value(JinjaType::kString);
  value.object_ = JinjaRef<JinjaObject>(owned);
  owned->text = std::move(text);
  value.text_ = {owned->text.data(), owned->text.size()};
  return value;
}

JinjaValue JinjaValue::part(const JinjaValue& whole, std::string_view part) {
  JinjaValue value = whole;
  value.text_ = {part.data(), part.size()};
  return value;
}

JinjaValue JinjaValue::items(JinjaType type, std::vector<JinjaValue> items, const char* name) {
  auto* owned = new JinjaItems;
  JinjaValue value(type);
  value.object_ = JinjaRef<JinjaObject>(owned);
  uint16_t inner = 0;
  for (const JinjaValue& item : items) inner = std::max(inner, item.nesting());
  owned->nesting = nesting_above(inner);
  owned->items = std::move(items);
  owned->name = name;
  return value;
}

JinjaValue JinjaValue::list(std::vector<JinjaValue> items) {
  return JinjaValue::items(JinjaType::kList, std::move(items), "list");
}

JinjaValue JinjaValue::tuple(std::vector<JinjaValue> items) {
  return JinjaValue::items(JinjaType::kTuple, std::move(items), "tuple");
}

JinjaValue JinjaValue::dict(const JinjaRef<JinjaDict>& dict) {
  return object(JinjaType::kDict, dict.get());
}

JinjaValue JinjaValue::object(JinjaType type, JinjaObject* object) {
  JinjaValue value(type);
  value.object_ = JinjaRef<JinjaObject>(object);
  if (type == JinjaType::kFunction) value.function_ = nullptr;
  return value;
}

JinjaValue JinjaValue::function(JinjaFunction function) {
  JinjaValue value(JinjaType::kFunction);
  value.function_ = function;
  return value;
}

const JinjaDict& JinjaValue::as_dict() const {
  return static_cast<const JinjaDict&>(*object_);
}
JinjaItems& JinjaValue::as_items() const {
  return static_cast<JinjaItems&>(*object_);
}
const JinjaRange& JinjaValue::as_range() const {
  return static_cast<const JinjaRange&>(*object_);
}
JinjaNamespace& JinjaValue::as_namespace() const {
  return static_cast<JinjaNamespace&>(*object_);
}

JinjaValue JinjaValue::with_markup() const {
  JinjaValue value = *this;
  value.is_markup_ = true;
  return value;
}

JinjaValue JinjaValue::with_from_template() const {
  JinjaValue value = *this;
  value.is_from_template_ = true;
  return value;
}

JinjaValue JinjaValue::as_forbidden() const {
  JinjaValue value = *this;
  value.is_forbidden_ = true;
  return value;
}

std::string JinjaValue::undefined_text() const {
  const std::string name = text_.size == 0 ? "a value" : fmt::format("'{}'", as_text());
  if (is_forbidden_) {
    return fmt::format("{} of a {} is not allowed in a template", name, jinja_type_name(owner_));
  }
  if (owner_ == JinjaType::kUndefined) return name + " is undefined";
  return fmt::format("a {} has no {}{}", jinja_type_name(owner_),
                     text_.size == 0 ? "such member" : "member ", text_.size == 0 ? "" : name);
}

const char* jinja_type_name(JinjaType type) {
  switch (type) {
    case JinjaType::kUndefined:
      return "undefined";
    case JinjaType::kNone:
      return "None";
    case JinjaType::kBool:
      return "bool";
    case JinjaType::kInt:
      return "int";
    case JinjaType::kFloat:
      return "float";
    case JinjaType::kString:
      return "str";
    case JinjaType::kList:
      return "list";
    case JinjaType::kTuple:
      return "tuple";
    case JinjaType::kDict:
      return "dict";
    case JinjaType::kView:
      return "dict view";
    case JinjaType::kRange:
      return "range";
    case JinjaType::kGenerator:
      return "generator";
    case JinjaType::kNamespace:
      return "namespace";
    case JinjaType::kLoop:
      return "loop";
    case JinjaType::kFunction:
      return "function";
  }
  TEMPER_CHECK(false);
}

const char* jinja_type_name(const JinjaValue& value) {
  return jinja_type_name(value.type());
}

int64_t JinjaRange::size() const {
  if (step > 0 ? start >= stop : start <= stop) return 0;
  const auto span = step > 0 ? static_cast<uint64_t>(stop) - static_cast<uint64_t>(start)
                             : static_cast<uint64_t>(start) - static_cast<uint64_t>(stop);
  const uint64_t stride =
      step > 0 ? static_cast<uint64_t>(step) : uint64_t{0} - static_cast<uint64_t>(step);
  const uint64_t size = (span - 1) / stride + 1;
  return size > INT64_MAX ? INT64_MAX : static_cast<int64_t>(size);
}

JinjaDict::Entry* JinjaDict::find_entry(const JinjaValue& key, uint64_t hash, JinjaBudget& budget) {
  if (entries.size() <= kSmallDict) {
    for (Entry& entry : entries) {
      if (jinja_equal(entry.first, key, budget)) return &entry;
    }
    return nullptr;
  }
  const auto [begin, end] = index_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    if (jinja_equal(entries[at->second].first, key, budget)) return &entries[at->second];
  }
  return nullptr;
}

void JinjaDict::index_entry(size_t entry, uint64_t hash) {
  if (entries.size() <= kSmallDict) return;
  if (index_.empty()) {
    JinjaBudget unlimited(UINT64_MAX);
    for (size_t i = 0; i < entry; ++i) index_.emplace(jinja_hash(entries[i].first, unlimited), i);
  }
  index_.emplace(hash, entry);
}

void JinjaDict::set(JinjaValue key, JinjaValue value, JinjaBudget& budget) {
  budget.charge(2 * sizeof(Entry));
  const uint64_t hash = jinja_hash(key, budget);
  nesting = std::max(nesting, nesting_above(std::max(key.nesting(), value.nesting())));
  if (Entry* entry = find_entry(key, hash, budget)) {
    entry->second = std::move(value);
    return;
  }
  entries.emplace_back(std::move(key), std::move(value));
  index_entry(entries.size() - 1, hash);
}

void JinjaDict::append(JinjaValue key, JinjaValue value) {
  JinjaBudget unlimited(UINT64_MAX);
  const uint64_t hash = entries.size() < kSmallDict ? 0 : jinja_hash(key, unlimited);
  nesting = std::max(nesting, nesting_above(value.nesting()));
  entries.emplace_back(std::move(key), std::move(value));
  index_entry(entries.size() - 1, hash);
}

const JinjaValue* JinjaDict::find(const JinjaValue& key, JinjaBudget& budget) const {
  const uint64_t hash = jinja_hash(key, budget);
  const Entry* entry = const_cast<JinjaDict*>(this)->find_entry(key, hash, budget);
  return entry ? &entry->second : nullptr;
}

const JinjaValue* JinjaDict::find(std::string_view key) const {
  if (entries.size() <= kSmallDict) {
    for (const Entry& entry : entries) {
      if (entry.first.is_string() && entry.first.as_text() == key) return &entry.second;
    }
    return nullptr;
  }
  JinjaBudget unlimited(UINT64_MAX);
  return find(JinjaValue::borrowed(key), unlimited);
}

const JinjaValue* JinjaNamespace::find(std::string_view name) const {
  for (const auto& [key, value] : attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

void JinjaNamespace::set(std::string_view name, JinjaValue value) {
  nesting = std::max(nesting, nesting_above(value.nesting()));
  for (auto& [key, old] : attributes) {
    if (key != name) continue;
    old = std::move(value);
    return;
  }
  attributes.emplace_back(std::string(name), std::move(value));
}

bool jinja_truth(const JinjaValue& value) {
  switch (value.type()) {
    case JinjaType::kUndefined:
    case JinjaType::kNone:
      return false;
    case JinjaType::kBool:
    case JinjaType::kInt:
      return value.as_integer() != 0;
    case JinjaType::kFloat:
      return value.as_double() != 0;
    case JinjaType::kString:
      return !value.as_text().empty();
    case JinjaType::kList:
    case JinjaType::kTuple:
    case JinjaType::kView:
      return !value.as_items().items.empty();
    case JinjaType::kDict:
      return !value.as_dict().entries.empty();
    case JinjaType::kRange:
      return value.as_range().size() > 0;
    case JinjaType::kGenerator:
    case JinjaType::kNamespace:
    case JinjaType::kLoop:
    case JinjaType::kFunction:
      return true;
  }
  return true;
}

bool jinja_equal(const JinjaValue& a, const JinjaValue& b, JinjaBudget& budget) {
  budget.step();
  if (a.is_number() && b.is_number()) {
    return !is_nan(a) && !is_nan(b) && compare_numbers(a, b) == 0;
  }
  if (a.type() != b.type()) return false;
  switch (a.type()) {
    case JinjaType::kUndefined:
    case JinjaType::kNone:
      return true;
    case JinjaType::kString:
      if (a.as_text().size() != b.as_text().size()) return false;
      budget.charge(a.as_text().size());
      return a.as_text() == b.as_text();
    case JinjaType::kList:
    case JinjaType::kTuple:
      return equal_items(a.as_items().items, b.as_items().items, budget);
    case JinjaType::kDict:
      return equal_dicts(a.as_dict(), b.as_dict(), budget);
    case JinjaType::kRange: {
      const JinjaRange &x = a.as_range(), &y = b.as_range();
      const int64_t size = x.size();
      return size == y.size() &&
             (size == 0 || (x.start == y.start && (size == 1 || x.step == y.step)));
    }
    case JinjaType::kFunction:
      return a.object() ? a.object() == b.object() : a.as_function() == b.as_function();
    default:
      return a.object() == b.object();
  }
}

int jinja_compare(const JinjaValue& a, const JinjaValue& b, const char* op, JinjaBudget& budget) {
  budget.step();
  if (a.is_undefined()) a.fail_undefined();
  if (b.is_undefined()) b.fail_undefined();
  if (a.is_number() && b.is_number()) return compare_numbers(a, b);
  if (a.is_string() && b.is_string()) {
    budget.charge(std::min(a.as_text().size(), b.as_text().size()));
    return a.as_text().compare(b.as_text());  // bytes of UTF-8 have the order of code points
  }
  if (a.is_list_or_tuple() && a.type() == b.type()) {
    const auto &x = a.as_items().items, &y = b.as_items().items;
    for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
      if (!jinja_equal(x[i], y[i], budget)) return jinja_compare(x[i], y[i], op, budget);
    }
    return x.size() < y.size() ? -1 : x.size() > y.size() ? 1 : 0;
  }
  throw JinjaFailure{fmt::format("'{}' does not work between a {} and a {}", op, jinja_type_name(a),
                                 jinja_type_name(b))};
}

uint64_t jinja_hash(const JinjaValue& value, JinjaBudget& budget) {
  if (value.is_number()) return hash_number(value);
  switch (value.type()) {
    case JinjaType::kUndefined:
      return 1;
    case JinjaType::kNone:
      return 2;
    case JinjaType::kString:
      budget.charge(value.as_text().size());
      return std::hash<std::string_view>()(value.as_text());
    case JinjaType::kTuple: {
      uint64_t hash = 3;
      for (const JinjaValue& item : value.as_items().items) {
        hash = mix(hash + jinja_hash(item, budget));
      }
      return hash;
    }
    case JinjaType::kList:
    case JinjaType::kDict:
    case JinjaType::kView:
      throw JinjaFailure{fmt::format("a {} cannot be a key", jinja_type_name(value))};
    case JinjaType::kRange:
      return mix(static_cast<uint64_t>(value.as_range().size()));
    default:
      return mix(reinterpret_cast<uint64_t>(value.object()));
  }
}

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

int64_t jinja_length(const JinjaValue& value) {
  switch (value.type()) {
    case JinjaType::kUndefined:
      return 0;
    case JinjaType::kString:
      return static_cast<int64_t>(count_code_points(value.as_text()));
    case JinjaType::kList:
    case JinjaType::kTuple:
    case JinjaType::kView:
      return static_cast<int64_t>(value.as_items().items.size());
    case JinjaType::kDict:
      return static_cast<int64_t>(value.as_dict().entries.size());
    case JinjaType::kRange:
      return value.as_range().size();
    default:
      throw JinjaFailure{fmt::format("a {} has no length", jinja_type_name(value))};
  }
}

std::vector<JinjaValue> jinja_iterate(const JinjaValue& value, JinjaBudget& budget) {
  const auto charge = [&](size_t count) { budget.charge(count * sizeof(JinjaValue)); };
  switch (value.type()) {
    case JinjaType::kUndefined:
      return {};
    case JinjaType::kString:
      return characters_of(value, budget);
    case JinjaType::kList:
    case JinjaType::kTuple:
    case JinjaType::kView:
      charge(value.as_items().items.size());
      return value.as_items().items;
    case JinjaType::kGenerator: {
      JinjaItems& generator = value.as_items();
      charge(generator.items.size() - generator.position);
      const auto begin = generator.items.begin() + static_cast<std::ptrdiff_t>(generator.position);
      generator.position = generator.items.size();
      return {begin, generator.items.end()};
    }
    case JinjaType::kDict: {
      charge(value.as_dict().entries.size());
      std::vector<JinjaValue> keys;
      for (const auto& entry : value.as_dict().entries) keys.push_back(entry.first);
      return keys;
    }
    case JinjaType::kRange: {
      const JinjaRange& range = value.as_range();
      charge(static_cast<size_t>(range.size()));
      std::vector<JinjaValue> numbers;
      for (int64_t i = 0; i < range.size(); ++i) {
        numbers.push_back(JinjaValue::integer(range.at(i)));
      }
      return numbers;
    }
    default:
      throw JinjaFailure{fmt::format("a {} cannot be walked over", jinja_type_name(value))};
  }
}

}  // namespace temper
