#include "launcher/report/run_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <string>

#include "common/version.h"
#include "io/json_number.h"
#include "launcher/report/curve_figures.h"
#include "launcher/report/data_figures.h"
#include "launcher/report/evaluation_figures.h"
#include "launcher/report/run_facts.h"
#include "launcher/report/verdict.h"

namespace temper {
namespace {

constexpr size_t kMaxSamples = 12;
constexpr size_t kMaxTimelineEvents = 200;
constexpr std::array<const char*, 4> kShownElsewhere = {"forgetting", "save", "memory_plan",
                                                        "ranks"};

double now_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

int64_t count_events(const RunFacts& facts, const std::string& name) {
  int64_t count = 0;
  for (const MetricsEvent& event : facts.log.events) count += event.event == name ? 1 : 0;
  return count;
}

OrderedJson run_section(const RunFacts& facts) {
  OrderedJson run = {{"directory", facts.directory.string()}};
  run["name"] = facts.name();
  if (facts.status) run["status"] = describe_status(*facts.status);
  double seconds = 0.0;
  int64_t tokens = 0;
  for (const auto& [step, entry] : facts.log.steps) {
    if (std::isfinite(entry.seconds)) seconds += entry.seconds;
    tokens += entry.tokens;
  }
  run["steps"] = facts.log.steps.size();
  run["tokens"] = tokens;
  run["training_seconds"] = seconds;
  run["tokens_per_second"] = finite_or_null(static_cast<double>(tokens) / seconds);
  run["starts"] = count_events(facts, "start") + count_events(facts, "resume");
  run["saves"] = count_events(facts, "save");
  OrderedJson checkpoints = OrderedJson::array();
  for (const CheckpointStatus& checkpoint : facts.checkpoints) {
    checkpoints.push_back({{"step", checkpoint.step}, {"complete", checkpoint.complete}});
  }
  run["checkpoints"] = checkpoints;
  return run;
}

// What changed the run's course: starts, saves that failed, and whatever else was written; what is
// shown elsewhere is left out.
OrderedJson timeline_section(const RunFacts& facts) {
  OrderedJson timeline = OrderedJson::array();
  for (const MetricsEvent& event : facts.log.events) {
    const auto is = [&](const char* name) { return event.event == name; };
    if (std::any_of(kShownElsewhere.begin(), kShownElsewhere.end(), is)) continue;
    if (timeline.size() >= kMaxTimelineEvents) break;
    OrderedJson entry = {
        {"time", finite_or_null(event.time)}, {"event", event.event}, {"step", event.step}};
    for (const char* key : {"ranks", "attempt", "error", "max_steps"}) {
      const auto found = event.fields.find(key);
      if (found != event.fields.end() && found->is_primitive()) entry[key] = *found;
    }
    timeline.push_back(entry);
  }
  return timeline;
}

OrderedJson environment_section(const RunFacts& facts) {
  OrderedJson environment = {{"temper", fmt::format("{} ({})", kVersion, kGitDescribe)}};
  for (const CheckpointStatus& checkpoint : facts.checkpoints) {
    if (!checkpoint.record) continue;
    environment["cpu_kernels"] = checkpoint.record->cpu_kernels;
    environment["ranks"] = checkpoint.record->world_size;
    environment["state_hash"] = checkpoint.record->state_hash.hex();
    environment["state_hash_step"] = checkpoint.step;
    environment["tokenizer_hash"] = checkpoint.record->tokenizer_hash.hex();
    break;
  }
  if (facts.identity) {
    environment["run_id"] = facts.identity->run_id;
    environment["base_hash"] = facts.identity->base_hash.hex();
    environment["dataset_hash"] = facts.identity->dataset_hash.hex();
  }
  for (const MetricsEvent& event : facts.log.events) {
    if (event.event != "start" && event.event != "resume") continue;
    for (const char* key : {"parameters", "trainable_parameters"}) {
      if (event.fields.contains(key)) environment[key] = event.fields[key];
    }
  }
  for (const MetricsEvent& event : facts.log.events) {
    if (event.event == "ranks")
      environment["per_rank"] = event.fields.value("ranks", Json::array());
  }
  return environment;
}

}  // namespace

OrderedJson run_figures(const std::filesystem::path& path, const ReportOptions& options) {
  RunFacts facts = read_run_facts(path);
  std::vector<RunFacts> others;
  for (const std::filesystem::path& other : options.others) others.push_back(read_run_facts(other));
  const int64_t step = facts.recommendation.step;
  const OrderedJson evaluation = read_evaluation(path, step, facts.gaps);
  // Of a checkpoint that has been damaged since, what was measured still stands.
  const bool has_any = step < 0 && !facts.checkpoints.empty();
  const OrderedJson lora_scale =
      read_lora_scale(path, has_any ? facts.checkpoints.front().step : step, facts.gaps);

  OrderedJson figures = {{"format", "temper run report"}, {"format_version", 1}};
  figures["made_at"] = now_seconds();
  const auto overlaps = facts.config ? overlap_warnings(*facts.config) : std::vector<std::string>{};
  OrderedJson forgetting = forgetting_figures(facts, others);
  forgetting["lora_scale"] = lora_scale;
  figures["verdict"] = make_verdict(facts, forgetting, evaluation, overlaps);
  figures["run"] = run_section(facts);
  figures["held_out"] = held_out_figures(facts);
  figures["curves"] = curve_figures(facts);
  figures["forgetting"] = forgetting;
  figures["evaluation"] = evaluation;
  if (options.with_records) figures["samples"] = sample_answers(path, evaluation, kMaxSamples);
  figures["data"] = facts.config ? data_figures(*facts.config) : OrderedJson::array();
  figures["timeline"] = timeline_section(facts);
  figures["environment"] = environment_section(facts);
  figures["configuration"] = facts.config_yaml;
  figures["gaps"] = facts.gaps;
  return figures;
}

}  // namespace temper
