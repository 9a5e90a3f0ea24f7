#include <chrono>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>

#include "common/log.h"
#include "io/atomic_file.h"
#include "io/output_guard.h"
#include "launcher/commands/commands.h"
#include "launcher/inspect/describe.h"
#include "launcher/report/html_page.h"
#include "launcher/report/markdown_page.h"
#include "launcher/report/run_figures.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kPollInterval(5);
constexpr const char* kPageStart = "<!doctype html>\n<html lang=\"en\"><head><meta charset";

bool is_report(const fs::path& path) {
  return read_file(path, size_t{64} << 20).starts_with(kPageStart);
}

void write_page(const fs::path& output, const std::string& page) {
  if (output == "-") {
    std::cout << page;
    return;
  }
  refuse_to_overwrite_foreign(output, "an earlier report", [&] { return is_report(output); });
  make_output_folder(output);
  write_file_atomically(output, page);
}

// Whether the run may still change.
bool is_at_work(const fs::path& run) {
  const auto observed = observe_status(run);
  return observed && !observed->has_died && !has_ended(observed->status.state);
}

void follow(const fs::path& run, const ReportOptions& options, const fs::path& output) {
  fs::file_time_type seen{};
  while (is_at_work(run)) {
    std::error_code ignored;
    const auto written = fs::last_write_time(run / "metrics.jsonl", ignored);
    if (written != seen) {
      write_page(output,
                 html_page(run_figures(run, options), static_cast<int>(2 * kPollInterval.count())));
    }
    seen = written;
    std::this_thread::sleep_for(kPollInterval);
  }
}

}  // namespace

int report_command(const CommandLine& line) {
  const std::vector<std::string> runs = line.texts("RUN_DIR");
  const bool prints = line.has("json") || line.has("markdown");
  if (prints && line.has("follow"))
    line.refuse("--follow writes a page: leave --json and --markdown out");
  const fs::path run = runs.front();
  const fs::path output = line.find("output").value_or((run / "report.html").string());
  ReportOptions options;
  options.with_records = line.has("with-records");
  options.others.assign(runs.begin() + 1, runs.end());

  if (line.has("follow")) follow(run, options, output);
  const OrderedJson figures = run_figures(run, options);
  log::info("{}: {}", run.string(),
            figures["verdict"]["recommendation"]["text"].get<std::string>());
  if (line.has("json")) {
    std::cout << figures.dump(2, ' ', false, OrderedJson::error_handler_t::replace) << "\n";
  } else if (line.has("markdown")) {
    std::cout << markdown_page(figures);
  } else {
    write_page(output, html_page(figures));
    if (output != "-") std::cout << output.string() << "\n";
  }
  return kExitDone;
}

}  // namespace temper
