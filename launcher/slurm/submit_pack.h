// Packing as an array job: each task packs one shard of the corpus.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/run_config.h"

namespace temper {

struct SubmitPackOptions {
  bool dry_run = false;
  bool json = false;
  std::vector<ConfigOverride> set = {};  // of run.yaml's slurm section
};

// `command` is "pack" and its arguments, without --shard. What the job asks for stands under
// `slurm:` in the run.yaml, of which nothing else is read; a task is one process on one node. The
// script and the logs go beside the output. Returns the exit code.
int submit_pack(const std::string& run_yaml, const std::vector<std::string>& command,
                int64_t num_shards, const SubmitPackOptions& options);

}  // namespace temper
