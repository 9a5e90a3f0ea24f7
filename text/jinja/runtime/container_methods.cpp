// Methods of dict, list and tuple.
#include <algorithm>
#include <utility>

#include "text/jinja/runtime/builtins.h"
#include "text/jinja/runtime/method_table.h"

namespace temper {
namespace {

using Value = JinjaValue;
using Runtime = JinjaRuntime;
using Arguments = JinjaArguments;

Value view(Runtime& runtime, const Value& self, const char* name) {
  const auto& entries = self.as_dict().entries;
  runtime.budget.charge(entries.size() * 3 * sizeof(Value));
  const std::string_view what = name;
  std::vector<Value> items;
  items.reserve(entries.size());
  for (const auto& [key, value] : entries) {
    items.push_back(what == "dict_items"  ? Value::tuple({key, value})
                    : what == "dict_keys" ? key
                                          : value);
  }
  return Value::items(JinjaType::kView, std::move(items), name);
}

Value dict_items(Runtime& runtime, const Value& self, Arguments& arguments) {
  expect_no_arguments(arguments);
  return view(runtime, self, "dict_items");
}
Value dict_keys(Runtime& runtime, const Value& self, Arguments& arguments) {
  expect_no_arguments(arguments);
  return view(runtime, self, "dict_keys");
}
Value dict_values(Runtime& runtime, const Value& self, Arguments& arguments) {
  expect_no_arguments(arguments);
  return view(runtime, self, "dict_values");
}

Value dict_get(Runtime& runtime, const Value& self, Arguments& arguments) {
  if (!arguments.named.empty()) throw JinjaFailure{"get() takes no named arguments"};
  const JinjaParameters parameters(arguments, {"key", "default"});
  if (const Value* value = self.as_dict().find(parameters.at(0), runtime.budget)) return *value;
  return parameters.has(1) ? parameters.at(1) : Value::none();
}

Value copy(Runtime&, const Value& self, Arguments& arguments) {
  expect_no_arguments(arguments);
  return self;
}

Value index_in_list(Runtime& runtime, const Value& self, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"value"});
  const auto& items = self.as_items().items;
  for (size_t i = 0; i < items.size(); ++i) {
    if (jinja_equal(items[i], parameters.at(0), runtime.budget)) {
      return Value::integer(static_cast<int64_t>(i));
    }
  }
  throw JinjaFailure{"index(): the value is not in the list"};
}

Value count_in_list(Runtime& runtime, const Value& self, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"value"});
  const auto& items = self.as_items().items;
  return Value::integer(std::count_if(items.begin(), items.end(), [&](const Value& item) {
    return jinja_equal(item, parameters.at(0), runtime.budget);
  }));
}

// Sorted by name.
constexpr JinjaMethod kDictMethods[] = {
    {"copy", copy},      {"fromkeys", unsupported_method}, {"get", dict_get}, {"items", dict_items},
    {"keys", dict_keys}, {"values", dict_values},
};
constexpr JinjaMethod kListMethods[] = {
    {"copy", copy}, {"count", count_in_list}, {"index", index_in_list}};

}  // namespace

JinjaFunction find_dict_method(std::string_view name) {
  return find_method(kDictMethods, name);
}
JinjaFunction find_list_method(std::string_view name) {
  return find_method(kListMethods, name);
}

}  // namespace temper
