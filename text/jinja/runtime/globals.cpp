// Functions that a template finds among its variables.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "text/jinja/runtime/builtins.h"

namespace temper {
namespace {

using Value = JinjaValue;
using Runtime = JinjaRuntime;
using Arguments = JinjaArguments;

Value range(Runtime&, const Value&, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"start", "stop", "step"});
  auto* object = new JinjaRange;
  const Value value = Value::object(JinjaType::kRange, object);
  if (parameters.has(1)) {
    object->start = parameters.integer(0);
    object->stop = parameters.integer(1);
    if (parameters.has(2)) object->step = parameters.integer(2);
  } else {
    object->stop = parameters.integer(0);
  }
  if (object->step == 0) throw JinjaFailure{"range(): the step is 0"};
  if (object->size() > kMaxJinjaRange) {
    throw JinjaFailure{fmt::format("range() gives more than {} numbers", kMaxJinjaRange)};
  }
  return value;
}

// The entries of dict(...) and namespace(...): those of a dict or a list of pairs, then the named.
JinjaRef<JinjaDict> entries_of(Runtime& runtime, Arguments& arguments) {
  JinjaRef<JinjaDict> dict(new JinjaDict);
  if (arguments.positional.size() > 1) throw JinjaFailure{"at most one positional argument"};
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (source.is_dict()) {
      for (const auto& [key, value] : source.as_dict().entries) {
        dict->set(key, value, runtime.budget);
      }
    } else {
      for (const Value& pair : jinja_iterate(source, runtime.budget)) {
        const std::vector<Value> parts = jinja_iterate(pair, runtime.budget);
        if (parts.size() != 2) throw JinjaFailure{"dict() needs pairs"};
        dict->set(parts[0], parts[1], runtime.budget);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) {
    dict->set(Value::text(std::string(name)), value, runtime.budget);
  }
  return dict;
}

Value make_dict(Runtime& runtime, const Value&, Arguments& arguments) {
  return Value::dict(entries_of(runtime, arguments));
}

Value make_namespace(Runtime& runtime, const Value&, Arguments& arguments) {
  const JinjaRef<JinjaDict> entries = entries_of(runtime, arguments);
  auto* object = new JinjaNamespace;
  const Value value = Value::object(JinjaType::kNamespace, object);
  runtime.changeable.emplace_back(object);
  for (const auto& [key, attribute] : entries->entries) {
    if (!key.is_string()) throw JinjaFailure{"namespace(): a name is not a str"};
    if (key.as_text().starts_with('_')) throw JinjaFailure{"namespace(): a name begins with '_'"};
    object->attributes.emplace_back(std::string(key.as_text()), attribute);
  }
  object->nesting = std::max(object->nesting, entries->nesting);
  return value;
}

Value strftime_now(Runtime& runtime, const Value&, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"format"});
  const std::string format(parameters.text(0));
  runtime.budget.charge(100 * format.size() + 1000);
  if (format.size() > 1000) throw JinjaFailure{"strftime_now(): the format is too long"};
  if (format.empty()) return Value::constant("");
  std::tm local{};
  if (runtime.now) {
    local = *runtime.now;
  } else {
    const std::time_t now = std::time(nullptr);
    localtime_r(&now, &local);
  }
  std::string text(100 * format.size() + 100, '\0');
  text.resize(std::strftime(text.data(), text.size(), format.c_str(), &local));
  return Value::text(std::move(text));
}

// Gives nothing first, and then its separator.
struct Joiner : JinjaCallable {
  Value separator;
  bool is_used = false;

  Value call(Runtime&, Arguments& arguments) override {
    expect_no_arguments(arguments);
    return std::exchange(is_used, true) ? separator : Value::constant("");
  }
  std::string repr() const override { throw JinjaFailure{"a joiner cannot be printed"}; }
  void clear() override { separator = Value(); }
};

Value make_joiner(Runtime& runtime, const Value&, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"sep"});
  auto* joiner = new Joiner;
  const Value value = Value::object(JinjaType::kFunction, joiner);
  joiner->separator = parameters.has(0) ? parameters.at(0) : Value::constant(", ");
  runtime.changeable.emplace_back(joiner);
  return value;
}

}  // namespace

JinjaValue jinja_raise(JinjaRuntime&, const JinjaValue&, JinjaArguments& arguments) {
  const JinjaParameters parameters(arguments, {"message"});
  const Value& message = parameters.at(0);
  if (message.is_string() && message.is_from_template()) {
    throw JinjaFailure{std::string(message.as_text())};
  }
  throw JinjaFailure{"the template refuses (its message has text of the conversation in it)"};
}

JinjaFunction find_jinja_global(std::string_view name) {
  if (name == "range") return range;
  if (name == "dict") return make_dict;
  if (name == "namespace") return make_namespace;
  if (name == "raise_exception") return jinja_raise;
  if (name == "strftime_now") return strftime_now;
  if (name == "joiner") return make_joiner;
  return nullptr;
}

}  // namespace temper
