#include <filesystem>
#include <string>

#include "launcher/commands/commands.h"
#include "launcher/inspect/trace_run.h"
#include "launcher/print_report.h"

namespace temper {

int trace_command(const CommandLine& line) {
  const RecordName record = RecordName::from_text(line.get("RECORD"));
  const std::filesystem::path path = line.get("PATH");
  const bool is_directory = std::filesystem::is_directory(path);
  print_report(is_directory ? trace_in_run(record, path) : trace_in_dataset(record, path),
               line.has("json"));
  return kExitDone;
}

}  // namespace temper
