#include <iostream>
#include <optional>

#include "comm/agreement.h"
#include "common/error.h"
#include "config/run_config.h"
#include "trainer/commands/commands.h"
#include "trainer/startup/preflight.h"

namespace temper {
namespace {

void print_text(const PreflightReport& report) {
  for (const RankFacts& rank : report.ranks) {
    std::cout << fmt::format("rank {:<4} {:<24} {:>3} cores", rank.rank, rank.host,
                             rank.cpus.size());
    if (rank.link_bytes_per_second > 0) {
      std::cout << fmt::format("  {:8.0f} MB/s from the rank before",
                               rank.link_bytes_per_second / 1e6);
    }
    std::cout << "\n";
  }
  for (const Finding& finding : report.findings) {
    std::cout << (finding.is_fatal ? "PROBLEM  " : "warning  ") << finding.text << "\n";
  }
  std::cout << (report.has_failed() ? "not ready\n" : "ready\n");
}

}  // namespace

int doctor_command(const CommandLine& line, CommEnvironment& environment) {
  ProcessGroup& group = environment.world();
  std::optional<RunConfig> config;
  run_agreed(group, [&] {
    if (!line.has("RUN.yaml")) return;
    config =
        read_run_config(line.get("RUN.yaml"), ConfigOverride::all_from_text(line.texts("set")));
  });
  const PreflightReport report = run_preflight(config ? &*config : nullptr, group);
  if (group.rank() == 0) {
    if (line.has("json")) {
      std::cout << report.to_json().dump(2) << "\n";
    } else {
      print_text(report);
    }
  }
  return report.has_failed() ? kExitFailed : kExitDone;
}

}  // namespace temper
