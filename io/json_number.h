// Numbers in JSON, which can hold no NaN and no infinity.
#pragma once

#include <cmath>

#include "io/json.h"

namespace temper {

struct FiniteOrNull {
  double value;
};

// Converts to both kinds of Json: {"loss", finite_or_null(loss)} is null where the loss is not
// finite.
inline FiniteOrNull finite_or_null(double value) {
  return {value};
}

template <typename AnyJson>
void to_json(AnyJson& json, const FiniteOrNull& number) {
  if (std::isfinite(number.value)) {
    json = number.value;
  } else {
    json = nullptr;
  }
}

}  // namespace temper
