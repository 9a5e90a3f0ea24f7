// `temper pack` from a corpus file to a dataset, and what it says of bad input.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "temper_fixture.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::ElementsAre;
using ::testing::Not;

// In every record that must not be shown.
constexpr const char* kSecret = "patientMeier";

class PackTest : public TemperFixture {
 protected:
  PackTest() { write_tokenizer(); }

  std::vector<std::string> command(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {
        "pack",           "corpus.jsonl",   "-o", "out.h5", "--tokenizer",
        "tokenizer.json", "--sequence-len", "64"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  Json pack(const std::string& corpus, const std::vector<std::string>& more = {}) {
    write("corpus.jsonl", corpus);
    std::vector<std::string> arguments = command(more);
    arguments.push_back("--json");
    return temper_json(arguments);
  }
  // Exit 2, one line on standard error that shows no record, and nothing left behind.
  std::string refusal(const std::string& corpus, const std::vector<std::string>& more = {}) {
    write("corpus.jsonl", corpus);
    const ProgramRun run = temper(command(more));
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err, Not(names(kSecret)));
    EXPECT_THAT(listing(), ElementsAre("corpus.jsonl", "tokenizer.json"));
    return error_message(run);
  }
};

TEST_F(PackTest, every_format_gives_the_same_rows) {
  const std::vector<std::pair<std::string, std::string>> formats = {
      {"prompt-completion", R"({"prompt": "Why?", "completion": "So."})"},
      {"chat", R"({"messages": [{"role": "user", "content": "Why?"},
                                {"role": "assistant", "content": "So."}]})"},
      {"sharegpt", R"({"conversations": [{"from": "human", "value": "Why?"},
                                         {"from": "gpt", "value": "So."}]})"},
      {"alpaca", R"({"instruction": "Why?", "input": "", "output": "So."})"}};
  std::string content_hash;
  for (const auto& [format, record] : formats) {
    std::string line = record;
    std::erase(line, '\n');
    for (const std::string& given : {std::string("auto"), format}) {
      pack(line + "\n" + line + "\n", {"--format", given});
      const Json dataset = temper_json({"inspect", "out.h5", "--json"});
      EXPECT_EQ(dataset["kind"], "dataset");
      EXPECT_EQ(dataset["rows"], 1);
      EXPECT_EQ(dataset["documents"], 2);
      EXPECT_EQ(dataset["sequence_len"], 64);
      EXPECT_GT(dataset["supervised_targets"], 0);
      EXPECT_LT(dataset["supervised_targets"], dataset["tokens"]);
      if (content_hash.empty()) content_hash = dataset["content_hash"];
      EXPECT_EQ(dataset["content_hash"], content_hash) << format;
    }
  }
}

TEST_F(PackTest, text_is_supervised_throughout) {
  pack("{\"text\": \"A text.\"}\n");
  const Json dataset = temper_json({"inspect", "out.h5", "--json"});
  // All but the first token of the document.
  EXPECT_EQ(dataset["supervised_targets"].get<int>(), dataset["tokens"].get<int>() - 1);
}

TEST_F(PackTest, reads_standard_input) {
  const std::string line = "{\"prompt\": \"a\", \"completion\": \"b\"}\n";
  const ProgramRun run = temper(
      {"pack", "-", "-o", "out.h5", "--tokenizer", "tokenizer.json", "--sequence-len", "16"}, line);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(exists("out.h5"));
}

TEST_F(PackTest, does_not_depend_on_workers) {
  write_corpus(300, "corpus.jsonl");
  temper_output(command({"--workers", "1"}));
  const std::string one = temper_json({"inspect", "out.h5", "--json"})["content_hash"];
  temper_output(command({"--workers", "3"}));
  EXPECT_EQ(temper_json({"inspect", "out.h5", "--json"})["content_hash"], one);
}

TEST_F(PackTest, record_that_is_no_json_names_file_and_line) {
  const std::string good = "{\"prompt\": \"a\", \"completion\": \"b\"}\n";
  EXPECT_THAT(refusal(good + good + "{\"prompt\": \"" + kSecret + "\n" + good),
              names("corpus.jsonl:3"));
  EXPECT_THAT(refusal(good + kSecret + "\n"), names("corpus.jsonl:2"));
}

TEST_F(PackTest, record_without_its_key_names_it) {
  const std::string message =
      refusal("{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": \"" + std::string(kSecret) +
              "\"}\n");
  EXPECT_THAT(message, names("corpus.jsonl:2", "completion"));
  EXPECT_THAT(refusal("{\"prompt\": \"a\", \"completion\": 3}\n"), names("corpus.jsonl:1"));
}

TEST_F(PackTest, empty_corpus) {
  EXPECT_THAT(refusal(""), names("corpus.jsonl"));
  EXPECT_THAT(refusal("\n\n"), names("corpus.jsonl"));
}

TEST_F(PackTest, missing_corpus) {
  const ProgramRun run = temper(command());
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("corpus.jsonl"));
}

TEST_F(PackTest, overlong_record) {
  const std::string record = "{\"prompt\": \"" + std::string(kSecret) + "\", \"completion\": \"" +
                             std::string(100, 'x') + "\"}\n";
  const std::string good = "{\"prompt\": \"a\", \"completion\": \"b\"}\n";
  EXPECT_THAT(refusal(good + record), names("corpus.jsonl:2"));
  EXPECT_EQ(pack(good + record, {"--overlong", "truncate"})["records"]["truncated"], 1);
  EXPECT_EQ(temper_json({"inspect", "out.h5", "--json"})["documents"], 2);
  EXPECT_EQ(pack(good + record, {"--overlong", "drop"})["records"]["packed"], 1);
  EXPECT_EQ(temper_json({"inspect", "out.h5", "--json"})["documents"], 1);
}

TEST_F(PackTest, nothing_to_learn) {
  // A conversation without an answer.
  const std::string record =
      std::string("{\"messages\": [{\"role\": \"user\", \"content\": \"") + kSecret + "\"}]}\n";
  EXPECT_NE(refusal(record), "");
}

TEST_F(PackTest, tokenizer_of_an_unsupported_kind_is_named) {
  const std::string corpus = "{\"prompt\": \"a\", \"completion\": \"b\"}\n";
  for (const char* kind : {"Unigram", "WordPiece", "WordLevel"}) {
    write("tokenizer.json", std::string("{\"version\": \"1.0\", \"added_tokens\": [], "
                                        "\"normalizer\": null, \"pre_tokenizer\": null, "
                                        "\"post_processor\": null, \"decoder\": null, "
                                        "\"model\": {\"type\": \"") +
                                kind + "\", \"vocab\": []}}");
    EXPECT_THAT(refusal(corpus), names(kind));
  }
  write("tokenizer.json", "{");
  EXPECT_THAT(refusal(corpus), names("tokenizer.json"));
}

TEST_F(PackTest, wrong_options) {
  const std::string corpus = "{\"prompt\": \"a\", \"completion\": \"b\"}\n";
  EXPECT_THAT(refusal(corpus, {"--format", "csv"}), names("csv"));
  EXPECT_THAT(refusal(corpus, {"--overlong", "ignore"}), names("ignore"));
  EXPECT_THAT(refusal(corpus, {"--chat-template", "klingon"}), names("klingon"));
  EXPECT_THAT(refusal(corpus, {"--model", "base"}), names("--model", "--tokenizer"));
}

TEST_F(PackTest, failure_leaves_an_older_dataset_alone) {
  pack("{\"prompt\": \"a\", \"completion\": \"b\"}\n");
  const std::string before = read("out.h5");
  write("corpus.jsonl", "broken\n");
  EXPECT_EQ(temper(command()).exit_code, 2);
  EXPECT_EQ(read("out.h5"), before);
}

TEST_F(PackTest, corpus_named_as_the_output_stays) {
  const std::string corpus = R"({"prompt": "Why?", "completion": "So."})";
  write("corpus.jsonl", corpus);
  const ProgramRun run = temper({"pack", "corpus.jsonl", "-o", "corpus.jsonl", "--tokenizer",
                                 "tokenizer.json", "--sequence-len", "64"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(error_message(run),
            "corpus.jsonl exists and is not a packed dataset; choose another output, or remove it "
            "first");
  EXPECT_EQ(read("corpus.jsonl"), corpus);
  EXPECT_THAT(listing(), ElementsAre("corpus.jsonl", "tokenizer.json"));
}

TEST_F(PackTest, other_peoples_hdf5_files_stay) {
  const std::string measurements = "\x89HDF\r\n\x1a\n and what a microscope saw";
  write("corpus.jsonl", R"({"prompt": "Why?", "completion": "So."})");
  write("out.h5", measurements);
  const ProgramRun run = temper(command());
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("out.h5", "packed dataset"));
  EXPECT_EQ(read("out.h5"), measurements);

  write("corpus.jsonl", "[");  // not even looked at
  write("mine-val.h5", measurements);
  const ProgramRun split = temper({"pack", "corpus.jsonl", "-o", "mine.h5", "--tokenizer",
                                   "tokenizer.json", "--sequence-len", "64", "--val-split", "0.5"});
  EXPECT_EQ(split.exit_code, 2);
  EXPECT_THAT(error_message(split), names("mine-val.h5", "packed dataset"));
  EXPECT_EQ(read("mine-val.h5"), measurements);
}

TEST_F(PackTest, full_disk_is_a_failure_that_leaves_nothing) {
  write_corpus(2000, "corpus.jsonl");
  // No file may grow beyond a few KiB: writing fails as it does on a full disk.
  for (const int limit : {1, 16, 400}) {
    const CapturedProcess run = run_captured(
        {"sh", "-c",
         fmt::format("cd {} && trap '' XFSZ && ulimit -f {} && exec {} pack corpus.jsonl -o out.h5 "
                     "--tokenizer tokenizer.json --sequence-len 64",
                     folder().string(), limit, TEMPER_PROGRAM)});
    EXPECT_EQ(run.status.code, 1);
    EXPECT_THAT(error_message({1, run.standard_output, run.standard_error}), names("out.h5"));
    EXPECT_THAT(listing(), ElementsAre("corpus.jsonl", "tokenizer.json"));
  }
}

TEST_F(PackTest, output_that_cannot_be_written) {
  write_corpus(5, "corpus.jsonl");
  write("blocked", "a file where a directory should be");
  const ProgramRun run = temper({"pack", "corpus.jsonl", "-o", "blocked/out.h5", "--tokenizer",
                                 "tokenizer.json", "--sequence-len", "64"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("blocked/out.h5", "directory blocked"));
}

TEST_F(PackTest, folder_of_the_output_is_made) {
  write_corpus(5, "corpus.jsonl");
  temper_output({"pack", "corpus.jsonl", "-o", "new/data/out.h5", "--tokenizer", "tokenizer.json",
                 "--sequence-len", "64"});
  EXPECT_EQ(temper_json({"inspect", "new/data/out.h5", "--json"})["kind"], "dataset");
}

}  // namespace
}  // namespace temper
