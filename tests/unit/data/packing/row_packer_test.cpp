#include "data/packing/row_packer.h"

#include <gtest/gtest.h>

#include <random>

#include "common/error.h"

namespace temper {
namespace {

PackedDocument document_of(size_t length, int64_t record) {
  PackedDocument document;
  document.tokens.assign(length, static_cast<int32_t>(record));
  document.supervised.assign(length, 1);
  document.supervised[0] = 0;
  document.record = record;
  return document;
}

using Rows = std::vector<std::vector<std::pair<int64_t, size_t>>>;  // (record, length)

Rows pack(const std::vector<size_t>& lengths, int64_t sequence_len, RowPacker::Window window) {
  Rows rows;
  RowPacker packer(sequence_len, window, [&](const std::vector<const PackedDocument*>& documents) {
    auto& row = rows.emplace_back();
    for (const PackedDocument* document : documents) {
      row.emplace_back(document->record, document->tokens.size());
    }
  });
  for (size_t i = 0; i < lengths.size(); ++i)
    packer.add(document_of(lengths[i], static_cast<int64_t>(i)));
  packer.finish();
  return rows;
}

TEST(RowPacker, fits_best_and_keeps_the_order) {
  // 7 and 3, 6 and 4 fill rows of 10; 5 takes 2 and the last 2.
  const Rows rows = pack({5, 4, 3, 6, 7, 2, 2}, 10, {});
  EXPECT_EQ(rows, (Rows{{{0, 5}, {5, 2}, {6, 2}}, {{1, 4}, {3, 6}}, {{2, 3}, {4, 7}}}));
}

TEST(RowPacker, loses_and_splits_nothing) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    const size_t sequence_len = 2 + random() % 60;
    const size_t num_documents = random() % 200;
    std::vector<size_t> lengths;
    for (size_t i = 0; i < num_documents; ++i) {
      lengths.push_back(random() % 8 == 0 ? sequence_len : 1 + random() % sequence_len);
    }
    const RowPacker::Window window = {1 + random() % 50, static_cast<int64_t>(1 + random() % 1000)};
    const Rows rows = pack(lengths, static_cast<int64_t>(sequence_len), window);
    std::vector<int> seen(num_documents, 0);
    for (const auto& row : rows) {
      size_t filled = 0;
      for (const auto& [record, length] : row) {
        EXPECT_EQ(length, lengths[static_cast<size_t>(record)]);
        ++seen[static_cast<size_t>(record)];
        filled += length;
      }
      ASSERT_GT(filled, 0u);
      ASSERT_LE(filled, sequence_len);
    }
    for (const int count : seen) ASSERT_EQ(count, 1);
    EXPECT_EQ(rows, pack(lengths, static_cast<int64_t>(sequence_len), window));
  }
}

// Best fit decreasing needs at most 11/9 of the optimum plus 6/9 of a row in each window.
TEST(RowPacker, wastes_little) {
  std::mt19937 random(6);
  std::vector<size_t> lengths;
  size_t total = 0;
  for (int i = 0; i < 5000; ++i) {
    lengths.push_back(1 + random() % 300);
    total += lengths.back();
  }
  const Rows rows = pack(lengths, 1024, {});
  EXPECT_GT(static_cast<double>(total) / static_cast<double>(rows.size() * 1024), 0.995);
}

TEST(RowPacker, refuses_what_cannot_fit) {
  EXPECT_THROW(pack({11}, 10, {}), InternalError);
  RowPacker packer(10, [](const auto&) {});
  EXPECT_THROW(packer.add({}), InternalError);
}

}  // namespace
}  // namespace temper
