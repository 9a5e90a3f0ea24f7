#include <unistd.h>

#include <iostream>
#include <string>

#include "launcher/command_line.h"
#include "launcher/dataset_samples.h"
#include "launcher/describe.h"
#include "launcher/report.h"

namespace temper {
namespace {

// The tokenizer that was named, else the one that the dataset remembers.
std::string tokenizer_path(const CommandLine& line, const PackedDataset& dataset) {
  if (line.has("model") && line.has("tokenizer")) line.refuse("give either --model or --tokenizer");
  if (line.has("model")) return line.get<std::string>("model");
  if (line.has("tokenizer")) return line.get<std::string>("tokenizer");
  const Json settings = parse_json(dataset.info().settings_json, dataset.path().string());
  const std::string remembered =
      JsonFields(settings, dataset.path().string()).text_or("tokenizer", "");
  if (remembered.empty() || !std::filesystem::exists(remembered)) {
    line.refuse("--samples needs --model or --tokenizer to decode the rows");
  }
  return remembered;
}

OrderedJson read_samples(const CommandLine& line, const std::string& path) {
  const PackedDataset dataset(path);
  const Tokenizer tokenizer = Tokenizer::from_file(tokenizer_path(line, dataset));
  return sample_rows(dataset, tokenizer, line.get<int64_t>("samples"));
}

}  // namespace

int inspect_command(const Arguments& arguments) {
  namespace po = boost::program_options;
  CommandLine line("temper inspect PATH [--samples N] [--json]",
                   "Says what a packed dataset, model, adapter, checkpoint or run directory is, "
                   "and checks that it\nis whole.");
  line.options()("samples", po::value<int64_t>()->value_name("N"),
                 "of a dataset: the first N rows decoded, what is supervised marked (shows "
                 "records)")(
      "model", po::value<std::string>()->value_name("DIR"),
      "for --samples: the model whose tokenizer packed it, if it is not where it was")(
      "tokenizer", po::value<std::string>()->value_name("FILE"),
      "for --samples: its tokenizer.json instead")("json", "as JSON");
  line.positional("PATH", 1);
  if (!line.parse(arguments)) return kExitDone;

  const std::string path = line.text("PATH");
  OrderedJson report = describe_path(path);
  if (!line.has("samples")) {
    print_report(report, line.has("json"));
    return kExitDone;
  }
  if (report["kind"] != "dataset") line.refuse("--samples is for packed datasets");
  const OrderedJson samples = read_samples(line, path);
  if (line.has("json")) {
    report["samples"] = samples;
    print_report(report, true);
  } else {
    print_report(report, false);
    std::cout << samples_text(samples, isatty(STDOUT_FILENO) != 0);
  }
  return kExitDone;
}

}  // namespace temper
