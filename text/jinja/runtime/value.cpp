#include "text/jinja/runtime/value.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

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

void JinjaObject::hold(uint16_t inner) {
  if (inner >= kMaxJinjaNesting) throw JinjaFailure{"the template nests values too deeply"};
  nesting = std::max(nesting, static_cast<uint16_t>(inner + 1));
}

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
  owned->hold(inner);
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

const JinjaValue* JinjaNamespace::find(std::string_view name) const {
  for (const auto& [key, value] : attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

void JinjaNamespace::set(std::string_view name, JinjaValue value) {
  hold(value.nesting());
  for (auto& [key, old] : attributes) {
    if (key != name) continue;
    old = std::move(value);
    return;
  }
  attributes.emplace_back(std::string(name), std::move(value));
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
