#include "launcher/commands/commands.h"

#include <map>

#include "common/error.h"
#include "launcher/ranks/rank_launch.h"

namespace temper {

CommandFunction find_command_function(const std::string& name) {
  static const std::map<std::string, CommandFunction> kFunctions = {
      {"init", init_command},       {"schema", schema_command},
      {"migrate", migrate_command}, {"pack", pack_command},
      {"check", check_command},     {"trace", trace_command},
      {"inspect", inspect_command}, {"tokenize", tokenize_command},
      {"render", render_command},   {"new-tokenizer", new_tokenizer_command},
      {"synth", synth_command},     {"plan", plan_command},
      {"train", train_command},     {"sweep", sweep_command},
      {"doctor", doctor_command},   {"rehearse", rehearse_command},
      {"submit", submit_command},   {"status", status_command},
      {"report", report_command},   {"eval", eval_command},
      {"generate", rank_command},   {"export", rank_command},
      {"score", rank_command},      {"new-model", rank_command},
      {"help", help_command},       {"completion", completion_command},
  };
  const auto found = kFunctions.find(name);
  return found == kFunctions.end() ? nullptr : found->second;
}

int run_command(const CommandLine& line) {
  const CommandFunction function = find_command_function(line.command().name);
  TEMPER_CHECK(function != nullptr, "command {}", line.command().name);
  return function(line);
}

int rank_command(const CommandLine& line) {
  become_rank_program(line.rank_arguments());
}

}  // namespace temper
