#include "trainer/commands/doctor_command.h"
#include "comm/mpi/comm_environment.h"

#include <boost/program_options.hpp>

#include <iostream>
#include <optional>

#include "comm/agreement.h"
#include "common/error.h"
#include "config/run_config.h"
#include "trainer/commands/command_line.h"
#include "trainer/startup/preflight.h"

namespace temper {
namespace {

namespace po = boost::program_options;

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

int doctor_command(const std::vector<std::string>& arguments, CommEnvironment& environment) {
  po::options_description options("Options", kHelpWidth, kHelpTextWidth);
  options.add_options()("help,h", "this text")("config",
                                               po::value<std::string>()->value_name("FILE"),
                                               "a run's YAML file")("json", "as JSON");
  ProcessGroup& group = environment.world();
  bool json = false;
  bool help = false;
  std::optional<RunConfig> config;
  run_agreed(group, [&] {
    const po::variables_map values = parse_command_line(arguments, options, {"config"});
    json = values.count("json") != 0;
    help = values.count("help") != 0;
    if (values.count("config") != 0) config = read_run_config(values["config"].as<std::string>());
  });
  if (help) {
    if (group.rank() == 0) print_help("temper-rank doctor [RUN.yaml] [--json]", options);
    return kExitDone;
  }
  const PreflightReport report = run_preflight(config ? &*config : nullptr, group);
  if (group.rank() == 0) {
    if (json) {
      std::cout << report.to_json().dump(2) << "\n";
    } else {
      print_text(report);
    }
  }
  return report.has_failed() ? kExitFailed : kExitDone;
}

}  // namespace temper
