#include <chrono>
#include <filesystem>
#include <iostream>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "launcher/command_line.h"
#include "launcher/describe.h"
#include "launcher/describe_job.h"
#include "launcher/json_lines.h"
#include "launcher/report.h"
#include "run/run_directory.h"
#include "run/status.h"

namespace temper {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPollInterval(2);
// Slurm's controller serves everybody.
constexpr std::chrono::seconds kSlurmInterval(30);

// A run as it stands: its own word, and that of its Slurm job; one of the two may be missing.
struct RunView {
  std::optional<ObservedStatus> observed;
  std::optional<ObservedJob> job;

  bool has_begun() const { return observed.has_value(); }
  double eta_seconds() const {
    if (!observed || has_ended(observed->status.state)) {
      return std::numeric_limits<double>::quiet_NaN();
    }
    return observed->status.eta_seconds;
  }
  bool is_over() const {
    if (job && job->is_queued) return observed && observed->status.state == RunState::kFinished;
    return !observed || has_ended(observed->status.state) || observed->has_died;
  }
};

RunView look_at(const fs::path& run) {
  RunView view{observe_status(run), observe_job(run)};
  if (!view.observed && !view.job) {
    throw UserError("{}: neither status.json nor job.json in it; is it the output_dir of a run?",
                    run.string());
  }
  return view;
}

OrderedJson report_on(const RunView& view) {
  OrderedJson report;
  if (view.observed) {
    report = describe_status(*view.observed);
  } else {
    report = {{"state", "not started"}};
  }
  if (view.job) report["job"] = describe_job(*view.job, view.eta_seconds());
  return report;
}

std::string line_on(const RunView& view) {
  std::string line = view.observed ? status_line(*view.observed) : "not started";
  if (view.job) line += job_line(*view.job, view.eta_seconds());
  return line;
}

// The runs of a sweep lie below the directory that was submitted.
OrderedJson runs_below(const fs::path& directory) {
  OrderedJson runs = OrderedJson::array();
  std::vector<fs::path> members;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const RunDirectory run(entry.path());
    if (fs::exists(run.job_record_path()) || fs::exists(run.status_path())) {
      members.push_back(entry.path());
    }
  }
  std::sort(members.begin(), members.end());
  for (const fs::path& member : members) {
    OrderedJson report = {{"run", member.filename().string()}};
    report.update(report_on(look_at(member)));
    runs.push_back(std::move(report));
  }
  return runs;
}

// A line whenever something changed, until the run has ended or died.
void follow(const fs::path& run, bool json) {
  RunView view = look_at(run);
  auto asked_slurm = Clock::now();
  for (std::string last;;) {
    OrderedJson report = report_on(view);
    report.erase("seconds_since_update");  // always another
    if (report.contains("job")) report["job"].erase("seconds_left");
    const std::string line = json ? json_line(report) : line_on(view);
    if (line != last) std::cout << line << std::endl;
    if (view.is_over() || !std::cout) return;
    last = line;
    std::this_thread::sleep_for(kPollInterval);
    if (Clock::now() - asked_slurm >= kSlurmInterval || !view.has_begun()) {
      view.job = observe_job(run);
      asked_slurm = Clock::now();
    }
    view.observed = observe_status(run);
    // Asked again before it counts as the end: the job may have gone on elsewhere.
    if (view.job && view.is_over()) view.job = observe_job(run);
  }
}

}  // namespace

int status_command(const Arguments& arguments) {
  CommandLine line("temper status RUN_DIR [--follow] [--json]",
                   "Where a run stands: from its directory and, where there is one, its Slurm job. "
                   "Works after the\njob and without Slurm. Of a sweep: all its runs.");
  line.options()("follow,f", "a line whenever it changes, until the run has ended")("json",
                                                                                    "as JSON");
  line.positional("RUN_DIR", 1);
  if (!line.parse(arguments)) return kExitDone;

  const fs::path run = line.text("RUN_DIR");
  if (line.has("follow")) {
    follow(run, line.has("json"));
    return kExitDone;
  }
  OrderedJson report = report_on(look_at(run));
  OrderedJson below = runs_below(run);
  if (!below.empty()) report["runs"] = std::move(below);
  print_report(report, line.has("json"));
  return kExitDone;
}

}  // namespace temper
