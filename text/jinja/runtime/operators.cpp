#include "text/jinja/runtime/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "text/jinja/runtime/builtins.h"
#include "text/jinja/runtime/format.h"
#include "text/jinja/runtime/loop.h"
#include "text/jinja/runtime/unicode.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

const char* spelling(JinjaOperator op) {
  static constexpr const char* kSpellings[] = {
      "+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "in", "not in"};
  return kSpellings[static_cast<size_t>(op)];
}

[[noreturn]] void fail_types(JinjaOperator op, const JinjaValue& a, const JinjaValue& b) {
  if (a.is_undefined()) a.fail_undefined();
  if (b.is_undefined()) b.fail_undefined();
  throw JinjaFailure{fmt::format("'{}' does not work between a {} and a {}", spelling(op),
                                 jinja_type_name(a), jinja_type_name(b))};
}

[[noreturn]] void fail_overflow() {
  throw JinjaFailure{"an integer does not fit in 64 bits"};
}

int64_t floor_divide(int64_t a, int64_t b) {
  if (b == 0) throw JinjaFailure{"division by zero"};
  if (b == -1) {
    if (a == INT64_MIN) fail_overflow();
    return -a;
  }
  const int64_t quotient = a / b;
  return quotient - ((a % b != 0) && ((a % b < 0) != (b < 0)));
}

int64_t floor_modulo(int64_t a, int64_t b) {
  if (b == 0) throw JinjaFailure{"modulo by zero"};
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

int64_t integer_power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) && __builtin_mul_overflow(result, base, &result)) fail_overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) fail_overflow();
  }
  return result;
}

JinjaValue integer_arithmetic(JinjaOperator op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case JinjaOperator::kAdd:
      if (__builtin_add_overflow(a, b, &result)) fail_overflow();
      return JinjaValue::integer(result);
    case JinjaOperator::kSubtract:
      if (__builtin_sub_overflow(a, b, &result)) fail_overflow();
      return JinjaValue::integer(result);
    case JinjaOperator::kMultiply:
      if (__builtin_mul_overflow(a, b, &result)) fail_overflow();
      return JinjaValue::integer(result);
    case JinjaOperator::kDivide:
      if (b == 0) throw JinjaFailure{"division by zero"};
      return JinjaValue::number(static_cast<double>(a) / static_cast<double>(b));
    case JinjaOperator::kFloorDivide:
      return JinjaValue::integer(floor_divide(a, b));
    case JinjaOperator::kModulo:
      return JinjaValue::integer(floor_modulo(a, b));
    default:
      if (b >= 0) return JinjaValue::integer(integer_power(a, b));
      if (a == 0) throw JinjaFailure{"division by zero"};
      return JinjaValue::number(std::pow(static_cast<double>(a), static_cast<double>(b)));
  }
}

JinjaValue float_arithmetic(JinjaOperator op, double a, double b) {
  if (b == 0 && (op == JinjaOperator::kDivide || op == JinjaOperator::kFloorDivide ||
                 op == JinjaOperator::kModulo)) {
    throw JinjaFailure{"division by zero"};
  }
  switch (op) {
    case JinjaOperator::kAdd:
      return JinjaValue::number(a + b);
    case JinjaOperator::kSubtract:
      return JinjaValue::number(a - b);
    case JinjaOperator::kMultiply:
      return JinjaValue::number(a * b);
    case JinjaOperator::kDivide:
      return JinjaValue::number(a / b);
    case JinjaOperator::kFloorDivide:
    case JinjaOperator::kModulo: {
      double rest = std::fmod(a, b);
      if (rest != 0 ? (rest < 0) != (b < 0) : false) rest += b;
      if (rest == 0) rest = std::copysign(0.0, b);
      if (op == JinjaOperator::kModulo) return JinjaValue::number(rest);
      const double quotient = (a - rest) / b;
      return JinjaValue::number(std::floor(quotient + 0.5));
    }
    default: {
      const double power = std::pow(a, b);
      if (a == 0 && b < 0) throw JinjaFailure{"division by zero"};
      if (a < 0 && b != std::floor(b)) throw JinjaFailure{"complex numbers are not supported"};
      if (std::isinf(power) && std::isfinite(a) && std::isfinite(b)) fail_overflow();
      return JinjaValue::number(power);
    }
  }
}

JinjaValue add_texts(const JinjaValue& a, const JinjaValue& b, JinjaBudget& budget) {
  const bool is_markup = a.is_markup() || b.is_markup();
  std::string text;
  const auto append = [&](const JinjaValue& value) {
    if (is_markup && !value.is_markup()) {
      text += escape_html(value.as_text(), budget);
    } else {
      text += value.as_text();
    }
  };
  budget.charge_text(a.as_text().size() + b.as_text().size());
  text.reserve(a.as_text().size() + b.as_text().size());
  append(a);
  append(b);
  JinjaValue sum = JinjaValue::text(std::move(text));
  if (is_markup) sum = sum.with_markup();
  return a.is_from_template() && b.is_from_template() ? sum.with_from_template() : sum;
}

JinjaValue add_items(const JinjaValue& a, const JinjaValue& b, JinjaBudget& budget) {
  const auto &x = a.as_items().items, &y = b.as_items().items;
  budget.charge((x.size() + y.size()) * sizeof(JinjaValue));
  std::vector<JinjaValue> items = x;
  items.insert(items.end(), y.begin(), y.end());
  return JinjaValue::items(a.type(), std::move(items), a.as_items().name);
}

JinjaValue repeat(const JinjaValue& value, int64_t count, JinjaBudget& budget) {
  const size_t times = count > 0 ? static_cast<size_t>(count) : 0;
  const auto total = [&](size_t size) {
    size_t product = 0;
    if (__builtin_mul_overflow(size, times, &product)) budget.charge(UINT64_MAX);
    return product;
  };
  if (value.is_string()) {
    const std::string_view text = value.as_text();
    budget.charge_text(total(text.size()));
    if (text.empty()) return value;
    std::string repeated;
    repeated.reserve(text.size() * times);
    for (size_t i = 0; i < times; ++i) repeated += text;
    return JinjaValue::text(std::move(repeated));
  }
  const std::vector<JinjaValue>& items = value.as_items().items;
  budget.charge(total(items.size() * sizeof(JinjaValue)));
  std::vector<JinjaValue> repeated;
  if (!items.empty()) {
    for (size_t i = 0; i < times; ++i) repeated.insert(repeated.end(), items.begin(), items.end());
  }
  return JinjaValue::items(value.type(), std::move(repeated), value.as_items().name);
}

bool is_repeatable(const JinjaValue& value) {
  return value.is_string() || value.is_list_or_tuple();
}

// A method together with what it is called on.
struct BoundMethod : JinjaCallable {
  JinjaValue receiver;
  JinjaFunction function = nullptr;
  JinjaValue call(JinjaRuntime& runtime, JinjaArguments& arguments) override {
    return function(runtime, receiver, arguments);
  }
  std::string repr() const override { throw JinjaFailure{"a method cannot be printed"}; }
};

JinjaValue bind(const JinjaValue& receiver, JinjaFunction function) {
  auto* bound = new BoundMethod;
  JinjaValue value = JinjaValue::object(JinjaType::kFunction, bound);
  bound->receiver = receiver;
  bound->function = function;
  bound->hold(receiver.nesting());
  return value;
}

// Methods that change their object, which the sandbox refuses.
bool is_forbidden(JinjaType type, std::string_view name) {
  static constexpr std::string_view kList[] = {"append", "clear", "pop",    "reverse",
                                               "insert", "sort",  "extend", "remove"};
  static constexpr std::string_view kDict[] = {"clear", "pop", "popitem", "setdefault", "update"};
  const auto has = [&](const auto& names) {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
  };
  return (type == JinjaType::kList && has(kList)) || (type == JinjaType::kDict && has(kDict));
}

// What the object itself has under that name; none: nothing.
std::optional<JinjaValue> own_attribute(const JinjaValue& object, std::string_view name) {
  if (const JinjaFunction method = find_jinja_method(object.type(), name)) {
    return bind(object, method);
  }
  if (is_forbidden(object.type(), name) || name.starts_with("__")) {
    return JinjaValue::undefined(name, object.type()).as_forbidden();
  }
  if (object.is(JinjaType::kNamespace)) {
    if (const JinjaValue* value = object.as_namespace().find(name)) return *value;
  }
  if (object.is(JinjaType::kLoop)) return loop_attribute(object, name);
  if (object.is(JinjaType::kTuple) && std::string_view(object.as_items().name) == "group" &&
      (name == "grouper" || name == "list")) {
    return object.as_items().items[name == "list"];
  }
  return std::nullopt;
}

std::optional<JinjaValue> at_index(const JinjaValue& object, int64_t index, JinjaBudget& budget) {
  if (object.is_list_or_tuple()) {
    const std::vector<JinjaValue>& items = object.as_items().items;
    const auto size = static_cast<int64_t>(items.size());
    if (index < 0) index += size;
    if (index < 0 || index >= size) return std::nullopt;
    return items[static_cast<size_t>(index)];
  }
  if (object.is(JinjaType::kRange)) {
    const JinjaRange& range = object.as_range();
    if (index < 0) index += range.size();
    if (index < 0 || index >= range.size()) return std::nullopt;
    return JinjaValue::integer(range.at(index));
  }
  const std::string_view text = object.as_text();
  budget.charge(text.size());
  if (index < 0) index += jinja_length(object);
  if (index < 0) return std::nullopt;
  for (size_t i = 0; i < text.size(); --index) {
    const size_t begin = i;
    i += utf8_length(text[i]);
    if (index == 0) return JinjaValue::part(object, text.substr(begin, i - begin));
  }
  return std::nullopt;
}

// object[key] and nothing else; none where Python raises a TypeError or LookupError.
std::optional<JinjaValue> own_item(const JinjaValue& object, const JinjaValue& key,
                                   JinjaBudget& budget) {
  if (object.is_dict()) {
    if (key.is(JinjaType::kList) || key.is_dict() || key.is(JinjaType::kView)) return std::nullopt;
    const JinjaValue* value = object.as_dict().find(key, budget);
    return value ? std::optional(*value) : std::nullopt;
  }
  const bool is_indexed =
      object.is_list_or_tuple() || object.is_string() || object.is(JinjaType::kRange);
  if (is_indexed && key.is_integral()) return at_index(object, key.as_integer(), budget);
  return std::nullopt;
}

// The name of a key that may be shown in an error and lives as long as the template.
std::string_view shown_key(const JinjaValue& key) {
  return key.is_string() && key.is_from_template() && !key.object() ? key.as_text()
                                                                    : std::string_view();
}

// Python's rules for the bounds of a slice.
struct SliceBounds {
  int64_t begin, end, step;
};

SliceBounds slice_bounds(const JinjaValue* begin, const JinjaValue* end, const JinjaValue* step,
                         int64_t size) {
  const auto integer = [](const JinjaValue* value, int64_t fallback) {
    if (!value || value->is_none()) return fallback;
    if (!value->is_integral()) throw JinjaFailure{"a slice needs integers"};
    return value->as_integer();
  };
  const int64_t stride = integer(step, 1);
  if (stride == 0) throw JinjaFailure{"the step of a slice is 0"};
  const int64_t lowest = stride > 0 ? 0 : -1, highest = stride > 0 ? size : size - 1;
  const auto bound = [&](const JinjaValue* value, int64_t fallback) {
    if (!value || value->is_none()) return fallback;
    const int64_t at = integer(value, 0);
    return std::clamp(at < 0 ? std::max(at, -size - 1) + size : at, lowest, highest);
  };
  return {bound(begin, stride > 0 ? lowest : highest), bound(end, stride > 0 ? highest : lowest),
          stride};
}

template <typename Take>
void walk_slice(const SliceBounds& bounds, const Take& take) {
  for (int64_t i = bounds.begin; bounds.step > 0 ? i < bounds.end : i > bounds.end;) {
    take(static_cast<size_t>(i));
    if (__builtin_add_overflow(i, bounds.step, &i)) break;
  }
}

JinjaValue slice_text(const JinjaValue& object, const JinjaValue* begin, const JinjaValue* end,
                      const JinjaValue* step, JinjaBudget& budget) {
  const std::string_view text = object.as_text();
  budget.charge(text.size() + 1);
  std::vector<size_t> starts;  // of the code points, and the end
  const bool plain = is_ascii(text);
  if (!plain) {
    budget.charge(text.size() * sizeof(size_t));
    for (size_t i = 0; i < text.size(); i += utf8_length(text[i])) starts.push_back(i);
    starts.push_back(text.size());
  }
  const size_t size = plain ? text.size() : starts.size() - 1;
  const auto start = [&](size_t i) { return plain ? i : starts[i]; };
  const SliceBounds bounds = slice_bounds(begin, end, step, static_cast<int64_t>(size));
  if (bounds.step == 1) {
    const size_t from = start(static_cast<size_t>(bounds.begin));
    const size_t to = start(static_cast<size_t>(std::max(bounds.begin, bounds.end)));
    return JinjaValue::part(object, text.substr(from, to - from));
  }
  std::string picked;
  walk_slice(bounds, [&](size_t i) { picked += text.substr(start(i), start(i + 1) - start(i)); });
  return JinjaValue::text(std::move(picked));
}

}  // namespace

std::string escape_html(std::string_view text, JinjaBudget& budget) {
  std::string escaped;
  budget.charge_text(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&#34;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  budget.charge_text(escaped.size());
  return escaped;
}

JinjaValue jinja_arithmetic(JinjaOperator op, const JinjaValue& a, const JinjaValue& b,
                            JinjaBudget& budget) {
  if (op == JinjaOperator::kAdd && a.is_string() && b.is_string()) return add_texts(a, b, budget);
  if (op == JinjaOperator::kModulo && a.is_string()) return percent_format(a, b, budget);
  if (a.is_integral() && b.is_integral()) {
    return integer_arithmetic(op, a.as_integer(), b.as_integer());
  }
  if (a.is_number() && b.is_number()) return float_arithmetic(op, a.as_double(), b.as_double());
  if (op == JinjaOperator::kAdd && a.is_list_or_tuple() && a.type() == b.type()) {
    return add_items(a, b, budget);
  }
  if (op == JinjaOperator::kMultiply) {
    if (is_repeatable(a) && b.is_integral()) return repeat(a, b.as_integer(), budget);
    if (is_repeatable(b) && a.is_integral()) return repeat(b, a.as_integer(), budget);
  }
  fail_types(op, a, b);
}

JinjaValue jinja_negate(const JinjaValue& value) {
  if (value.is(JinjaType::kFloat)) return JinjaValue::number(-value.as_double());
  if (value.is_integral())
    return integer_arithmetic(JinjaOperator::kSubtract, 0, value.as_integer());
  if (value.is_undefined()) value.fail_undefined();
  throw JinjaFailure{fmt::format("'-' does not work on a {}", jinja_type_name(value))};
}

JinjaValue jinja_plus(const JinjaValue& value) {
  if (value.is(JinjaType::kFloat)) return value;
  if (value.is_integral()) return JinjaValue::integer(value.as_integer());
  if (value.is_undefined()) value.fail_undefined();
  throw JinjaFailure{fmt::format("'+' does not work on a {}", jinja_type_name(value))};
}

bool jinja_relate(JinjaOperator op, const JinjaValue& a, const JinjaValue& b, JinjaBudget& budget) {
  const auto is_nan = [](const JinjaValue& value) {
    return value.is(JinjaType::kFloat) && std::isnan(value.as_double());
  };
  switch (op) {
    case JinjaOperator::kEqual:
      return jinja_equal(a, b, budget);
    case JinjaOperator::kNotEqual:
      return !jinja_equal(a, b, budget);
    case JinjaOperator::kIn:
      return jinja_contains(b, a, budget);
    case JinjaOperator::kNotIn:
      return !jinja_contains(b, a, budget);
    default:
      break;
  }
  const int order = jinja_compare(a, b, spelling(op), budget);
  if (is_nan(a) || is_nan(b)) return false;
  return op == JinjaOperator::kLess        ? order < 0
         : op == JinjaOperator::kLessEqual ? order <= 0
         : op == JinjaOperator::kGreater   ? order > 0
                                           : order >= 0;
}

bool jinja_contains(const JinjaValue& container, const JinjaValue& item, JinjaBudget& budget) {
  if (container.is_string()) {
    if (!item.is_string()) fail_types(JinjaOperator::kIn, item, container);
    budget.charge(container.as_text().size() + item.as_text().size());
    return find_part(container.as_text(), item.as_text()) != std::string_view::npos;
  }
  if (container.is_dict()) return container.as_dict().find(item, budget) != nullptr;
  if (container.is_list_or_tuple() || container.is(JinjaType::kView)) {
    const std::vector<JinjaValue>& items = container.as_items().items;
    return std::any_of(items.begin(), items.end(),
                       [&](const JinjaValue& other) { return jinja_equal(other, item, budget); });
  }
  if (container.is(JinjaType::kNamespace) || container.is_number() || container.is_none() ||
      container.is(JinjaType::kFunction)) {
    fail_types(JinjaOperator::kIn, item, container);
  }
  for (const JinjaValue& other : jinja_iterate(container, budget)) {
    if (jinja_equal(other, item, budget)) return true;
  }
  return false;
}

JinjaFunction find_jinja_method(JinjaType type, std::string_view name) {
  switch (type) {
    case JinjaType::kString:
      return find_string_method(name);
    case JinjaType::kDict:
      return find_dict_method(name);
    case JinjaType::kList:
    case JinjaType::kTuple:
      return name == "copy" && type == JinjaType::kTuple ? nullptr : find_list_method(name);
    case JinjaType::kLoop:
      return find_loop_method(name);
    default:
      return nullptr;
  }
}

JinjaValue jinja_attribute(const JinjaValue& object, std::string_view name, JinjaRuntime& runtime) {
  if (object.is_undefined()) object.fail_undefined();
  if (object.is_dict()) {
    // A key is by far the most frequent case, and methods have names that keys rarely have.
    if (const JinjaValue* value = object.as_dict().find(name)) {
      if (!find_dict_method(name) && !is_forbidden(JinjaType::kDict, name)) return *value;
    }
  }
  if (auto own = own_attribute(object, name)) return *std::move(own);
  if (auto item = own_item(object, JinjaValue::borrowed(name), runtime.budget)) {
    return *std::move(item);
  }
  return JinjaValue::undefined(name, object.type());
}

JinjaValue jinja_item(const JinjaValue& object, const JinjaValue& key, JinjaRuntime& runtime) {
  if (object.is_undefined()) object.fail_undefined();
  if (auto item = own_item(object, key, runtime.budget)) return *std::move(item);
  if (key.is_string()) {
    if (auto own = own_attribute(object, key.as_text())) {
      if (!own->is_undefined()) return *std::move(own);
      return JinjaValue::undefined(shown_key(key), object.type()).as_forbidden();
    }
  }
  return JinjaValue::undefined(shown_key(key), object.type());
}

JinjaValue jinja_slice(const JinjaValue& object, const JinjaValue* begin, const JinjaValue* end,
                       const JinjaValue* step, JinjaBudget& budget) {
  if (object.is_undefined()) object.fail_undefined();
  if (object.is_string()) return slice_text(object, begin, end, step, budget);
  if (object.is(JinjaType::kRange)) {
    return jinja_slice(JinjaValue::list(jinja_iterate(object, budget)), begin, end, step, budget);
  }
  // Jinja's lookup turns Python's TypeError into an undefined value.
  if (!object.is_list_or_tuple()) return JinjaValue::undefined({}, object.type());
  const std::vector<JinjaValue>& items = object.as_items().items;
  const SliceBounds bounds = slice_bounds(begin, end, step, static_cast<int64_t>(items.size()));
  std::vector<JinjaValue> picked;
  walk_slice(bounds, [&](size_t i) {
    budget.charge(sizeof(JinjaValue));
    picked.push_back(items[i]);
  });
  return JinjaValue::items(object.type(), std::move(picked),
                           object.type() == JinjaType::kList ? "list" : "tuple");
}

}  // namespace temper
