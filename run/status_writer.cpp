#include "run/status_writer.h"

#include <chrono>
#include <thread>
#include <utility>

#include "common/error.h"
#include "common/log.h"

namespace temper {
namespace {

constexpr int kLastTries = 3;
constexpr std::chrono::seconds kBetweenTries(1);

}  // namespace

StatusWriter::StatusWriter(OwnedRunDirectory directory) : directory_(std::move(directory)) {}

void StatusWriter::write(const RunStatus& status) {
  try_to_write(status);
}

void StatusWriter::write_end(const RunStatus& status) {
  for (int tries = kLastTries; !try_to_write(status); --tries) {
    if (tries == 1) {
      log::warning("{} does not say that the run is {}: its last state could not be written",
                   directory_.status_path().native(), run_state_name(status.state));
      return;
    }
    std::this_thread::sleep_for(kBetweenTries);
  }
}

bool StatusWriter::try_to_write(const RunStatus& status) {
  try {
    // Another start may have taken the directory where locks do not work.
    directory_.check_ownership();
    if (was_ended_by_watchdog()) return true;
    write_run_status(directory_.status_path(), status);
  } catch (const LostRunError&) {
    throw;
  } catch (const Error& error) {
    if (!is_failing_) {
      log::warning("the run's state cannot be written: {}; the run goes on", error.what());
    }
    is_failing_ = true;
    return false;
  }
  if (is_failing_) log::info("the run's state can be written again");
  is_failing_ = false;
  return true;
}

// The watchdog that ends a job may do so while this rank goes on for a moment.
bool StatusWriter::was_ended_by_watchdog() const {
  try {
    const auto written = read_run_status(directory_.status_path());
    return written && written->attempt == directory_.attempt() &&
           written->state == RunState::kFailed;
  } catch (const Error&) {
    return false;  // damaged: it is written anew
  }
}

}  // namespace temper
