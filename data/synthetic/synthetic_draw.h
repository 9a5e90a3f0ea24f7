// Reproducible choices for the synthetic corpora: the same on every machine for a seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "common/error.h"
#include "common/philox.h"

namespace temper {

class SyntheticDraw {
 public:
  SyntheticDraw(uint64_t seed, uint64_t stream) : random_(seed, stream) {}

  size_t below(size_t bound) {
    TEMPER_CHECK(bound > 0);
    return static_cast<size_t>(random_.below(next_++, bound));
  }
  template <typename List>
  const auto& pick(const List& list) {
    return list[below(list.size())];
  }
  bool chance(size_t one_in) { return below(one_in) == 0; }
  template <typename List>
  void shuffle(List& list) {
    for (size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[below(i)]);
  }

 private:
  Philox random_;
  uint64_t next_ = 0;
};

}  // namespace temper
