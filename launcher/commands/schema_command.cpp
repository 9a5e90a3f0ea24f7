#include <iostream>

#include "config/reference/run_reference.h"
#include "config/reference/run_schema.h"
#include "launcher/commands/commands.h"

namespace temper {

int schema_command(const CommandLine& line) {
  if (line.has("markdown")) {
    std::cout << run_reference();
  } else {
    std::cout << run_schema().dump(2) << "\n";
  }
  return kExitDone;
}

}  // namespace temper
