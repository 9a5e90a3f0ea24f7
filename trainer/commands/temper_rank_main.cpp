// temper-rank: the program that mpirun and srun start, one process a rank. `temper` is the front
// door that starts it; by hand: mpirun -n N temper-rank train RUN.yaml.

#include <c10/util/Exception.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/agreement.h"
#include "comm/mpi/comm_environment.h"
#include "common/cli/command_line.h"
#include "common/cli/commands.h"
#include "common/cli/help_text.h"
#include "common/error.h"
#include "common/log.h"
#include "common/stop_signal.h"
#include "common/terminal_text.h"
#include "common/version.h"
#include "trainer/commands/commands.h"
#include "trainer/startup/process_setup.h"

namespace {

using temper::CommEnvironment;

using Command = int (*)(const temper::CommandLine&, CommEnvironment&);

const std::map<std::string, Command>& commands() {
  static const std::map<std::string, Command> table = {
      {"train", temper::train_command},       {"eval", temper::eval_command},
      {"generate", temper::generate_command}, {"export", temper::export_command},
      {"score", temper::score_command},       {"new-model", temper::new_model_command},
      {"doctor", temper::doctor_command}};
  return table;
}

void print_usage() {
  std::cout << "temper-rank COMMAND [options]: one rank of a job; `temper` starts it for you.\n"
               "Commands:";
  for (const std::string& name : temper::rank_command_names()) std::cout << " " << name;
  std::cout << "\nSee temper-rank COMMAND --help.\n";
}

// Records stay inside: no core dumps (they hold records), files readable by their owner only.
void keep_private() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  umask(077);
}

// LibTorch's own text ends in pages of advice for Python; its first line has the sizes.
[[noreturn]] void throw_out_of_gpu_memory(const c10::OutOfMemoryError& error) {
  const std::string text = error.what_without_backtrace();
  throw temper::SystemError(
      "the GPU's memory is used up: {}. Lower micro_batch_size, set gradient_checkpointing: true "
      "or "
      "base_placement: sharded, or start more ranks",
      text.substr(0, text.find('\n')));
}

int run(const std::vector<std::string>& arguments, CommEnvironment& environment) {
  std::optional<temper::CommandLine> line;
  bool is_to_run = false;
  temper::run_agreed(environment.world(), [&] {
    line.emplace(temper::rank_command_named(arguments.front()),
                 temper::CommandLine::Program::kTemperRank);
    is_to_run = line->parse({arguments.begin() + 1, arguments.end()});
  });
  if (!is_to_run) {
    if (environment.world().rank() == 0) std::cout << temper::rank_help_text(line->command());
    return temper::kExitDone;
  }
  try {
    return commands().at(line->command().name)(*line, environment);
  } catch (const c10::OutOfMemoryError& error) {
    throw_out_of_gpu_memory(error);
  }
}

// Runs the command; an error that every rank holds is shown once, any other ends all ranks.
int run_and_report(const std::vector<std::string>& arguments, CommEnvironment& environment) {
  const bool alone = environment.world().size() == 1;
  try {
    return run(arguments, environment);
  } catch (const temper::AgreedError& error) {
    if (environment.world().rank() == 0) temper::log::error("{}", error.what());
    return error.exit_code();
  } catch (const temper::Error& error) {
    temper::log::error("{}", error.what());
    if (alone) return error.exit_code();
    environment.abort(error.exit_code());
  } catch (const std::exception& error) {
    temper::log::error("{}", error.what());
    if (alone) return temper::kExitFailed;
    environment.abort(temper::kExitFailed);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  // Before anything that takes time: a signal that comes before would end the rank. Only training
  // stops by itself; anything else may be ended at once.
  if (!arguments.empty() && arguments.front() == "train") temper::install_stop_signal_handlers();
  if (arguments.empty() || arguments.front() == "-h" || arguments.front() == "--help") {
    print_usage();
    return arguments.empty() ? temper::kExitUserError : temper::kExitDone;
  }
  if (arguments.front() == "--version") {
    std::cout << "temper-rank " << temper::kVersion << "\n";
    return temper::kExitDone;
  }
  keep_private();
  const temper::TerminalGuard guard(std::cout, STDOUT_FILENO);
  temper::prepare_process(1);
  try {
    CommEnvironment environment(&argc, &argv);
    temper::log::set_rank(environment.world().rank(), environment.world().size());
    return run_and_report(arguments, environment);
  } catch (const std::exception& error) {
    temper::log::error("{}", error.what());
    return temper::kExitFailed;
  }
}
