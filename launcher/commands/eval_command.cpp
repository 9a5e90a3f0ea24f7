#include <algorithm>
#include <iostream>
#include <string>

#include "launcher/command_line.h"
#include "launcher/ranks/process.h"
#include "launcher/start/rank_job.h"

namespace temper {

// What temper-rank eval understands is its own affair: all but the options that start it are
// handed on.
int eval_command(const Arguments& arguments) {
  namespace po = boost::program_options;
  po::options_description start_options("Options that start the ranks", 98, 60);
  start_options.add_options()("nproc", po::value<int>()->value_name("N")->default_value(0),
                              "ranks; 0: as many as the Slurm allocation has tasks, or 1")(
      "launcher", po::value<std::string>()->value_name("NAME")->default_value("auto"),
      "auto, mpirun or srun");
  po::options_description options;
  options.add(start_options).add_options()("help,h", "");
  po::variables_map values;
  RankJob job;
  job.arguments = {"eval"};
  try {
    const po::parsed_options parsed = po::command_line_parser(arguments)
                                          .options(options)
                                          .style(kOptionStyle)
                                          .allow_unregistered()
                                          .run();
    po::store(parsed, values);
    po::notify(values);
    for (const std::string& text : po::collect_unrecognized(parsed.options, po::include_positional))
      job.arguments.push_back(text);
  } catch (const po::error& error) {
    throw UserError("temper eval: {} (see temper eval --help)", error.what());
  }
  if (values.count("help") != 0) {
    const ExitStatus status =
        wait_for_process(start_process({find_rank_program().string(), "eval", "--help"}));
    if (status.shell_code() == 0) std::cout << "\n" << start_options;
    return status.shell_code();
  }
  job.num_ranks = values["nproc"].as<int>();
  if (job.num_ranks < 0) throw UserError("temper eval: --nproc must be at least 1");
  job.launcher = launcher_choice_named(values["launcher"].as<std::string>());
  return run_ranks(job).exit_code;
}

}  // namespace temper
