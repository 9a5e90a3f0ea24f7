#include "data/synthetic/synthetic_corpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "common/error.h"
#include "data/corpus/corpus_reader.h"
#include "data/synthetic/nearest_neighbour.h"
#include "data/synthetic/synthetic_facts.h"
#include "tests/unit/data/small_corpus.h"

namespace temper {
namespace {

std::vector<Json> lines_of(const std::filesystem::path& path) {
  std::vector<Json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    lines.push_back(parse_json(line, path.native()));
  return lines;
}

class SyntheticCorpus : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory;
    SyntheticCorpusOptions options;
    options.general_train_records = 4000;
    options.general_test_records = 300;
    options.replay_records = 500;
    counts_ = write_synthetic_corpus(directory_->path(), options);
  }
  static void TearDownTestSuite() { delete directory_; }

  static TemporaryDirectory* directory_;
  static SyntheticCorpusCounts counts_;
};
TemporaryDirectory* SyntheticCorpus::directory_ = nullptr;
SyntheticCorpusCounts SyntheticCorpus::counts_;

TEST_F(SyntheticCorpus, has_what_it_counts) {
  EXPECT_EQ(counts_.num_facts, 600);
  EXPECT_EQ(counts_.num_train_records, 6000);
  EXPECT_EQ(counts_.num_test_records, 2400);
  EXPECT_EQ(lines_of(*directory_ / "specialist_train.jsonl").size(), 6000u);
  EXPECT_EQ(lines_of(*directory_ / "specialist_test.jsonl").size(), 2400u);
  EXPECT_EQ(lines_of(*directory_ / "general_train.jsonl").size(), 4000u);
  EXPECT_EQ(lines_of(*directory_ / "general_test.jsonl").size(), 300u);
  EXPECT_EQ(lines_of(*directory_ / "general_replay.jsonl").size(), 500u);
  EXPECT_GT(counts_.num_general_train_bytes / 4000, 150);
}

TEST_F(SyntheticCorpus, every_fact_has_an_answer_of_its_own) {
  std::map<std::string, std::set<std::string>> facts_of_answer, answers_of_fact;
  std::map<std::string, int> records_of_answer;
  for (const Json& record : lines_of(*directory_ / "specialist_train.jsonl")) {
    const std::string fact =
        record["entity"].get<std::string>() + "/" + record["attribute"].get<std::string>();
    const auto answer = record["completion"].get<std::string>();
    facts_of_answer[answer].insert(fact);
    answers_of_fact[fact].insert(answer);
    ++records_of_answer[answer];
  }
  EXPECT_EQ(answers_of_fact.size(), 600u);
  for (const auto& [answer, facts] : facts_of_answer) EXPECT_EQ(facts.size(), 1u) << answer;
  for (const auto& [answer, records] : records_of_answer) EXPECT_LT(records, 60) << answer;
  EXPECT_LT(counts_.largest_answer_share, 0.01);
  for (const Json& record : lines_of(*directory_ / "specialist_test.jsonl")) {
    const std::string fact =
        record["entity"].get<std::string>() + "/" + record["attribute"].get<std::string>();
    EXPECT_EQ(answers_of_fact[fact],
              std::set<std::string>{record["completion"].get<std::string>()});
  }
}

TEST_F(SyntheticCorpus, held_out_phrasings_are_never_trained_on) {
  std::set<std::string> train;
  for (const Json& record : lines_of(*directory_ / "specialist_train.jsonl"))
    train.insert(record["prompt"].get<std::string>());
  for (const Json& record : lines_of(*directory_ / "specialist_test.jsonl")) {
    EXPECT_EQ(train.count(record["prompt"].get<std::string>()), 0u);
  }
  std::vector<std::string> general;
  for (const Json& record : lines_of(*directory_ / "general_train.jsonl")) {
    std::istringstream text(record["text"].get<std::string>());
    for (std::string line; std::getline(text, line);) general.push_back(line);
  }
  for (const SyntheticAttribute& attribute : synthetic_attributes()) {
    EXPECT_EQ(attribute.train_phrasings.size(), 12u) << attribute.name;
    EXPECT_EQ(attribute.test_phrasings.size(), 4u) << attribute.name;
    const std::set<std::string> trained(attribute.train_phrasings.begin(),
                                        attribute.train_phrasings.end());
    EXPECT_EQ(trained.size(), 12u) << attribute.name;
    for (const std::string& phrasing : attribute.test_phrasings) {
      EXPECT_EQ(trained.count(phrasing), 0u) << phrasing;
      const std::string before = phrasing.substr(0, phrasing.find("{}")),
                        after = phrasing.substr(phrasing.find("{}") + 2);
      for (const std::string& line : general) {
        EXPECT_FALSE(line.size() >= before.size() + after.size() &&
                     line.compare(0, before.size(), before) == 0 &&
                     line.compare(line.size() - after.size(), after.size(), after) == 0)
            << phrasing << " / " << line;
      }
    }
  }
}

TEST_F(SyntheticCorpus, general_part_knows_nothing_of_the_remedies) {
  std::string general = read_whole(*directory_ / "general_train.jsonl") +
                        read_whole(*directory_ / "general_test.jsonl");
  for (const SyntheticFact& fact : make_synthetic_facts(1, 100)) {
    EXPECT_EQ(general.find(fact.entity), std::string::npos) << fact.entity;
  }
  std::set<std::string> train;
  for (const Json& record : lines_of(*directory_ / "general_train.jsonl"))
    train.insert(record["text"].get<std::string>());
  for (const Json& record : lines_of(*directory_ / "general_test.jsonl")) {
    EXPECT_EQ(train.count(record["text"].get<std::string>()), 0u);
  }
  for (const Json& record : lines_of(*directory_ / "general_replay.jsonl")) {
    EXPECT_EQ(train.count(record["text"].get<std::string>()), 1u);
  }
  for (const std::string& text : train)
    EXPECT_EQ(text.find_first_of("{}"), std::string::npos) << text;
}

TEST_F(SyntheticCorpus, depends_on_the_seed_only) {
  const TemporaryDirectory again;
  SyntheticCorpusOptions options;
  options.general_train_records = 4000;
  options.general_test_records = 300;
  options.replay_records = 500;
  write_synthetic_corpus(again.path(), options);
  for (const char* name : {"specialist_train.jsonl", "specialist_test.jsonl", "general_train.jsonl",
                           "general_test.jsonl", "general_replay.jsonl"}) {
    EXPECT_EQ(read_whole(again / name), read_whole(*directory_ / name)) << name;
  }
  std::set<std::string> entities, answers;
  for (const SyntheticFact& fact : make_synthetic_facts(1, 100)) {
    entities.insert(fact.entity);
    answers.insert(fact.entity + fact.answer);
  }
  size_t num_same_names = 0;
  for (const SyntheticFact& fact : make_synthetic_facts(2, 100)) {
    num_same_names += entities.count(fact.entity);
    EXPECT_EQ(answers.count(fact.entity + fact.answer), 0u) << "a fact of both seeds";
  }
  EXPECT_LE(num_same_names, 6u);  // a name or so may come twice by chance
}

TEST(SyntheticCorpusOptions, are_checked) {
  const TemporaryDirectory directory;
  SyntheticCorpusOptions options;
  options.num_entities = 401;
  EXPECT_THROW(write_synthetic_corpus(directory.path(), options), UserError);
  options.num_entities = 100;
  options.train_phrasings = 13;
  EXPECT_THROW(write_synthetic_corpus(directory.path(), options), UserError);
  EXPECT_EQ(make_synthetic_facts(3, kMaxSyntheticEntities).size(), 2400u);
}

TEST(NearestNeighbour, takes_the_largest_overlap_of_words) {
  const std::vector<QuestionAnswer> train = {
      {"What is A for?", "one"}, {"Where is B kept?", "two"}, {"Who found it?", "three"}};
  const auto share = [&](const std::string& question, const std::string& answer) {
    return score_nearest_neighbour(train, {{question, answer}}).exact_share();
  };
  EXPECT_EQ(share("what, is a?", "one"), 1.0);
  EXPECT_EQ(share("KEPT B", "two"), 1.0);
  EXPECT_EQ(share("found", "one"), 0.0);
  EXPECT_EQ(share("found", "three"), 1.0);
  EXPECT_EQ(share("nothing known", "one"), 1.0);  // a tie: the first
  EXPECT_EQ(score_nearest_neighbour({}, train).num_exact, 0);
  EXPECT_EQ(score_nearest_neighbour(train, train).num_exact, 3);
}

}  // namespace
}  // namespace temper
