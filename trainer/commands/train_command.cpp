#include "trainer/commands/train_command.h"
#include "comm/mpi/comm_environment.h"

#include <unistd.h>

#include <boost/program_options.hpp>

#include <chrono>
#include <exception>

#include "comm/agreement.h"
#include "comm/watch/watchdog.h"
#include "common/hash.h"
#include "common/log.h"
#include "config/run_config.h"
#include "run/run_directory.h"
#include "run/status.h"
#include "trainer/commands/command_line.h"
#include "trainer/startup/device.h"
#include "trainer/startup/preflight.h"
#include "trainer/trainer.h"

namespace temper {
namespace {

namespace po = boost::program_options;

constexpr const char* kUsage = "temper-rank train RUN.yaml [options]";

ConfigOverride parse_override(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UserError("--set {}: expected key=value", text);
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

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

int train_command(const std::vector<std::string>& arguments, CommEnvironment& environment) {
  po::options_description options("Options", kHelpWidth, kHelpTextWidth);
  options.add_options()("help,h", "this text")(
      "config", po::value<std::string>()->value_name("FILE"), "the run's YAML file")(
      "set", po::value<std::vector<std::string>>()->value_name("KEY=VALUE")->composing(),
      "key=value, over the file")(
      "resume", po::value<std::string>()->value_name("HOW")->default_value("auto"),
      "auto (the newest complete checkpoint), never, or a checkpoint's path");
  const po::variables_map values = parse_command_line(arguments, options, {"config"});
  if (values.count("help") != 0) {
    if (environment.world().rank() == 0) print_help(kUsage, options);
    return kExitDone;
  }

  ProcessGroup& group = environment.world();
  RunConfig config;
  run_agreed(group, [&] {
    if (values.count("config") == 0) throw UserError("train: which RUN.yaml?");
    std::vector<ConfigOverride> overrides;
    if (values.count("set") != 0) {
      for (const std::string& text : values["set"].as<std::vector<std::string>>()) {
        overrides.push_back(parse_override(text));
      }
    }
    config = read_run_config(values["config"].as<std::string>(), overrides);
    if (!config.sweep.empty()) {
      throw UserError("{} has a sweep: start one of its runs with temper train --sweep-run I",
                      values["config"].as<std::string>());
    }
  });
  prepare_cpu(config.threads_per_rank);
  // Before anything is loaded; what is wrong with a device is no run's failure.
  const RunDevices devices = agree_on_devices(config.device, config.bf16, group);
  require_preflight(config, group);
  const std::string attempt = new_attempt_name(group);
  environment.watch({static_cast<double>(config.stall_timeout),
                     [=](const std::string& line) { record_failure(config, attempt, line); }});
  try {
    Trainer trainer(config, devices.mine, devices.group(group),
                    ResumeChoice::parse(values["resume"].as<std::string>()), attempt);
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
