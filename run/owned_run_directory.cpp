#include "run/owned_run_directory.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "common/log.h"
#include "io/atomic_file.h"
#include "io/system_calls.h"
#include "io/temporary_name.h"
#include "run/checkpoint/checkpoint_name.h"
#include "run/checkpoint_room.h"
#include "run/run_entries.h"

namespace temper {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxOwnerBytes = 4096;

void remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) log::warning("cannot remove {}: {}", path.native(), error.message());
}

std::string read_owner(const fs::path& path) {
  std::string owner = read_file(path, kMaxOwnerBytes);
  if (!owner.empty() && owner.back() == '\n') owner.pop_back();
  return owner;
}

}  // namespace

OwnedRunDirectory::OwnedRunDirectory(fs::path root, std::string attempt)
    : RunDirectory(std::move(root)), attempt_(std::move(attempt)) {
  TEMPER_CHECK(!attempt_.empty() && attempt_.find_first_of("/\n") == attempt_.npos,
               "attempt \"{}\" is no part of a file name", attempt_);
}

fs::path OwnedRunDirectory::partial_checkpoint_path(int64_t step) const {
  return root() / suffixed_checkpoint_name(step, attempt_, kPartialSuffix);
}

void OwnedRunDirectory::point_latest_to(int64_t step) const {
  const fs::path latest = root() / kLatestLink.name;
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
    // The link is only a hint: a checkpoint is no worse for a file system without links.
    log::warning("cannot point {} to {}: {}", latest.native(), target, error.what());
    return;
  }
  sync_directory(root());
}

void OwnedRunDirectory::retain(int64_t keep, const std::vector<int64_t>& best_first) const {
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
    // It moves right behind the two newest, so that it is the third to stay.
    const auto found = std::find(complete.begin(), complete.end(), *best);
    is_third = found - complete.begin() >= kNewestKept;
    if (is_third) std::rotate(complete.begin() + kNewestKept, found, found + 1);
  }
  const auto kept = static_cast<size_t>(kept_checkpoints(keep, is_third));
  for (size_t i = kept; i < complete.size(); ++i) {
    const fs::path deleted =
        root() / suffixed_checkpoint_name(complete[i], attempt_, kDeletingSuffix);
    rename_durably(checkpoint_path(complete[i]), deleted);
    remove_tree(deleted);
  }
}

void OwnedRunDirectory::sweep() const {
  for (const RunEntry& entry : list_entries(root())) {
    const bool is_directory = entry.type == fs::file_type::directory;
    const auto checkpoint = is_directory ? parse_suffixed_name(entry.name) : std::nullopt;
    const bool left_behind =
        checkpoint && (checkpoint->suffix == kDeletingSuffix ||
                       (checkpoint->suffix == kPartialSuffix && checkpoint->attempt != attempt_));
    if (left_behind || is_half_written(entry)) remove_tree(root() / entry.name);
  }
}

fs::path OwnedRunDirectory::set_aside(int64_t step) const {
  const fs::path aside = root() / suffixed_checkpoint_name(step, attempt_, kAsideSuffix);
  rename_durably(checkpoint_path(step), aside);
  return aside;
}

void OwnedRunDirectory::take_ownership() const {
  make_directories(root());
  write_file_atomically(owner_path(), attempt_ + "\n");
}

void OwnedRunDirectory::check_ownership() const {
  std::error_code error;
  if (fs::status(owner_path(), error).type() == fs::file_type::not_found) {
    throw LostRunError("{} is gone: somebody has removed the run's files", owner_path().native());
  }
  const std::string owner = read_owner(owner_path());
  if (owner != attempt_) {
    throw LostRunError(
        "{} now belongs to attempt {}: this attempt ({}) stops without touching its checkpoints",
        root().native(), owner, attempt_);
  }
}

}  // namespace temper
