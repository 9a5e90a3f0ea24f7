// `temper check`, what it decides for `temper pack`, and `temper trace`.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "run/run_directory.h"
#include "run/status.h"
#include "temper_fixture.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSecret = "patientMeier";

class CheckTest : public TemperFixture {
 protected:
  CheckTest() { write_tokenizer(); }

  static std::string record(const std::string& prompt, const std::string& completion) {
    return Json{{"prompt", prompt}, {"completion", completion}}.dump() + "\n";
  }
  static std::vector<std::string> pack_command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "pack");
    for (const char* more : {"--tokenizer", "tokenizer.json", "--sequence-len", "64"}) {
      arguments.emplace_back(more);
    }
    return arguments;
  }
};

TEST_F(CheckTest, reports_counts_and_places_but_no_text) {
  write("corpus.jsonl", record("a", kSecret) + record("a", kSecret) + record("a", "b"));
  const ProgramRun run = temper({"check", "corpus.jsonl"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.out, HasSubstr("corpus.jsonl:2 equals corpus.jsonl:1"));
  EXPECT_THAT(run.out + run.err, Not(HasSubstr(kSecret)));
  const Json report = temper_json({"check", "corpus.jsonl", "--json"});
  EXPECT_EQ(report["records"], 3);
  EXPECT_EQ(report["duplicates"]["records"], 1);
  EXPECT_EQ(report["conflicts"]["groups"], 1);
  EXPECT_THAT(listing(), ElementsAre("corpus.jsonl", "tokenizer.json"));
}

TEST_F(CheckTest, a_gate_closes) {
  write("corpus.jsonl", record("a", kSecret) + record("a", kSecret));
  write("test.jsonl", record("a", "else"));
  for (const std::vector<std::string>& gate :
       {std::vector<std::string>{"--duplicates", "error"},
        std::vector<std::string>{"--held-out", "test.jsonl"}}) {
    std::vector<std::string> arguments = {"check", "corpus.jsonl"};
    arguments.insert(arguments.end(), gate.begin(), gate.end());
    const ProgramRun run = temper(arguments);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_THAT(error_message(run), names("corpus.jsonl"));
    EXPECT_THAT(run.err, Not(names(kSecret)));
  }
}

TEST_F(CheckTest, a_corpus_named_as_the_decisions_stays) {
  const std::string corpus = record("q", "a");
  write("corpus.jsonl", corpus);
  const ProgramRun run = temper({"check", "corpus.jsonl", "--decisions", "corpus.jsonl"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(error_message(run),
            "corpus.jsonl exists and is not a decisions file of temper check; choose another "
            "output, or remove it first");
  EXPECT_EQ(read("corpus.jsonl"), corpus);
  for (int again = 0; again < 2; ++again) {
    temper_output({"check", "corpus.jsonl", "--decisions", "decisions.jsonl"});
  }
}

TEST_F(CheckTest, decisions_are_obeyed_by_shards_that_train_as_one) {
  std::string corpus;
  for (int i = 0; i < 60; ++i)
    corpus += record(fmt::format("q{}", i % 50), fmt::format("a{}", i % 50));
  write("corpus.jsonl", corpus);
  temper_output(
      {"check", "corpus.jsonl", "--duplicates", "drop", "--decisions", "decisions.jsonl"});
  for (const char* shard : {"0/3", "1/3", "2/3"}) {
    temper_output(pack_command(
        {"corpus.jsonl", "-o", "train.h5", "--decisions", "decisions.jsonl", "--shard", shard}));
  }
  const Json dataset = temper_json({"inspect", "train.h5", "--verify", "--json"});
  EXPECT_EQ(dataset["documents"], 50);
  EXPECT_EQ(dataset["statistics"]["records"]["in"], 60);
  EXPECT_EQ(dataset["statistics"]["records"]["dropped"]["exact duplicate"], 10);
  const Json trace = temper_json({"trace", "corpus.jsonl:51", "train.h5", "--json"});
  EXPECT_EQ(trace["datasets"][0]["dropped"][0], "exact duplicate");
  EXPECT_TRUE(trace["datasets"][0]["rows"].empty());
}

TEST_F(CheckTest, reads_csv_with_named_columns_and_splits) {
  std::string csv = "Question,Answer,Topic\n";
  for (int i = 0; i < 40; ++i) csv += fmt::format("\"What, {}?\",It is {}.,t{}\n", i, i, i % 10);
  write("corpus.csv", csv);
  const Json report = temper_json(
      pack_command({"corpus.csv", "-o", "train.h5", "--column", "prompt=Question", "--column",
                    "completion=Answer", "--val-split", "0.2", "--group-by", "Topic", "--json"}));
  EXPECT_EQ(report["sources"][0]["container"], "CSV");
  EXPECT_EQ(report["records"]["packed"], 32);
  EXPECT_EQ(report["validation"]["records"]["packed"], 8);
  EXPECT_EQ(temper_json({"inspect", "train-val.h5", "--json"})["documents"], 8);
}

TEST_F(CheckTest, skips_bad_records_when_told) {
  write("corpus.jsonl", record("a", "b") + kSecret + "\n");
  const ProgramRun run =
      temper(pack_command({"corpus.jsonl", "-o", "out.h5", "--on-error", "skip"}));
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("corpus.jsonl:2"));
  EXPECT_THAT(run.out, Not(HasSubstr(kSecret)));
  EXPECT_EQ(temper_json({"inspect", "out.h5", "--json"})["statistics"]["skipped"]["records"], 1);
}

TEST_F(CheckTest, truncated_gzip_names_the_file) {
  write("corpus.jsonl.gz", std::string("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x4c", 12));
  const ProgramRun run = temper(pack_command({"corpus.jsonl.gz", "-o", "out.h5"}));
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("corpus.jsonl.gz"));
  EXPECT_FALSE(exists("out.h5"));
}

// Where the record's row stands in the order of the run is where it was seen.
TEST_F(CheckTest, traces_a_record_through_a_run) {
  write_model_config();
  write_dataset(30, 32);
  const int rows = temper_json({"inspect", "train.h5", "--json"})["rows"];
  const std::string here = folder().string();
  write("out/run.yaml", fmt::format("base_model: {0}/base\ndatasets: [{{path: {0}/train.h5}}]\n"
                                    "output_dir: {0}/out\nmax_steps: 40\nglobal_batch_size: 2\n",
                                    here));
  RunStatus status;
  status.step = rows;  // two epochs
  write_run_status(RunDirectory(folder() / "out").status_path(), status);
  const Json trace = temper_json({"trace", "train.jsonl:7", "out", "--json"});
  EXPECT_EQ(trace["seen"], 2);
  ASSERT_EQ(trace["steps"].size(), 2u);
  EXPECT_LE(trace["steps"][0].get<int>(), (rows + 1) / 2);
  EXPECT_EQ(trace["datasets"][0]["rows"].size(), 1u);
  // Nobody needs the base to say who was in the data.
  std::filesystem::remove_all(folder() / "base");
  EXPECT_EQ(temper_json({"trace", "train.jsonl:7", "out", "--json"}), trace);
  const ProgramRun unknown = temper({"trace", "other.jsonl:7", "out"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(error_message(unknown), names("other.jsonl:7"));
}

}  // namespace
}  // namespace temper
