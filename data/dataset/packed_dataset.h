// A packed corpus on disk (docs/formats/dataset.md): rows of exactly `sequence_len` tokens, each
// holding whole documents, with what is supervised and where documents begin. One file, or the
// shards of one corpus, whose rows follow one another. Opened read-only by every rank; HDF5
// describes a file when it is opened, everything else is read with pread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/hash.h"
#include "data/dataset/dataset_file.h"

namespace temper {

// One row. Documents are contiguous: document d covers [document_begin[d], document_begin[d + 1]);
// the row's tail, if any, is padding and is a document of its own (never supervised).
struct PackedRow {
  std::vector<int32_t> tokens;          // [sequence_len]
  std::vector<uint8_t> supervised;      // [sequence_len]: 1 when predicting this token is trained
  std::vector<int32_t> document_begin;  // [D + 1], from 0 to sequence_len
  int64_t num_targets = 0;  // supervised tokens that are not the first of their document
};

// Where a document came from.
struct DocumentOrigin {
  int32_t source = 0;  // index into the list of texts().sources
  int64_t record = 0;  // of that file, from 1: line, or place in a JSON array
  int32_t piece = 0;   // of a raw text that is longer than a row
  int32_t length = 0;  // tokens
  int32_t topic = -1;  // which of the dataset's topics (data/packing/topic_table.h); -1: none
};

// A record that is in no row.
struct DroppedRecord {
  int32_t source = 0;
  int64_t record = 0;
  int32_t reason = 0;  // index into the list of texts().drop_reasons
};

// Threads may share one after its construction.
class PackedDataset {
 public:
  // `path` is a file, or stands for its shards: "train.h5" for "train-00000-of-00004.h5" and so on.
  // UserError: not such a file, a newer version, damaged, an empty dataset, shards that are missing
  // or do not belong together. Checks all but the arrays, which are checked when they are read:
  // opening takes milliseconds however large they are.
  explicit PackedDataset(const std::filesystem::path& path);
  // What another rank opened and shared, without HDF5.
  PackedDataset(const std::filesystem::path& path, const std::string& shared);
  ~PackedDataset();
  PackedDataset(PackedDataset&&) noexcept;
  PackedDataset& operator=(PackedDataset&&) noexcept;

  const std::filesystem::path& path() const;
  // What is true of all shards together.
  const DatasetInfo& info() const;
  // The same; read from the files with HDF5 each time.
  DatasetTexts texts() const;
  // UserError when bytes are not what was written.
  PackedRow row(int64_t index) const;
  // Supervised targets of a row, without reading its tokens: every rank knows the token-global
  // denominator of a whole global batch before the step starts, with no communication.
  int64_t num_targets(int64_t index) const;
  // Origins of a row's documents, padding not among them.
  std::vector<DocumentOrigin> origins(int64_t index) const;

  // Documents [begin, begin + count) in the order of the rows, fewer at the end.
  std::vector<DocumentOrigin> documents(int64_t begin, int64_t count) const;
  // The row that holds the document.
  int64_t row_of_document(int64_t document) const;
  // Dropped records [begin, begin + count), fewer at the end.
  std::vector<DroppedRecord> dropped(int64_t begin, int64_t count) const;

  // Text for the second constructor.
  std::string share() const;

  // Reads everything. UserError naming the first damaged place.
  void verify() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace temper
