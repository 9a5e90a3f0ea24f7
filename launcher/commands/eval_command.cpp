#include <string>

#include "launcher/command_line.h"
#include "launcher/rank_job.h"

namespace temper {

int eval_command(const Arguments& arguments) {
  namespace po = boost::program_options;
  CommandLine line("temper eval RUN.yaml|RUN_DIR|CHECKPOINT [--nproc N]",
                   "Held-out loss and perplexity on test_datasets and general_datasets, of the "
                   "base and of the\nnewest complete checkpoint.");
  line.options()("nproc,n", po::value<int>()->value_name("N"),
                 "ranks; without it as many as the Slurm allocation has tasks, or 1")(
      "set", po::value<std::vector<std::string>>()->value_name("KEY=VALUE")->composing(),
      "key=value, as though it stood in RUN.yaml; may be repeated")(
      "launcher", po::value<std::string>()->value_name("NAME")->default_value("auto"),
      "auto, mpirun or srun")("json", "results as JSON");
  line.positional("WHAT", 1);
  if (!line.parse(arguments)) return kExitDone;

  RankJob job;
  job.arguments = {"eval", line.text("WHAT")};
  for (const std::string& text : line.texts("set")) {
    job.arguments.insert(job.arguments.end(), {"--set", text});
  }
  if (line.has("json")) job.arguments.push_back("--json");
  job.num_ranks = line.find<int>("nproc").value_or(0);
  if (line.has("nproc") && job.num_ranks < 1) line.refuse("--nproc must be at least 1");
  job.launcher = launcher_choice_named(line.get<std::string>("launcher"));
  return run_rank_job(job);
}

}  // namespace temper
