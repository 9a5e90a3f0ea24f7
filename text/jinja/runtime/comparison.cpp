// Truth, equality, order and hash of values: Python's.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "text/jinja/runtime/value.h"

namespace temper {
namespace {

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

}  // namespace

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

}  // namespace temper
