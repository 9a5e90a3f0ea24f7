// From nothing to a packed corpus: synth, new-tokenizer, pack.
#include <gmock/gmock.h>

#include "temper_fixture.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::Not;

class CorpusToolsTest : public TemperFixture {};

TEST_F(CorpusToolsTest, synthetic_corpus_to_dataset_with_its_own_tokenizer) {
  temper_output({"synth", "-o", "data", "--entities", "20", "--general", "200", "--replay", "20"});
  temper_output({"new-tokenizer", "data/general_train.jsonl", "data/specialist_train.jsonl",
                 "--vocab-size", "600", "-o", "tokenizer.json"});
  temper_output({"pack", "data/specialist_train.jsonl", "-o", "train.h5", "--tokenizer",
                 "tokenizer.json", "--sequence-len", "256"});
  const Json dataset = temper_json({"inspect", "train.h5", "--verify", "--json"});
  EXPECT_EQ(dataset["vocab_size"], 600);
  EXPECT_EQ(dataset["verified"], true);
  EXPECT_GT(dataset["supervised_targets"], 0);
}

TEST_F(CorpusToolsTest, seed_changes_the_facts_and_nothing_else_does) {
  for (const char* folder : {"one", "again"}) {
    temper_output({"synth", "-o", folder, "--entities", "20", "--general", "50", "--replay", "5",
                   "--seed", "7"});
  }
  temper_output({"synth", "-o", "other", "--entities", "20", "--general", "50", "--replay", "5",
                 "--seed", "8"});
  EXPECT_EQ(read("one/specialist_train.jsonl"), read("again/specialist_train.jsonl"));
  EXPECT_NE(read("one/specialist_train.jsonl"), read("other/specialist_train.jsonl"));
}

TEST_F(CorpusToolsTest, new_tokenizer_names_the_bad_line) {
  write("corpus.jsonl", "{\"text\": \"a b c\"}\n{\"text\": patientMeier}\n");
  const ProgramRun run =
      temper({"new-tokenizer", "corpus.jsonl", "--vocab-size", "300", "-o", "tokenizer.json"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("corpus.jsonl:2"));
  EXPECT_THAT(run.err, Not(names("patientMeier")));
  EXPECT_FALSE(exists("tokenizer.json"));
}

TEST_F(CorpusToolsTest, corpus_named_as_the_tokenizer_stays) {
  const std::string corpus = R"({"text": "some text"})";
  write("corpus.jsonl", corpus);
  const ProgramRun run =
      temper({"new-tokenizer", "corpus.jsonl", "--vocab-size", "300", "-o", "corpus.jsonl"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("--output corpus.jsonl"));
  EXPECT_EQ(read("corpus.jsonl"), corpus);
}

}  // namespace
}  // namespace temper
