// Writes the corpora of the demo: a specialist one (questions about invented remedies), and a
// general one (everyday English) to pretrain a small base and to measure what it forgets. All of
// it is generated here, and nothing in it is true or anybody's text.
#pragma once

#include <cstdint>
#include <filesystem>

namespace temper {

struct SyntheticCorpusOptions {
  uint64_t seed = 1;                      // another seed, other names and other facts
  int64_t num_entities = 100;             // up to 400; six facts each
  int64_t train_phrasings = 10;           // of 12 per attribute, drawn anew for each fact
  int64_t test_phrasings = 4;             // of 4 per attribute, none of them used in training
  int64_t general_train_records = 16000;  // about 270 bytes each
  int64_t general_test_records = 800;
  int64_t replay_records = 1000;  // of the general train part
};

struct SyntheticCorpusCounts {
  int64_t num_facts = 0;
  int64_t num_train_records = 0, num_test_records = 0;
  int64_t num_general_train_records = 0, num_general_test_records = 0;
  int64_t num_replay_records = 0;
  int64_t num_general_train_bytes = 0;  // of text
  double largest_answer_share = 0;      // of the train records, the most frequent answer's
  double nearest_neighbour_share = 0;   // of the test questions answered exactly by that baseline
};

// Writes into `directory`, which is made when missing, each file atomically:
//   specialist_train.jsonl, specialist_test.jsonl   {prompt, completion, entity, attribute}
//   general_train.jsonl, general_test.jsonl, general_replay.jsonl   {text}
// No text of the general test part is in the train part. UserError for options out of range.
SyntheticCorpusCounts write_synthetic_corpus(const std::filesystem::path& directory,
                                             const SyntheticCorpusOptions& options);

}  // namespace temper
