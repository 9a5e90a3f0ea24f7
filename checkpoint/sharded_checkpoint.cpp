#include "checkpoint/sharded_checkpoint.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "checkpoint/state_slices.h"
#include "comm/agreement.h"
#include "common/error.h"
#include "run/checkpoint/state_hash.h"

namespace temper {
namespace {

// The writer ranks whose files hold any element of [begin, end) of the old buckets' flat range.
std::set<int64_t> writers_of(const BucketLayout& now, int rank, int64_t writer_world) {
  const BucketLayout then(now.parameters(), static_cast<int>(writer_world));
  std::set<int64_t> writers;
  for (const ShardPiece& piece : now.pieces(rank)) {
    const int64_t begin =
        now.parameters()[piece.parameter].offset + piece.parameter_begin;  // same in both layouts
    for (int64_t w = begin / then.shard_elements();
         w <= (begin + piece.count - 1) / then.shard_elements(); ++w) {
      writers.insert(w);
    }
  }
  return writers;
}

void read_shards(CheckpointReader& reader, ShardedModel& model) {
  const ProcessGroup& group = model.mesh().shard();
  for (TrainableShard& shard : model.trainable_shards()) {
    for (const int64_t writer :
         writers_of(*shard.layout, group.rank(), reader.record().world_size)) {
      reader.open_rank(writer);
    }
  }
  for (const StateSlice& slice : state_slices(model)) {
    reader.read(slice.kind, slice.parameter, slice.begin, slice.begin + slice.count, slice.values);
  }
  model.load_host_shards();
}

}  // namespace

Hash128 state_hash(ShardedModel& model, int64_t step, int64_t rows_consumed) {
  ProcessGroup& group = model.mesh().shard();
  model.update_host_shards();
  StateHasher hasher;
  for (const StateSlice& slice : state_slices(model)) {
    hasher.add(slice.kind, slice.parameter, slice.begin, slice.values, slice.count);
  }
  const auto limbs = hasher.limbs();
  at::Tensor sum = at::tensor(at::ArrayRef<int64_t>(limbs.data(), limbs.size()), at::kLong);
  group.all_reduce_sum(sum);
  std::array<int64_t, 4> total{};
  std::copy_n(sum.data_ptr<int64_t>(), total.size(), total.begin());
  return StateHasher::from_limbs(total).finish(step, rows_consumed);
}

CommitRecord restore_checkpoint(const std::filesystem::path& directory, ShardedModel& model) {
  ProcessGroup& group = model.mesh().world();
  std::optional<CheckpointReader> reader;
  run_agreed(group, [&] {
    reader.emplace(directory);
    read_shards(*reader, model);
  });
  const CommitRecord record = reader->record();
  const Hash128 found = state_hash(model, record.step, record.rows_consumed);
  run_agreed(group, [&] {
    if (found != record.state_hash) {
      throw SystemError(
          "{}: what was read is not what was saved (state hash {} instead of {}): the "
          "files are damaged; resume from another checkpoint with --resume PATH",
          directory.string(), found.hex(), record.state_hash.hex());
    }
  });
  model.refresh();
  return record;
}

}  // namespace temper
