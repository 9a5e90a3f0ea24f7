#include "run/metrics_log.h"

#include <fstream>

#include "io/input/text_input.h"

namespace temper {
namespace {

double number_of(const Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_number() ? found->get<double>() : kNoNumber;
}

int64_t integer_of(const Json& line, const char* key, int64_t fallback) {
  const auto found = line.find(key);
  return found != line.end() && found->is_number_integer() ? found->get<int64_t>() : fallback;
}

std::string text_of(const Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_string() ? found->get<std::string>() : "";
}

MetricsStep step_of(const Json& line) {
  MetricsStep step;
  step.time = number_of(line, "time");
  step.epoch = number_of(line, "epoch");
  step.loss = number_of(line, "loss");
  step.grad_norm = number_of(line, "grad_norm");
  step.learning_rate = number_of(line, "learning_rate");
  step.seconds = number_of(line, "seconds");
  step.data_wait_seconds = number_of(line, "data_wait_seconds");
  step.memory_bytes = number_of(line, "memory_bytes");
  step.tokens = integer_of(line, "tokens", 0);
  return step;
}

// A start or a rollback goes on behind `step`: what was done later has no part in the run any more.
void drop_later(MetricsLog& log, int64_t step) {
  log.steps.erase(log.steps.upper_bound(step), log.steps.end());
  for (auto& [name, by_step] : log.evaluations) {
    by_step.erase(by_step.upper_bound(step), by_step.end());
  }
  for (MetricsLosses* losses : {&log.test_losses, &log.general_losses}) {
    for (auto& [data, by_step] : losses->by_data) {
      by_step.erase(by_step.upper_bound(step), by_step.end());
    }
  }
}

void take_loss(const Json& line, int64_t step, MetricsLosses& losses) {
  const double loss = number_of(line, "loss");
  const std::string data = text_of(line, "data");
  if (step < 0 || std::isnan(loss) || data.empty()) return;
  losses.by_data[data][step] = loss;
  losses.last_data = data;
}

void take_line(const Json& line, MetricsLog& log) {
  const std::string event = text_of(line, "event");
  const int64_t step = integer_of(line, "step", -1);
  if (event == "step" && step >= 0) {
    log.steps[step] = step_of(line);
  } else if (event == "eval" && step >= 0) {
    MetricsEvaluation evaluation;
    evaluation.loss_sum = number_of(line, "loss_sum");
    evaluation.num_targets = integer_of(line, "targets", 0);
    evaluation.num_bytes = integer_of(line, "bytes", 0);
    evaluation.time = number_of(line, "time");
    if (evaluation.num_targets > 0) log.evaluations[text_of(line, "set")][step] = evaluation;
  } else if (event == "test_loss") {
    take_loss(line, step, log.test_losses);
  } else if (event == "general_loss") {
    take_loss(line, step, log.general_losses);
  } else {
    if (event == "start" || event == "resume" || event == "rollback") drop_later(log, step);
    log.events.push_back({event, step, number_of(line, "time"), line});
  }
}

bool lacks_last_line_end(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(0, std::ios::end);
  if (!file || file.tellg() <= 0) return false;
  file.seekg(-1, std::ios::end);
  return file.get() != '\n';
}

}  // namespace

const std::map<int64_t, double>& MetricsLosses::over(const std::string& data) const {
  static const std::map<int64_t, double> kNone;
  const auto found = by_data.find(data);
  return found == by_data.end() ? kNone : found->second;
}

MetricsLog read_metrics(const std::filesystem::path& path) {
  MetricsLog log;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return log;
  log.ends_in_mid_line = lacks_last_line_end(path);
  LineReader lines(path);
  for (std::string text; lines.next(text);) {
    const Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (line.is_object()) {
      take_line(line, log);
    } else if (!text.empty()) {
      log.unreadable_lines.push_back(lines.line_number());
    }
  }
  return log;
}

}  // namespace temper
