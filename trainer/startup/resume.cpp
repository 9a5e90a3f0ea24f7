#include "trainer/startup/resume.h"

#include <fmt/ranges.h>

#include <sstream>

#include "checkpoint/sharded_checkpoint.h"
#include "common/error.h"
#include "common/log.h"
#include "config/recorded_config.h"
#include "io/atomic_file.h"
#include "trainer/startup/training_identity.h"

namespace temper {
namespace {

// "learning_rate: 0.0002, now 0.001": the first line in which two texts differ.
std::string first_difference(const std::string& before, const std::string& now) {
  std::istringstream old_lines(before), new_lines(now);
  std::string old_line, new_line;
  while (true) {
    const bool more_old = static_cast<bool>(std::getline(old_lines, old_line));
    const bool more_new = static_cast<bool>(std::getline(new_lines, new_line));
    if (!more_old) old_line = "(nothing)";
    if (!more_new) new_line = "(nothing)";
    if (old_line != new_line || !(more_old && more_new)) {
      return fmt::format("it has {}, now {}", old_line, new_line);
    }
  }
}

// Names what makes the two different runs; empty when nothing does.
std::string find_difference(const RunIdentity& before, const RunIdentity& now) {
  if (before.base_hash != now.base_hash) return "it was trained from other base weights";
  if (before.initial_adapter_hash != now.initial_adapter_hash) {
    return "it began with another adapter (lora_model_dir)";
  }
  if (before.dataset_hash != now.dataset_hash) {
    return "it was trained on other data (or other dataset weights)";
  }
  if (before.training_yaml != now.training_yaml) {
    return first_difference(before.training_yaml, now.training_yaml);
  }
  return "";
}

void check_named_checkpoint(const std::filesystem::path& path, const RunIdentity& identity,
                            int64_t rows_per_epoch) {
  const CheckpointStatus status = inspect_checkpoint(path);
  if (!status.complete) {
    throw UserError("--resume {}: not a complete checkpoint: {}", path.string(), status.problem);
  }
  RunIdentity before;
  before.base_hash = status.record->base_hash;
  before.dataset_hash = status.record->dataset_hash;
  before.initial_adapter_hash = status.record->initial_adapter_hash;
  before.training_yaml = training_identity(
      read_recorded_config(status.record->config_yaml, path.string()), rows_per_epoch);
  const std::string difference = find_difference(before, identity);
  if (!difference.empty()) {
    throw UserError("--resume {}: the checkpoint does not fit this run: {}", path.string(),
                    difference);
  }
}

}  // namespace

ResumeChoice ResumeChoice::parse(const std::string& text) {
  if (text == "auto") return {};
  if (text == "never") return {Kind::kNever, {}};
  return {Kind::kPath, text};
}

void check_start(const RunDirectory& run, RunIdentity& identity, int64_t rows_per_epoch,
                 const ResumeChoice& choice) {
  run.check_trusted();
  if (choice.kind == ResumeChoice::Kind::kPath) {
    check_named_checkpoint(choice.path, identity, rows_per_epoch);
  }
  if (!run.exists()) {
    if (run.is_fresh()) return;
    throw UserError("output_dir {} is not empty and not a run of temper; choose another",
                    run.root().string());
  }
  const RunIdentity before =
      RunIdentity::from_json(read_file(run.identity_path()), run.identity_path().string());
  const std::string difference = find_difference(before, identity);
  if (!difference.empty()) {
    throw UserError(
        "output_dir {} belongs to another run: {}; choose another output_dir, or restore the "
        "setting to continue that run",
        run.root().string(), difference);
  }
  identity.run_id = before.run_id;
  if (choice.kind == ResumeChoice::Kind::kNever) {
    throw UserError("output_dir {} holds a run already and --resume is never; choose another",
                    run.root().string());
  }
}

std::vector<std::string> choose_checkpoints(const RunDirectory& run, const ResumeChoice& choice) {
  if (choice.kind == ResumeChoice::Kind::kPath) return {choice.path.string()};
  std::vector<std::string> complete;
  const std::vector<CheckpointStatus> found = run.checkpoints();
  for (const CheckpointStatus& status : found) {
    if (status.complete) {
      complete.push_back(status.path.string());
    } else {
      log::warning("{} is not complete and is passed over: {}", status.path.string(),
                   status.problem);
    }
  }
  if (complete.empty() && !found.empty()) {
    throw UserError(
        "{}: none of the run's checkpoints is complete ({}: {}). Copy a complete one there, or "
        "move all of them away to begin the run again",
        run.root().string(), found.front().path.filename().string(), found.front().problem);
  }
  return complete;
}

RestoredCheckpoint restore_first_intact(const std::vector<std::string>& candidates,
                                        ShardedModel& model) {
  RestoredCheckpoint restored;
  std::string errors;
  for (const std::string& candidate : candidates) {
    try {
      restored.record = restore_checkpoint(candidate, model);
    } catch (const AgreedError& error) {
      if (candidates.size() == 1) throw;
      errors += fmt::format("{}{}", errors.empty() ? "" : "; ", error.what());
      restored.damaged.push_back(candidate);
      continue;
    }
    restored.path = candidate;
    if (!errors.empty()) {
      log::warning("{} cannot be restored; going on from the older {} instead ({})",
                   fmt::join(restored.damaged, " and "), candidate, errors);
    }
    return restored;
  }
  throw AgreedError(fmt::format("none of the run's checkpoints is intact: {}", errors),
                    kExitFailed);
}

bool lies_in(const RunDirectory& run, const RestoredCheckpoint& restored) {
  std::error_code ignored;
  return std::filesystem::equivalent(restored.path, run.checkpoint_path(restored.record.step),
                                     ignored);
}

void set_aside_later(const OwnedRunDirectory& run, const RestoredCheckpoint& restored) {
  for (const CheckpointStatus& status : run.checkpoints()) {
    std::error_code ignored;
    const bool is_restored = std::filesystem::equivalent(status.path, restored.path, ignored);
    if (status.step < restored.record.step || is_restored) continue;
    const auto aside = run.set_aside(status.step);
    log::warning("{} is kept as {}: this run goes on from {}", status.path.string(),
                 aside.filename().string(), restored.path);
  }
}

}  // namespace temper
