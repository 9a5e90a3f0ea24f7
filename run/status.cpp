#include "run/status.h"

#include <fmt/chrono.h>

#include <array>
#include <ctime>
#include <limits>
#include <string_view>

#include "common/error.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "io/json_number.h"

namespace temper {
namespace {

constexpr size_t kMaxStatusBytes = size_t{1} << 20;
constexpr std::array<std::string_view, 5> kStateNames = {"starting", "training", "stopped",
                                                         "finished", "failed"};
static_assert(static_cast<size_t>(RunState::kFailed) + 1 == kStateNames.size());

RunState state_from_name(const std::string& name, const std::string& place) {
  for (size_t i = 0; i < kStateNames.size(); ++i) {
    if (kStateNames[i] == name) return static_cast<RunState>(i);
  }
  throw UserError("{}: \"state\" is \"{}\", expected one of {}", place, name.substr(0, 64),
                  fmt::join(kStateNames, ", "));
}

// What could not be written as a number is NaN again.
double number_from(const JsonFields& fields, const std::string& key) {
  return fields.number_or(key, std::numeric_limits<double>::quiet_NaN());
}

}  // namespace

std::string run_state_name(RunState state) {
  return std::string(kStateNames[static_cast<size_t>(state)]);
}

bool has_ended(RunState state) {
  return state != RunState::kStarting && state != RunState::kTraining;
}

void write_run_status(const std::filesystem::path& path, const RunStatus& status) {
  const Json json = {
      {"state", run_state_name(status.state)},
      {"attempt", status.attempt},
      {"step", status.step},
      {"max_steps", status.max_steps},
      {"loss", finite_or_null(status.loss)},
      {"tokens_per_second", finite_or_null(status.tokens_per_second)},
      {"eta_seconds", finite_or_null(status.eta_seconds)},
      {"last_checkpoint_step", status.last_checkpoint_step},
      {"error", status.error},
      {"updated_at", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))}};
  write_file_atomically(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::optional<RunStatus> read_run_status(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  const Json json = read_json_file(path, kMaxStatusBytes);
  const JsonFields fields(json, path.native());
  RunStatus status;
  status.state = state_from_name(fields.text("state"), path.native());
  status.attempt = fields.text("attempt");
  status.step = fields.integer("step");
  status.max_steps = fields.integer("max_steps");
  status.loss = number_from(fields, "loss");
  status.tokens_per_second = number_from(fields, "tokens_per_second");
  status.eta_seconds = number_from(fields, "eta_seconds");
  status.last_checkpoint_step = fields.integer("last_checkpoint_step");
  status.error = fields.text("error");
  status.updated_at = fields.text_or("updated_at", "");
  return status;
}

}  // namespace temper
