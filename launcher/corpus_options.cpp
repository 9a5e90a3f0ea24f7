#include "launcher/corpus_options.h"

#include <string>
#include <vector>

namespace temper {
namespace {

namespace po = boost::program_options;

po::typed_value<std::string>* gate(const char* fallback) {
  return po::value<std::string>()->value_name("DO")->default_value(fallback);
}

std::vector<std::filesystem::path> paths_of(const CommandLine& line, const char* name) {
  std::vector<std::filesystem::path> paths;
  for (const std::string& text : line.texts(name)) paths.emplace_back(text);
  return paths;
}

}  // namespace

void declare_corpus_options(CommandLine& line) {
  line.options()("format", po::value<std::string>()->value_name("NAME")->default_value("auto"),
                 fmt::format("of the records: {}", fmt::join(corpus_format_names(), ", ")).c_str())(
      "column", po::value<std::vector<std::string>>()->value_name("KEY=NAME"),
      "the record's key or column NAME is what the format calls KEY, as in prompt=question; may be "
      "repeated")("on-error", po::value<std::string>()->value_name("HOW")->default_value("stop"),
                  "records that cannot be read: stop at the first, or skip and list them")(
      "workers", po::value<int>()->value_name("N")->default_value(0), "threads; 0: one per core");
  line.positional("INPUT", -1);
}

void declare_hygiene_options(CommandLine& line) {
  line.options()("duplicates", gate("report"),
                 "records equal to an earlier one; DO is off, report, "
                 "drop or error, here and below")("near-duplicates", gate("report"),
                                                  "records nearly like an earlier one")(
      "near-threshold", po::value<double>()->value_name("SHARE")->default_value(0.8),
      "of word triples in common, to be nearly alike")(
      "conflicts", gate("report"), "questions with different answers; drop leaves all of them out")(
      "held-out", po::value<std::vector<std::string>>()->value_name("FILE"),
      "a corpus that must not be trained on; may be repeated")(
      "general", po::value<std::vector<std::string>>()->value_name("FILE"),
      "a corpus of general_datasets, likewise")(
      "overlap", gate("error"),
      "records that are, or whose question is, in --held-out or --general")(
      "cut-off", gate("report"), "answers that seem to stop in mid-sentence")(
      "mojibake", gate("report"), "text read in the wrong encoding")(
      "pii", gate("report"),
      "e-mail, phone, social security, medical record and card numbers, birth dates: also mask. A "
      "net, not a promise")("val-split",
                            po::value<double>()->value_name("SHARE")->default_value(0.0),
                            "of the records for a validation set; near duplicates and records with "
                            "the same question stay together")(
      "group-by", po::value<std::string>()->value_name("KEY"),
      "records with the same value of this key stay together too")(
      "split-seed", po::value<uint64_t>()->value_name("N")->default_value(42), "of --val-split");
}

CorpusOptions read_corpus_options(const CommandLine& line) {
  CorpusOptions options;
  options.inputs = paths_of(line, "INPUT");
  if (options.inputs.empty()) line.refuse("INPUT is missing");
  options.format = corpus_format_named(line.get<std::string>("format"));
  for (const std::string& column : line.texts("column")) options.columns.add(column);
  options.columns.group_by = line.find<std::string>("group-by").value_or("");
  const auto on_error = line.get<std::string>("on-error");
  if (on_error != "stop" && on_error != "skip") line.refuse("--on-error is stop or skip");
  options.skip_bad_records = on_error == "skip";
  options.num_workers = line.get<int>("workers");
  if (options.num_workers < 0) line.refuse("--workers must be 0 or more");
  return options;
}

HygieneOptions read_hygiene_options(const CommandLine& line) {
  const auto action = [&](const char* name) {
    return hygiene_action_named(name, line.get<std::string>(name));
  };
  HygieneOptions options;
  options.duplicates = action("duplicates");
  options.near_duplicates = action("near-duplicates");
  options.near_threshold = line.get<double>("near-threshold");
  options.conflicts = action("conflicts");
  options.overlap = action("overlap");
  options.cut_off = action("cut-off");
  options.mojibake = action("mojibake");
  options.personal_data = action("pii");
  options.held_out = paths_of(line, "held-out");
  options.general = paths_of(line, "general");
  options.val_share = line.get<double>("val-split");
  options.split_seed = line.get<uint64_t>("split-seed");
  options.check();
  return options;
}

}  // namespace temper
