// Whether a run starts anew or continues, and from which checkpoint.
#pragma once

#include <cstdint>
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

// Whether the run may start like this. A directory that belongs to another run (other base, data or
// settings: the first that differs is named), one that is not a run's, a run's with `never`, or a
// checkpoint of `choice` that is incomplete or of other base, data or settings, is a UserError.
// Reads only. `identity.run_id` is filled in from an existing run. For rank 0.
void check_start(const RunDirectory& run, RunIdentity& identity, int64_t rows_per_epoch,
                 const ResumeChoice& choice);

// The checkpoint to continue from, or nothing for a fresh start, after check_start.
std::optional<std::filesystem::path> choose_checkpoint(const RunDirectory& run,
                                                       const ResumeChoice& choice);

}  // namespace temper
