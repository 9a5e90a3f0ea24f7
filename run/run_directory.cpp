#include "run/run_directory.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/error.h"
#include "common/log.h"
#include "config/recorded_config.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "io/system_calls.h"
#include "io/temporary_name.h"
#include "run/checkpoint_name.h"
#include "run/checkpoint_room.h"
#include "run/self_checksum.h"

namespace temper {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kIdentityFormatVersion = 1;
constexpr size_t kMaxOwnerBytes = 4096;
constexpr size_t kMaxConfigBytes = size_t{1} << 20;

struct Entry {
  std::string name;
  fs::file_type type;  // of the entry itself: links are not followed
};

std::vector<Entry> list_entries(const fs::path& root) {
  std::vector<Entry> list;
  std::error_code error;
  if (!fs::exists(root, error)) return list;
  fs::directory_iterator entries(root, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    std::error_code gone;  // removed since it was listed
    list.push_back({entries->path().filename().native(), entries->symlink_status(gone).type()});
  }
  if (error) throw SystemError("cannot list {}: {}", root.native(), error.message());
  return list;
}

// A name that a run directory may hold beside its checkpoints.
struct KnownName {
  std::string_view name;
  fs::file_type type;
  bool comes_first;  // it may be there before the run has an identity
};

constexpr KnownName kKnownNames[] = {
    {"lock", fs::file_type::regular, true},     {"owner", fs::file_type::regular, true},
    {"run.yaml", fs::file_type::regular, true}, {"status.json", fs::file_type::regular, true},
    {"job.json", fs::file_type::regular, true}, {"job.sbatch", fs::file_type::regular, true},
    {"logs", fs::file_type::directory, true},   {"run.json", fs::file_type::regular, false},
    {"eval", fs::file_type::directory, false},  {"metrics.jsonl", fs::file_type::regular, false},
    {"latest", fs::file_type::symlink, false},  {"space", fs::file_type::regular, true},
};

const KnownName* find_known(const Entry& entry) {
  for (const KnownName& known : kKnownNames) {
    if (entry.name == known.name) return &known;
  }
  return nullptr;
}

// One of these files that a process has not finished.
bool is_half_written(const Entry& entry) {
  const std::optional<std::string_view> file = name_being_written(entry.name);
  return file &&
         std::any_of(std::begin(kKnownNames), std::end(kKnownNames), [&](const KnownName& known) {
           return known.type != fs::file_type::directory && entry.type == known.type &&
                  *file == known.name;
         });
}

// ".nfs000000000a1b2c3d": what NFS makes of a file that was removed while it was open, until it is
// closed.
bool is_removed_on_nfs(const Entry& entry) {
  std::string_view digits = entry.name;
  if (!digits.starts_with(".nfs")) return false;
  digits.remove_prefix(4);
  return !digits.empty() && digits.find_first_not_of("0123456789abcdef") == digits.npos;
}

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

fs::path RunDirectory::evaluation_path(int64_t step) const {
  return root_ / "eval" / (checkpoint_name(step) + ".json");
}

fs::path RunDirectory::answers_path(int64_t step) const {
  return root_ / "eval" / (checkpoint_name(step) + ".jsonl");
}

fs::path RunDirectory::lora_scale_path(int64_t step) const {
  return root_ / "eval" / (checkpoint_name(step) + ".lora-scale.json");
}

std::vector<int64_t> RunDirectory::evaluated_steps() const {
  std::vector<int64_t> steps;
  for (const auto& [name, type] : list_entries(root_ / "eval")) {
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
  const std::vector<Entry> entries = list_entries(root_);
  return std::all_of(entries.begin(), entries.end(), [](const Entry& entry) {
    if (is_half_written(entry) || is_removed_on_nfs(entry)) return true;
    const KnownName* known = find_known(entry);
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
  for (const Entry& entry : list_entries(root_)) {
    const KnownName* known = find_known(entry);
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

void RunDirectory::point_latest_to(int64_t step) const {
  const fs::path latest = root_ / "latest";
  const std::string target = checkpoint_name(step);
  try {
    const fs::path temporary = make_temporary(latest, "partial", [&](const fs::path& name) {
      return sys::symlink(target.c_str(), name.c_str()) == 0;
    });
    if (sys::rename(temporary.c_str(), latest.c_str()) != 0) {
      const std::string reason = errno_text(errno);
      sys::unlink(temporary.c_str());
      throw SystemError("cannot rename {}: {}", temporary.native(), reason);
    }
  } catch (const SystemError& error) {
    // Only a hint: a checkpoint is no worse for a file system without links.
    log::warning("cannot point {} to {}: {}", latest.native(), target, error.what());
    return;
  }
  sync_directory(root_);
}

void RunDirectory::retain(int64_t keep, const std::string& attempt,
                          const std::vector<int64_t>& best_first) const {
  check_attempt_name(attempt);
  if (keep <= 0) return;
  // An incomplete one is left for people to look at: it may be all that a failing disk spared.
  std::vector<int64_t> complete;
  for (const CheckpointStatus& status : checkpoints()) {
    if (status.complete) complete.push_back(status.step);
  }
  const auto is_complete = [&](int64_t step) {
    return std::find(complete.begin(), complete.end(), step) != complete.end();
  };
  const auto best = std::find_if(best_first.begin(), best_first.end(), is_complete);
  bool is_third = false;
  if (best != best_first.end()) {
    // Right after the two newest, so that it is the third to stay.
    const auto found = std::find(complete.begin(), complete.end(), *best);
    is_third = found - complete.begin() >= kNewestKept;
    if (is_third) std::rotate(complete.begin() + kNewestKept, found, found + 1);
  }
  const auto kept = static_cast<size_t>(kept_checkpoints(keep, is_third));
  for (size_t i = kept; i < complete.size(); ++i) {
    const fs::path deleted =
        root_ / fmt::format("{}.{}.deleting", checkpoint_name(complete[i]), attempt);
    rename_durably(checkpoint_path(complete[i]), deleted);
    remove_tree(deleted);
  }
}

void RunDirectory::sweep(const std::string& attempt) const {
  check_attempt_name(attempt);
  for (const Entry& entry : list_entries(root_)) {
    const bool is_directory = entry.type == fs::file_type::directory;
    const auto checkpoint = is_directory ? parse_suffixed_name(entry.name) : std::nullopt;
    const bool left_behind =
        checkpoint && (checkpoint->suffix == "deleting" ||
                       (checkpoint->suffix == "partial" && checkpoint->attempt != attempt));
    if (left_behind || is_half_written(entry)) remove_tree(root_ / entry.name);
  }
}

fs::path RunDirectory::set_aside(int64_t step, const std::string& attempt) const {
  check_attempt_name(attempt);
  const fs::path aside = root_ / fmt::format("{}.{}.aside", checkpoint_name(step), attempt);
  rename_durably(checkpoint_path(step), aside);
  return aside;
}

void RunDirectory::take_ownership(const std::string& attempt) const {
  check_attempt_name(attempt);
  make_directories(root_);
  write_file_atomically(owner_path(), attempt + "\n");
}

void RunDirectory::check_ownership(const std::string& attempt) const {
  std::error_code error;
  if (fs::status(owner_path(), error).type() == fs::file_type::not_found) {
    throw LostRunError("{} is gone: somebody has removed the run's files", owner_path().native());
  }
  const std::string owner = read_owner(owner_path());
  if (owner != attempt) {
    throw LostRunError(
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
                      {"initial_adapter_hash", initial_adapter_hash.hex()},
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
  if (fields.has("initial_adapter_hash")) {
    identity.initial_adapter_hash = Hash128::from_hex(fields.text("initial_adapter_hash"));
  }
  identity.training_yaml = fields.text("training_yaml");
  return identity;
}

}  // namespace temper
