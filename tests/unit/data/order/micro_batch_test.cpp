#include "data/order/micro_batch.h"

#include <gtest/gtest.h>

#include <random>

#include "common/error.h"

namespace temper {
namespace {

PackedRow random_row(std::mt19937& random, int sequence_len) {
  PackedRow row;
  row.document_begin = {0};
  for (int t = 0; t < sequence_len; ++t) {
    row.tokens.push_back(static_cast<int32_t>(random() % 1000));
    row.supervised.push_back(random() % 2);
    if (t > 0 && random() % 5 == 0) row.document_begin.push_back(t);
  }
  row.document_begin.push_back(sequence_len);
  for (size_t d = 0; d + 1 < row.document_begin.size(); ++d) {
    for (int t = row.document_begin[d] + 1; t < row.document_begin[d + 1]; ++t) {
      row.num_targets += row.supervised[static_cast<size_t>(t)];
    }
  }
  return row;
}

TEST(MicroBatch, shifts_labels_once) {
  PackedRow row;
  row.tokens = {10, 11, 12, 20, 21, 0};
  row.supervised = {0, 1, 1, 1, 1, 0};  // the flag of 20, first of its document, means nothing
  row.document_begin = {0, 3, 5, 6};
  row.num_targets = 3;
  const MicroBatch batch = make_micro_batch(std::vector<PackedRow>{row});
  EXPECT_EQ(batch.tokens, (std::vector<int64_t>{10, 11, 12, 20, 21, 0}));
  EXPECT_EQ(batch.targets, (std::vector<int64_t>{11, 12, -100, 21, -100, -100}));
  EXPECT_EQ(batch.positions, (std::vector<int64_t>{0, 1, 2, 0, 1, 0}));
  EXPECT_EQ(batch.cu_seqlens, (std::vector<int32_t>{0, 3, 5, 6}));
  EXPECT_EQ(batch.num_targets, 3);
}

TEST(MicroBatch, rows_do_not_touch) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<PackedRow> rows;
    const int num_rows = 1 + static_cast<int>(random() % 4);
    const int sequence_len = 1 + static_cast<int>(random() % 40);
    int64_t announced = 0;
    for (int r = 0; r < num_rows; ++r) {
      rows.push_back(random_row(random, sequence_len));
      announced += rows.back().num_targets;
    }
    const MicroBatch batch = make_micro_batch(rows);
    EXPECT_EQ(batch.num_targets, announced);
    size_t t = 0;
    for (const PackedRow& row : rows) {
      const MicroBatch alone = make_micro_batch(std::vector<PackedRow>{row});
      for (size_t i = 0; i < row.tokens.size(); ++i, ++t) {
        EXPECT_EQ(batch.targets[t], alone.targets[i]);
        EXPECT_EQ(batch.positions[t], alone.positions[i]);
      }
    }
    ASSERT_EQ(t, batch.tokens.size());
    EXPECT_EQ(batch.cu_seqlens.back(), static_cast<int32_t>(t));
  }
}

TEST(MicroBatch, both_inputs_give_the_same) {
  std::mt19937 random(4);
  for (int round = 0; round < 100; ++round) {
    const PackedRow row = random_row(random, 33);
    const MicroBatch from_row = make_micro_batch(std::vector<PackedRow>{row});
    std::vector<int64_t> labels;
    for (size_t t = 0; t < row.tokens.size(); ++t) {
      labels.push_back(row.supervised[t] ? row.tokens[t] : -100);
    }
    const MicroBatch from_labels = make_micro_batch(from_row.tokens, labels, row.document_begin);
    EXPECT_EQ(from_labels.targets, from_row.targets);
    EXPECT_EQ(from_labels.positions, from_row.positions);
    EXPECT_EQ(from_labels.cu_seqlens, from_row.cu_seqlens);
    EXPECT_EQ(from_labels.num_targets, from_row.num_targets);
  }
}

TEST(MicroBatch, refuses_wrong_boundaries) {
  const std::vector<int64_t> tokens = {1, 2, 3};
  for (const std::vector<int32_t>& wrong :
       {std::vector<int32_t>{}, {0}, {0, 2}, {0, 4}, {1, 3}, {0, 2, 2, 3}, {0, 2, 1, 3}}) {
    EXPECT_THROW(make_micro_batch(tokens, tokens, wrong), UserError);
  }
}

TEST(MicroBatch, a_row_that_announces_other_targets_is_an_error) {
  std::mt19937 random(5);
  PackedRow row = random_row(random, 16);
  row.num_targets += 1;
  EXPECT_THROW(make_micro_batch(std::vector<PackedRow>{row}), InternalError);
}

}  // namespace
}  // namespace temper
