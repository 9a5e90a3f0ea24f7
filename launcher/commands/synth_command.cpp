#include <filesystem>
#include <iostream>

#include "data/synthetic/canaries.h"
#include "data/synthetic/synthetic_corpus.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "launcher/command_line.h"

namespace temper {
namespace {

namespace po = boost::program_options;

void print_counts(const SyntheticCorpusCounts& counts) {
  std::cout << fmt::format(
      "{} facts: {} training questions, {} unseen ones in phrasings that are never trained on\n"
      "general text: {} records to train on ({:.1f} MB), {} held out, {} for replay\n"
      "the most frequent answer has {:.2f}% of the training records; a nearest-neighbour baseline "
      "answers {:.1f}% of the unseen questions\n",
      counts.num_facts, counts.num_train_records, counts.num_test_records,
      counts.num_general_train_records, static_cast<double>(counts.num_general_train_bytes) / 1e6,
      counts.num_general_test_records, counts.num_replay_records,
      100.0 * counts.largest_answer_share, 100.0 * counts.nearest_neighbour_share);
}

}  // namespace

int synth_command(const Arguments& arguments) {
  SyntheticCorpusOptions chosen;
  CommandLine line("temper synth -o DIR [options]",
                   "Writes the demo's corpora: invented specialist facts as questions and answers, "
                   "with unseen\nphrasings held out, and everyday text. Nothing in them is true.");
  line.options()("output,o", po::value<std::string>()->value_name("DIR"),
                 "directory to write into")(
      "seed", po::value<uint64_t>(&chosen.seed)->value_name("N")->default_value(chosen.seed),
      "another seed, other names and other facts")(
      "entities",
      po::value<int64_t>(&chosen.num_entities)->value_name("N")->default_value(chosen.num_entities),
      "invented remedies, six facts each")("phrasings",
                                           po::value<int64_t>(&chosen.train_phrasings)
                                               ->value_name("N")
                                               ->default_value(chosen.train_phrasings),
                                           "training questions about each fact")(
      "general",
      po::value<int64_t>(&chosen.general_train_records)
          ->value_name("N")
          ->default_value(chosen.general_train_records),
      "general training records")("replay",
                                  po::value<int64_t>(&chosen.replay_records)
                                      ->value_name("N")
                                      ->default_value(chosen.replay_records),
                                  "general training records for replay")(
      "canaries", po::value<int64_t>()->value_name("N"),
      "write canaries.jsonl, N records with random numbers, and nothing else: mixed into the "
      "training "
      "data, they tell `temper eval --canaries` how much is memorised")("json",
                                                                        "print the counts as JSON");
  if (!line.parse(arguments)) return kExitDone;
  if (const auto num_canaries = line.find<int64_t>("canaries")) {
    const std::filesystem::path path =
        std::filesystem::path(line.get<std::string>("output")) / "canaries.jsonl";
    const std::vector<Canary> canaries = make_canaries(*num_canaries, chosen.seed);
    make_directories(path.parent_path());
    write_canaries(path, canaries);
    std::cout << path.string() << "\n";
    return kExitDone;
  }
  const SyntheticCorpusCounts counts =
      write_synthetic_corpus(line.get<std::string>("output"), chosen);
  if (!line.has("json")) {
    print_counts(counts);
    return kExitDone;
  }
  std::cout << Json{{"facts", counts.num_facts},
                    {"train_records", counts.num_train_records},
                    {"test_records", counts.num_test_records},
                    {"general_train_records", counts.num_general_train_records},
                    {"general_test_records", counts.num_general_test_records},
                    {"replay_records", counts.num_replay_records},
                    {"general_train_bytes", counts.num_general_train_bytes},
                    {"largest_answer_share", counts.largest_answer_share},
                    {"nearest_neighbour_share", counts.nearest_neighbour_share}}
                   .dump(2)
            << "\n";
  return kExitDone;
}

}  // namespace temper
