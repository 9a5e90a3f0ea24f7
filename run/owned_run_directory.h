// A run's directory as one start of the run owns it: whoever trains there commits, removes and
// renames under the name of this attempt. Another start that takes the directory over ends this
// one at its next commit, so that two never write the same run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/error.h"
#include "run/run_directory.h"

namespace temper {

// The directory is this attempt's no longer.
class LostRunError : public SystemError {
 public:
  using SystemError::SystemError;
};

class OwnedRunDirectory : public RunDirectory {
 public:
  // `attempt` names this start of the run and becomes part of file names. Nothing is written before
  // take_ownership().
  OwnedRunDirectory(std::filesystem::path root, std::string attempt);

  const std::string& attempt() const { return attempt_; }
  std::filesystem::path partial_checkpoint_path(int64_t step) const;

  // This attempt becomes the only one that may commit here.
  void take_ownership() const;
  // LostRunError when another attempt has taken the directory since, or `owner` is gone; another
  // Error when that cannot be told now (a file system that fails).
  void check_ownership() const;

  // Points `latest` at the checkpoint (atomically replaced link).
  void point_latest_to(int64_t step) const;
  // Removes complete checkpoints until `keep` are left (0 keeps all). The two newest stay always
  // (should one be found damaged, there is another), and so does the first of `best_first` (steps
  // from the best held-out loss down) that has a complete one; then the newer stays before the
  // older. Deleting begins with a rename to `.deleting`.
  void retain(int64_t keep, const std::vector<int64_t>& best_first = {}) const;
  // Removes what other attempts left unfinished, and half-written files of any.
  void sweep() const;
  // Gives step-N another name, under which nothing looks at it or removes it; returns that.
  std::filesystem::path set_aside(int64_t step) const;

 private:
  std::string attempt_;
};

}  // namespace temper
