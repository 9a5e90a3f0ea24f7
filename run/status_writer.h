// status.json as the run writes it that it is about (run/status.h reads it and writes it for
// others). What cannot be written is said once and left to the next time.
#pragma once

#include <string>

#include "run/run_directory.h"
#include "run/status.h"

namespace temper {

class StatusWriter {
 public:
  StatusWriter(RunDirectory directory, std::string attempt);

  // Nothing is written once the watchdog has recorded this attempt's end. LostRunError when the
  // directory belongs to another attempt; no other failure is thrown.
  void write(const RunStatus& status);
  // The same of the last word of a run, which is tried for some seconds.
  void write_end(const RunStatus& status);

 private:
  bool was_ended_by_watchdog() const;
  bool try_to_write(const RunStatus& status);

  RunDirectory directory_;
  std::string attempt_;
  bool is_failing_ = false;
};

}  // namespace temper
