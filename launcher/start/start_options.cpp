#include "launcher/start/start_options.h"

#include "config/config_values.h"

namespace temper {

std::vector<std::string> StartOptions::starter_arguments() const {
  std::vector<std::string> words;
  if (launcher) {
    words.insert(words.end(), {"--launcher", choice_name(*launcher, kLauncherChoices)});
  }
  if (!hostfile.empty()) words.insert(words.end(), {"--hostfile", hostfile});
  return words;
}

StartOptions read_start_options(const CommandLine& line) {
  StartOptions options;
  if (line.has("nproc")) {
    options.num_ranks = line.get<int>("nproc");
    if (options.num_ranks < 1) line.refuse("--nproc must be at least 1");
  }
  if (line.has("launcher")) {
    const auto name = line.get("launcher");
    for (const auto& [known, choice] : kLauncherChoices) {
      if (name == known) options.launcher = choice;
    }
  }
  options.hostfile = line.find("hostfile").value_or("");
  return options;
}

RankLaunch plan_start(const StartOptions& options, const SlurmConfig& slurm,
                      const std::vector<std::string>& rank_command) {
  return plan_launch(read_launch_environment(options.hostfile),
                     options.launcher.value_or(slurm.launcher), options.num_ranks, rank_command);
}

}  // namespace temper
