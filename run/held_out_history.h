// Keeps what a run's evaluations say of its steps: what was learned (the loss over all test sets),
// what was forgotten (over all general sets), and which steps are better than others. Which
// checkpoint to use is for run/recommendation.h.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "run/metrics_log.h"

namespace temper {

// Set names begin so (docs/formats/run_directory.md).
inline constexpr const char* kTestPrefix = "test/";
inline constexpr const char* kGeneralPrefix = "general/";

class HeldOutHistory {
 public:
  HeldOutHistory() = default;
  // Takes what was measured over the sets of the last evaluation.
  explicit HeldOutHistory(const MetricsLog& log);
  // Takes what was measured over the test and the general sets of these hashes.
  HeldOutHistory(const MetricsLog& log, const std::string& test_data,
                 const std::string& general_data);

  // Mean losses over all test, or all general, sets at a step. NaN is not kept.
  void add_test(int64_t step, double loss);
  void add_general(int64_t step, double loss);

  const std::map<int64_t, double>& test() const { return test_; }
  const std::map<int64_t, double>& general() const { return general_; }

  // Relative rise of the general loss since step 0, the base: 0.1 is 10 % more. NaN when the base
  // or the step was not measured.
  double forgetting_at(int64_t step) const;
  // Evaluated steps, 0 among them, from the lowest test loss on, of equal ones the earlier first;
  // without test sets from the latest on. With a budget (above 0) only those whose forgetting is
  // within it.
  std::vector<int64_t> steps_best_first(double max_forgetting) const;
  int64_t best_step(double max_forgetting) const;  // the first of these, or -1

 private:
  std::map<int64_t, double> test_, general_;
};

}  // namespace temper
