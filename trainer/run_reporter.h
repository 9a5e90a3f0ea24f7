// Tells what a run does, to its metrics.jsonl, its status.json, the log and a terminal. All ranks
// have one and call it alike; rank 0 writes. What cannot be written ends no run, but LostRunError
// does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "run/owned_run_directory.h"
#include "run/status.h"
#include "run/status_writer.h"
#include "sharding/sharded_model.h"
#include "trainer/metrics.h"
#include "trainer/progress_bar.h"
#include "trainer/startup/device.h"
#include "trainer/startup/run_memory.h"
#include "trainer/startup/run_setup.h"

namespace temper {

class RunReporter {
 public:
  // All but `status` outlive this; that is what rank 0 has written last.
  RunReporter(const RunSetup& setup, const RankDevice& device, ProcessGroup& group,
              const OwnedRunDirectory& directory, RunStatus status);

  bool is_leader() const { return group_.rank() == 0; }

  // Announces a run that goes on after `step` (0: begins). `load_seconds` were spent on reading the
  // weights, `last_saved_step` is that of the last checkpoint (-1: none).
  void begin(const ShardedModel& model, int64_t step, int64_t last_saved_step, double load_seconds);
  // Reports a step that was taken. Collective.
  void step(StepReport report);
  // Reports a save that has ended, well or not.
  void saved(const SaveOutcome& outcome);
  // Reports that the run goes on after an earlier step.
  void rolled_back(int64_t step, const RowRange& rows);
  // Writes any other line of metrics.jsonl.
  void event(const std::string& event, Json fields);
  // Ends the live bar, so that other lines can be printed.
  void end_bar();
  // Writes what each rank did and held as one event. Collective.
  void report_ranks(const ShardedModel& model, int64_t micro_batches, uint64_t save_buffer_bytes);
  // Writes the run's last state, and tries for some seconds.
  void end(RunState state);

 private:
  void announce_memory();
  void report_peak_memory();
  void write_status();

  const RunSetup& setup_;
  const RankDevice& device_;
  ProcessGroup& group_;
  StatusWriter status_writer_;
  RunStatus status_;
  std::filesystem::path metrics_path_;
  // Rank 0 has these from begin() on.
  std::optional<Metrics> metrics_;
  std::optional<ProgressBar> bar_;
  PeakMemory peak_memory_;
  int64_t steps_done_here_ = 0;
};

}  // namespace temper
