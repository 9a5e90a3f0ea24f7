#include "trainer/early_stopping.h"

#include <map>
#include <string>

#include "common/error.h"
#include "io/json.h"
#include "io/text_input.h"

namespace temper {

void EarlyStopping::update(double test_loss) {
  const bool best = !any_ || test_loss < best_loss_;
  any_ = true;
  if (best) best_loss_ = test_loss;
  since_best_ = best ? 0 : since_best_ + 1;
}

std::vector<double> recorded_test_losses(const std::filesystem::path& metrics_path,
                                         int64_t last_step) {
  std::map<int64_t, double> by_step;
  if (std::filesystem::exists(metrics_path)) {
    LineReader lines(metrics_path);
    for (std::string line; lines.next(line);) {
      const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (!json.is_object() || json.value("event", "") != "test_loss") continue;
      const int64_t step = json.value("step", int64_t{-1});
      if (step >= 0 && step <= last_step && json["loss"].is_number()) {
        by_step[step] = json["loss"].get<double>();
      }
    }
  }
  std::vector<double> losses;
  for (const auto& [step, loss] : by_step) losses.push_back(loss);
  return losses;
}

}  // namespace temper
