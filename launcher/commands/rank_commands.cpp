// Commands that temper-rank runs alone: handed over as they are, help included.

#include "launcher/command.h"
#include "launcher/ranks/rank_launch.h"

namespace temper {
namespace {

[[noreturn]] void hand_over(const char* name, const Arguments& arguments) {
  Arguments all = {name};
  all.insert(all.end(), arguments.begin(), arguments.end());
  become_rank_program(all);
}

}  // namespace

int generate_command(const Arguments& arguments) {
  hand_over("generate", arguments);
}
int export_command(const Arguments& arguments) {
  hand_over("export", arguments);
}
int score_command(const Arguments& arguments) {
  hand_over("score", arguments);
}
int new_model_command(const Arguments& arguments) {
  hand_over("new-model", arguments);
}

}  // namespace temper
