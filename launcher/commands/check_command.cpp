#include <filesystem>
#include <iostream>
#include <string>

#include "data/hygiene/check_corpus.h"
#include "io/output_guard.h"
#include "launcher/commands/commands.h"
#include "launcher/corpus_options.h"
#include "launcher/print_report.h"

namespace temper {
namespace {

OrderedJson report_json(const CorpusCheck& check) {
  OrderedJson json = check.report.to_json();
  if (check.skipped.num_records > 0) {
    json["unreadable"] = {{"records", check.skipped.num_records},
                          {"reasons", check.skipped.reasons}};
  }
  return json;
}

}  // namespace

int check_command(const CommandLine& line) {
  const auto output = line.find("decisions");
  const std::filesystem::path scratch =
      output ? std::filesystem::path(*output)
             : std::filesystem::temp_directory_path() / "temper-check";
  if (output) {
    refuse_to_overwrite_foreign(*output, "a decisions file of temper check",
                                [&] { return Decisions::read(*output).size() > 0; });
    make_output_folder(*output);
  }
  const CorpusCheck check =
      check_corpus(read_corpus_options(line), read_hygiene_options(line), scratch);
  if (output) check.decisions.write(*output);
  if (line.has("json")) {
    print_report(report_json(check), true);
    return kExitDone;
  }
  std::cout << fmt::format("{} records\n", check.report.records) << check.report.to_text();
  for (const std::string& reason : check.skipped.reasons)
    std::cout << "  skipped " << reason << "\n";
  return kExitDone;
}

}  // namespace temper
