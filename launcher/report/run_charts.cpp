#include "launcher/report/run_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "launcher/report/figure_values.h"
#include "launcher/report/html_text.h"
#include "launcher/report/svg_chart.h"

namespace temper {
namespace {

constexpr size_t kMaxTopics = 24;
constexpr size_t kFewPoints = 12;  // are shown each by itself

std::vector<std::pair<double, double>> points_of(const OrderedJson& curve, double scale = 1.0) {
  std::vector<std::pair<double, double>> points;
  for (const OrderedJson& point : curve) {
    points.emplace_back(number_of(point[0]), scale * number_of(point[1]));
  }
  return points;
}

// Restarts, and the checkpoint to use.
std::vector<std::pair<double, std::string>> marks_of(const OrderedJson& figures) {
  std::vector<std::pair<double, std::string>> marks;
  for (const OrderedJson& event : figures["timeline"]) {
    if (event["event"] == "resume") marks.emplace_back(number_of(event["step"]), "resumed");
  }
  return marks;
}

// Curves of one run stand under each other, from its first step to its last.
std::optional<std::pair<double, double>> steps_of(const OrderedJson& figures) {
  const OrderedJson& steps = figures["curves"]["train_loss"];
  if (steps.empty()) return std::nullopt;
  return std::pair{0.0, number_of(steps.back()[0])};
}

std::string draw_curve(const OrderedJson& figures, const char* key, const char* title,
                       const char* unit, double scale = 1.0) {
  LineChart chart;
  chart.title = title;
  chart.x_label = "step";
  chart.y_label = unit;
  chart.marks = marks_of(figures);
  chart.x_range = steps_of(figures);
  ChartLine line{.label = title, .points = points_of(figures["curves"][key], scale)};
  line.has_markers = line.points.size() <= kFewPoints;
  chart.lines.push_back(std::move(line));
  return draw_lines(chart);
}

ChartLine steps_of_run(const OrderedJson& trajectory) {
  ChartLine path;
  path.label = "this run, step by step";
  path.has_markers = true;
  for (const OrderedJson& point : trajectory) {
    path.points.emplace_back(number_of(point[1]), 100.0 * number_of(point[2]));
    path.point_labels.push_back("");
  }
  // Only the ends are named: the steps between lie close together.
  if (path.points.size() > 1) {
    path.point_labels.front() = "base";
    path.point_labels.back() = fmt::format("step {}", trajectory.back()[0].get<int64_t>());
  }
  return path;
}

ChartLine shares_of_adapter(const OrderedJson& lora_scale) {
  ChartLine shares;
  shares.label = fmt::format("shares of the adapter of step {}", lora_scale["step"].dump());
  shares.has_markers = true;
  for (const OrderedJson& point : lora_scale["curve"]) {
    const double scale = number_of(point, "scale");
    shares.points.emplace_back(number_of(point, "test_loss"), 100.0 * number_of(point, "rise"));
    const bool is_chosen = scale == number_of(lora_scale, "scale");
    shares.point_labels.push_back(is_chosen ? fmt::format("{:.1f} of it: chosen", scale) : "");
  }
  return shares;
}

ChartLine ends_of_runs(const OrderedJson& runs) {
  ChartLine ends;
  ends.label = "runs, by their number in the table";
  ends.has_markers = true;
  ends.has_path = false;
  for (const OrderedJson& run : runs) {
    ends.points.emplace_back(number_of(run["test_loss"]), 100.0 * number_of(run["rise"]));
    ends.point_labels.push_back(std::to_string(ends.points.size()));
  }
  return ends;
}

// Shares that say how answers end, not how good they are, would set the scale: the table has them.
bool is_score(const std::string& name) {
  return name != "refused" && name != "empty" && name != "never stops";
}

void add_scores(const OrderedJson& answers, BarChart& chart) {
  if (!answers.is_object()) return;
  size_t place = 0;
  for (const OrderedJson& score : answers.value("scores", OrderedJson::array())) {
    const std::string name = score.value("name", "");
    if (!is_score(name)) continue;
    if (chart.groups.size() <= place) chart.groups.push_back({.label = name});
    BarChart::Bar bar{number_of(score, "value")};
    if (score.contains("low")) bar.interval = {number_of(score, "low"), number_of(score, "high")};
    chart.groups[place++].bars.push_back(bar);
  }
}

// A bar for each topic; one set's are kept apart from another's.
void add_topics(const OrderedJson& sets, BarChart& chart) {
  const auto has_topics = [](const OrderedJson& set) { return set.contains("topics"); };
  const bool are_several = std::count_if(sets.begin(), sets.end(), has_topics) > 1;
  for (const OrderedJson& set : sets) {
    for (const OrderedJson& topic : set.value("topics", OrderedJson::array())) {
      std::string label = topic.value("topic", "");
      if (are_several) label += ", " + set.value("name", "");
      auto group = std::find_if(chart.groups.begin(), chart.groups.end(),
                                [&](const auto& known) { return known.label == label; });
      if (group == chart.groups.end()) {
        if (chart.groups.size() >= kMaxTopics) continue;
        group = chart.groups.insert(chart.groups.end(), {.label = label});
      }
      group->bars.push_back({number_of(topic, "loss")});
    }
  }
}

// The points that no other one beats in both figures, from the lowest loss on.
ChartLine frontier_of(std::vector<std::pair<double, double>> points) {
  ChartLine frontier;
  frontier.label = "frontier: no run is better in both";
  std::erase_if(points, [](const auto& point) {
    return !std::isfinite(point.first) || !std::isfinite(point.second);
  });
  std::sort(points.begin(), points.end());
  double lowest = std::numeric_limits<double>::infinity();
  for (const auto& point : points) {
    if (point.second >= lowest) continue;
    lowest = point.second;
    frontier.points.push_back(point);
  }
  return frontier;
}

}  // namespace

std::string training_charts(const OrderedJson& figures) {
  const OrderedJson& curves = figures["curves"];
  LineChart losses;
  losses.title = "Loss";
  losses.x_label = "step";
  losses.y_label = "nats per target";
  losses.marks = marks_of(figures);
  losses.x_range = steps_of(figures);
  losses.lines.push_back(
      {.label = "training", .points = points_of(curves["train_loss"]), .is_faint = true});
  for (const auto& [set, curve] : curves["held_out"].items()) {
    losses.lines.push_back({.label = set, .points = points_of(curve), .has_markers = true});
  }
  constexpr double kMebibyte = 1.0 / (1 << 20);
  return draw_lines(losses) +
         draw_curve(figures, "learning_rate", "Learning rate", "learning rate") +
         draw_curve(figures, "grad_norm", "Gradient norm, before clipping", "L2 norm") +
         draw_curve(figures, "tokens_per_second", "Speed", "tokens per second") +
         draw_curve(figures, "memory_bytes", "Memory of rank 0", "MiB", kMebibyte);
}

std::string forgetting_charts(const OrderedJson& figures) {
  const OrderedJson& forgetting = figures["forgetting"];
  LineChart chart;
  chart.title = "What was learned against what was forgotten";
  chart.x_label = "loss over the test sets (left is better)";
  chart.y_label = "rise of the general loss, %";
  if (forgetting["budget"].is_number()) {
    chart.limit = {100.0 * number_of(forgetting["budget"]), "max_forgetting"};
  }
  if (forgetting["runs"].size() < 2) {
    chart.lines.push_back(steps_of_run(forgetting["trajectory"]));
    if (forgetting["lora_scale"].is_object()) {
      chart.lines.push_back(shares_of_adapter(forgetting["lora_scale"]));
    }
    return draw_lines(chart);
  }
  ChartLine runs = ends_of_runs(forgetting["runs"]);
  chart.lines = {runs, frontier_of(runs.points)};
  chart.lines.push_back({.label = "base",
                         .points = {{number_of(forgetting["runs"][0]["base_test_loss"]), 0.0}},
                         .has_markers = true,
                         .point_labels = {"base"}});
  return draw_lines(chart);
}

std::string evaluation_charts(const OrderedJson& figures) {
  const OrderedJson& evaluation = figures["evaluation"];
  const bool has_base = evaluation.contains("base");
  const auto both = [&](const char* key, const auto& use) {
    use(evaluation.value(key, OrderedJson()));
    if (has_base) use(evaluation["base"].value(key, OrderedJson()));
  };
  BarChart scores;
  scores.title = "Answers to unseen questions";
  scores.x_label = "score, with 95 % intervals";
  scores.series = {"tuned"};
  if (has_base) scores.series.push_back("base");
  both("answers", [&](const OrderedJson& answers) { add_scores(answers, scores); });
  BarChart topics;
  topics.title = "Loss by topic";
  topics.x_label = "nats per target";
  topics.series = scores.series;
  both("sets", [&](const OrderedJson& sets) { add_topics(sets, topics); });
  return draw_bars(scores) + draw_bars(topics);
}

}  // namespace temper
