// temper: the front door. Reads the configuration, prepares data, starts ranks; never touches a
// tensor, so it starts in milliseconds on a login node.

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/log.h"
#include "common/spelling.h"
#include "common/terminal_text.h"
#include "common/version.h"
#include "launcher/command.h"
#include "launcher/ranks/mpirun_daemon.h"

namespace temper {

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands = {
      {"init", "a commented run.yaml and a README for a new project", init_command},
      {"migrate", "a configuration of axolotl, LLaMA-Factory or TRL as a run.yaml",
       migrate_command},
      {"check", "what a corpus holds twice, or should not hold", check_command},
      {"pack", "a corpus to a packed dataset", pack_command},
      {"inspect", "what a dataset, model, adapter, checkpoint or run is", inspect_command},
      {"trace", "which rows, steps and checkpoints saw a record", trace_command},
      {"synth", "the demo's corpora: invented facts and everyday text", synth_command},
      {"tokenize", "text to ids, JSON lines in and out", tokenize_command},
      {"render", "messages to text by a chat template, JSON lines in and out", render_command},
      {"new-tokenizer", "a byte-level BPE vocabulary from a corpus", new_tokenizer_command},
      {"new-model", "a randomly initialised base model", new_model_command},
      {"plan", "memory, disk and time of a run, before it starts", plan_command},
      {"train", "run or resume a fine-tune on any number of ranks", train_command},
      {"sweep", "runs over several settings, and what each learned and forgot", sweep_command},
      {"doctor", "whether these nodes can do a run together", doctor_command},
      {"rehearse", "a run in small on its real nodes, and what the whole will take",
       rehearse_command},
      {"submit", "give a run to Slurm", submit_command},
      {"status", "where a run stands", status_command},
      {"report", "a page that shows what a run learned and forgot", report_command},
      {"eval", "held-out loss of a run, before and after", eval_command},
      {"generate", "text from a model", generate_command},
      {"export", "a checkpoint as a Hugging Face model or PEFT adapter", export_command},
      {"score", "logits, loss and gradients of given tokens", score_command},
      {"schema", "a JSON Schema of run.yaml for editors", schema_command},
      {"completion", "what makes a shell complete all this", completion_command},
  };
  return kCommands;
}

namespace {

void print_usage(std::ostream& out) {
  out << "temper: fine-tunes language models on your own machines.\n\n"
         "Usage: temper COMMAND [arguments]\n\nCommands:\n";
  for (const Command& command : commands()) {
    out << fmt::format("  {:<14} {}\n", command.name, command.summary);
  }
  out << "\n`temper COMMAND --help` explains each. A first run: temper init; temper pack; temper "
         "train run.yaml\n"
         "Exit codes: 0 done; 1 failed; 2 the input is wrong; 75 stopped with a checkpoint: run "
         "the same\ncommand again; 76 a rank made no progress and the job was ended "
         "(stall_timeout).\n";
}

[[noreturn]] void refuse_unknown(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : commands()) names.push_back(command.name);
  throw UserError("unknown command \"{}\"{}; `temper --help` lists them", name,
                  suggestion(name, names));
}

int run(const Arguments& arguments) {
  if (arguments.empty()) {
    print_usage(std::cerr);
    return kExitUserError;
  }
  const std::string& name = arguments.front();
  if (name == "-h" || name == "--help" || name == "help") {
    print_usage(std::cout);
    return kExitDone;
  }
  if (name == "--version") {
    std::cout << "temper " << kVersion << " (" << kGitDescribe << ")\n";
    return kExitDone;
  }
  if (name == kMpirunDaemonCommand) become_mpirun_daemon({arguments.begin() + 1, arguments.end()});
  for (const Command& command : commands()) {
    if (name == command.name) return command.run({arguments.begin() + 1, arguments.end()});
  }
  refuse_unknown(name);
}

// Records stay inside: no core dumps (they hold records), files readable by their owner only.
void keep_private() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  umask(077);
}

}  // namespace
}  // namespace temper

int main(int argc, char** argv) {
  temper::keep_private();
  const temper::TerminalGuard guard(std::cout, STDOUT_FILENO);
  try {
    const int exit_code = temper::run({argv + 1, argv + argc});
    std::cout.flush();
    if (!std::cout) throw temper::SystemError("standard output cannot be written to");
    return exit_code;
  } catch (const temper::Error& error) {
    temper::log::error("{}", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    temper::log::error("{}", error.what());
    return temper::kExitFailed;
  }
}
