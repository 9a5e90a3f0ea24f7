// // Tells people and the front door where a run stands: RUN_DIR/status.json, which rank 0 replaces
// atomically.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>

namespace temper {

enum class RunState { kStarting, kTraining, kStopped, kFinished, kFailed };
std::string run_state_name(RunState state);  // "starting", "training", ...
bool has_ended(RunState state);

struct RunStatus {
  RunState state = RunState::kStarting;
  std::string attempt;
  int64_t step = 0;
  int64_t max_steps = 0;
  // NaN: not known yet.
  double loss = std::numeric_limits<double>::quiet_NaN();
  double tokens_per_second = std::numeric_limits<double>::quiet_NaN();
  double eta_seconds = std::numeric_limits<double>::quiet_NaN();
  int64_t last_checkpoint_step = -1;
  std::string error;
  std::string updated_at;  // UTC; set by reading, the time of writing
};

void write_run_status(const std::filesystem::path& path, const RunStatus& status);
std::optional<RunStatus> read_run_status(const std::filesystem::path& path);

}  // namespace temper
