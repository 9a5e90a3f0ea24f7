#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "launcher/command_line.h"
#include "launcher/describe.h"
#include "launcher/json_lines.h"
#include "launcher/report.h"
#include "run/status.h"

#include <iostream>

namespace temper {
namespace {

constexpr std::chrono::seconds kPollInterval(2);

ObservedStatus read_status(const std::string& run) {
  std::optional<ObservedStatus> observed = observe_status(run);
  if (!observed) {
    throw UserError("{}: no status.json in it; is it the output_dir of a run?", run);
  }
  return std::move(*observed);
}

// A line whenever something changed, until the run has ended or died.
void follow(const std::string& run, bool json) {
  for (std::string last;;) {
    const ObservedStatus observed = read_status(run);
    OrderedJson report = describe_status(observed);
    report.erase("seconds_since_update");  // always another
    const std::string line = json ? json_line(report) : status_line(observed);
    if (line != last) std::cout << line << std::endl;
    if (has_ended(observed.status.state) || observed.has_died || !std::cout) return;
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

  const std::string run = line.text("RUN_DIR");
  if (line.has("follow")) {
    follow(run, line.has("json"));
  } else {
    print_report(describe_status(read_status(run)), line.has("json"));
  }
  return kExitDone;
}

}  // namespace temper
