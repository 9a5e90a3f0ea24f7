// Numbers of a report's figures, wherever they may be missing: then NaN.
#pragma once

#include <limits>

#include "io/json.h"

namespace temper {

inline double number_of(const OrderedJson& value) {
  return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

inline double number_of(const OrderedJson& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() ? number_of(*found) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace temper
