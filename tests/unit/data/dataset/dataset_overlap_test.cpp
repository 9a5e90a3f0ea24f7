#include "data/dataset/dataset_overlap.h"

#include <gtest/gtest.h>

#include "data/dataset/dataset_writer.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

PackedDataset write_dataset(const std::filesystem::path& path,
                            const std::vector<std::vector<int32_t>>& documents) {
  DatasetWriter::Header header;
  header.sequence_len = 8;
  header.vocab_size = 100;
  DatasetWriter writer(path, header);
  for (const std::vector<int32_t>& tokens : documents) {
    std::vector<uint8_t> supervised(tokens.size(), 1);
    supervised[0] = 0;
    const PackedDocument document{tokens, supervised, 0, 1, 0};
    writer.add_row({&document});
  }
  writer.finish("[]", "{}", "{}");
  return PackedDataset(path);
}

TEST(DatasetOverlap, counts_documents_with_the_same_tokens) {
  const TemporaryDirectory directory;
  std::vector<PackedDataset> training;
  training.push_back(write_dataset(directory / "a.h5", {{1, 2, 3}, {4, 5}}));
  training.push_back(write_dataset(directory / "b.h5", {{6, 7, 8, 9}}));
  // The padding's id is 0: a document that ends in it is another one. So is one with another end.
  const PackedDataset test =
      write_dataset(directory / "t.h5", {{6, 7, 8, 9}, {1, 2}, {1, 2, 3}, {4, 5, 0}, {1, 2, 4}});
  const PackedDataset general = write_dataset(directory / "g.h5", {{9, 9}});
  const auto overlaps = find_overlaps(training, {&test, &general});
  ASSERT_EQ(overlaps.size(), 2u);
  EXPECT_EQ(overlaps[0].num_documents, 5);
  EXPECT_EQ(overlaps[0].num_shared, 2);
  EXPECT_EQ(overlaps[1].num_shared, 0);
}

}  // namespace
}  // namespace temper
