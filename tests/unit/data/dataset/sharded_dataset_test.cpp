// `temper pack` with gates, splits and shards, and the dataset that several files make.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "common/error.h"
#include "data/dataset/packed_dataset.h"
#include "data/dataset/trace_record.h"
#include "data/hygiene/check_corpus.h"
#include "data/packing/pack_corpus.h"
#include "tests/fixtures/names.h"
#include "tests/unit/data/small_corpus.h"

namespace temper {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ShardedDataset : public testing::Test {
 protected:
  ShardedDataset() {
    options_.output = directory_ / "train.h5";
    options_.tokenizer = directory_.write("tokenizer.json", byte_tokenizer_json());
    options_.sequence_len = 64;
    options_.corpus.num_workers = 2;
    std::mt19937 random(31);
    for (int i = 0; i < 300; ++i) {
      std::string answer;
      for (size_t c = 3 + random() % 30; c > 0; --c)
        answer += static_cast<char>('a' + random() % 26);
      // Every tenth record comes again later.
      const std::string prompt = i % 10 == 9 ? prompt_of_0_ : fmt::format("p{}", i);
      corpus_ +=
          Json{{"prompt", prompt}, {"completion", i % 10 == 9 ? "same" : answer}}.dump() + "\n";
    }
    options_.corpus.inputs = {directory_.write("corpus.jsonl", corpus_)};
  }

  // Record numbers of a dataset's documents.
  static std::multiset<int64_t> records_of(const PackedDataset& dataset) {
    std::multiset<int64_t> records;
    for (int64_t row = 0; row < dataset.info().num_rows; ++row) {
      dataset.row(row);
      for (const DocumentOrigin& origin : dataset.origins(row)) records.insert(origin.record);
    }
    return records;
  }

  TemporaryDirectory directory_;
  PackOptions options_;
  std::string corpus_, prompt_of_0_ = "p0";
};

TEST_F(ShardedDataset, shards_hold_the_corpus_and_train_as_one) {
  std::vector<int64_t> rows;
  for (int64_t shard = 0; shard < 3; ++shard) {
    options_.shard_index = shard;
    options_.num_shards = 3;
    if (shard > 0) {
      EXPECT_THAT(USER_ERROR_OF(PackedDataset(options_.output)),
                  names(fmt::format("train-0000{}-of-00003.h5", shard),
                        fmt::format("--shard {}/3", shard)));
    }
    rows.push_back(pack_corpus(options_).num_rows);
  }
  const PackedDataset dataset(options_.output);
  EXPECT_EQ(dataset.info().num_rows, rows[0] + rows[1] + rows[2]);
  std::multiset<int64_t> expected;
  for (int64_t record = 1; record <= 300; ++record) expected.insert(record);
  EXPECT_EQ(records_of(dataset), expected);
  EXPECT_NO_THROW(dataset.verify());
  const Json statistics = parse_json(dataset.texts().statistics, "statistics");
  EXPECT_EQ(statistics["records"]["in"], 300);
  EXPECT_EQ(statistics["rows"], dataset.info().num_rows);
  EXPECT_EQ(parse_json(dataset.texts().sources, "sources")[0]["records"], 300);
  // A row of the second file is found by its document.
  const int64_t row = rows[0] + 1;
  const RecordTrace trace =
      trace_record(dataset, RecordName{"corpus.jsonl", dataset.origins(row)[0].record});
  EXPECT_EQ(trace.rows, std::vector<int64_t>{row});

  // What one rank shares opens the same dataset on the others.
  const PackedDataset shared(options_.output, dataset.share());
  EXPECT_EQ(shared.info(), dataset.info());
  EXPECT_EQ(shared.texts().statistics, dataset.texts().statistics);
  EXPECT_EQ(records_of(shared), expected);
}

TEST_F(ShardedDataset, shards_of_other_packings_are_refused) {
  options_.num_shards = 2;
  options_.overlong = OverlongPolicy::kTruncate;
  pack_corpus(options_);
  options_.shard_index = 1;
  options_.chat_template = "chatml";
  pack_corpus(options_);
  EXPECT_THAT(USER_ERROR_OF(PackedDataset(options_.output)),
              names("train-00001-of-00002.h5", "train-00000-of-00002.h5"));
  // Another setting that leaves the template as it was.
  options_.chat_template = "plain";
  options_.template_variables = {{"mood", "calm"}};
  pack_corpus(options_);
  EXPECT_THAT(USER_ERROR_OF(PackedDataset(options_.output)),
              names("train-00001-of-00002.h5", "train-00000-of-00002.h5"));
  options_.num_shards = 4;
  pack_corpus(options_);
  EXPECT_THAT(USER_ERROR_OF(PackedDataset(options_.output)),
              names("train.h5", "-of-00002", "-of-00004"));
}

TEST_F(ShardedDataset, another_file_is_not_what_was_shared) {
  pack_corpus(options_);
  const std::string shared = PackedDataset(options_.output).share();
  options_.sequence_len = 80;
  pack_corpus(options_);
  EXPECT_THAT(USER_ERROR_OF(PackedDataset(options_.output, shared)), names("train.h5", "rank 0"));
}

TEST_F(ShardedDataset, obeys_decisions_in_every_shard) {
  HygieneOptions hygiene;
  hygiene.duplicates = HygieneAction::kDrop;
  hygiene.val_share = 0.2;
  const CorpusCheck check = check_corpus(options_.corpus, hygiene, directory_ / "scratch");
  options_.decisions = directory_ / "decisions.jsonl";
  check.decisions.write(options_.decisions);
  options_.num_shards = 3;
  std::multiset<int64_t> packed;
  int64_t num_dropped = 0;
  for (options_.shard_index = 0; options_.shard_index < 3; ++options_.shard_index) {
    const PackReport report = pack_corpus(options_);
    num_dropped += report.records_dropped.at("exact duplicate");
    ASSERT_TRUE(report.validation);
  }
  EXPECT_EQ(num_dropped, 29);
  const PackedDataset train(options_.output), validation(directory_ / "train-val.h5");
  packed = records_of(train);
  for (const int64_t record : records_of(validation)) {
    EXPECT_EQ(packed.count(record), 0u);
    EXPECT_TRUE(check.decisions.at(record - 1).validation);
    packed.insert(record);
  }
  EXPECT_EQ(packed.size(), 300u - 29u);
  EXPECT_EQ(train.info().num_dropped + validation.info().num_dropped, 29);
  const RecordTrace trace = trace_record(train, RecordName::from_text("corpus.jsonl:20"));
  EXPECT_EQ(trace.drop_reasons, std::vector<std::string>{"exact duplicate"});
  EXPECT_TRUE(trace.rows.empty());

  options_.shard_index = 0;
  options_.corpus.inputs = {directory_.write("corpus.jsonl", corpus_ + corpus_)};
  EXPECT_THAT(USER_ERROR_OF(pack_corpus(options_)),
              names("decisions.jsonl: ", "another corpus", "`temper check`"));
  corpus_[corpus_.find("p1")] = 'q';
  options_.corpus.inputs = {directory_.write("corpus.jsonl", corpus_)};
  EXPECT_THAT(USER_ERROR_OF(pack_corpus(options_)),
              names("decisions.jsonl: ", "another corpus", "`temper check`"));
}

TEST_F(ShardedDataset, drops_and_splits_in_one_command) {
  options_.hygiene.duplicates = HygieneAction::kDrop;
  options_.hygiene.val_share = 0.1;
  options_.validation_output = directory_ / "held_out.h5";
  const PackReport report = pack_corpus(options_);
  ASSERT_TRUE(report.validation);
  EXPECT_EQ(report.records_in + report.validation->records_in, 300);
  EXPECT_EQ(report.records_dropped.at("exact duplicate"), 29);
  EXPECT_EQ(report.hygiene->duplicates.records, 29);
  EXPECT_EQ(PackedDataset(directory_ / "held_out.h5").info().num_documents,
            report.validation->records_packed);
  EXPECT_EQ(directory_.num_entries(), 4u);  // corpus, tokenizer, two datasets
}

TEST_F(ShardedDataset, a_closed_gate_leaves_nothing) {
  options_.hygiene.duplicates = HygieneAction::kError;
  EXPECT_THAT(USER_ERROR_OF(pack_corpus(options_)),
              names("exact duplicates: 29 records", "corpus.jsonl:20", "--duplicates drop"));
  EXPECT_EQ(directory_.num_entries(), 2u);
}

TEST_F(ShardedDataset, skips_bad_records_when_told) {
  options_.corpus.inputs = {
      directory_.write("corpus.jsonl", corpus_ + "secret\n" + "{\"prompt\":\"secret\"}\n")};
  options_.corpus.skip_bad_records = true;
  const PackReport report = pack_corpus(options_);
  EXPECT_EQ(report.records_in, 302);
  EXPECT_EQ(report.records_dropped.at("unreadable"), 2);
  EXPECT_EQ(report.skipped.num_records, 2);
  EXPECT_THAT(report.to_text(), AllOf(HasSubstr("corpus.jsonl:301"), HasSubstr("completion"),
                                      Not(HasSubstr("secret"))));
  // A record that is too long is no bad one.
  options_.sequence_len = 16;
  EXPECT_THAT(USER_ERROR_OF(pack_corpus(options_)),
              names("corpus.jsonl:", "(--sequence-len) is 16", "--overlong truncate"));
}

TEST_F(ShardedDataset, masks_personal_data) {
  options_.corpus.inputs = {directory_.write(
      "corpus.jsonl", Json{{"prompt", "Who?"}, {"completion", "Mail a@b.org now"}}.dump() + "\n")};
  options_.hygiene.personal_data = HygieneAction::kMask;
  const PackReport report = pack_corpus(options_);
  EXPECT_EQ(report.personal_data_masked, 1);
  const PackedRow row = PackedDataset(options_.output).row(0);
  EXPECT_EQ(byte_tokenizer().decode(std::vector<int32_t>(
                row.tokens.begin(), row.tokens.begin() + row.document_begin[1])),
            "Who?\nMail [EMAIL] now</s>");
}

TEST_F(ShardedDataset, refuses_what_does_not_go_together) {
  options_.num_shards = 2;
  options_.shard_index = 2;
  EXPECT_THAT(USER_ERROR_OF(pack_corpus(options_)), names("--shard 2/2"));
  options_.shard_index = 0;
  options_.hygiene.duplicates = HygieneAction::kDrop;
  EXPECT_THAT(USER_ERROR_OF(pack_corpus(options_)),
              names("--shard", "`temper check INPUT... --decisions FILE`"));
  options_.decisions = directory_ / "none";
  EXPECT_THAT(USER_ERROR_OF(pack_corpus(options_)),
              names((directory_ / "none").string(), "decisions file"));
  options_.hygiene = HygieneOptions();
  EXPECT_THAT(USER_ERROR_OF(pack_corpus(options_)),
              names((directory_ / "none").string(), "No such file"));
  options_.decisions.clear();
  options_.num_shards = 1;
  options_.hygiene.val_share = 0.5;
  options_.corpus.inputs = {"-"};
  EXPECT_THAT(USER_ERROR_OF(pack_corpus(options_)), names("standard input"));
  EXPECT_THAT(USER_ERROR_OF(RecordName::from_text("train.jsonl")),
              names("train.jsonl: ", "FILE:NUMBER"));
  EXPECT_THAT(USER_ERROR_OF(RecordName::from_text("train.jsonl:0")),
              names("train.jsonl:0: ", "FILE:NUMBER"));
}

}  // namespace
}  // namespace temper
