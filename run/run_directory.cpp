#include "run/run_directory.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "common/error.h"
#include "common/log.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "run/checkpoint_name.h"
#include "run/self_checksum.h"

namespace temper {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kIdentityFormatVersion = 1;
constexpr size_t kMaxOwnerBytes = 4096;

// Names of the directories (not links to them) right under `root`.
std::vector<std::string> list_directories(const fs::path& root) {
  std::vector<std::string> names;
  std::error_code error;
  if (!fs::exists(root, error)) return names;
  fs::directory_iterator entries(root, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    std::error_code gone;  // removed since it was listed
    if (entries->symlink_status(gone).type() == fs::file_type::directory) {
      names.push_back(entries->path().filename().native());
    }
  }
  if (error) throw SystemError("cannot list {}: {}", root.native(), error.message());
  return names;
}

std::vector<int64_t> steps_descending(const fs::path& root) {
  std::vector<int64_t> steps;
  for (const std::string& name : list_directories(root)) {
    if (const auto step = checkpoint_step(name)) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end(), std::greater<>());
  return steps;
}

void remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) log::warning("cannot remove {}: {}", path.native(), error.message());
}

void check_attempt_name(const std::string& attempt) {
  TEMPER_CHECK(!attempt.empty() && attempt.find_first_of("/\n") == attempt.npos,
               "attempt \"{}\" is no part of a file name", attempt);
}

std::string read_owner(const fs::path& path) {
  std::string owner = read_file(path, kMaxOwnerBytes);
  if (!owner.empty() && owner.back() == '\n') owner.pop_back();
  return owner;
}

}  // namespace

RunDirectory::RunDirectory(fs::path root) : root_(std::move(root)) {}

fs::path RunDirectory::checkpoint_path(int64_t step) const {
  return root_ / checkpoint_name(step);
}

fs::path RunDirectory::partial_checkpoint_path(int64_t step, const std::string& attempt) const {
  check_attempt_name(attempt);
  return root_ / fmt::format("{}.{}.partial", checkpoint_name(step), attempt);
}

bool RunDirectory::exists() const {
  std::error_code ignored;
  return fs::is_regular_file(identity_path(), ignored);
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

void RunDirectory::point_latest_to(int64_t step) const {
  const fs::path temporary = root_ / fmt::format("latest.{}.partial", getpid());
  const fs::path latest = root_ / "latest";
  std::error_code error;
  fs::remove(temporary, error);
  fs::create_symlink(checkpoint_name(step), temporary, error);
  if (!error) fs::rename(temporary, latest, error);
  if (error) {
    // Only a hint: a checkpoint is no worse for a file system without links.
    log::warning("cannot point {} to {}: {}", latest.native(), checkpoint_name(step),
                 error.message());
    fs::remove(temporary, error);
    return;
  }
  sync_directory(root_);
}

void RunDirectory::retain(int64_t keep, const std::string& attempt) const {
  check_attempt_name(attempt);
  for (const std::string& name : list_directories(root_)) {
    const auto unfinished = parse_unfinished_name(name);
    if (!unfinished) continue;
    if (unfinished->suffix == "deleting" || unfinished->attempt != attempt) {
      remove_tree(root_ / name);
    }
  }
  if (keep <= 0) return;
  int64_t kept = 0;
  for (const CheckpointStatus& status : checkpoints()) {
    // An incomplete one is left for people to look at: it may be all that a failing disk spared.
    if (!status.complete || kept++ < keep) continue;
    const fs::path doomed =
        root_ / fmt::format("{}.{}.deleting", checkpoint_name(status.step), attempt);
    rename_durably(status.path, doomed);
    remove_tree(doomed);
  }
}

void RunDirectory::take_ownership(const std::string& attempt) const {
  check_attempt_name(attempt);
  make_directories(root_);
  write_file_atomically(owner_path(), attempt + "\n");
}

void RunDirectory::check_ownership(const std::string& attempt) const {
  std::error_code ignored;
  if (!fs::exists(owner_path(), ignored)) {
    throw SystemError("{} is gone: somebody has removed the run's files", owner_path().native());
  }
  const std::string owner = read_owner(owner_path());
  if (owner != attempt) {
    throw SystemError(
        "{} now belongs to attempt {}: this attempt ({}) stops without touching its checkpoints",
        root_.native(), owner, attempt);
  }
}

std::string RunIdentity::to_json() const {
  return seal_record({{"format_version", kIdentityFormatVersion},
                      {"run_id", run_id},
                      {"base_hash", base_hash.hex()},
                      {"dataset_hash", dataset_hash.hex()},
                      {"adapter", adapter},
                      {"training_yaml", training_yaml}});
}

RunIdentity RunIdentity::from_json(const std::string& text, const std::string& place) {
  const Json json = open_sealed_record(text, place, kIdentityFormatVersion);
  const JsonFields fields(json, place);
  RunIdentity identity;
  identity.run_id = fields.text("run_id");
  identity.base_hash = Hash128::from_hex(fields.text("base_hash"));
  identity.dataset_hash = Hash128::from_hex(fields.text("dataset_hash"));
  identity.adapter = fields.text("adapter");
  identity.training_yaml = fields.text("training_yaml");
  return identity;
}

}  // namespace temper
