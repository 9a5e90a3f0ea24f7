// MedQuAD (15,486 medical questions and answers) with the vocabulary of Llama 2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "data/pack_corpus.h"
#include "data/packed_dataset.h"
#include "tests/unit/data/small_corpus.h"

namespace temper {
namespace {

class PackAcceptance : public testing::Test {
 protected:
  PackAcceptance() {
    const std::filesystem::path root = TEMPER_ACCEPTANCE_DIR;
    options_.corpus.inputs = {root / "data" / "medquad.jsonl.gz"};
    options_.tokenizer = root / "tokenizers" / "llama2-tokenizer.json";
    options_.output = directory_ / "medquad.h5";
  }

  TemporaryDirectory directory_;
  PackOptions options_;
};

TEST_F(PackAcceptance, truncates_at_512) {
  options_.sequence_len = 512;
  EXPECT_THAT(USER_ERROR_OF(pack_corpus(options_)), testing::HasSubstr("medquad.jsonl.gz:1:"));
  options_.overlong = OverlongPolicy::kTruncate;
  const PackReport report = pack_corpus(options_);
  EXPECT_EQ(report.records_in, 15486);
  EXPECT_EQ(report.records_packed, 15486);
  EXPECT_EQ(report.records_truncated, 2528);
  EXPECT_EQ(report.tokens_straddling, 0);
  EXPECT_GT(report.useful_token_ratio(), 0.99);
  EXPECT_NO_THROW(PackedDataset(options_.output).verify());
}

TEST_F(PackAcceptance, finds_what_is_there_twice) {
  options_.sequence_len = 1024;
  options_.overlong = OverlongPolicy::kTruncate;
  const PackReport report = pack_corpus(options_);
  ASSERT_TRUE(report.hygiene);
  const HygieneReport& hygiene = *report.hygiene;
  EXPECT_EQ(hygiene.records, 15486);
  EXPECT_EQ(hygiene.duplicates.groups, 28);
  EXPECT_EQ(hygiene.duplicates.records, 44);
  EXPECT_EQ(hygiene.repeated_answers.groups, 77);
  EXPECT_EQ(hygiene.repeated_answers.records, 559);
  EXPECT_EQ(hygiene.conflicts.groups, 788);
  EXPECT_GT(hygiene.near_duplicates.records, 0);
  EXPECT_GE(report.useful_token_ratio(), 0.97);
  EXPECT_EQ(report.records_in, report.records_packed);
}

TEST_F(PackAcceptance, drops_copies_and_splits_by_topic) {
  options_.sequence_len = 1024;
  options_.overlong = OverlongPolicy::kTruncate;
  options_.hygiene.duplicates = HygieneAction::kDrop;
  options_.hygiene.val_share = 0.1;
  options_.corpus.columns.group_by = "topic";
  const PackReport report = pack_corpus(options_);
  ASSERT_TRUE(report.validation);
  const PackReport& validation = *report.validation;
  EXPECT_EQ(report.records_dropped.at("exact duplicate"), 44);
  EXPECT_EQ(report.records_packed + validation.records_packed, 15486 - 44);
  EXPECT_NEAR(static_cast<double>(validation.records_packed), 0.1 * (15486 - 44), 20);
  EXPECT_EQ(PackedDataset(directory_ / "medquad-val.h5").info().num_rows, validation.num_rows);
}

TEST_F(PackAcceptance, drops_at_2048) {
  options_.sequence_len = 2048;
  options_.overlong = OverlongPolicy::kDrop;
  const PackReport report = pack_corpus(options_);
  EXPECT_EQ(report.records_packed, 15486 - 151);
  EXPECT_EQ(report.records_dropped.at("too long"), 151);
  EXPECT_GT(report.useful_token_ratio(), 0.99);
}

}  // namespace
}  // namespace temper
