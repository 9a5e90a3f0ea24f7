// A packed dataset with bits flipped: the input is a list of (place, mask) of five bytes each.
// Either the file is refused, or every row is what was written. With an even number of changes in
// the payload the block hashes are made to fit, as a hostile writer would: then rows may differ,
// but each must still be a row.
#include <fcntl.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "common/error.h"
#include "data/dataset/dataset_format.h"
#include "data/dataset/dataset_writer.h"
#include "data/dataset/packed_dataset.h"
#include "io/atomic_file.h"
#include "tests/unit/temporary_directory.h"

namespace {

using namespace temper;

constexpr int64_t kSequenceLen = 16, kVocabSize = 50;

struct Original {
  std::filesystem::path path;
  std::string bytes;
  std::vector<PackedRow> rows;
};

const Original& original() {
  static const Original original = [] {
    static const TemporaryDirectory directory;
    Original made;
    made.path = directory / "d.h5";
    DatasetWriter writer(made.path, {kSequenceLen, kVocabSize, 0, {}, "plain", {}});
    for (int r = 0; r < 20; ++r) {
      const PackedDocument first = {{1, r, 3, 4}, {0, 1, 1, 0}, 0, r + 1, 0, r % 3};
      const PackedDocument second = {{5, r, 7}, {0, 1, 1}, 0, r + 100, 0};
      writer.add_row({&first, &second});
    }
    writer.add_dropped(0, 7, "too long");
    writer.finish("[]", "{}", "{}");
    std::ifstream file(made.path, std::ios::binary);
    made.bytes = {std::istreambuf_iterator<char>(file), {}};
    const PackedDataset dataset(made.path);
    for (int64_t r = 0; r < dataset.info().num_rows; ++r) made.rows.push_back(dataset.row(r));
    return made;
  }();
  return original;
}

// Block hashes and seal as a writer of the changed payload would make them.
void seal_again(const std::filesystem::path& path, std::string& bytes) {
  DatasetSeal seal;
  {
    const FileDescriptor fd(open(original().path.c_str(), O_RDONLY));
    seal = DatasetSeal::read_and_check(fd.get(), original().path);
  }
  seal.block_hashes.clear();
  for (const PayloadExtent& extent : seal.extents) {
    if (extent.size > 0) {
      seal.block_hashes.push_back(hash_block(bytes.data() + extent.begin, extent.size));
    }
  }
  const FileDescriptor fd(open(path.c_str(), O_RDWR));
  seal.write(fd.get(), path);
}

bool same(const PackedRow& a, const PackedRow& b) {
  return a.tokens == b.tokens && a.supervised == b.supervised &&
         a.document_begin == b.document_begin && a.num_targets == b.num_targets;
}

void check_row(const PackedRow& row) {
  int64_t targets = 0;
  for (size_t t = 0; t < row.tokens.size(); ++t) {
    TEMPER_CHECK(row.tokens[t] >= 0 && row.tokens[t] < kVocabSize && row.supervised[t] <= 1);
  }
  TEMPER_CHECK(row.document_begin.front() == 0 && row.document_begin.back() == kSequenceLen);
  for (size_t d = 0; d + 1 < row.document_begin.size(); ++d) {
    TEMPER_CHECK(row.document_begin[d] < row.document_begin[d + 1]);
    for (auto t = row.document_begin[d] + 1; t < row.document_begin[d + 1]; ++t) {
      targets += row.supervised[static_cast<size_t>(t)];
    }
  }
  TEMPER_CHECK(targets == row.num_targets);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes = original().bytes;
  DatasetSeal seal;
  {
    const FileDescriptor fd(open(original().path.c_str(), O_RDONLY));
    seal = DatasetSeal::read_and_check(fd.get(), original().path);
  }
  bool hostile = size / 5 % 2 == 0;
  for (std::size_t at = 0; at + 5 <= size; at += 5) {
    std::uint32_t place = 0;
    std::memcpy(&place, data + at, sizeof(place));
    if (hostile) {  // into an array of the payload
      const PayloadExtent& extent = seal.extents[place % kNumPayloads];
      place = static_cast<std::uint32_t>(extent.begin + (place / kNumPayloads) % (extent.size + 1));
    }
    bytes[place % bytes.size()] ^= static_cast<char>(data[at + 4]);
  }
  const std::filesystem::path path = original().path.parent_path() / "changed.h5";
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (hostile) seal_again(path, bytes);
  try {
    const PackedDataset dataset(path);
    TEMPER_CHECK(dataset.info().num_rows == static_cast<int64_t>(original().rows.size()));
    for (int64_t r = 0; r < dataset.info().num_rows; ++r) {
      try {
        const PackedRow row = dataset.row(r);
        check_row(row);
        TEMPER_CHECK(hostile || same(row, original().rows[static_cast<size_t>(r)]), "row {}", r);
        dataset.origins(r);
      } catch (const UserError&) {
        // another row may be whole
      }
    }
    dataset.dropped(0, 10);
    dataset.verify();
    TEMPER_CHECK(hostile || bytes == original().bytes, "a change was not seen");
  } catch (const UserError&) {
  }
  return 0;
}
