#include "launcher/report/curve_figures.h"
#include "io/json_number.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace temper {
namespace {

OrderedJson thinned_curve(const std::map<int64_t, MetricsStep>& steps,
                          const std::function<double(const MetricsStep&)>& value_of) {
  OrderedJson curve = OrderedJson::array();
  const size_t stride = (steps.size() + kMaxCurvePoints - 1) / kMaxCurvePoints;
  double sum = 0.0;
  size_t num_seen = 0, num_finite = 0;
  int64_t first = 0;
  for (const auto& [step, entry] : steps) {
    if (num_seen++ == 0) first = step;
    const double value = value_of(entry);
    if (std::isfinite(value)) {
      sum += value;
      ++num_finite;
    }
    if (num_seen < stride) continue;
    const double mean = num_finite > 0 ? sum / static_cast<double>(num_finite) : kNoNumber;
    curve.push_back({(first + step) / 2, finite_or_null(mean)});
    sum = 0.0;
    num_seen = num_finite = 0;
  }
  return curve;
}

// Only some steps have it: the others are no gaps.
OrderedJson memory_curve(const std::map<int64_t, MetricsStep>& steps) {
  std::map<int64_t, MetricsStep> measured;
  for (const auto& entry : steps) {
    if (std::isfinite(entry.second.memory_bytes)) measured.insert(entry);
  }
  return thinned_curve(measured, [](const MetricsStep& step) { return step.memory_bytes; });
}

// Where the domain and the general text stand at the run's best checkpoint, else at the last step
// that both were measured at.
OrderedJson end_point(const RunFacts& facts) {
  const auto& test = facts.history.test();
  const Recommendation& recommendation = facts.recommendation;
  int64_t step = -1;
  for (const auto& [at, loss] : test) {
    if (facts.history.general().count(at) != 0) step = at;
  }
  if (test.count(recommendation.step) != 0) step = recommendation.step;
  if (step < 0) return nullptr;
  const auto base = test.find(0);
  return {{"name", facts.name()},
          {"step", step},
          {"action", recommendation.to_json()["action"]},
          {"test_loss", finite_or_null(test.at(step))},
          {"base_test_loss", base == test.end() ? OrderedJson() : finite_or_null(base->second)},
          {"rise", finite_or_null(facts.history.forgetting_at(step))}};
}

}  // namespace

OrderedJson curve_figures(const RunFacts& facts) {
  const auto& steps = facts.log.steps;
  OrderedJson held_out = OrderedJson::object();
  for (const auto& [set, by_step] : facts.log.evaluations) {
    OrderedJson curve = OrderedJson::array();
    for (const auto& [step, evaluation] : by_step) {
      curve.push_back({step, finite_or_null(evaluation.loss())});
    }
    held_out[set] = curve;
  }
  const auto speed = [](const MetricsStep& step) {
    return static_cast<double>(step.tokens) / step.seconds;
  };
  return {
      {"train_loss", thinned_curve(steps, [](const MetricsStep& s) { return s.loss; })},
      {"held_out", held_out},
      {"learning_rate", thinned_curve(steps, [](const MetricsStep& s) { return s.learning_rate; })},
      {"grad_norm", thinned_curve(steps, [](const MetricsStep& s) { return s.grad_norm; })},
      {"tokens_per_second", thinned_curve(steps, speed)},
      {"memory_bytes", memory_curve(steps)}};
}

OrderedJson held_out_figures(const RunFacts& facts) {
  OrderedJson sets = OrderedJson::array();
  for (const auto& [set, by_step] : facts.log.evaluations) {
    if (by_step.empty()) continue;
    const auto base = by_step.find(0);
    const auto best = std::min_element(
        by_step.begin(), by_step.end(),
        [](const auto& a, const auto& b) { return a.second.loss() < b.second.loss(); });
    const auto& [last_step, last] = *by_step.rbegin();
    const auto used = by_step.find(facts.recommendation.step);
    const MetricsEvaluation& shown = used == by_step.end() ? last : used->second;
    const MetricsEvaluation of_base = base == by_step.end() ? MetricsEvaluation{} : base->second;
    const double loss = shown.loss(), base_loss = of_base.loss();
    sets.push_back({{"set", set},
                    {"kind", set.starts_with(kGeneralPrefix) ? "general" : "test"},
                    {"targets", last.num_targets},
                    {"base", finite_or_null(base_loss)},
                    {"step", used == by_step.end() ? last_step : used->first},
                    {"loss", finite_or_null(loss)},
                    {"change", finite_or_null(loss / base_loss - 1.0)},
                    {"base_perplexity", finite_or_null(std::exp(base_loss))},
                    {"perplexity", finite_or_null(std::exp(loss))},
                    {"base_bits_per_byte", finite_or_null(of_base.bits_per_byte())},
                    {"bits_per_byte", finite_or_null(shown.bits_per_byte())},
                    {"last", finite_or_null(last.loss())},
                    {"last_step", last_step},
                    {"best", finite_or_null(best->second.loss())},
                    {"best_step", best->first}});
  }
  return sets;
}

OrderedJson forgetting_figures(const RunFacts& facts, const std::vector<RunFacts>& others) {
  OrderedJson trajectory = OrderedJson::array();
  for (const auto& [step, loss] : facts.history.test()) {
    const double rise = facts.history.forgetting_at(step);
    if (std::isfinite(rise))
      trajectory.push_back({step, finite_or_null(loss), finite_or_null(rise)});
  }
  OrderedJson runs = OrderedJson::array();
  if (OrderedJson mine = end_point(facts); !mine.is_null()) runs.push_back(mine);
  for (const RunFacts& other : others) {
    if (OrderedJson its = end_point(other); !its.is_null()) runs.push_back(its);
  }
  const double budget = facts.max_forgetting();
  return {{"budget", budget > 0.0 ? OrderedJson(budget) : OrderedJson()},
          {"trajectory", trajectory},
          {"runs", runs}};
}

}  // namespace temper
