#include <filesystem>
#include <string>
#include <vector>

#include "launcher/command_line.h"
#include "launcher/inspect/trace_run.h"
#include "launcher/report.h"

namespace temper {

int trace_command(const Arguments& arguments) {
  CommandLine line("temper trace RECORD PATH [--json]",
                   "Says which rows of a dataset hold a record (FILE:NUMBER as in "
                   "train.jsonl:17), or why none does; of a\nrun directory also which steps and "
                   "checkpoints saw it.");
  line.options()("json", "as JSON");
  line.positional("PLACE", 2);
  if (!line.parse(arguments)) return kExitDone;
  const std::vector<std::string> given = line.texts("PLACE");
  if (given.size() != 2) line.refuse("RECORD and PATH are needed");

  const RecordName record = RecordName::from_text(given[0]);
  const std::filesystem::path path = given[1];
  const bool is_directory = std::filesystem::is_directory(path);
  print_report(is_directory ? trace_in_run(record, path) : trace_in_dataset(record, path),
               line.has("json"));
  return kExitDone;
}

}  // namespace temper
