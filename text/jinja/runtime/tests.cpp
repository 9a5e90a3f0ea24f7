// What stands behind `is`.
#include <fmt/format.h>

#include "text/jinja/runtime/builtins.h"
#include "text/jinja/runtime/operators.h"
#include "text/jinja/runtime/unicode.h"

namespace temper {
namespace {

using Value = JinjaValue;
using Runtime = JinjaRuntime;
using Arguments = JinjaArguments;

// A test without arguments.
template <bool (*kIs)(const Value&)>
Value plain(Runtime&, const Value& subject, Arguments& arguments) {
  expect_no_arguments(arguments);
  return Value::boolean(kIs(subject));
}

bool is_defined(const Value& value) {
  return !value.is_undefined();
}
bool is_undefined(const Value& value) {
  return value.is_undefined();
}
bool is_none(const Value& value) {
  return value.is_none();
}
bool is_string(const Value& value) {
  return value.is_string();
}
bool is_number(const Value& value) {
  return value.is_number();
}
bool is_integer(const Value& value) {
  return value.is(JinjaType::kInt);
}
bool is_float(const Value& value) {
  return value.is(JinjaType::kFloat);
}
bool is_boolean(const Value& value) {
  return value.is(JinjaType::kBool);
}
bool is_true(const Value& value) {
  return is_boolean(value) && value.as_bool();
}
bool is_false(const Value& value) {
  return is_boolean(value) && !value.as_bool();
}
bool is_mapping(const Value& value) {
  return value.is_dict();
}
bool is_escaped(const Value& value) {
  return value.is_markup();
}
bool is_callable(const Value& value) {
  return value.is(JinjaType::kFunction) || value.is_undefined() || value.is(JinjaType::kLoop);
}

bool is_iterable(const Value& value) {
  switch (value.type()) {
    case JinjaType::kNone:
    case JinjaType::kBool:
    case JinjaType::kInt:
    case JinjaType::kFloat:
    case JinjaType::kNamespace:
    case JinjaType::kFunction:
      return false;
    default:
      return true;
  }
}

bool is_sequence(const Value& value) {
  return value.is_string() || value.is_list_or_tuple() || value.is_dict() ||
         value.is(JinjaType::kRange) || value.is_undefined();
}

template <bool kUpper>
Value has_case(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const Value text = jinja_to_text(subject, runtime.budget);
  return find_string_method(kUpper ? "isupper" : "islower")(runtime, text, arguments);
}

int64_t rest_of(Runtime& runtime, const Value& subject, const Value& divisor) {
  const Value rest = jinja_arithmetic(JinjaOperator::kModulo, subject, divisor, runtime.budget);
  if (rest.is(JinjaType::kFloat)) return rest.as_double() == 0 ? 0 : rest.as_double() == 1 ? 1 : 2;
  if (!rest.is_integral()) throw JinjaFailure{"this test is for numbers"};
  return rest.as_integer();
}

template <int64_t kRest>
Value is_parity(Runtime& runtime, const Value& subject, Arguments& arguments) {
  expect_no_arguments(arguments);
  return Value::boolean(rest_of(runtime, subject, Value::integer(2)) == kRest);
}

Value is_divisible(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"num"});
  return Value::boolean(rest_of(runtime, subject, parameters.at(0)) == 0);
}

template <JinjaOperator kOperator>
Value relate(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"other"});
  return Value::boolean(jinja_relate(kOperator, subject, parameters.at(0), runtime.budget));
}

Value is_same(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"other"});
  const Value& other = parameters.at(0);
  if (subject.type() != other.type()) return Value::boolean(false);
  if (subject.object() && !subject.is_string()) {
    return Value::boolean(subject.object() == other.object());
  }
  return Value::boolean(jinja_equal(subject, other, runtime.budget));
}

template <JinjaFunction (*kFind)(std::string_view)>
Value is_known(Runtime&, const Value& subject, Arguments& arguments) {
  expect_no_arguments(arguments);
  return Value::boolean(subject.is_string() && kFind(subject.as_text()) != nullptr);
}

struct Test {
  std::string_view name;
  JinjaFunction function;
};
constexpr Test kTests[] = {
    {"defined", plain<is_defined>},
    {"undefined", plain<is_undefined>},
    {"none", plain<is_none>},
    {"string", plain<is_string>},
    {"number", plain<is_number>},
    {"integer", plain<is_integer>},
    {"float", plain<is_float>},
    {"boolean", plain<is_boolean>},
    {"true", plain<is_true>},
    {"false", plain<is_false>},
    {"mapping", plain<is_mapping>},
    {"iterable", plain<is_iterable>},
    {"sequence", plain<is_sequence>},
    {"callable", plain<is_callable>},
    {"escaped", plain<is_escaped>},
    {"upper", has_case<true>},
    {"lower", has_case<false>},
    {"odd", is_parity<1>},
    {"even", is_parity<0>},
    {"divisibleby", is_divisible},
    {"sameas", is_same},
    {"filter", is_known<find_jinja_filter>},
    {"test", is_known<find_jinja_test>},
    {"in", relate<JinjaOperator::kIn>},
    {"eq", relate<JinjaOperator::kEqual>},
    {"equalto", relate<JinjaOperator::kEqual>},
    {"==", relate<JinjaOperator::kEqual>},
    {"ne", relate<JinjaOperator::kNotEqual>},
    {"!=", relate<JinjaOperator::kNotEqual>},
    {"gt", relate<JinjaOperator::kGreater>},
    {"greaterthan", relate<JinjaOperator::kGreater>},
    {">", relate<JinjaOperator::kGreater>},
    {"ge", relate<JinjaOperator::kGreaterEqual>},
    {">=", relate<JinjaOperator::kGreaterEqual>},
    {"lt", relate<JinjaOperator::kLess>},
    {"lessthan", relate<JinjaOperator::kLess>},
    {"<", relate<JinjaOperator::kLess>},
    {"le", relate<JinjaOperator::kLessEqual>},
    {"<=", relate<JinjaOperator::kLessEqual>},
};

}  // namespace

JinjaFunction find_jinja_test(std::string_view name) {
  for (const Test& test : kTests) {
    if (test.name == name) return test.function;
  }
  return nullptr;
}

}  // namespace temper
