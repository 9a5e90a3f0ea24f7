#include "run/run_directory.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "common/error.h"
#include "config/recorded_config.h"
#include "io/atomic_file.h"
#include "run/checkpoint/checkpoint_name.h"

namespace temper {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxConfigBytes = size_t{1} << 20;

std::string type_text(fs::file_type type) {
  switch (type) {
    case fs::file_type::regular:
      return "a file";
    case fs::file_type::directory:
      return "a directory";
    case fs::file_type::symlink:
      return "a symbolic link";
    default:
      return "neither a file nor a directory";
  }
}

std::vector<int64_t> steps_descending(const fs::path& root) {
  std::vector<int64_t> steps;
  for (const auto& [name, type] : list_entries(root)) {
    const auto step = checkpoint_step(name);
    if (step && type == fs::file_type::directory) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end(), std::greater<>());
  return steps;
}

}  // namespace

RunDirectory::RunDirectory(fs::path root) : root_(std::move(root)) {}

fs::path RunDirectory::checkpoint_path(int64_t step) const {
  return root_ / checkpoint_name(step);
}

fs::path RunDirectory::evaluation_path(int64_t step) const {
  return root_ / kEvalDirectory.name / (checkpoint_name(step) + ".json");
}

fs::path RunDirectory::answers_path(int64_t step) const {
  return root_ / kEvalDirectory.name / (checkpoint_name(step) + ".jsonl");
}

fs::path RunDirectory::lora_scale_path(int64_t step) const {
  return root_ / kEvalDirectory.name / (checkpoint_name(step) + ".lora-scale.json");
}

std::vector<int64_t> RunDirectory::evaluated_steps() const {
  std::vector<int64_t> steps;
  for (const auto& [name, type] : list_entries(root_ / kEvalDirectory.name)) {
    const fs::path file(name);
    const auto step = checkpoint_step(file.stem().native());
    if (step && file.extension() == ".json") steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

bool RunDirectory::exists() const {
  std::error_code ignored;
  return fs::is_regular_file(identity_path(), ignored);
}

bool RunDirectory::is_fresh() const {
  const std::vector<RunEntry> entries = list_entries(root_);
  return std::all_of(entries.begin(), entries.end(), [](const RunEntry& entry) {
    if (is_half_written(entry) || is_removed_on_nfs(entry)) return true;
    const RunName* known = find_run_name(entry);
    return known != nullptr && known->comes_first && entry.type == known->type;
  });
}

void RunDirectory::check_trusted(uid_t user) const {
  struct stat info {};
  if (stat(root_.c_str(), &info) != 0) {
    if (errno == ENOENT) return;
    throw SystemError("cannot look at {}: {}", root_.native(), errno_text(errno));
  }
  constexpr uid_t kRoot = 0;
  if (user != kRoot && info.st_uid != user && info.st_uid != kRoot) {
    throw UserError(
        "{} belongs to another user (id {}, yours is {}), who could change or redirect what a run "
        "writes there; choose another output_dir",
        root_.native(), info.st_uid, user);
  }
  for (const RunEntry& entry : list_entries(root_)) {
    const RunName* known = find_run_name(entry);
    // `latest` is only a hint, and not every file system has links.
    if (known == nullptr || known->type == fs::file_type::symlink) continue;
    if (entry.type == known->type) continue;
    throw UserError("{} is {}, where a run has {}; remove it, or choose another output_dir",
                    (root_ / entry.name).native(), type_text(entry.type), type_text(known->type));
  }
}

RunConfig RunDirectory::recorded_config() const {
  return read_recorded_config(read_file(config_path(), kMaxConfigBytes), config_path().native());
}

std::vector<CheckpointStatus> RunDirectory::checkpoints() const {
  std::vector<CheckpointStatus> list;
  for (const int64_t step : steps_descending(root_)) {
    list.push_back(inspect_checkpoint(checkpoint_path(step)));
  }
  return list;
}

std::optional<CheckpointStatus> RunDirectory::latest_complete() const {
  for (const int64_t step : steps_descending(root_)) {
    CheckpointStatus status = inspect_checkpoint(checkpoint_path(step));
    if (status.complete) return status;
  }
  return std::nullopt;
}

}  // namespace temper
