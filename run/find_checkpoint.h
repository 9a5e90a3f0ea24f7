// Finds the checkpoint that a command line names:
//   runs/first           the one that is recommended (run/recommendation.h)
//   runs/first@newest    the newest complete one
//   runs/first@step-40   that one
//   runs/first/step-40   that one, by its directory's path
// A path that exists is what it says, even with an @ in its name.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "run/recommendation.h"

namespace temper {

struct FoundCheckpoint {
  std::filesystem::path path;  // canonical
  // For people: which it is and why, "runs/first: step-120, the recommended one (lowest test loss);
  // newest is step-200".
  std::string text;
  // Given where the run itself was named, so that its recommendation decided.
  std::optional<Recommendation> recommendation = {};
};

// UserError that says which complete checkpoints there are, when there is none of that name.
FoundCheckpoint find_checkpoint(const std::filesystem::path& reference);

// Tells whether it is RUN@newest or RUN@step-N, which is no path.
bool is_checkpoint_reference(const std::filesystem::path& reference);

}  // namespace temper
