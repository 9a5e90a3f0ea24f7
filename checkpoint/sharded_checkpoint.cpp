#include "checkpoint/sharded_checkpoint.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "comm/agreement.h"
#include "common/error.h"
#include "common/log.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "run/checkpoint_files.h"
#include "run/state_hash.h"

namespace temper {
namespace {

struct StateTensor {
  const char* kind;
  float* values;  // [shard_elements]
};

std::vector<StateTensor> state_tensors(TrainableShard& shard) {
  return {{"weight", shard.weight.data_ptr<float>()},
          {"adam_m", shard.adam_m.data_ptr<float>()},
          {"adam_v", shard.adam_v.data_ptr<float>()}};
}

// This rank's file, written and synced. Returns what the commit record says of it.
CommittedFile write_rank_file(ShardedModel& model, const std::filesystem::path& directory) {
  const ProcessGroup& group = model.mesh().shard();
  std::vector<SafetensorsWriter::Entry> entries;
  std::map<std::string, std::string> metadata = {{"format", "temper-checkpoint"}};
  for (TrainableShard& shard : model.trainable_shards()) {
    for (const ShardPiece& piece : shard.layout->pieces(group.rank())) {
      const std::string& name = shard.layout->parameters()[piece.parameter].name;
      metadata["slice/" + name] =
          fmt::format("{}:{}", piece.parameter_begin, piece.parameter_begin + piece.count);
      for (const StateTensor& tensor : state_tensors(shard)) {
        entries.push_back({fmt::format("{}/{}", tensor.kind, name), DType::kF32, {piece.count}});
      }
    }
  }
  CommittedFile file;
  file.name = rank_file_name(group.rank(), group.size());
  SafetensorsWriter writer(directory / file.name, std::move(entries), metadata);
  for (TrainableShard& shard : model.trainable_shards()) {
    for (const ShardPiece& piece : shard.layout->pieces(group.rank())) {
      const std::string& name = shard.layout->parameters()[piece.parameter].name;
      for (const StateTensor& tensor : state_tensors(shard)) {
        writer.write_floats(fmt::format("{}/{}", tensor.kind, name), 0,
                            tensor.values + piece.shard_offset, piece.count);
      }
    }
  }
  file.size_bytes = writer.finish();
  file.hash = hash_file(directory / file.name);
  return file;
}

std::string file_to_text(const CommittedFile& file) {
  return Json{{"name", file.name}, {"size", file.size_bytes}, {"hash", file.hash.hex()}}.dump();
}

CommittedFile file_from_text(const std::string& text) {
  const Json json = parse_json(text, "checkpoint file entry");
  return {json.at("name"), json.at("size"), Hash128::from_hex(json.at("hash").get<std::string>())};
}

// Replicas compute the same updates; one that holds other values met a fault, and going on would
// train two models.
void check_replicas_agree(const DeviceMesh& mesh, const CommitRecord& record) {
  if (mesh.num_replicas() == 1) return;
  const auto hashes = mesh.replicate().all_gather_text(record.state_hash.hex());
  run_agreed(mesh.world(), [&] {
    for (size_t replica = 1; replica < hashes.size(); ++replica) {
      if (hashes[replica] == hashes.front()) continue;
      throw SystemError(
          "step {}: replica {} holds other weights than replica 0 (state hash {} instead of {}); "
          "nothing was saved. Resume from the last checkpoint; if it happens again, look at the "
          "memory of that replica's nodes",
          record.step, replica, hashes[replica], hashes.front());
    }
  });
}

// A training state that is not finite can't be continued: it must not take a good one's place.
void check_finite(ShardedModel& model, int64_t step) {
  run_agreed(model.mesh().world(), [&] {
    for (TrainableShard& shard : model.trainable_shards()) {
      for (const ShardPiece& piece : shard.layout->pieces(model.mesh().shard().rank())) {
        for (const StateTensor& tensor : state_tensors(shard)) {
          const float* values = tensor.values + piece.shard_offset;
          if (std::all_of(values, values + piece.count, [](float x) { return std::isfinite(x); })) {
            continue;
          }
          throw SystemError(
              "{} of {} is not finite after step {}; nothing was saved. Lower learning_rate and "
              "continue from an earlier checkpoint",
              tensor.kind, shard.layout->parameters()[piece.parameter].name, step);
        }
      }
    }
  });
}

// Whether the checkpoint there is the one that would be written: the same state, and undamaged.
bool is_same(const CheckpointStatus& there, const CommitRecord& record) {
  return there.complete && there.record->state_hash == record.state_hash &&
         there.record->base_hash == record.base_hash &&
         there.record->tokenizer_hash == record.tokenizer_hash &&
         there.record->dataset_hash == record.dataset_hash &&
         there.record->adapter == record.adapter && find_damage(there.path, *there.record).empty();
}

// The one moment in which a checkpoint becomes visible.
void commit(const RunDirectory& run, const std::string& attempt,
            const std::filesystem::path& partial, const CommitRecord& record) {
  write_file_atomically(partial / "commit.json", record.to_json());
  sync_directory(partial);
  const auto final_path = run.checkpoint_path(record.step);
  run.check_ownership(attempt);
  if (std::filesystem::exists(final_path)) {
    // Incomplete, damaged or of another state (the caller looked): a person may want it.
    const auto aside = run.set_aside(record.step, attempt);
    log::warning("{} was not what this run has now and is kept as {}", final_path.string(),
                 aside.filename().string());
  }
  rename_durably(partial, final_path);
  run.point_latest_to(record.step);
}

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
    for (const ShardPiece& piece : shard.layout->pieces(group.rank())) {
      const std::string& name = shard.layout->parameters()[piece.parameter].name;
      for (const StateTensor& tensor : state_tensors(shard)) {
        reader.read(tensor.kind, name, piece.parameter_begin, piece.parameter_begin + piece.count,
                    tensor.values + piece.shard_offset);
      }
    }
  }
}

}  // namespace

Hash128 state_hash(ShardedModel& model, int64_t step, int64_t rows_consumed) {
  ProcessGroup& group = model.mesh().shard();
  StateHasher hasher;
  for (TrainableShard& shard : model.trainable_shards()) {
    for (const ShardPiece& piece : shard.layout->pieces(group.rank())) {
      const std::string& name = shard.layout->parameters()[piece.parameter].name;
      for (const StateTensor& tensor : state_tensors(shard)) {
        hasher.add(tensor.kind, name, piece.parameter_begin, tensor.values + piece.shard_offset,
                   piece.count);
      }
    }
  }
  const auto limbs = hasher.limbs();
  at::Tensor sum = at::tensor(at::ArrayRef<int64_t>(limbs.data(), limbs.size()), at::kLong);
  group.all_reduce_sum(sum);
  std::array<int64_t, 4> total{};
  std::copy_n(sum.data_ptr<int64_t>(), total.size(), total.begin());
  return StateHasher::from_limbs(total).finish(step, rows_consumed);
}

CommitRecord save_checkpoint(ShardedModel& model, const RunDirectory& run,
                             const std::string& attempt, CommitRecord record) {
  const DeviceMesh& mesh = model.mesh();
  ProcessGroup& group = mesh.world();
  record.world_size = mesh.shard().size();
  check_finite(model, record.step);
  record.state_hash = state_hash(model, record.step, record.rows_consumed);
  check_replicas_agree(mesh, record);
  const auto final_path = run.checkpoint_path(record.step);
  const auto partial = run.partial_checkpoint_path(record.step, attempt);

  // Rank 0 alone judges what is there: the others' view of a network file system may lag behind.
  std::string existing;
  run_agreed(group, [&] {
    if (group.rank() != 0) return;
    run.check_ownership(attempt);
    const CheckpointStatus status = inspect_checkpoint(final_path);
    if (is_same(status, record)) {
      existing = status.record->to_json();
    } else {
      make_directories(partial);
    }
  });
  existing = group.all_gather_text(existing).front();
  if (!existing.empty()) return CommitRecord::from_json(existing, final_path.string());

  try {
    CommittedFile mine;
    const bool writes = mesh.replica() == 0;
    run_agreed(group, [&] {
      if (writes) mine = write_rank_file(model, partial);
    });
    for (const std::string& text : group.all_gather_text(writes ? file_to_text(mine) : "")) {
      if (!text.empty()) record.files.push_back(file_from_text(text));
    }
    run_agreed(group, [&] {
      if (group.rank() == 0) commit(run, attempt, partial, record);
    });
  } catch (const AgreedError&) {
    std::error_code ignored;
    if (group.rank() == 0) std::filesystem::remove_all(partial, ignored);
    throw;
  }
  return record;
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
