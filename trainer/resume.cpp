#include "trainer/resume.h"

#include <algorithm>
#include <sstream>

#include "common/error.h"
#include "common/log.h"
#include "io/atomic_file.h"

namespace temper {
namespace {

bool is_empty_or_missing(const std::filesystem::path& directory) {
  std::error_code error;
  return !std::filesystem::exists(directory, error) || std::filesystem::is_empty(directory, error);
}

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

void check_same_run(const RunIdentity& before, const RunIdentity& now,
                    const std::filesystem::path& root) {
  std::string difference;
  if (before.base_hash != now.base_hash) {
    difference = "it was trained from other base weights";
  } else if (before.dataset_hash != now.dataset_hash) {
    difference = "it was trained on other data (or other dataset weights)";
  } else if (before.training_yaml != now.training_yaml) {
    difference = first_difference(before.training_yaml, now.training_yaml);
  } else {
    return;
  }
  throw UserError(
      "output_dir {} belongs to another run: {}; choose another output_dir, or restore the setting "
      "to continue that run",
      root.string(), difference);
}

}  // namespace

ResumeChoice ResumeChoice::parse(const std::string& text) {
  if (text == "auto") return {};
  if (text == "never") return {Kind::kNever, {}};
  return {Kind::kPath, text};
}

std::optional<std::filesystem::path> choose_checkpoint(const RunDirectory& run,
                                                       RunIdentity& identity,
                                                       const ResumeChoice& choice) {
  if (choice.kind == ResumeChoice::Kind::kPath) {
    const CheckpointStatus status = inspect_checkpoint(choice.path);
    if (!status.complete) {
      throw UserError("--resume {}: not a complete checkpoint: {}", choice.path.string(),
                      status.problem);
    }
    if (status.record->base_hash != identity.base_hash ||
        status.record->adapter != identity.adapter) {
      throw UserError(
          "--resume {}: the checkpoint was trained from another base or adapter setting",
          choice.path.string());
    }
  }
  if (!std::filesystem::exists(run.identity_path())) {
    if (!is_empty_or_missing(run.root())) {
      throw UserError("output_dir {} is not empty and not a run of temper; choose another",
                      run.root().string());
    }
  } else {
    const RunIdentity before =
        RunIdentity::from_json(read_file(run.identity_path()), run.identity_path().string());
    check_same_run(before, identity, run.root());
    identity.run_id = before.run_id;
    if (choice.kind == ResumeChoice::Kind::kNever) {
      throw UserError("output_dir {} holds a run already and --resume is never; choose another",
                      run.root().string());
    }
  }
  if (choice.kind == ResumeChoice::Kind::kPath) return choice.path;
  for (const CheckpointStatus& status : run.checkpoints()) {
    if (status.complete) return status.path;
    log::warning("{} is not complete and is passed over: {}", status.path.string(), status.problem);
  }
  return std::nullopt;
}

}  // namespace temper
