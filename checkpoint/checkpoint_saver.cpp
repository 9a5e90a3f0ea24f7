#include "checkpoint/checkpoint_saver.h"

#include <ATen/Parallel.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "arch/layout/working_memory.h"
#include "checkpoint/commit_checkpoint.h"
#include "checkpoint/rank_part.h"
#include "checkpoint/shard_image.h"
#include "comm/watch/heartbeat.h"
#include "common/elapsed.h"
#include "common/error.h"
#include "common/log.h"
#include "io/direct_file.h"
#include "io/free_space.h"
#include "io/json.h"

namespace temper {
namespace {

using Clock = std::chrono::steady_clock;

template <typename Result>
bool is_done(const std::future<Result>& task) {
  return task.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

// // Hashing is nothing but arithmetic: where a rank has one core, it would take half of it from
// training. Linux has a nice value for each thread, so that only the calling thread becomes nicer.
void let_training_go_first() {
  constexpr int kNice = 19;
  setpriority(PRIO_PROCESS, 0, kNice);  // a wish
}

void write_snapshot(const ShardImage& image, const std::byte* snapshot, DirectFile& file) {
  const uint64_t size = image.size_bytes();
  for (uint64_t at = 0; at < size; at += kSaveBlockBytes) {
    file.write(at, snapshot + at, std::min(kSaveBlockBytes, size - at));
    heartbeat::beat_in(RankPhase::kSave);
  }
  file.finish(size);
}

// Writes block by block from the live state. Returns the file's hash.
Hash128 write_live(const ShardImage& image, DirectFile& file) {
  const uint64_t size = image.size_bytes();
  const AlignedBuffer block(std::min(kSaveBlockBytes, size));
  StreamHasher hasher;
  for (uint64_t at = 0; at < size; at += kSaveBlockBytes) {
    const uint64_t count = std::min(kSaveBlockBytes, size - at);
    image.copy(at, at + count, block.data());
    hasher.update(block.data(), count);
    file.write(at, block.data(), count);
    heartbeat::beat_in(RankPhase::kSave);
  }
  file.finish(size);
  return hasher.digest();
}

}  // namespace

struct CheckpointSaver::Impl {
  enum class Phase { kIdle, kWriting, kCommitting };

  Impl(ShardedModel& sharded_model, const OwnedRunDirectory& directory)
      : model(sharded_model),
        run(directory),
        image(sharded_model),
        is_leader(sharded_model.mesh().world().rank() == 0),
        is_writer(sharded_model.mesh().replica() == 0) {}

  void prepare();
  const std::byte* take_snapshot();
  RankPart write_part(const std::byte* snapshot, bool beside_training) const;
  std::optional<SaveOutcome> end_writing();
  SaveOutcome end_committing();
  SaveOutcome end();

  ShardedModel& model;
  const OwnedRunDirectory run;
  const ShardImage image;
  const bool is_leader;
  const bool is_writer;
  std::unique_ptr<AlignedBuffer> snapshot;

  Phase phase = Phase::kIdle;
  SaveRequest request;
  std::filesystem::path partial;
  Clock::time_point begin;
  SaveOutcome outcome;
  // Last, so that they are waited for before anything else is destroyed.
  std::future<void> preparing;
  std::future<RankPart> writing;
  std::future<CommitResult> committing;  // rank 0
};

CheckpointSaver::CheckpointSaver(ShardedModel& model, const OwnedRunDirectory& run)
    : impl_(std::make_unique<Impl>(model, run)) {}

CheckpointSaver::~CheckpointSaver() = default;

bool CheckpointSaver::is_active() const {
  return impl_->phase != Impl::Phase::kIdle;
}

uint64_t CheckpointSaver::size_bytes() const {
  return impl_->image.size_bytes() * static_cast<uint64_t>(impl_->model.mesh().shard().size());
}

uint64_t CheckpointSaver::buffer_bytes() const {
  if (impl_->model.has_host_copies()) return impl_->image.size_bytes();
  return impl_->snapshot ? impl_->snapshot->size() : 0;
}

bool CheckpointSaver::is_ready() const {
  if (impl_->phase == Impl::Phase::kWriting) return is_done(impl_->writing);
  return !impl_->committing.valid() || is_done(impl_->committing);
}

// // Makes this rank's part, in a thread of its own: from the copy, or with null from the host's
// state, which must not change meanwhile. No MPI call, since MPI may know one thread only, and no
// exception.
RankPart CheckpointSaver::Impl::write_part(const std::byte* source, bool beside_training) const {
  RankPart part;
  part.replica = model.mesh().replica();
  const auto start = Clock::now();
  try {
    // Hashing runs beside writing: one needs the processor, the other the disk. Every replica is
    // hashed, so that replicas which have drifted apart are found before a commit; one is written.
    std::future<ShardImage::Digest> digesting = std::async(std::launch::async, [&] {
      if (beside_training) let_training_go_first();
      return source == nullptr ? image.digest_live() : image.digest(source, is_writer);
    });
    if (is_writer) {
      if (is_leader) {
        const auto ranks = static_cast<uint64_t>(model.mesh().shard().size());
        require_free_space(run.root(), ranks * align_direct(image.size_bytes()));
      }
      make_directories(partial);
      DirectFile file(partial / image.file_name());
      part.file = {image.file_name(), image.size_bytes(), {}};
      if (source == nullptr) {
        if (beside_training) let_training_go_first();  // it hashes, too
        part.file.hash = write_live(image, file);
      } else {
        write_snapshot(image, source, file);
      }
    }
    part.write_seconds = seconds_since(start);
    const ShardImage::Digest digest = digesting.get();
    part.limbs = digest.hasher.limbs();
    if (source != nullptr) part.file.hash = digest.file_hash;
    if (!digest.not_finite.empty()) {
      part.fail(fmt::format("{} is not finite after step {}; nothing was saved. Lower "
                            "learning_rate and continue from an earlier checkpoint",
                            digest.not_finite, request.record.step),
                true);
    }
  } catch (const std::exception& error) {
    part.fail(error.what(), false);
  }
  return part;
}

void CheckpointSaver::Impl::prepare() {
  if (snapshot || model.has_host_copies()) return;
  snapshot = std::make_unique<AlignedBuffer>(image.size_bytes());
  preparing = std::async(std::launch::async, [this] { snapshot->touch(); });
}

void CheckpointSaver::prepare() {
  impl_->prepare();
}

// // Copies the state as it is now, laid out as the file. Null where the host's state is such a
// copy itself, of a model that is elsewhere: no step changes it.
const std::byte* CheckpointSaver::Impl::take_snapshot() {
  if (model.has_host_copies()) return nullptr;
  prepare();
  if (preparing.valid()) preparing.get();
  at::parallel_for(0, static_cast<int64_t>(image.size_bytes()), kSaveBlockBytes,
                   [&](int64_t first, int64_t last) {
                     image.copy(static_cast<uint64_t>(first), static_cast<uint64_t>(last),
                                snapshot->data() + first);
                   });
  return snapshot->data();
}

void CheckpointSaver::start(SaveRequest request, Mode mode) {
  Impl& self = *impl_;
  TEMPER_CHECK(self.phase == Impl::Phase::kIdle, "a save of step {} is under way",
               self.request.record.step);
  self.begin = Clock::now();
  self.request = std::move(request);
  self.request.record.world_size = self.model.mesh().shard().size();
  self.partial = self.run.partial_checkpoint_path(self.request.record.step);
  self.outcome = {};
  self.phase = Impl::Phase::kWriting;
  self.model.update_host_shards();
  if (mode == Mode::kForeground) {
    self.writing =
        std::async(std::launch::async, [&self] { return self.write_part(nullptr, false); });
    self.writing.wait();
  } else {
    const std::byte* source = self.take_snapshot();
    self.writing =
        std::async(std::launch::async, [&self, source] { return self.write_part(source, true); });
  }
  self.outcome.stall_seconds = self.request.waited_seconds + seconds_since(self.begin);
}

std::optional<SaveOutcome> CheckpointSaver::Impl::end_writing() {
  ProcessGroup& world = model.mesh().world();
  RankPart mine = writing.get();
  mine.stall_seconds = outcome.stall_seconds;
  std::vector<RankPart> parts;
  for (const std::string& text : world.all_gather_text(mine.to_text())) {
    parts.push_back(RankPart::from_text(text));
  }
  combine_parts(parts, request.record, outcome);
  if (outcome.error.empty()) {
    phase = Phase::kCommitting;
    if (is_leader) {
      committing = std::async(std::launch::async, [this] {
        return commit_checkpoint(run, partial, request.record, request.keep, request.best_first);
      });
    }
    return std::nullopt;
  }
  std::error_code ignored;
  if (is_leader) std::filesystem::remove_all(partial, ignored);
  // Without this barrier a rank could begin the next try in a directory that rank 0 is removing.
  world.barrier();
  return end();
}

SaveOutcome CheckpointSaver::Impl::end_committing() {
  std::string mine;
  if (is_leader) {
    const CommitResult result = committing.get();
    mine = Json{{"error", result.error},
                {"fatal", result.is_fatal},
                {"record", result.error.empty() ? result.record.to_json() : ""}}
               .dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  const std::string text = model.mesh().world().all_gather_text(mine).front();
  const Json json = parse_json(text, "a commit's result");
  outcome.error = json.at("error");
  outcome.is_fatal = json.at("fatal");
  if (outcome.error.empty()) {
    outcome.record = CommitRecord::from_json(json.at("record"), "a commit's result");
  }
  return end();
}

SaveOutcome CheckpointSaver::Impl::end() {
  phase = Phase::kIdle;
  outcome.step = request.record.step;
  outcome.total_seconds =
      std::max({seconds_since(begin), outcome.stall_seconds, outcome.write_seconds});
  return std::move(outcome);
}

std::optional<SaveOutcome> CheckpointSaver::advance() {
  switch (impl_->phase) {
    case Impl::Phase::kWriting:
      return impl_->end_writing();
    case Impl::Phase::kCommitting:
      return impl_->end_committing();
    case Impl::Phase::kIdle:
      break;
  }
  return std::nullopt;
}

SaveOutcome CheckpointSaver::finish() {
  TEMPER_CHECK(is_active());
  std::optional<SaveOutcome> outcome;
  while (!outcome) outcome = advance();
  return *outcome;
}

CommitRecord save_checkpoint(ShardedModel& model, const OwnedRunDirectory& run,
                             const CommitRecord& record) {
  CheckpointSaver saver(model, run);
  saver.start({record, 0, {}, 0.0}, CheckpointSaver::Mode::kForeground);
  const SaveOutcome outcome = saver.finish();
  if (!outcome.error.empty()) throw AgreedError(outcome.error, kExitFailed);
  return outcome.record;
}

}  // namespace temper
