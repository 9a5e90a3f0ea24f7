#include "trainer/early_stopping.h"

#include <cmath>
#include <optional>

#include "io/json.h"
#include "io/text_input.h"

namespace temper {
namespace {

struct RecordedLoss {
  int64_t step = 0;
  double loss = 0.0;
};

std::optional<RecordedLoss> parse_loss(const std::string& line, const std::string& event,
                                       const std::string& data_hash) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto has_text = [&](const char* key, const std::string& text) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() && found->get<std::string>() == text;
  };
  const auto step = json.find("step"), loss = json.find("loss");
  if (!has_text("event", event) || !has_text("data", data_hash) || step == json.end() ||
      !step->is_number_integer() || loss == json.end() || !loss->is_number()) {
    return std::nullopt;
  }
  return RecordedLoss{step->get<int64_t>(), loss->get<double>()};
}

}  // namespace

void EarlyStopping::update(int64_t step, double test_loss) {
  const bool best = !std::isnan(test_loss) && (best_step_ < 0 || test_loss < best_loss_);
  if (best) {
    best_loss_ = test_loss;
    best_step_ = step;
  }
  since_best_ = best ? 0 : since_best_ + 1;
}

std::map<int64_t, double> recorded_losses(const std::filesystem::path& metrics_path,
                                          const std::string& event, int64_t last_step,
                                          const std::string& data_hash) {
  std::map<int64_t, double> losses;
  if (!std::filesystem::exists(metrics_path)) return losses;
  LineReader lines(metrics_path);
  for (std::string line; lines.next(line);) {
    const auto recorded = parse_loss(line, event, data_hash);
    if (recorded && recorded->step >= 0 && recorded->step <= last_step) {
      losses[recorded->step] = recorded->loss;
    }
  }
  return losses;
}

}  // namespace temper
