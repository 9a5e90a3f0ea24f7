#include "launcher/report/run_facts.h"

#include <cmath>
#include <functional>

#include "common/error.h"
#include "config/recorded_config.h"
#include "io/atomic_file.h"

namespace temper {
namespace {

constexpr size_t kMaxFileBytes = size_t{16} << 20;
constexpr size_t kMaxLinesNamed = 5;

void note_gaps(RunFacts& facts) {
  const MetricsLog& log = facts.log;
  if (!log.unreadable_lines.empty()) {
    std::string lines;
    for (size_t i = 0; i < log.unreadable_lines.size() && i < kMaxLinesNamed; ++i) {
      lines += fmt::format("{}{}", i == 0 ? "" : ", ", log.unreadable_lines[i]);
    }
    facts.gaps.push_back(
        fmt::format("metrics.jsonl: {} line{} could not be read and {} left out (line {}{}){}",
                    log.unreadable_lines.size(), log.unreadable_lines.size() == 1 ? "" : "s",
                    log.unreadable_lines.size() == 1 ? "is" : "are", lines,
                    log.unreadable_lines.size() > kMaxLinesNamed ? ", ..." : "",
                    log.ends_in_mid_line ? "; the file ends in the middle of a line" : ""));
  } else if (log.ends_in_mid_line) {
    facts.gaps.emplace_back("metrics.jsonl ends in the middle of a line");
  }
  if (log.steps.empty()) facts.gaps.emplace_back("metrics.jsonl has no step yet");
  if (log.steps.empty()) return;
  const auto span = log.steps.rbegin()->first - log.steps.begin()->first + 1;
  const int64_t missing = span - static_cast<int64_t>(log.steps.size());
  if (missing > 0) facts.gaps.push_back(fmt::format("metrics.jsonl lacks {} steps", missing));
}

}  // namespace

std::string RunFacts::name() const {
  const auto path = std::filesystem::absolute(directory).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();  // not of "run/"
}

RunFacts read_run_facts(const std::filesystem::path& path) {
  const RunDirectory directory(path);
  if (!directory.exists() && !std::filesystem::exists(directory.metrics_path())) {
    throw UserError("{}: neither run.json nor metrics.jsonl in it; is it the output_dir of a run?",
                    path.string());
  }
  RunFacts facts;
  facts.directory = path;
  const auto attempt = [&](const std::function<void()>& read) {
    try {
      read();
    } catch (const Error& error) {
      facts.gaps.push_back(error.what());
    }
  };
  attempt([&] { facts.status = observe_status(path); });
  attempt([&] {
    const auto file = directory.identity_path();
    facts.identity = RunIdentity::from_json(read_file(file, kMaxFileBytes), file.string());
  });
  attempt([&] {
    const auto file = directory.config_path();
    facts.config_yaml = read_file(file, kMaxFileBytes);
    facts.config = read_recorded_config(facts.config_yaml, file.string());
  });
  attempt([&] { facts.log = read_metrics(directory.metrics_path()); });
  attempt([&] { facts.checkpoints = directory.checkpoints(); });
  facts.history = HeldOutHistory(facts.log);
  facts.recommendation = recommend_checkpoint(
      facts.history, read_choice_terms(directory, facts.checkpoints), facts.checkpoints);
  note_gaps(facts);
  return facts;
}

}  // namespace temper
