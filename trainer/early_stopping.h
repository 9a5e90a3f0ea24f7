// Ends a run whose held-out loss has stopped improving.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace temper {

class EarlyStopping {
 public:
  // `patience`: evaluations without improvement before the run ends; 0: never.
  explicit EarlyStopping(int64_t patience) : patience_(patience) {}

  // A new evaluation of the test sets. NaN never counts as an improvement.
  void update(double test_loss);
  bool should_stop() const { return patience_ > 0 && since_best_ >= patience_; }
  double best_loss() const { return best_loss_; }
  int64_t evaluations_since_best() const { return since_best_; }

 private:
  int64_t patience_;
  bool any_ = false;
  double best_loss_ = 0.0;
  int64_t since_best_ = 0;
};

// The test losses that earlier attempts of the run wrote to metrics.jsonl, by step up to
// `last_step`; of a step that was evaluated twice the later line counts. Lines that a kill has cut
// off are passed over.
std::vector<double> recorded_test_losses(const std::filesystem::path& metrics_path,
                                         int64_t last_step);

}  // namespace temper
