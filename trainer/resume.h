// Whether a run starts anew or continues, and from which checkpoint.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "run/run_directory.h"

namespace temper {

// --resume auto | never | PATH
struct ResumeChoice {
  enum class Kind { kAuto, kNever, kPath };
  Kind kind = Kind::kAuto;
  std::filesystem::path path;

  static ResumeChoice parse(const std::string& text);
};

// Judges the output directory and returns the checkpoint to continue from, or nothing for a fresh
// start. A directory that belongs to another run (other base, data or settings: the first that
// differs is named), one that is not a run's, or a run's with `never`, is a UserError: nothing in
// it is touched. `identity.run_id` is filled in from the existing run. For rank 0.
std::optional<std::filesystem::path> choose_checkpoint(const RunDirectory& run,
                                                       RunIdentity& identity,
                                                       const ResumeChoice& choice);

}  // namespace temper
