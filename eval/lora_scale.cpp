#include "eval/lora_scale.h"

#include <cmath>
#include <limits>
#include <utility>

#include "common/error.h"
#include "common/log.h"
#include "eval/evaluation.h"
#include "io/atomic_file.h"
#include "io/json_number.h"
#include "run/held_out_history.h"

namespace temper {
namespace {

constexpr int kNumSteps = 10;

double joint_loss(const std::vector<HeldOutSet>& sets, const std::string& prefix,
                  const ResidentModel& model, const ModelLoader& loader, ProcessGroup& group) {
  HeldOutLoss all;
  for (const HeldOutSet& set : sets) {
    if (!set.name.starts_with(prefix)) continue;
    const HeldOutLoss loss = held_out_figures(model, loader.tokenizer(), group, set.dataset).loss;
    all.sum += loss.sum;
    all.count += loss.count;
  }
  return all.count > 0 ? all.mean() : std::numeric_limits<double>::quiet_NaN();
}

// A run that this user may only read is no reason to fail.
void keep(const FineTunedModel& tuned, const LoraScaleChoice& choice) {
  const auto run = run_of(tuned);
  if (!run) return;
  const auto path = run->lora_scale_path(tuned.record().step);
  try {
    make_directories(path.parent_path());
    write_file_atomically(path, choice.to_json().dump(2) + "\n");
  } catch (const SystemError& error) {
    log::warning("the curve of the adapter's shares is not kept with the run: {}", error.what());
  }
}

}  // namespace

Json LoraScaleChoice::to_json() const {
  Json points = Json::array();
  for (const LoraScalePoint& point : curve) {
    points.push_back({{"scale", point.scale},
                      {"test_loss", finite_or_null(point.test_loss)},
                      {"general_loss", point.general_loss},
                      {"rise", rise_over(curve.front(), point)}});
  }
  return {{"scale", scale}, {"max_forgetting", max_forgetting}, {"curve", points}};
}

LoraScaleChoice choose_lora_scale(std::vector<LoraScalePoint> curve, double max_forgetting) {
  TEMPER_CHECK(!curve.empty());
  LoraScalePoint best = curve.front();
  for (const LoraScalePoint& point : curve) {
    if (!(rise_over(curve.front(), point) <= max_forgetting)) continue;
    const bool is_better =
        std::isnan(point.test_loss) ? point.scale > best.scale : point.test_loss < best.test_loss;
    if (is_better) best = point;
  }
  return {best.scale, max_forgetting, std::move(curve)};
}

LoraScalePoint measure_lora_scale(const ModelLoader& loader, double scale, ProcessGroup& group) {
  const std::vector<HeldOutSet> sets = open_held_out_sets_of_run(loader);
  ResidentModel model = loader.load();
  model.scale_lora(scale);
  return {scale, joint_loss(sets, kTestPrefix, model, loader, group),
          joint_loss(sets, kGeneralPrefix, model, loader, group)};
}

double rise_over(const LoraScalePoint& base, const LoraScalePoint& point) {
  return point.general_loss / base.general_loss - 1.0;
}

void check_lora_scale(const ModelLoader& loader) {
  const FineTunedModel* tuned = loader.fine_tuned();
  if (tuned == nullptr || !tuned->lora()) {
    throw UserError("--lora-scale: {} is no checkpoint of a LoRA run", loader.name());
  }
  if (!tuned->lora()->modules_to_save.empty()) {
    throw UserError(
        "--lora-scale: the run trained {} in full beside the adapter, which cannot be scaled",
        fmt::join(tuned->lora()->modules_to_save, ", "));
  }
}

LoraScaleChoice find_lora_scale(const ModelLoader& loader, ProcessGroup& group) {
  check_lora_scale(loader);
  const RunConfig& config = loader.fine_tuned()->run_config();
  if (config.max_forgetting == 0.0 || config.general_datasets.empty()) {
    throw UserError(
        "--lora-scale auto needs the run's max_forgetting and general_datasets: they say how much "
        "may be forgotten of what; or give the scale as a number");
  }
  std::vector<LoraScalePoint> curve;
  for (int i = 0; i <= kNumSteps; ++i) {
    curve.push_back(measure_lora_scale(loader, static_cast<double>(i) / kNumSteps, group));
    log::info("lora scale {:.1f}: test loss {:.4f}, general loss {:.4f}", curve.back().scale,
              curve.back().test_loss, curve.back().general_loss);
  }
  LoraScaleChoice choice = choose_lora_scale(std::move(curve), config.max_forgetting);
  if (group.rank() == 0) keep(*loader.fine_tuned(), choice);
  if (choice.scale == 0.0) {
    throw UserError(
        "--lora-scale auto: no share of the adapter keeps the general loss within max_forgetting "
        "{} and improves the test loss: use the base",
        config.max_forgetting);
  }
  return choice;
}

}  // namespace temper
