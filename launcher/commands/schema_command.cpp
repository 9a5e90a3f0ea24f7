#include <iostream>

#include "config/reference/run_reference.h"
#include "config/reference/run_schema.h"
#include "launcher/command_line.h"

namespace temper {

int schema_command(const Arguments& arguments) {
  CommandLine line("temper schema [--markdown]",
                   "Prints a JSON Schema of run.yaml, by which editors complete keys and mark "
                   "mistakes:\n  temper schema > run.schema.json\nand as the first line of "
                   "run.yaml\n  # yaml-language-server: $schema=run.schema.json");
  line.options()("markdown", "print the reference page of run.yaml instead");
  if (!line.parse(arguments)) return kExitDone;
  if (line.has("markdown")) {
    std::cout << run_reference();
  } else {
    std::cout << run_schema().dump(2) << "\n";
  }
  return kExitDone;
}

}  // namespace temper
