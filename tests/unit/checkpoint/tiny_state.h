// A run directory and a tiny sharded model of one rank whose state changes with every step.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "checkpoint/checkpoint_saver.h"
#include "checkpoint/sharded_checkpoint.h"
#include "comm/local/local_process_group.h"
#include "comm/process_group.h"
#include "common/philox.h"
#include "run/checkpoint/checkpoint_files.h"
#include "tests/distributed/toy_model.h"
#include "tests/unit/temporary_directory.h"

namespace temper {

class TinyState {
 public:
  TinyState()
      : group_(make_local_process_group()),
        model_(make_toy_model(ToyTraining::kFull), *group_, ShardingOptions{}) {
    run().take_ownership();
    set(0);
  }

  std::filesystem::path root() const { return folder_ / "run"; }
  OwnedRunDirectory run() const { return {root(), "one"}; }
  std::filesystem::path elsewhere() const { return folder_ / "elsewhere"; }
  ShardedModel& model() { return model_; }

  // The state after that step: numbers that depend on it alone.
  void set(int64_t step) {
    uint64_t stream = 0;
    for (TrainableShard& shard : model_.trainable_shards()) {
      for (at::Tensor* tensor : {&shard.weight, &shard.adam_m, &shard.adam_v}) {
        const Philox random(static_cast<uint64_t>(step), stream++);
        for (int64_t i = 0; i < tensor->numel(); ++i) {
          tensor->data_ptr<float>()[i] = static_cast<float>(random.below(i, 1000)) - 500.5f;
        }
      }
    }
  }
  static CommitRecord record_of(int64_t step) {
    CommitRecord record;
    record.step = step;
    record.rows_consumed = 4 * step;
    return record;
  }
  Hash128 hash_of(int64_t step) { return state_hash(model_, step, 4 * step); }

  // Saves the state of that step, which is expected to work. Returns its hash.
  Hash128 save(int64_t step) {
    set(step);
    return save_checkpoint(model_, run(), record_of(step)).state_hash;
  }

 private:
  TemporaryDirectory folder_;
  std::unique_ptr<ProcessGroup> group_;
  ShardedModel model_;
};

}  // namespace temper
