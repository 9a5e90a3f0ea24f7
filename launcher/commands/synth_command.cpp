#include <filesystem>
#include <iostream>

#include "data/synthetic/canaries.h"
#include "data/synthetic/synthetic_corpus.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "launcher/commands/commands.h"

namespace temper {
namespace {

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

int synth_command(const CommandLine& line) {
  SyntheticCorpusOptions chosen;
  chosen.seed = line.get<uint64_t>("seed");
  chosen.num_entities = line.get<int64_t>("entities");
  chosen.train_phrasings = line.get<int64_t>("phrasings");
  chosen.general_train_records = line.get<int64_t>("general");
  chosen.replay_records = line.get<int64_t>("replay");
  if (const auto num_canaries = line.find<int64_t>("canaries")) {
    const std::filesystem::path path = std::filesystem::path(line.get("output")) / "canaries.jsonl";
    const std::vector<Canary> canaries = make_canaries(*num_canaries, chosen.seed);
    make_directories(path.parent_path());
    write_canaries(path, canaries);
    std::cout << path.string() << "\n";
    return kExitDone;
  }
  const SyntheticCorpusCounts counts = write_synthetic_corpus(line.get("output"), chosen);
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
