#include "arch/layout/bucket_layout.h"

#include <gtest/gtest.h>

#include "common/error.h"
#include "common/philox.h"

namespace temper {
namespace {

std::vector<BucketParameter> random_parameters(const Philox& random, uint64_t* draw) {
  std::vector<BucketParameter> parameters;
  const uint64_t count = 1 + random.below((*draw)++, 9);
  for (uint64_t i = 0; i < count; ++i) {
    BucketParameter parameter;
    parameter.name = std::to_string(i);
    for (uint64_t dims = random.below((*draw)++, 4); dims > 0; --dims) {
      parameter.shape.push_back(1 + static_cast<int64_t>(random.below((*draw)++, 40)));
    }
    parameters.push_back(parameter);
  }
  return parameters;
}

// Every element of every parameter lies in exactly one rank's pieces, at the place that its offset
// in the bucket says.
void expect_covered_once(const BucketLayout& layout) {
  std::vector<std::vector<int>> owners;
  for (const BucketParameter& parameter : layout.parameters()) {
    owners.emplace_back(parameter.num_elements, 0);
  }
  for (int rank = 0; rank < layout.world_size(); ++rank) {
    for (const ShardPiece& piece : layout.pieces(rank)) {
      const BucketParameter& parameter = layout.parameters()[piece.parameter];
      ASSERT_GT(piece.count, 0);
      ASSERT_GE(piece.shard_offset, 0);
      ASSERT_LE(piece.shard_offset + piece.count, layout.shard_elements());
      ASSERT_EQ(rank * layout.shard_elements() + piece.shard_offset,
                parameter.offset + piece.parameter_begin);
      for (int64_t i = 0; i < piece.count; ++i) {
        ++owners[piece.parameter].at(piece.parameter_begin + i);
      }
    }
  }
  for (const std::vector<int>& counts : owners) {
    for (const int count : counts) ASSERT_EQ(count, 1);
  }
}

TEST(BucketLayout, CoversEveryParameterOnceWhateverTheShapesAndRanks) {
  const Philox random(11, 0);
  uint64_t draw = 0;
  for (int trial = 0; trial < 200; ++trial) {
    const int world_size = 1 + static_cast<int>(random.below(draw++, 9));
    const std::vector<BucketParameter> parameters = random_parameters(random, &draw);
    const BucketLayout layout(parameters, world_size);
    ASSERT_EQ(layout.num_elements(), layout.shard_elements() * world_size);
    ASSERT_EQ(layout.shard_elements() % kShardAlignment, 0);
    expect_covered_once(layout);
  }
}

TEST(BucketLayout, PlacesParametersTheSameOnAnyNumberOfRanks) {
  const Philox random(12, 0);
  uint64_t draw = 0;
  for (int trial = 0; trial < 50; ++trial) {
    const std::vector<BucketParameter> parameters = random_parameters(random, &draw);
    const BucketLayout alone(parameters, 1);
    for (int world_size = 2; world_size < 8; ++world_size) {
      const BucketLayout layout(parameters, world_size);
      // Padded by less than one alignment per rank.
      EXPECT_LE(layout.num_elements(), alone.num_elements() + world_size * kShardAlignment);
      for (size_t i = 0; i < parameters.size(); ++i) {
        EXPECT_EQ(layout.parameters()[i].offset, alone.parameters()[i].offset);
        EXPECT_EQ(layout.parameters()[i].offset % kShardAlignment, 0);
      }
    }
  }
}

TEST(BucketLayout, CutsAnyRunOfElements) {
  const BucketLayout layout({{"a", {300}, 0, 0}, {"b", {2, 5}, 0, 0}}, 3);
  // a fills [0, 300), b [512, 522).
  const std::vector<ShardPiece> pieces = layout.pieces_between(250, 515);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[0].parameter_begin, 250);
  EXPECT_EQ(pieces[0].count, 50);
  EXPECT_EQ(pieces[0].shard_offset, 0);
  EXPECT_EQ(pieces[1].parameter, 1);
  EXPECT_EQ(pieces[1].count, 3);
  EXPECT_EQ(pieces[1].shard_offset, 512 - 250);
}

TEST(BucketLayout, HoldsNothingWithoutParameters) {
  const BucketLayout layout({}, 4);
  EXPECT_EQ(layout.num_elements(), 0);
  EXPECT_TRUE(layout.pieces(3).empty());
}

TEST(BucketLayout, RefusesShapesThatOverflow) {
  const int64_t large = int64_t{1} << 40;
  EXPECT_THROW(BucketLayout({{"w", {large, large}, 0, 0}}, 1), InternalError);
  EXPECT_THROW(BucketLayout({{"w", {-1}, 0, 0}}, 1), InternalError);
}

}  // namespace
}  // namespace temper
