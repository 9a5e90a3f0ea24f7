#include <unistd.h>

#include <chrono>
#include <exception>

#include "comm/agreement.h"
#include "comm/watch/watchdog.h"
#include "common/hash.h"
#include "common/log.h"
#include "config/run_config.h"
#include "run/run_directory.h"
#include "run/status.h"
#include "trainer/commands/commands.h"
#include "trainer/startup/device.h"
#include "trainer/startup/preflight.h"
#include "trainer/startup/process_setup.h"
#include "trainer/trainer.h"

namespace temper {
namespace {

// Names this start of the run among all that ever write to its directory.
std::string new_attempt_name(ProcessGroup& group) {
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  const std::string seed = fmt::format("{}-{}", now, getpid());
  return group.all_gather_text(hash_text(seed).hex().substr(0, 12)).front();
}

// Leaves the reason where `temper status` and the front door look for it, when it is this attempt
// whose state stands there. Nothing that goes wrong here may hide the error itself.
void record_failure(const RunConfig& config, const std::string& attempt,
                    const std::string& message) {
  try {
    const RunDirectory directory(config.output_dir);
    std::optional<RunStatus> status = read_run_status(directory.status_path());
    if (!status || status->attempt != attempt || has_ended(status->state)) return;
    status->state = RunState::kFailed;
    status->error = message;
    write_run_status(directory.status_path(), *status);
  } catch (const Error& error) {
    log::warning("the failure could not be recorded: {}", error.what());
  }
}

}  // namespace

int train_command(const CommandLine& line, CommEnvironment& environment) {
  ProcessGroup& group = environment.world();
  RunConfig config;
  run_agreed(group, [&] {
    config =
        read_run_config(line.get("RUN.yaml"), ConfigOverride::all_from_text(line.texts("set")));
    if (!config.sweep.empty()) {
      throw UserError("{} has a sweep: start one of its runs with temper train --sweep-run I",
                      line.get("RUN.yaml"));
    }
  });
  prepare_process(config.threads_per_rank);
  // Before anything is loaded; what is wrong with a device is no run's failure.
  const RunDevices devices = agree_on_devices(config.device, config.bf16, group);
  require_preflight(config, group);
  const std::string attempt = new_attempt_name(group);
  environment.watch({static_cast<double>(config.stall_timeout),
                     [=](const std::string& words) { record_failure(config, attempt, words); }});
  try {
    Trainer trainer(config, devices.mine, devices.group(group),
                    ResumeChoice::parse(line.get("resume")), attempt);
    return trainer.run();
  } catch (const AgreedError& error) {
    if (group.rank() == 0) record_failure(config, attempt, error.what());
    throw;
  } catch (const std::exception& error) {
    // Of this rank alone: the others are about to be ended.
    record_failure(config, attempt,
                   group.size() == 1 ? std::string(error.what())
                                     : fmt::format("rank {}: {}", group.rank(), error.what()));
    throw;
  }
}

}  // namespace temper
