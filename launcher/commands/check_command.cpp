#include <filesystem>
#include <iostream>
#include <string>

#include "data/hygiene/check_corpus.h"
#include "io/output_guard.h"
#include "launcher/command_line.h"
#include "launcher/corpus_options.h"
#include "launcher/report.h"

namespace temper {
namespace {

namespace po = boost::program_options;

OrderedJson report_json(const CorpusCheck& check) {
  OrderedJson json = check.report.to_json();
  if (check.skipped.num_records > 0) {
    json["unreadable"] = {{"records", check.skipped.num_records},
                          {"reasons", check.skipped.reasons}};
  }
  return json;
}

}  // namespace

int check_command(const Arguments& arguments) {
  CommandLine line(
      "temper check INPUT... [--held-out FILE] [--decisions OUT] [--json]",
      "Looks through a corpus for what should not be in it twice, unseen or at all, as "
      "`temper pack` does,\nand writes down what becomes of every record, for "
      "`temper pack --decisions`.");
  declare_corpus_options(line);
  declare_hygiene_options(line);
  line.options()("decisions", po::value<std::string>()->value_name("FILE"),
                 "write what is dropped and split off")("json", "as JSON");
  if (!line.parse(arguments)) return kExitDone;

  const auto output = line.find<std::string>("decisions");
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
