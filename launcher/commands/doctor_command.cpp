#include <string>

#include "config/run_config.h"
#include "launcher/command_line.h"
#include "launcher/start/rank_job.h"

namespace temper {

int doctor_command(const Arguments& arguments) {
  namespace po = boost::program_options;
  CommandLine line(
      "temper doctor [RUN.yaml] [--nproc N] [--json]",
      "Looks at these nodes as a run does before it starts: ranks and tasks, cores and threads, "
      "the\n"
      "same program, configuration and data everywhere, collectives checked for values and speed,\n"
      "clocks, free disk, file locks. Run it in the allocation in question. Exit code 1: not "
      "ready.");
  line.options()("nproc,n", po::value<int>()->value_name("N"),
                 "ranks; without it as many as the Slurm allocation has tasks, or 1")(
      "launcher", po::value<std::string>()->value_name("NAME")->default_value("auto"),
      "auto, mpirun or srun")("json", "as JSON");
  line.positional("RUN.yaml", 1);
  if (!line.parse(arguments)) return kExitDone;

  RankJob job;
  job.arguments = {"doctor"};
  if (line.has("RUN.yaml")) {
    job.arguments.push_back(line.text("RUN.yaml"));
    read_run_config(line.text("RUN.yaml"));  // its mistakes are found before any rank starts
  }
  if (line.has("json")) job.arguments.push_back("--json");
  job.num_ranks = line.find<int>("nproc").value_or(0);
  if (line.has("nproc") && job.num_ranks < 1) line.refuse("--nproc must be at least 1");
  job.launcher = launcher_choice_named(line.get<std::string>("launcher"));
  return run_ranks(job).exit_code;
}

}  // namespace temper
