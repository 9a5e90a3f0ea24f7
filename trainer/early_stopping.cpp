#include "trainer/early_stopping.h"

#include <cmath>

namespace temper {

void EarlyStopping::update(int64_t step, double test_loss) {
  const bool best = !std::isnan(test_loss) && (best_step_ < 0 || test_loss < best_loss_);
  if (best) {
    best_loss_ = test_loss;
    best_step_ = step;
  }
  since_best_ = best ? 0 : since_best_ + 1;
}

}  // namespace temper
