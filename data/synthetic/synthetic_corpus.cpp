#include "data/synthetic/synthetic_corpus.h"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "common/error.h"
#include "data/synthetic/nearest_neighbour.h"
#include "data/synthetic/synthetic_draw.h"
#include "data/synthetic/synthetic_facts.h"
#include "data/synthetic/synthetic_stories.h"
#include "io/atomic_file.h"
#include "io/json.h"

namespace temper {
namespace {

enum Stream : uint64_t {
  kPhrasingStream = 11,
  kOrderStream = 12,
  kStoryStream = 13,
  kReplayStream = 14
};

void require(const char* name, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return;
  throw UserError("the synthetic corpus' {} is {}; expected {} to {}", name, value, least, most);
}

void check_options(const SyntheticCorpusOptions& options) {
  constexpr int64_t kMany = 10'000'000;
  const SyntheticAttribute& any = synthetic_attributes().front();
  require("num_entities", options.num_entities, 20, kMaxSyntheticEntities);
  require("train_phrasings", options.train_phrasings, 1,
          static_cast<int64_t>(any.train_phrasings.size()));
  require("test_phrasings", options.test_phrasings, 1,
          static_cast<int64_t>(any.test_phrasings.size()));
  require("general_train_records", options.general_train_records, 1, kMany);
  require("general_test_records", options.general_test_records, 1, kMany);
  require("replay_records", options.replay_records, 0, options.general_train_records);
}

struct Question {
  const SyntheticFact* fact;
  std::string text;
};

std::vector<Question> ask(const std::vector<SyntheticFact>& facts, bool is_test,
                          int64_t num_phrasings, SyntheticDraw draw) {
  std::vector<Question> questions;
  for (const SyntheticFact& fact : facts) {
    const SyntheticAttribute& attribute = synthetic_attributes()[fact.attribute];
    auto phrasings = is_test ? attribute.test_phrasings : attribute.train_phrasings;
    draw.shuffle(phrasings);
    phrasings.resize(static_cast<size_t>(num_phrasings));
    for (const std::string& phrasing : phrasings) {
      questions.push_back({&fact, fill_phrasing(phrasing, fact.entity)});
    }
  }
  return questions;
}

void write_questions(const std::filesystem::path& path, const std::vector<Question>& questions) {
  AtomicFile file(path);
  std::string lines;
  for (const Question& question : questions) {
    const OrderedJson record = {
        {"prompt", question.text},
        {"completion", question.fact->answer},
        {"entity", question.fact->entity},
        {"attribute", synthetic_attributes()[question.fact->attribute].name}};
    lines += record.dump() + "\n";
  }
  file.append(lines);
  file.commit();
}

void write_texts(const std::filesystem::path& path, const std::vector<std::string>& texts) {
  AtomicFile file(path);
  for (const std::string& text : texts) file.append(Json{{"text", text}}.dump() + "\n");
  file.commit();
}

std::vector<QuestionAnswer> pairs_of(const std::vector<Question>& questions) {
  std::vector<QuestionAnswer> pairs;
  for (const Question& question : questions)
    pairs.push_back({question.text, question.fact->answer});
  return pairs;
}

double largest_answer_share(const std::vector<Question>& questions) {
  std::map<std::string, int64_t> counts;
  int64_t largest = 0;
  for (const Question& question : questions) {
    largest = std::max(largest, ++counts[question.fact->answer]);
  }
  return static_cast<double>(largest) / static_cast<double>(questions.size());
}

void write_specialist(const std::filesystem::path& directory, const SyntheticCorpusOptions& options,
                      SyntheticCorpusCounts& counts) {
  const auto facts = make_synthetic_facts(options.seed, options.num_entities);
  SyntheticDraw order(options.seed, kOrderStream);
  auto train = ask(facts, false, options.train_phrasings, {options.seed, kPhrasingStream});
  auto test = ask(facts, true, options.test_phrasings, {options.seed, kPhrasingStream + 100});
  order.shuffle(train);
  order.shuffle(test);
  write_questions(directory / "specialist_train.jsonl", train);
  write_questions(directory / "specialist_test.jsonl", test);
  counts.num_facts = static_cast<int64_t>(facts.size());
  counts.num_train_records = static_cast<int64_t>(train.size());
  counts.num_test_records = static_cast<int64_t>(test.size());
  counts.largest_answer_share = largest_answer_share(train);
  counts.nearest_neighbour_share =
      score_nearest_neighbour(pairs_of(train), pairs_of(test)).exact_share();
}

// The test part first: whatever the size of the train part, it is the same.
void write_general(const std::filesystem::path& directory, const SyntheticCorpusOptions& options,
                   SyntheticCorpusCounts& counts) {
  SyntheticDraw draw(options.seed, kStoryStream);
  std::vector<std::string> test, train;
  std::unordered_set<std::string> held_out;
  while (test.size() < static_cast<size_t>(options.general_test_records)) {
    test.push_back(make_synthetic_story(draw));
    held_out.insert(test.back());
  }
  while (train.size() < static_cast<size_t>(options.general_train_records)) {
    std::string story = make_synthetic_story(draw);
    if (held_out.count(story)) continue;
    counts.num_general_train_bytes += static_cast<int64_t>(story.size());
    train.push_back(std::move(story));
  }
  write_texts(directory / "general_test.jsonl", test);
  write_texts(directory / "general_train.jsonl", train);
  counts.num_general_test_records = static_cast<int64_t>(test.size());
  counts.num_general_train_records = static_cast<int64_t>(train.size());
  SyntheticDraw replay(options.seed, kReplayStream);
  replay.shuffle(train);
  train.resize(static_cast<size_t>(options.replay_records));
  write_texts(directory / "general_replay.jsonl", train);
  counts.num_replay_records = static_cast<int64_t>(train.size());
}

}  // namespace

SyntheticCorpusCounts write_synthetic_corpus(const std::filesystem::path& directory,
                                             const SyntheticCorpusOptions& options) {
  check_options(options);
  make_directories(directory);
  SyntheticCorpusCounts counts;
  write_specialist(directory, options, counts);
  write_general(directory, options, counts);
  return counts;
}

}  // namespace temper
