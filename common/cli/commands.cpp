#include "common/cli/commands.h"

#include <algorithm>

#include "common/error.h"
#include "common/spelling.h"

namespace temper {

const std::vector<CommandSpec>& all_commands() {
  static const std::vector<CommandSpec> kCommands = [] {
    std::vector<CommandSpec> all;
    for (const auto& part :
         {corpus_commands(), training_commands(), model_commands(), tool_commands()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const CommandSpec& a, const CommandSpec& b) { return a.group < b.group; });
    return all;
  }();
  return kCommands;
}

namespace {

[[noreturn]] void refuse_unknown(std::string_view name, const std::vector<std::string>& known,
                                 const char* program) {
  throw UserError("unknown command \"{}\"{}; `{} --help` lists them", name,
                  suggestion(std::string(name), known), program);
}

}  // namespace

const CommandSpec& command_named(std::string_view name) {
  std::vector<std::string> names;
  for (const CommandSpec& command : all_commands()) {
    if (command.name == name) return command;
    names.push_back(command.name);
  }
  refuse_unknown(name, names, "temper");
}

std::vector<std::string> rank_command_names() {
  std::vector<std::string> names;
  for (const CommandSpec& command : all_commands()) {
    if (command.runs_in_temper_rank) names.push_back(command.name);
  }
  return names;
}

const CommandSpec& rank_command_named(std::string_view name) {
  for (const CommandSpec& command : all_commands()) {
    if (command.name == name && command.runs_in_temper_rank) return command;
  }
  refuse_unknown(name, rank_command_names(), "temper-rank");
}

}  // namespace temper
