// Filters of lists and dicts, and the finding of filters.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "text/jinja/runtime/filters.h"
#include "text/jinja/runtime/operators.h"
#include "text/jinja/runtime/unicode.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

using Value = JinjaValue;
using Runtime = JinjaRuntime;
using Arguments = JinjaArguments;

Value generator(std::vector<Value> items) {
  return Value::items(JinjaType::kGenerator, std::move(items), "generator");
}

// ---- attributes by path: "function.name", "parts.0"

class AttributePath {
 public:
  // `attribute` is a text, an integer, or none.
  explicit AttributePath(const Value* attribute, std::optional<Value> fallback = std::nullopt)
      : fallback_(std::move(fallback)) {
    if (!attribute || attribute->is_none()) return;
    if (!attribute->is_string()) {
      parts_.push_back(*attribute);
      return;
    }
    std::string_view rest = attribute->as_text();
    for (;;) {
      const size_t dot = rest.find('.');
      parts_.push_back(part_of(*attribute, rest.substr(0, dot)));
      if (dot == rest.npos) break;
      rest.remove_prefix(dot + 1);
    }
  }

  Value of(Value item, Runtime& runtime) const {
    for (const Value& part : parts_) {
      item = jinja_item(item, part, runtime);
      if (item.is_undefined() && fallback_) item = *fallback_;
    }
    return item;
  }

 private:
  static Value part_of(const Value& whole, std::string_view part) {
    int64_t index = 0;
    const char* end = part.data() + part.size();
    const bool is_number =
        !part.empty() && part[0] != '-' && std::from_chars(part.data(), end, index).ptr == end;
    return is_number ? Value::integer(index) : Value::part(whole, part);
  }

  std::vector<Value> parts_;
  std::optional<Value> fallback_;
};

Value folded(const Value& value, bool case_sensitive, Runtime& runtime) {
  if (case_sensitive || !value.is_string()) return value;
  runtime.budget.charge(4 * value.as_text().size());
  return Value::text(python_lower(value.as_text()));
}

// Stable, as sorted().
void sort_by_keys(std::vector<std::pair<Value, Value>>& keyed, bool reverse, Runtime& runtime) {
  runtime.budget.charge(keyed.size() * sizeof(keyed[0]));
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    const auto &x = reverse ? b.first : a.first, &y = reverse ? a.first : b.first;
    return jinja_compare(x, y, "<", runtime.budget) < 0;
  });
}

Value values_of(const std::vector<std::pair<Value, Value>>& keyed) {
  std::vector<Value> items;
  for (const auto& entry : keyed) items.push_back(entry.second);
  return Value::list(std::move(items));
}

// ---- size, ends and conversions

Value length(Runtime& runtime, const Value& subject, Arguments& arguments) {
  expect_no_arguments(arguments);
  if (subject.is_string()) runtime.budget.charge(subject.as_text().size());
  return Value::integer(jinja_length(subject));
}

Value list(Runtime& runtime, const Value& subject, Arguments& arguments) {
  expect_no_arguments(arguments);
  return Value::list(jinja_iterate(subject, runtime.budget));
}

Value first(Runtime& runtime, const Value& subject, Arguments& arguments) {
  expect_no_arguments(arguments);
  if (subject.is(JinjaType::kGenerator)) {
    JinjaItems& items = subject.as_items();
    if (items.position < items.items.size()) return items.items[items.position++];
  } else {
    const std::vector<Value> items = jinja_iterate(subject, runtime.budget);
    if (!items.empty()) return items.front();
  }
  return Value::undefined("first item of an empty list");
}

Value last(Runtime& runtime, const Value& subject, Arguments& arguments) {
  expect_no_arguments(arguments);
  if (subject.is(JinjaType::kGenerator)) throw JinjaFailure{"last: a generator has no end"};
  const std::vector<Value> items = jinja_iterate(subject, runtime.budget);
  return items.empty() ? Value::undefined("last item of an empty list") : items.back();
}

Value join(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"d", "attribute"});
  const Value separator =
      parameters.has(0) ? jinja_to_text(parameters.at(0), runtime.budget) : Value::constant("");
  const AttributePath path(parameters.find(1));
  std::string text;
  bool is_first = true;
  for (const Value& item : jinja_iterate(subject, runtime.budget)) {
    if (!is_first) {
      runtime.budget.charge_text(text.size() > kMaxJinjaText ? text.size()
                                                             : separator.as_text().size());
      text += separator.as_text();
    }
    is_first = false;
    append_jinja_text(text, path.of(item, runtime), runtime.budget);
  }
  return Value::text(std::move(text));
}

Value fallback(Runtime&, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"default_value", "boolean"});
  const bool is_missing =
      subject.is_undefined() || (parameters.boolean_or(1, false) && !jinja_truth(subject));
  if (!is_missing) return subject;
  return parameters.has(0) ? parameters.at(0) : Value::constant("");
}

Value reverse(Runtime& runtime, const Value& subject, Arguments& arguments) {
  expect_no_arguments(arguments);
  if (subject.is_string()) {
    const Value step = Value::integer(-1);
    return jinja_slice(subject, nullptr, nullptr, &step, runtime.budget);
  }
  if (subject.is_undefined()) subject.fail_undefined();
  std::vector<Value> items = jinja_iterate(subject, runtime.budget);
  std::reverse(items.begin(), items.end());
  return generator(std::move(items));
}

Value items(Runtime& runtime, const Value& subject, Arguments& arguments) {
  expect_no_arguments(arguments);
  if (subject.is_undefined()) return generator({});
  if (!subject.is_dict()) throw JinjaFailure{"items: the value is not a dict"};
  Arguments none;
  return generator(
      jinja_iterate(find_dict_method("items")(runtime, subject, none), runtime.budget));
}

Value attr(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"name"});
  if (subject.is_dict() && !find_dict_method(parameters.text(0))) {
    return Value::undefined({}, subject.type());
  }
  return jinja_item(subject, parameters.at(0), runtime);
}

// ---- filters and tests applied to every item

Value call_named(JinjaFunction function, const char* kind, Runtime& runtime, const Value& subject,
                 const Arguments& arguments) {
  if (!function) throw JinjaFailure{fmt::format("there is no {} of that name", kind)};
  Arguments copy = arguments;
  return function(runtime, subject, copy);
}

Value map(Runtime& runtime, const Value& subject, Arguments& arguments) {
  std::vector<Value> mapped;
  if (arguments.positional.empty()) {
    const JinjaParameters parameters(arguments, {"attribute", "default"});
    std::optional<Value> otherwise;
    if (parameters.is_given(1)) otherwise = parameters.at(1);
    const AttributePath path(&parameters.at(0), otherwise);
    for (const Value& item : jinja_iterate(subject, runtime.budget)) {
      mapped.push_back(path.of(item, runtime));
    }
    return generator(std::move(mapped));
  }
  if (!arguments.positional[0].is_string()) throw JinjaFailure{"map: the filter's name is no str"};
  const JinjaFunction filter = find_jinja_filter(arguments.positional[0].as_text());
  arguments.positional.erase(arguments.positional.begin());
  for (const Value& item : jinja_iterate(subject, runtime.budget)) {
    runtime.budget.step();
    mapped.push_back(call_named(filter, "filter", runtime, item, arguments));
  }
  return generator(std::move(mapped));
}

template <bool kByAttribute, bool kWanted>
Value select(Runtime& runtime, const Value& subject, Arguments& arguments) {
  std::vector<Value>& positional = arguments.positional;
  std::optional<Value> attribute;
  if (kByAttribute) {
    if (positional.empty()) throw JinjaFailure{"the name of the attribute is missing"};
    attribute = positional.front();
    positional.erase(positional.begin());
  }
  JinjaFunction test = nullptr;
  const bool has_test = !positional.empty();
  if (has_test) {
    if (!positional[0].is_string()) throw JinjaFailure{"the test's name is no str"};
    test = find_jinja_test(positional[0].as_text());
    positional.erase(positional.begin());
  }
  const AttributePath path(attribute ? &*attribute : nullptr);
  std::vector<Value> selected;
  if (!jinja_truth(subject)) return generator({});
  for (const Value& item : jinja_iterate(subject, runtime.budget)) {
    runtime.budget.step();
    const Value value = path.of(item, runtime);
    const bool is_so =
        jinja_truth(has_test ? call_named(test, "test", runtime, value, arguments) : value);
    if (is_so == kWanted) selected.push_back(item);
  }
  return generator(std::move(selected));
}

// ---- order

Value sort(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"reverse", "case_sensitive", "attribute"});
  const bool case_sensitive = parameters.boolean_or(1, false);
  std::vector<AttributePath> paths;
  const Value* attribute = parameters.find(2);
  if (attribute && attribute->is_string()) {
    std::string_view rest = attribute->as_text();
    for (;;) {
      const size_t comma = rest.find(',');
      const Value path = Value::part(*attribute, rest.substr(0, comma));
      paths.emplace_back(&path);
      if (comma == rest.npos) break;
      rest.remove_prefix(comma + 1);
    }
  } else {
    paths.emplace_back(attribute);
  }
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value& item : jinja_iterate(subject, runtime.budget)) {
    std::vector<Value> keys;
    for (const AttributePath& path : paths) {
      keys.push_back(folded(path.of(item, runtime), case_sensitive, runtime));
    }
    keyed.emplace_back(Value::list(std::move(keys)), item);
  }
  sort_by_keys(keyed, parameters.boolean_or(0, false), runtime);
  return values_of(keyed);
}

Value dict_sort(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"case_sensitive", "by", "reverse"});
  const std::string_view by = parameters.text_or(1, "key");
  if (by != "key" && by != "value") throw JinjaFailure{"dictsort: by must be key or value"};
  if (!subject.is_dict()) throw JinjaFailure{"dictsort: the value is not a dict"};
  std::vector<std::pair<Value, Value>> keyed;
  for (const auto& [key, value] : subject.as_dict().entries) {
    runtime.budget.charge(4 * sizeof(Value));
    keyed.emplace_back(folded(by == "key" ? key : value, parameters.boolean_or(0, false), runtime),
                       Value::tuple({key, value}));
  }
  sort_by_keys(keyed, parameters.boolean_or(2, false), runtime);
  return values_of(keyed);
}

Value unique(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"case_sensitive", "attribute"});
  const AttributePath path(parameters.find(1));
  JinjaDict seen;
  std::vector<Value> items;
  for (const Value& item : jinja_iterate(subject, runtime.budget)) {
    Value key = folded(path.of(item, runtime), parameters.boolean_or(0, false), runtime);
    if (seen.find(key, runtime.budget)) continue;
    seen.set(std::move(key), Value::none(), runtime.budget);
    items.push_back(item);
  }
  return generator(std::move(items));
}

template <bool kLargest>
Value extreme(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"case_sensitive", "attribute"});
  const AttributePath path(parameters.find(1));
  std::optional<std::pair<Value, Value>> best;
  for (const Value& item : jinja_iterate(subject, runtime.budget)) {
    Value key = folded(path.of(item, runtime), parameters.boolean_or(0, false), runtime);
    const int order = best ? jinja_compare(key, best->first, "<", runtime.budget) : 0;
    if (!best || (kLargest ? order > 0 : order < 0)) best.emplace(std::move(key), item);
  }
  return best ? best->second : Value::undefined("extreme of an empty list");
}

Value sum(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"attribute", "start"});
  const AttributePath path(parameters.find(0));
  Value total = parameters.has(1) ? parameters.at(1) : Value::integer(0);
  if (total.is_string()) throw JinjaFailure{"sum: texts cannot be summed"};
  for (const Value& item : jinja_iterate(subject, runtime.budget)) {
    total = jinja_arithmetic(JinjaOperator::kAdd, total, path.of(item, runtime), runtime.budget);
  }
  return total;
}

// ---- groups

Value batch(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"linecount", "fill_with"});
  const int64_t size = parameters.integer(0);
  std::vector<Value> batches, current;
  for (Value& item : jinja_iterate(subject, runtime.budget)) {
    if (static_cast<int64_t>(current.size()) == size) {
      batches.push_back(Value::list(std::exchange(current, {})));
    }
    current.push_back(std::move(item));
  }
  if (!current.empty()) {
    if (parameters.is_given(1)) {
      while (static_cast<int64_t>(current.size()) < size) {
        runtime.budget.charge(sizeof(Value));
        current.push_back(parameters.at(1));
      }
    }
    batches.push_back(Value::list(std::move(current)));
  }
  return generator(std::move(batches));
}

Value slice(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"slices", "fill_with"});
  const std::vector<Value> all = jinja_iterate(subject, runtime.budget);
  const int64_t count = parameters.integer(0);
  if (count < 1) throw JinjaFailure{"slice: the number of slices is less than 1"};
  const auto slices = static_cast<size_t>(count);
  runtime.budget.charge(std::min(slices, size_t{1} << 40) * 100);
  const size_t each = all.size() / slices, more = all.size() % slices;
  std::vector<Value> parts;
  size_t begin = 0;
  for (size_t i = 0; i < slices; ++i) {
    const size_t end = begin + each + (i < more);
    std::vector<Value> part(all.begin() + static_cast<std::ptrdiff_t>(begin),
                            all.begin() + static_cast<std::ptrdiff_t>(end));
    if (parameters.is_given(1) && i >= more) part.push_back(parameters.at(1));
    parts.push_back(Value::list(std::move(part)));
    begin = end;
  }
  return generator(std::move(parts));
}

Value group_by(Runtime& runtime, const Value& subject, Arguments& arguments) {
  const JinjaParameters parameters(arguments, {"attribute", "default", "case_sensitive"});
  std::optional<Value> otherwise;
  if (parameters.is_given(1)) otherwise = parameters.at(1);
  const AttributePath path(&parameters.at(0), otherwise);
  const bool case_sensitive = parameters.boolean_or(2, false);
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value& item : jinja_iterate(subject, runtime.budget)) {
    keyed.emplace_back(folded(path.of(item, runtime), case_sensitive, runtime), item);
  }
  sort_by_keys(keyed, false, runtime);
  std::vector<Value> groups;
  for (size_t begin = 0, end = 0; begin < keyed.size(); begin = end) {
    std::vector<Value> members;
    for (; end < keyed.size() && jinja_equal(keyed[begin].first, keyed[end].first, runtime.budget);
         ++end) {
      members.push_back(keyed[end].second);
    }
    if (end == begin) members.push_back(keyed[end++].second);  // NaN equals nothing
    const Value key = path.of(members[0], runtime);
    groups.push_back(
        Value::items(JinjaType::kTuple, {key, Value::list(std::move(members))}, "group"));
  }
  return Value::list(std::move(groups));
}

constexpr JinjaFilter kFilters[] = {
    {"attr", attr},
    {"batch", batch},
    {"count", length},
    {"d", fallback},
    {"default", fallback},
    {"dictsort", dict_sort},
    {"first", first},
    {"groupby", group_by},
    {"items", items},
    {"join", join},
    {"last", last},
    {"length", length},
    {"list", list},
    {"map", map},
    {"max", extreme<true>},
    {"min", extreme<false>},
    {"reject", select<false, false>},
    {"rejectattr", select<true, false>},
    {"reverse", reverse},
    {"select", select<false, true>},
    {"selectattr", select<true, true>},
    {"slice", slice},
    {"sort", sort},
    {"sum", sum},
    {"unique", unique},
};

}  // namespace

std::span<const JinjaFilter> jinja_list_filters() {
  return kFilters;
}

JinjaFunction find_jinja_filter(std::string_view name) {
  for (const auto filters : {jinja_list_filters(), jinja_text_filters()}) {
    for (const JinjaFilter& filter : filters) {
      if (filter.name == name) return filter.function;
    }
  }
  return nullptr;
}

}  // namespace temper
