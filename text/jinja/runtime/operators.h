// What the operators, the dot, the bracket and the slice do, as in Python.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text/jinja/runtime/value.h"

namespace temper {

enum class JinjaOperator : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};

JinjaValue jinja_arithmetic(JinjaOperator op, const JinjaValue& a, const JinjaValue& b,
                            JinjaBudget& budget);
JinjaValue jinja_negate(const JinjaValue& value);
JinjaValue jinja_plus(const JinjaValue& value);
// ==, <, in and so on.
bool jinja_relate(JinjaOperator op, const JinjaValue& a, const JinjaValue& b, JinjaBudget& budget);
bool jinja_contains(const JinjaValue& container, const JinjaValue& item, JinjaBudget& budget);

// The method of that name that a value of this type has; null without one.
JinjaFunction find_jinja_method(JinjaType type, std::string_view name);
// object.name: a method or an attribute, else an item. `name` outlives the value.
JinjaValue jinja_attribute(const JinjaValue& object, std::string_view name, JinjaRuntime& runtime);
// object[key]: an item, else an attribute. Undefined when there is none.
JinjaValue jinja_item(const JinjaValue& object, const JinjaValue& key, JinjaRuntime& runtime);
// object[begin:end:step]; null for a bound that is left out.
JinjaValue jinja_slice(const JinjaValue& object, const JinjaValue* begin, const JinjaValue* end,
                       const JinjaValue* step, JinjaBudget& budget);

// Text of markup is kept, other text is escaped: & < > " '
std::string escape_html(std::string_view text, JinjaBudget& budget);

}  // namespace temper
