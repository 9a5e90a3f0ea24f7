#include "trainer/startup/take_directory.h"

#include <chrono>

#include "comm/agreement.h"
#include "common/log.h"
#include "config/resolved_config.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "run/checkpoint_room.h"

namespace temper {
namespace {

// The ranks of a job that was killed need seconds to end.
constexpr std::chrono::seconds kLockPatience(10);

// This comes before the directory becomes the run's: a refusal must leave it free for another
// choice.
void check_room(const RunSetup& setup, const RunDirectory& directory, const ResumeChoice& resume) {
  const auto latest = directory.latest_complete();
  const bool is_done = latest && latest->step >= setup.max_steps;
  if (is_done && resume.kind == ResumeChoice::Kind::kAuto) return;  // nothing will be saved
  require_checkpoint_room(directory, setup.config, setup.max_steps, setup.memory.checkpoint_bytes);
}

RunStatus first_status(const RunSetup& setup, const OwnedRunDirectory& directory) {
  RunStatus status;
  status.attempt = directory.attempt();
  status.max_steps = setup.max_steps;
  if (const auto latest = directory.latest_complete()) {
    status.step = status.last_checkpoint_step = latest->step;
  }
  return status;
}

}  // namespace

TakenDirectory take_directory(RunSetup& setup, const OwnedRunDirectory& directory,
                              const ResumeChoice& resume, ProcessGroup& group) {
  TakenDirectory taken;
  Json checkpoints = Json::array();
  run_agreed(group, [&] {
    if (group.rank() != 0) return;
    const int64_t rows_per_epoch = setup.data->rows_per_epoch();
    check_start(directory, setup.identity, rows_per_epoch, resume);
    make_directories(directory.root());
    make_directories(directory.logs_path());
    taken.lock.emplace(directory.lock_path(), kLockPatience);
    // Once more, now that nobody else can change it: another start may have come in between.
    check_start(directory, setup.identity, rows_per_epoch, resume);
    checkpoints = choose_checkpoints(directory, resume);
    check_room(setup, directory, resume);
    if (setup.identity.run_id.empty()) setup.identity.run_id = directory.attempt();
    // The identity comes first: from here on the directory is a run's.
    write_file_atomically(directory.identity_path(), setup.identity.to_json());
    directory.take_ownership();
    write_file_atomically(directory.config_path(), resolved_yaml(setup.config));
    taken.status = first_status(setup, directory);
    write_run_status(directory.status_path(), taken.status);
  });
  log::also_write_to(directory.logs_path() / fmt::format("rank-{}.log", group.rank()));
  setup.identity.run_id = group.all_gather_text(setup.identity.run_id).front();
  const std::string chosen = group.all_gather_text(checkpoints.dump()).front();
  taken.checkpoints = parse_json(chosen, "chosen checkpoints");
  return taken;
}

void clear_directory(const OwnedRunDirectory& directory, const ResumeChoice& resume,
                     const RestoredCheckpoint& restored, ProcessGroup& group) {
  run_agreed(group, [&] {
    if (group.rank() != 0) return;
    directory.sweep();
    const bool rewinds = resume.kind == ResumeChoice::Kind::kPath;
    if (!rewinds && restored.damaged.empty()) return;
    //     // Later checkpoints are damaged, or belong to another line of this run's history: the
    //     next start
    // must not go on from there.
    set_aside_later(directory, restored);
    if (lies_in(directory, restored)) directory.point_latest_to(restored.record.step);
  });
}

}  // namespace temper
