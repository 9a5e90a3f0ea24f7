#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "launcher/command_line.h"
#include "launcher/describe.h"
#include "launcher/json_lines.h"
#include "launcher/report.h"
#include "run/run_directory.h"
#include "run/status.h"

#include <iostream>

namespace temper {
namespace {

constexpr std::chrono::seconds kPollInterval(2);

RunStatus read_status(const RunDirectory& run) {
  const std::optional<RunStatus> status = read_run_status(run.status_path());
  if (!status) {
    throw UserError("{}: no status.json in it; is it the output_dir of a run?",
                    run.root().string());
  }
  return *status;
}

bool has_ended(const RunStatus& status) {
  return status.state != RunState::kStarting && status.state != RunState::kTraining;
}

// A line whenever something changed, until the run has ended.
void follow(const RunDirectory& run, bool json) {
  for (std::string last;;) {
    const RunStatus status = read_status(run);
    const std::string line = json ? json_line(describe_status(status)) : status_line(status);
    if (line != last) std::cout << line << std::endl;
    if (has_ended(status) || !std::cout) return;
    last = line;
    std::this_thread::sleep_for(kPollInterval);
  }
}

}  // namespace

int status_command(const Arguments& arguments) {
  CommandLine line("temper status RUN_DIR [--follow] [--json]", "Where a run stands.");
  line.options()("follow,f", "a line whenever it changes, until the run has ended")("json",
                                                                                    "as JSON");
  line.positional("RUN_DIR", 1);
  if (!line.parse(arguments)) return kExitDone;

  const RunDirectory run(line.text("RUN_DIR"));
  if (line.has("follow")) {
    follow(run, line.has("json"));
  } else {
    print_report(describe_status(read_status(run)), line.has("json"));
  }
  return kExitDone;
}

}  // namespace temper
