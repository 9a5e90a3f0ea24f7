// Decides whether it is time to end because the test loss has stopped improving.
#pragma once

#include <cstdint>

namespace temper {

class EarlyStopping {
 public:
  // `patience`: evaluations without improvement before the run ends; 0: never.
  explicit EarlyStopping(int64_t patience) : patience_(patience) {}

  // A new evaluation of the test sets, in the order of the steps. NaN is never the best.
  void update(int64_t step, double test_loss);
  bool should_stop() const { return patience_ > 0 && since_best_ >= patience_; }
  // The first of the steps with the lowest loss, or -1.
  int64_t best_step() const { return best_step_; }
  double best_loss() const { return best_loss_; }  // meaningless without a best step
  int64_t evaluations_since_best() const { return since_best_; }

 private:
  int64_t patience_;
  int64_t best_step_ = -1;
  double best_loss_ = 0.0;
  int64_t since_best_ = 0;
};

}  // namespace temper
