// The layout of a run's output directory (docs/formats/run_directory.md), for those who read there;
// who trains there has it as an OwnedRunDirectory:
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

#include "config/run_config.h"
#include "run/checkpoint/commit_record.h"
#include "run/run_entries.h"

namespace temper {

class RunDirectory {
 public:
  explicit RunDirectory(std::filesystem::path root);

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path metrics_path() const { return root_ / kMetricsFile.name; }
  std::filesystem::path status_path() const { return root_ / kStatusFile.name; }
  std::filesystem::path config_path() const { return root_ / kConfigFile.name; }
  std::filesystem::path identity_path() const { return root_ / kIdentityFile.name; }
  std::filesystem::path owner_path() const { return root_ / kOwnerFile.name; }
  std::filesystem::path lock_path() const { return root_ / kLockFile.name; }
  std::filesystem::path job_record_path() const { return root_ / kJobRecord.name; }
  std::filesystem::path job_script_path() const { return root_ / kJobScript.name; }
  std::filesystem::path logs_path() const { return root_ / kLogDirectory.name; }
  std::filesystem::path save_request_path() const { return root_ / kSaveRequestName; }
  std::filesystem::path checkpoint_path(int64_t step) const;
  std::filesystem::path evaluation_path(int64_t step) const;  // figures
  std::filesystem::path answers_path(int64_t step) const;     // with the records' texts
  std::filesystem::path lora_scale_path(int64_t step) const;  // what shares of the adapter measure
  std::vector<int64_t> evaluated_steps() const;               // steps that have figures, ascending

  // Tells whether it is a run's, which has an identity.
  bool exists() const;
  // Tells whether a run may begin here: the directory is missing, empty, or holds nothing but what
  // a start that was cut short has left, each as the kind of file that it has to be.
  bool is_fresh() const;
  // Call it before anything is written. UserError when `user`'s files would lie in another's
  // hands: the directory is that of a user other than root, or one of the run's names is a link or
  // another kind of file than the run makes. Root may write in anybody's, as the root of a
  // container does in a directory that was bound into it.
  void check_trusted(uid_t user = geteuid()) const;

  // Reads what run.yaml recorded. The files that it names need not be there any more: a finished
  // run is read long after its base has moved. UserError when it is missing or damaged.
  RunConfig recorded_config() const;

  // All directories that look like checkpoints, by descending step, judged. Scans; never trusts
  // `latest`.
  std::vector<CheckpointStatus> checkpoints() const;
  std::optional<CheckpointStatus> latest_complete() const;

 private:
  std::filesystem::path root_;
};

}  // namespace temper
