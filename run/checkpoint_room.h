// Tells how many checkpoints a run's directory holds at once, and whether there is room for them.
#pragma once

#include <cstdint>
#include <optional>

#include "config/run_config.h"
#include "run/run_directory.h"

namespace temper {

inline constexpr int64_t kNewestKept = 2;  // whatever the limit: should one be found damaged

// So many complete checkpoints stay (OwnedRunDirectory::retain): the limit, but always the two
// newest and, where held-out losses tell one, the best. 0: all.
int64_t kept_checkpoints(int64_t save_total_limit, bool has_best);

// Most that are in the directory at one moment, the one being written included, when the run makes
// `steps` (0: not known). Nothing where all are kept and their number is not known beforehand.
std::optional<int64_t> most_checkpoints(const RunConfig& config, int64_t steps);

// // Call it before a run goes on whose checkpoints take `checkpoint_bytes` each. UserError with
// what they will take at most, what there is, and the settings, when the file system or a quota has
// no room. The bytes of checkpoints that are in the directory, whole or left unfinished, count as
// room. Where the number of checkpoints is not known there must be room for one. The directory
// exists.
void require_checkpoint_room(const RunDirectory& run, const RunConfig& config, int64_t steps,
                             int64_t checkpoint_bytes);

}  // namespace temper
