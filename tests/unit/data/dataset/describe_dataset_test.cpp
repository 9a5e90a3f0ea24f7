#include "data/dataset/describe_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/error.h"
#include "data/packing/pack_corpus.h"
#include "tests/fixtures/names.h"
#include "tests/unit/data/small_corpus.h"

namespace temper {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class DescribeDataset : public testing::Test {
 protected:
  DescribeDataset() {
    PackOptions options;
    options.corpus.inputs = {
        directory_.write("corpus.jsonl",
                         "{\"prompt\":\"Wo?\",\"completion\":\"Da, \xC3\xBC"
                         "ber!\"}\n{\"prompt\":\"A\",\"completion\":\"B\"}\n")};
    options.output = directory_ / "d.h5";
    options.tokenizer = directory_.write("tokenizer.json", byte_tokenizer_json());
    options.sequence_len = 32;
    pack_corpus(options);
  }

  TemporaryDirectory directory_;
  Tokenizer tokenizer_ = byte_tokenizer();
};

TEST_F(DescribeDataset, marks_what_is_supervised) {
  const PackedDataset dataset(directory_ / "d.h5");
  const std::string text = describe_dataset(dataset, &tokenizer_, {1, false, true});
  EXPECT_THAT(text, HasSubstr("corpus.jsonl:1, 15 tokens\nWo?\n⟦Da, über!</s>⟧\n"));
  EXPECT_THAT(text, HasSubstr("corpus.jsonl:2, 4 tokens\nA\n⟦B</s>⟧\n--- padding, 13 tokens"));
  EXPECT_THAT(text, HasSubstr("every row is what was written"));
  EXPECT_THAT(text, HasSubstr("2 "));
  EXPECT_THAT(describe_dataset(dataset, &tokenizer_, {1, true, false}),
              HasSubstr("A\n\x1b[32mB</s>\x1b[0m\n"));
  EXPECT_THAT(describe_dataset(dataset, nullptr, {1, false, false}), HasSubstr("65 10 ⟦66 257 ⟧"));
}

// Only our own colours are left for a terminal to obey.
TEST_F(DescribeDataset, control_characters_of_records_and_names_are_shown) {
  PackOptions options;
  options.corpus.inputs = {directory_.write(
      "c\x1b]0;x\x07.jsonl", "{\"prompt\":\"\\u001b[32mA\",\"completion\":\"\\u001b[8mB\"}\n")};
  options.output = directory_ / "hostile.h5";
  options.tokenizer = directory_ / "tokenizer.json";
  options.sequence_len = 32;
  pack_corpus(options);
  const PackedDataset dataset(options.output);
  EXPECT_THAT(describe_dataset(dataset, &tokenizer_, {1, false, false}),
              AllOf(HasSubstr("\\u001b[32mA\n⟦\\u001b[8mB</s>⟧\n"), Not(HasSubstr("\x1b"))));
  const std::string coloured = describe_dataset(dataset, &tokenizer_, {1, true, false});
  EXPECT_THAT(coloured, HasSubstr("\x1b[32m\\u001b[8mB</s>\x1b[0m\n"));
  EXPECT_EQ(std::count(coloured.begin(), coloured.end(), '\x1b'), 2);
}

TEST_F(DescribeDataset, shows_no_record_unless_asked) {
  const PackedDataset dataset(directory_ / "d.h5");
  EXPECT_THAT(describe_dataset(dataset, &tokenizer_, {}), Not(HasSubstr("über")));
  EXPECT_FALSE(describe_dataset_json(dataset, &tokenizer_, {}).contains("samples"));
}

TEST_F(DescribeDataset, speaks_json) {
  const PackedDataset dataset(directory_ / "d.h5");
  const OrderedJson json = describe_dataset_json(dataset, &tokenizer_, {5, false, true});
  EXPECT_EQ(json["kind"], "dataset");
  EXPECT_EQ(json["rows"], 1);
  EXPECT_EQ(json["statistics"]["records"]["in"], 2);
  EXPECT_EQ(json["document_lengths"][0]["documents"], 2);
  EXPECT_EQ(json["samples"].size(), 1u);
  const OrderedJson& document = json["samples"][0]["documents"][1];
  EXPECT_EQ(document["record"], 2);
  EXPECT_EQ(document["text"], "A\nB</s>");
  EXPECT_EQ(document["supervised"].dump(), "[[2,4]]");
}

TEST_F(DescribeDataset, refuses_another_tokenizer) {
  const PackedDataset dataset(directory_ / "d.h5");
  const Tokenizer other = byte_tokenizer({{'a', 'b'}});
  EXPECT_THAT(USER_ERROR_OF(describe_dataset(dataset, &other, {})),
              names((directory_ / "d.h5").string(), tokenizer_.hash().hex(), other.hash().hex()));
}

}  // namespace
}  // namespace temper
