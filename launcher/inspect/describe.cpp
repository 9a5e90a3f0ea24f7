#include "launcher/inspect/describe.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <utility>
#include <vector>

#include "common/error.h"
#include "io/json_number.h"
#include "launcher/inspect/describe_model.h"
#include "run/checkpoint/checkpoint_files.h"
#include "run/checkpoint/checkpoint_name.h"
#include "run/recommendation.h"
#include "run/run_directory.h"
#include "run/run_lock.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDied =
    "its process is gone without a word (killed, or the machine went down); the same command goes "
    "on from the last checkpoint";
constexpr int64_t kQuietSeconds = 120;

bool looks_like_checkpoint(const fs::path& directory) {
  const std::string name = fs::weakly_canonical(directory).filename().string();
  return fs::exists(directory / kCommitRecordName) || checkpoint_step(name) ||
         parse_suffixed_name(name);
}

bool looks_like_run(const fs::path& directory) {
  const RunDirectory run(directory);
  return fs::exists(run.identity_path()) || fs::exists(run.status_path());
}

// With every byte of it read.
OrderedJson verify_checkpoint(const fs::path& directory) {
  const CheckpointStatus checkpoint = inspect_checkpoint(directory);
  OrderedJson report = describe_checkpoint(checkpoint);
  if (!checkpoint.complete) return report;
  const std::string damage = find_damage(directory, *checkpoint.record);
  report["damaged"] = !damage.empty();
  if (!damage.empty()) report["problem"] = damage;
  return report;
}

std::optional<int64_t> seconds_since(const std::string& utc) {
  std::tm time{};
  if (strptime(utc.c_str(), "%Y-%m-%dT%H:%M:%SZ", &time) == nullptr) return std::nullopt;
  return std::max<int64_t>(0, std::time(nullptr) - timegm(&time));
}

}  // namespace

OrderedJson describe_directory(const fs::path& directory) {
  if (looks_like_checkpoint(directory)) return verify_checkpoint(directory);
  if (fs::exists(directory / "adapter_config.json")) return describe_adapter(directory);
  if (fs::exists(directory / "config.json")) return describe_model(directory);
  if (looks_like_run(directory)) return describe_run(directory);
  throw UserError(
      "{}: neither a model (config.json), an adapter (adapter_config.json), a checkpoint "
      "(commit.json) nor a run (run.json)",
      directory.string());
}

OrderedJson describe_checkpoint(const CheckpointStatus& checkpoint) {
  OrderedJson report = {{"kind", "checkpoint"},
                        {"path", checkpoint.path.string()},
                        {"step", checkpoint.step},
                        {"complete", checkpoint.complete}};
  if (!checkpoint.complete) report["problem"] = checkpoint.problem;
  if (!checkpoint.record) return report;
  const CommitRecord& record = *checkpoint.record;
  report["state_hash"] = record.state_hash.hex();
  report["rows_consumed"] = record.rows_consumed;
  if (!record.rows_left_out.empty()) {
    OrderedJson ranges = OrderedJson::array();
    for (const RowRange& range : record.rows_left_out) ranges.push_back({range.begin, range.end});
    report["rows_left_out"] = ranges;
  }
  report["world_size"] = record.world_size;
  report["adapter"] = record.adapter.empty() ? "full" : record.adapter;
  report["run_id"] = record.run_id;
  report["base_hash"] = record.base_hash.hex();
  report["tokenizer_hash"] = record.tokenizer_hash.hex();
  report["dataset_hash"] = record.dataset_hash.hex();
  if (record.knows_template()) {
    report["chat_template"] = nullptr;
    if (record.chat_template) report["chat_template"] = record.chat_template->name;
  }
  report["cpu_kernels"] = record.cpu_kernels;
  uint64_t num_bytes = 0;
  for (const CommittedFile& file : record.files) num_bytes += file.size_bytes;
  report["bytes"] = num_bytes;
  return report;
}

OrderedJson describe_run(const fs::path& directory) {
  const RunDirectory run(directory);
  OrderedJson report = {{"kind", "run"}, {"path", directory.string()}};
  report["status"] = nullptr;
  try {
    if (const auto observed = observe_status(directory)) {
      report["status"] = describe_status(*observed);
    }
  } catch (const UserError& error) {
    report["status_problem"] = error.what();
  }
  OrderedJson checkpoints = OrderedJson::array();
  OrderedJson latest;
  for (const CheckpointStatus& checkpoint : run.checkpoints()) {
    if (checkpoint.complete && latest.is_null()) latest = describe_checkpoint(checkpoint);
    OrderedJson entry = {{"step", checkpoint.step}, {"complete", checkpoint.complete}};
    if (!checkpoint.complete) entry["problem"] = checkpoint.problem;
    checkpoints.push_back(entry);
  }
  report["latest"] = latest;
  report["recommended"] = recommend_checkpoint(run).to_json();
  report["checkpoints"] = checkpoints;
  return report;
}

std::optional<ObservedStatus> observe_status(const fs::path& run_directory) {
  const RunDirectory run(run_directory);
  std::optional<RunStatus> status = read_run_status(run.status_path());
  if (!status) return std::nullopt;
  bool is_free = false;
  if (!has_ended(status->state)) {
    // A run writes its end before it lets go of the lock: what is read after this is the last word.
    is_free = probe_run_lock(run.lock_path()) == LockState::kFree;
    status = read_run_status(run.status_path());
    if (!status) return std::nullopt;
  }
  ObservedStatus observed;
  observed.has_died = is_free && !has_ended(status->state);
  observed.age_seconds = seconds_since(status->updated_at);
  observed.status = std::move(*status);
  return observed;
}

OrderedJson describe_status(const ObservedStatus& observed) {
  const RunStatus& status = observed.status;
  OrderedJson report = {{"state", run_state_name(status.state)},
                        {"step", status.step},
                        {"max_steps", status.max_steps},
                        {"loss", finite_or_null(status.loss)},
                        {"tokens_per_second", finite_or_null(status.tokens_per_second)},
                        {"eta_seconds", finite_or_null(status.eta_seconds)},
                        {"last_checkpoint_step", status.last_checkpoint_step},
                        {"attempt", status.attempt},
                        {"updated_at", status.updated_at}};
  report["seconds_since_update"] =
      observed.age_seconds ? OrderedJson(*observed.age_seconds) : OrderedJson();
  if (observed.has_died) report["problem"] = kDied;
  if (!status.error.empty()) report["error"] = status.error;
  return report;
}

std::string status_line(const ObservedStatus& observed) {
  const RunStatus& status = observed.status;
  std::string line =
      fmt::format("{}, step {} of {}", run_state_name(status.state), status.step, status.max_steps);
  if (std::isfinite(status.loss)) line += fmt::format(", loss {:.4f}", status.loss);
  if (observed.has_died) return line + ": " + kDied;
  if (status.state == RunState::kTraining && std::isfinite(status.eta_seconds)) {
    line += fmt::format(", {:.0f} tokens/s, {:.0f} s left", status.tokens_per_second,
                        status.eta_seconds);
  }
  if (!has_ended(status.state) && observed.age_seconds.value_or(0) >= kQuietSeconds) {
    line += fmt::format(", no news for {} min", *observed.age_seconds / 60);
  }
  if (!status.error.empty()) line += ": " + status.error;
  return line;
}

}  // namespace temper
