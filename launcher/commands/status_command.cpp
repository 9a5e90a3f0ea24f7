#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "launcher/commands/commands.h"
#include "launcher/inspect/describe.h"
#include "launcher/inspect/json_lines.h"
#include "launcher/print_report.h"
#include "launcher/slurm/describe_job.h"
#include "run/recommendation.h"
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

bool is_of_a_run(const fs::path& directory) {
  const RunDirectory run(directory);
  return fs::exists(run.job_record_path()) || fs::exists(run.status_path());
}

// The runs of a sweep lie below its directory.
std::vector<fs::path> runs_below(const fs::path& directory) {
  std::vector<fs::path> runs;
  std::error_code none;  // it need not be there
  for (const auto& entry : fs::directory_iterator(directory, none)) {
    if (is_of_a_run(entry.path())) runs.push_back(entry.path());
  }
  std::sort(runs.begin(), runs.end());
  return runs;
}

std::vector<RunView> look_at(const std::vector<fs::path>& directories) {
  std::vector<RunView> views;
  for (const fs::path& directory : directories) views.push_back({observe_status(directory), {}});
  std::vector<std::optional<ObservedJob>> jobs = observe_jobs(directories);
  for (size_t i = 0; i < views.size(); ++i) views[i].job = std::move(jobs[i]);
  return views;
}

[[noreturn]] void refuse_unknown(const fs::path& directory) {
  throw UserError(
      "{}: neither status.json nor job.json in it or right below; is it the output_dir of a run or "
      "a sweep?",
      directory.string());
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

std::string state_of(const RunView& view) {
  if (!view.observed) return "not started";
  return view.observed->has_died ? "killed" : run_state_name(view.observed->status.state);
}

// Which checkpoint to use, of a run that has one.
void add_recommended(const fs::path& run, OrderedJson& report) {
  const Recommendation found = recommend_checkpoint(RunDirectory(run));
  if (found.step >= 0) report["recommended"] = found.description();
}

// A directory of which nothing is known but the runs below it is that of a sweep.
OrderedJson report_on_all(const fs::path& directory) {
  std::vector<fs::path> directories = runs_below(directory);
  const bool is_itself_one = is_of_a_run(directory);
  if (directories.empty() && !is_itself_one) refuse_unknown(directory);
  directories.insert(directories.begin(), directory);
  const std::vector<RunView> views = look_at(directories);
  OrderedJson report = is_itself_one ? report_on(views.front()) : OrderedJson::object();
  if (is_itself_one) add_recommended(directory, report);
  if (views.size() == 1) return report;
  if (!views.front().observed) report.erase("state");  // its runs have states, it has none
  OrderedJson states = OrderedJson::object(), runs = OrderedJson::array();
  for (size_t i = 1; i < views.size(); ++i) {
    const std::string state = state_of(views[i]);
    states[state] = states.value(state, 0) + 1;
    OrderedJson run = {{"run", directories[i].filename().string()}};
    run.update(report_on(views[i]));
    add_recommended(directories[i], run);
    runs.push_back(std::move(run));
  }
  report["runs_in_state"] = std::move(states);
  report["runs"] = std::move(runs);
  return report;
}

// A line whenever something changed, until the run has ended or died.
void follow(const fs::path& run, bool json) {
  if (!is_of_a_run(run)) {
    const std::vector<fs::path> below = runs_below(run);
    if (below.empty()) refuse_unknown(run);
    throw UserError("{} is a sweep, and --follow is for one run: temper status {} --follow",
                    run.string(), below.front().string());
  }
  const auto ask_slurm = [&] { return observe_jobs({run}).front(); };
  RunView view = look_at({run}).front();
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
      view.job = ask_slurm();
      asked_slurm = Clock::now();
    }
    view.observed = observe_status(run);
    // Asked again before it counts as the end: the job may have gone on elsewhere.
    if (view.job && view.is_over()) view.job = ask_slurm();
  }
}

}  // namespace

int status_command(const CommandLine& line) {
  const fs::path run = line.get("RUN_DIR");
  if (line.has("follow")) {
    follow(run, line.has("json"));
    return kExitDone;
  }
  print_report(report_on_all(run), line.has("json"));
  return kExitDone;
}

}  // namespace temper
