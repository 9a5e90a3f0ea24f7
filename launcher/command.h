// The subcommands of `temper`. Each is a function of its own in launcher/commands/; main.cpp's
// table names them.
#pragma once

#include <string>
#include <vector>

namespace temper {

// What follows the subcommand's name.
using Arguments = std::vector<std::string>;

struct Command {
  const char* name;
  const char* summary;  // half a line
  // Returns the exit code (common/error.h).
  int (*run)(const Arguments& arguments);
};

// In the order in which they are listed.
const std::vector<Command>& commands();

int init_command(const Arguments& arguments);
int migrate_command(const Arguments& arguments);
int pack_command(const Arguments& arguments);
int check_command(const Arguments& arguments);
int trace_command(const Arguments& arguments);
int inspect_command(const Arguments& arguments);
int tokenize_command(const Arguments& arguments);
int render_command(const Arguments& arguments);
int status_command(const Arguments& arguments);
int report_command(const Arguments& arguments);
int sweep_command(const Arguments& arguments);
int schema_command(const Arguments& arguments);
int completion_command(const Arguments& arguments);
int new_tokenizer_command(const Arguments& arguments);
int synth_command(const Arguments& arguments);

int train_command(const Arguments& arguments);
int plan_command(const Arguments& arguments);
int submit_command(const Arguments& arguments);
int doctor_command(const Arguments& arguments);
int rehearse_command(const Arguments& arguments);
int eval_command(const Arguments& arguments);

// These run in temper-rank alone.
int generate_command(const Arguments& arguments);
int export_command(const Arguments& arguments);
int score_command(const Arguments& arguments);
int new_model_command(const Arguments& arguments);

}  // namespace temper
