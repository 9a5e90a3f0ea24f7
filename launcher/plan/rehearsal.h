// A run in small on the real nodes: ten steps, a checkpoint, a kill, a resume on another number of
// ranks, ten more steps, an export with its proof; and what that says of the whole run.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "io/json.h"

namespace temper {

// What the whole run will take.
struct RehearsalPrediction {
  double step_seconds = 0.0;   // the median after the first steps
  double start_seconds = 0.0;  // hashing and loading the base
  double save_seconds = 0.0;   // writing a checkpoint
  double total_seconds = 0.0;  // of all steps and saves, and one start
  int64_t checkpoint_bytes = 0;
  int64_t disk_bytes = 0;  // of all checkpoints that are there at once
  int64_t rank_bytes = 0;  // memory of the largest rank

  OrderedJson to_json() const;
};

// Of the whole run of `config`, which makes so many steps, from the lines of a rehearsal's
// metrics.jsonl. SystemError when they tell too little.
RehearsalPrediction predict(const std::vector<Json>& metrics, const RunConfig& config,
                            int64_t steps);

struct Rehearsal {
  std::string run_yaml;
  std::vector<std::string> set;  // "key=value"
  std::filesystem::path directory;
  int num_ranks = 1;
  int resumed_ranks = 1;
  std::vector<std::string> start_arguments;  // --launcher and --hostfile, where they were given
  SlurmConfig slurm;                         // of the run: its container
};

// Runs all of it in `directory`, which must not exist. The programs' own messages go to standard
// error. SystemError naming the part that failed.
std::vector<Json> rehearse(const Rehearsal& rehearsal);

}  // namespace temper
