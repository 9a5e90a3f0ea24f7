#include "trainer/metrics.h"

#include <chrono>

#include "io/json_number.h"

namespace temper {
namespace {

double unix_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

}  // namespace

void Metrics::event(const std::string& event, Json fields) {
  fields["event"] = event;
  fields["time"] = unix_seconds();
  writer_.append(fields.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void Metrics::saved(const SaveOutcome& outcome) {
  if (!outcome.error.empty()) {
    event("save_failed", {{"step", outcome.step}, {"error", outcome.error}});
    return;
  }
  const double bytes_per_second = static_cast<double>(outcome.bytes) / outcome.write_seconds;
  event("save", {{"step", outcome.step},
                 {"state_hash", outcome.record.state_hash.hex()},
                 {"seconds", outcome.total_seconds},
                 {"stall_seconds", outcome.stall_seconds},
                 {"write_seconds", outcome.write_seconds},
                 {"bytes", outcome.bytes},
                 {"bytes_per_second", finite_or_null(bytes_per_second)}});
}

void Metrics::step(const StepReport& report) {
  Json fields = {{"step", report.step},
                 {"epoch", report.epoch},
                 {"loss", finite_or_null(report.loss)},
                 {"grad_norm", finite_or_null(report.grad_norm)},
                 {"learning_rate", report.learning_rate},
                 {"targets", report.num_targets},
                 {"tokens", report.num_tokens},
                 {"rows_consumed", report.rows_consumed},
                 {"seconds", report.seconds},
                 {"data_wait_seconds", report.data_wait_seconds}};
  if (report.memory_bytes > 0) fields["memory_bytes"] = report.memory_bytes;
  event("step", std::move(fields));
}

}  // namespace temper
