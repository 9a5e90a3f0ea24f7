// Judges the ranks of a job as a whole by what a preflight knows of each. No communication.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/json.h"

namespace temper {

struct RankFacts {
  int rank = 0;
  std::string host;
  std::string program_hash;  // of the running executable
  std::string config_hash;   // of the resolved configuration; empty: there is none
  std::string dataset_hash;  // of all datasets' content as this node reads it; empty likewise
  std::vector<int> cpus;     // that this process may run on
  int64_t threads = 1;
  double clock_seconds = 0.0;  // UTC, read by all at nearly the same time
  double clock_spread = 0.0;   // seconds in which they may have read it
  int64_t free_bytes = -1;     // where the run writes; -1: not known
  bool has_file_locks = true;  // there
  std::vector<std::string> wrong_collectives;
  double link_bytes_per_second = 0.0;  // from the rank before it; 0: there is none

  std::string to_json() const;
  static RankFacts from_json(const std::string& text);
};

struct Finding {
  bool is_fatal = false;
  std::string text;  // names the node
};

struct PreflightLimits {
  int64_t slurm_tasks = 0;  // SLURM_NTASKS; 0: not known
  double max_clock_skew_seconds = 2.0;
  double min_link_bytes_per_second = 50e6;  // a tenth of what 10-Gigabit Ethernet gives
  int64_t min_free_bytes = int64_t{1} << 30;
};

// `ranks` in rank order, rank 0 first: what the others are compared with.
std::vector<Finding> judge_ranks(const std::vector<RankFacts>& ranks,
                                 const PreflightLimits& limits);

}  // namespace temper
