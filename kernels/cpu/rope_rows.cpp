#include "kernels/cpu/rope_rows.h"

#include "kernels/cpu/float8.h"

namespace temper {

TEMPER_MULTIVERSION void rope_rows(float* x, const int64_t* positions, const float* cos,
                                   const float* sin, float sign, int64_t tokens, int64_t heads,
                                   int64_t dim) {
  const int64_t half = dim / 2;
  for (int64_t t = 0; t < tokens; ++t) {
    const float* c = cos + positions[t] * half;
    const float* s = sin + positions[t] * half;
    for (int64_t h = 0; h < heads; ++h) {
      float* first = x + (t * heads + h) * dim;
      float* second = first + half;
      for (int64_t i = 0; i < half; ++i) {
        const float a = first[i], b = second[i], rotated = sign * s[i];
        first[i] = a * c[i] - b * rotated;
        second[i] = b * c[i] + a * rotated;
      }
    }
  }
}

}  // namespace temper
