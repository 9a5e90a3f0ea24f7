#include "checkpoint/checkpoint_saver.h"

#include <ATen/Parallel.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <utility>

#include "arch/layout/working_memory.h"
#include "checkpoint/commit_checkpoint.h"
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

// Hashing is nothing but arithmetic: where a rank has one core, it would take half of it. The
// calling thread alone becomes nicer.
void let_training_go_first() {
  constexpr int kNice = 19;
  setpriority(PRIO_PROCESS, 0, kNice);  // a wish
}

// What a rank has to say of its part of a save.
struct RankPart {
  int replica = 0;
  CommittedFile file;  // without a name where another replica writes
  std::array<int64_t, 4> limbs{};
  std::string error;
  bool is_fatal = false;
  double stall_seconds = 0;
  double write_seconds = 0;

  void fail(std::string message, bool fatal) {
    error = std::move(message);
    is_fatal = fatal;
  }
  std::string to_text() const {
    const Json json = {
        {"replica", replica},      {"name", file.name},      {"size", file.size_bytes},
        {"hash", file.hash.hex()}, {"limbs", limbs},         {"error", error},
        {"fatal", is_fatal},       {"stall", stall_seconds}, {"write", write_seconds}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  static RankPart from_text(const std::string& text) {
    const Json json = parse_json(text, "a rank's part of a save");
    return {
        json.at("replica"),
        {json.at("name"), json.at("size"), Hash128::from_hex(json.at("hash").get<std::string>())},
        json.at("limbs"),
        json.at("error"),
        json.at("fatal"),
        json.at("stall"),
        json.at("write")};
  }
};

void write_snapshot(const ShardImage& image, const std::byte* snapshot, DirectFile& file) {
  const uint64_t size = image.size_bytes();
  for (uint64_t at = 0; at < size; at += kSaveBlockBytes) {
    file.write(at, snapshot + at, std::min(kSaveBlockBytes, size - at));
    heartbeat::beat_in(RankPhase::kSave);
  }
  file.finish(size);
}

// Block by block from the live state. Returns the file's hash.
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

  Impl(ShardedModel& sharded_model, const RunDirectory& directory, std::string attempt_name)
      : model(sharded_model),
        run(directory),
        attempt(std::move(attempt_name)),
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
  const RunDirectory run;
  const std::string attempt;
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

CheckpointSaver::CheckpointSaver(ShardedModel& model, const RunDirectory& run, std::string attempt)
    : impl_(std::make_unique<Impl>(model, run, std::move(attempt))) {}

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

// This rank's part, in its thread: of the copy, or with null of the host's state, which must not
// change meanwhile. No MPI call, and no exception.
RankPart CheckpointSaver::Impl::write_part(const std::byte* source, bool beside_training) const {
  RankPart part;
  part.replica = model.mesh().replica();
  const auto start = Clock::now();
  try {
    // Every replica's state is hashed, to be compared; one of them is written.
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

// The state as it is now, laid out as the file. Null where the host's state is such a copy itself,
// of a model that is elsewhere: no step changes it.
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
  self.partial = self.run.partial_checkpoint_path(self.request.record.step, self.attempt);
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

namespace {

// The state hash of every replica, from their ranks' sums.
std::vector<Hash128> replica_hashes(const std::vector<RankPart>& parts,
                                    const CommitRecord& record) {
  std::vector<std::array<int64_t, 4>> limbs;
  for (const RankPart& part : parts) {
    const auto replica = static_cast<size_t>(part.replica);
    if (replica >= limbs.size()) limbs.resize(replica + 1);
    for (size_t i = 0; i < part.limbs.size(); ++i) limbs[replica][i] += part.limbs[i];
  }
  std::vector<Hash128> hashes;
  for (const auto& sum : limbs) {
    hashes.push_back(StateHasher::from_limbs(sum).finish(record.step, record.rows_consumed));
  }
  return hashes;
}

// Completes the record from all ranks' parts. Sets the outcome's error where one has failed.
void judge_parts(const std::vector<RankPart>& parts, CommitRecord& record, SaveOutcome& outcome) {
  record.files.clear();
  for (size_t rank = 0; rank < parts.size(); ++rank) {
    const RankPart& part = parts[rank];
    outcome.stall_seconds = std::max(outcome.stall_seconds, part.stall_seconds);
    outcome.write_seconds = std::max(outcome.write_seconds, part.write_seconds);
    outcome.bytes += part.file.size_bytes;
    if (!part.file.name.empty()) record.files.push_back(part.file);
    if (part.error.empty() || (!outcome.error.empty() && !part.is_fatal)) continue;
    outcome.error = rank == 0 ? part.error : fmt::format("rank {}: {}", rank, part.error);
    outcome.is_fatal = part.is_fatal;
  }
  if (!outcome.error.empty()) return;
  const std::vector<Hash128> hashes = replica_hashes(parts, record);
  record.state_hash = hashes.front();
  for (size_t replica = 1; replica < hashes.size(); ++replica) {
    if (hashes[replica] == hashes.front()) continue;
    // Replicas compute the same updates; going on would train two models.
    outcome.error = fmt::format(
        "step {}: replica {} holds other weights than replica 0 (state hash {} instead of {}); "
        "nothing was saved. Resume from the last checkpoint; if it happens again, look at the "
        "memory of that replica's nodes",
        record.step, replica, hashes[replica].hex(), hashes.front().hex());
    outcome.is_fatal = true;
  }
}

}  // namespace

std::optional<SaveOutcome> CheckpointSaver::Impl::end_writing() {
  ProcessGroup& world = model.mesh().world();
  RankPart mine = writing.get();
  mine.stall_seconds = outcome.stall_seconds;
  std::vector<RankPart> parts;
  for (const std::string& text : world.all_gather_text(mine.to_text())) {
    parts.push_back(RankPart::from_text(text));
  }
  judge_parts(parts, request.record, outcome);
  if (outcome.error.empty()) {
    phase = Phase::kCommitting;
    if (is_leader) {
      committing = std::async(std::launch::async, [this] {
        return commit_checkpoint(run, attempt, partial, request.record, request.keep,
                                 request.best_first);
      });
    }
    return std::nullopt;
  }
  std::error_code ignored;
  if (is_leader) std::filesystem::remove_all(partial, ignored);
  // Nobody begins to write there again before it is gone.
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

CommitRecord save_checkpoint(ShardedModel& model, const RunDirectory& run,
                             const std::string& attempt, const CommitRecord& record) {
  CheckpointSaver saver(model, run, attempt);
  saver.start({record, 0, {}, 0.0}, CheckpointSaver::Mode::kForeground);
  const SaveOutcome outcome = saver.finish();
  if (!outcome.error.empty()) throw AgreedError(outcome.error, kExitFailed);
  return outcome.record;
}

}  // namespace temper
