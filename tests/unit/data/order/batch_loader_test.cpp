#include "data/order/batch_loader.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <vector>

#include "common/error.h"
#include "data/order/row_mixture.h"
#include "tests/fixtures/wait_until.h"

namespace temper {
namespace {

// A row that says where it came from.
PackedRow row_of(int64_t source, int64_t row) {
  PackedRow packed;
  packed.tokens = {static_cast<int32_t>(source), static_cast<int32_t>(row)};
  packed.supervised = {0, 1};
  packed.document_begin = {0, 2};
  packed.num_targets = 1;
  return packed;
}

struct Training {
  RowMixture mixture{{{157, 1.0}, {64, 0.5}, {3, 1.0}}, 9, true};
  int64_t micro_batch_size = 3, micro_batches_per_step = 5;

  int64_t rows_per_step() const { return micro_batch_size * micro_batches_per_step; }
  BatchLoader::ReadRow reader() const {
    return [this](int64_t position) {
      const RowMixture::Pick pick = mixture.at(position);
      return row_of(pick.source, pick.row);
    };
  }
  // Tokens of each step's micro-batches, in their order, as `num_ranks` ranks read them.
  void steps(int64_t begin, int64_t end, int64_t num_ranks,
             std::map<int64_t, std::vector<std::vector<int64_t>>>& seen) const {
    for (int64_t rank = 0; rank < num_ranks; ++rank) {
      BatchLoader loader(reader(), {micro_batch_size, micro_batches_per_step, num_ranks});
      for (int64_t step = begin; step < end; ++step) {
        for (int64_t m = rank; m < micro_batches_per_step; m += num_ranks) {
          seen[step].resize(static_cast<size_t>(micro_batches_per_step));
          auto& place = seen[step][static_cast<size_t>(m)];
          EXPECT_TRUE(place.empty()) << "read twice";
          place = loader.take(step * rows_per_step() + m * micro_batch_size).tokens;
        }
      }
    }
  }
};

TEST(BatchLoader, same_rows_in_the_same_step_on_any_number_of_ranks) {
  const Training run;
  std::map<int64_t, std::vector<std::vector<int64_t>>> expected;
  run.steps(0, 30, 1, expected);
  for (const int64_t num_ranks : {2, 3, 4, 5}) {
    std::map<int64_t, std::vector<std::vector<int64_t>>> seen;
    run.steps(0, 30, num_ranks, seen);
    EXPECT_EQ(seen, expected) << num_ranks;
  }
}

// Killed at any step, continued on another number of ranks: over an epoch each row of each source
// comes as often as its weight says.
TEST(BatchLoader, no_row_is_lost_or_repeated_across_kills_and_rank_counts) {
  const Training run;
  std::mt19937 random(4);
  for (int round = 0; round < 20; ++round) {
    std::map<int64_t, std::vector<std::vector<int64_t>>> seen;
    const int64_t num_steps = 3 * run.mixture.rows_per_epoch() / run.rows_per_step() + 2;
    for (int64_t step = 0; step < num_steps;) {
      const int64_t until = std::min<int64_t>(num_steps, step + 1 + random() % 12);
      run.steps(step, until, 1 + random() % 4, seen);
      step = until;
    }
    std::map<std::pair<int64_t, int64_t>, int> counts;
    int64_t position = 0;
    for (const auto& [step, micro_batches] : seen) {
      for (const auto& tokens : micro_batches) {
        for (size_t i = 0; i < tokens.size(); i += 2, ++position) {
          if (position < 2 * run.mixture.rows_per_epoch()) ++counts[{tokens[i], tokens[i + 1]}];
        }
      }
    }
    ASSERT_EQ(counts.size(), 157u + 64u + 3u);
    for (const auto& [row, count] : counts) EXPECT_EQ(count, row.first == 1 ? 1 : 2);
  }
}

TEST(BatchLoader, reads_ahead_but_not_without_end) {
  std::atomic<int> num_read = 0;
  BatchLoader loader(
      [&](int64_t position) {
        ++num_read;
        return row_of(0, position);
      },
      {2, 4, 1}, 3);
  EXPECT_EQ(num_read, 0);
  EXPECT_EQ(loader.take(0).tokens[1], 0);
  EXPECT_TRUE(wait_until([&] { return num_read >= 8; }));
  EXPECT_EQ(num_read, 8);  // three micro-batches behind the one that was taken
  EXPECT_EQ(loader.take(2).tokens[1], 2);
}

TEST(BatchLoader, begins_anew_anywhere) {
  const Training run;
  BatchLoader loader(run.reader(), {3, 5, 1});
  const std::vector<int64_t> first = loader.take(30).tokens;
  loader.take(33);
  EXPECT_EQ(loader.take(30).tokens, first);
  EXPECT_NE(loader.take(300).tokens, first);
}

TEST(BatchLoader, hands_on_errors_in_their_place) {
  std::atomic<bool> broken = true;
  BatchLoader loader(
      [&](int64_t position) {
        if (position == 4 && broken) throw UserError("row 4 is damaged");
        return row_of(0, position);
      },
      {2, 1, 1});
  EXPECT_EQ(loader.take(0).tokens[1], 0);
  EXPECT_EQ(loader.take(2).tokens[1], 2);
  EXPECT_THROW(loader.take(4), UserError);
  EXPECT_THROW(loader.take(4), UserError);
  broken = false;
  EXPECT_EQ(loader.take(4).tokens[1], 4);
  EXPECT_EQ(loader.take(6).tokens[1], 6);
}

}  // namespace
}  // namespace temper
