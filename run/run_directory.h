// The layout of a run's output directory (docs/formats/run_directory.md):
//   run.json        who the run is: id, fingerprint of what must not change on resume
//   run.yaml        the resolved configuration
//   lock            held by the process that trains here now (run/run_lock.h)
//   owner           the attempt that may write here now
//   job.json        the Slurm job it was given to, and how often that went on (run/job_record.h)
//   job.sbatch      its batch script
//   logs/           what the job and its ranks said
//   metrics.jsonl   one JSON object a line, appended
//   status.json     the latest state, replaced atomically
//   step-N/         complete checkpoints; step-N.ATTEMPT.partial, .deleting, .aside are never read
//   latest          a symbolic link, only a hint
//   eval/           what `temper eval` found: step-N.json, and with questions step-N.jsonl
//   SAVE            made by a person who wants a checkpoint now; removed when it has been saved
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/error.h"
#include "config/run_config.h"
#include "run/commit_record.h"

namespace temper {

// The directory is this attempt's no longer.
class LostRunError : public SystemError {
 public:
  using SystemError::SystemError;
};

class RunDirectory {
 public:
  explicit RunDirectory(std::filesystem::path root);

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path metrics_path() const { return root_ / "metrics.jsonl"; }
  std::filesystem::path status_path() const { return root_ / "status.json"; }
  std::filesystem::path config_path() const { return root_ / "run.yaml"; }
  std::filesystem::path identity_path() const { return root_ / "run.json"; }
  std::filesystem::path owner_path() const { return root_ / "owner"; }
  std::filesystem::path lock_path() const { return root_ / "lock"; }
  std::filesystem::path job_record_path() const { return root_ / "job.json"; }
  std::filesystem::path job_script_path() const { return root_ / "job.sbatch"; }
  std::filesystem::path logs_path() const { return root_ / "logs"; }
  std::filesystem::path save_request_path() const { return root_ / "SAVE"; }
  std::filesystem::path checkpoint_path(int64_t step) const;
  std::filesystem::path evaluation_path(int64_t step) const;  // figures
  std::filesystem::path answers_path(int64_t step) const;     // with the records' texts
  std::filesystem::path lora_scale_path(int64_t step) const;  // what shares of the adapter measure
  std::vector<int64_t> evaluated_steps() const;               // that have figures, ascending
  std::filesystem::path partial_checkpoint_path(int64_t step, const std::string& attempt) const;

  // Whether it is a run's: it has an identity.
  bool exists() const;
  // Whether a run may begin here: missing, empty, or nothing but what a start that was cut short
  // has left, each as the kind of file that it has to be.
  bool is_fresh() const;
  // To be called before anything is written. UserError when `user`'s files would lie in another's
  // hands: the directory is that of a user other than root, or one of the run's names is a link or
  // another kind of file than the run makes. Root may write in anybody's, as the root of a
  // container does in a directory that was bound into it.
  void check_trusted(uid_t user = geteuid()) const;

  // What run.yaml recorded. The files that it names need not be there any more: a finished run is
  // read long after its base has moved. UserError when it is missing or damaged.
  RunConfig recorded_config() const;

  // All directories that look like checkpoints, by descending step, judged. Scans; never trusts
  // `latest`.
  std::vector<CheckpointStatus> checkpoints() const;
  std::optional<CheckpointStatus> latest_complete() const;

  // Points `latest` at the checkpoint (atomically replaced link).
  void point_latest_to(int64_t step) const;
  // Removes complete checkpoints until `keep` are left (0 keeps all). The two newest stay always
  // (should one be found damaged, there is another), and so does the first of `best_first` (steps
  // from the best held-out loss down) that has a complete one; then the newer stays before the
  // older. Deleting begins with a rename to `.deleting`.
  void retain(int64_t keep, const std::string& attempt,
              const std::vector<int64_t>& best_first = {}) const;
  // Removes what attempts other than `attempt` left unfinished, and half-written files of any.
  void sweep(const std::string& attempt) const;
  // Gives step-N another name, under which nothing looks at it or removes it; returns that.
  std::filesystem::path set_aside(int64_t step, const std::string& attempt) const;

  // This attempt becomes the only one that may commit here.
  void take_ownership(const std::string& attempt) const;
  // LostRunError when another attempt has taken the directory since, or `owner` is gone; another
  // Error when that cannot be told now (a file system that fails).
  void check_ownership(const std::string& attempt) const;

 private:
  std::filesystem::path root_;
};

// What must stay the same for a run to be resumed, stored in run.json when the run starts.
struct RunIdentity {
  std::string run_id;
  Hash128 base_hash;
  Hash128 dataset_hash;
  std::string adapter;
  Hash128 initial_adapter_hash;  // as the commit record has it
  std::string training_yaml;     // the keys that change the mathematics, resolved

  std::string to_json() const;
  static RunIdentity from_json(const std::string& text, const std::string& place);
};

}  // namespace temper
