#include "run/checkpoint_room.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>

#include "common/error.h"
#include "config/step_count.h"
#include "io/free_space.h"
#include "run/checkpoint/checkpoint_name.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

// A checkpoint that is set aside stays, and is no room.
bool is_kept_or_swept(const std::string& name) {
  const auto suffixed = parse_suffixed_name(name);
  return checkpoint_step(name) || (suffixed && suffixed->suffix != kAsideSuffix);
}

int64_t bytes_there(const fs::path& root) {
  uintmax_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root, error)) {
    if (!is_kept_or_swept(entry.path().filename().native())) continue;
    for (const auto& file : fs::directory_iterator(entry.path(), error)) {
      const uintmax_t size = file.file_size(error);
      if (!error) bytes += size;
    }
  }
  return static_cast<int64_t>(bytes);
}

std::string mebibytes(int64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

}  // namespace

int64_t kept_checkpoints(int64_t save_total_limit, bool has_best) {
  if (save_total_limit <= 0) return 0;
  return std::max(save_total_limit, kNewestKept + (has_best ? 1 : 0));
}

std::optional<int64_t> most_checkpoints(const RunConfig& config, int64_t steps) {
  const bool has_best = !config.test_datasets.empty() || config.max_forgetting > 0.0;
  const int64_t kept = kept_checkpoints(config.save_total_limit, has_best);
  if (!saves_before_end(config, 0, steps)) return 1;
  const bool is_counted = steps > 0 && config.save_minutes == 0.0;
  if (kept == 0 && !is_counted) return std::nullopt;
  int64_t saves = std::numeric_limits<int64_t>::max();
  if (steps > 0) saves = is_counted ? (steps + config.save_steps - 1) / config.save_steps : steps;
  return kept == 0 ? saves : std::min(saves, kept + 1);
}

void require_checkpoint_room(const RunDirectory& run, const RunConfig& config, int64_t steps,
                             int64_t checkpoint_bytes) {
  const std::optional<int64_t> most = most_checkpoints(config, steps);
  const int64_t total = most.value_or(1) * checkpoint_bytes;
  const int64_t needed = std::max<int64_t>(0, total - bytes_there(run.root()));
  const auto there = static_cast<int64_t>(
      std::min<uint64_t>(free_bytes(run.root()), std::numeric_limits<int64_t>::max()));
  std::string problem;
  if (there < needed) {
    problem = fmt::format("only {} are free", mebibytes(there));
  } else {
    problem = find_allocation_problem(run.root(), static_cast<uint64_t>(needed));
    if (!problem.empty()) problem = fmt::format("they cannot be had ({})", problem);
  }
  if (problem.empty()) return;
  throw UserError(
      "output_dir {}: {} checkpoint{} of {} will be there at once (save_total_limit: {}; one of "
      "them is being written), for which {} are still needed, and {}: make room, lower "
      "save_total_limit, save at the end only (save_steps: 0, save_minutes: 0) or choose another "
      "output_dir",
      run.root().native(), most.value_or(1), most.value_or(1) == 1 ? "" : "s",
      mebibytes(checkpoint_bytes), config.save_total_limit, mebibytes(needed), problem);
}

}  // namespace temper
