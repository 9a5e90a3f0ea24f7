// Writes status.json for the run that trains (run/status.h reads it, and writes it for others).
// What cannot be written is said once and left to the next time.
#pragma once

#include "run/owned_run_directory.h"
#include "run/status.h"

namespace temper {

class StatusWriter {
 public:
  explicit StatusWriter(OwnedRunDirectory directory);

  // Nothing is written once the watchdog has recorded this attempt's end. LostRunError when the
  // directory belongs to another attempt; no other failure is thrown.
  void write(const RunStatus& status);
  // Writes the last state of a run, which is tried for some seconds.
  void write_end(const RunStatus& status);

 private:
  bool was_ended_by_watchdog() const;
  bool try_to_write(const RunStatus& status);

  OwnedRunDirectory directory_;
  bool is_failing_ = false;
};

}  // namespace temper
