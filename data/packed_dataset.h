// A packed corpus on disk (docs/formats/dataset.md): rows of exactly `sequence_len` tokens, each
// holding whole documents, with what is supervised and where documents begin. Opened read-only by
// every rank; HDF5 describes the file, rows are then read with pread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/hash.h"

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
  int32_t source = 0;  // index into the list of sources_json
  int64_t record = 0;  // line of that file, from 1
  int32_t piece = 0;   // of a raw text that is longer than a row
  int32_t length = 0;  // tokens
};

struct DatasetInfo {
  int64_t format_version = 0;
  int64_t num_rows = 0;
  int64_t sequence_len = 0;
  int64_t num_documents = 0;
  int64_t num_supervised_targets = 0;
  int64_t num_tokens = 0;  // real ones, without padding
  int64_t vocab_size = 0;  // of the tokenizer: every token is below
  int64_t pad_token = 0;
  Hash128 tokenizer_hash;
  std::string chat_template;
  Hash128 content_hash;  // over all rows: which data this is
  std::string sources_json;
  std::string settings_json;
  std::string statistics_json;
};

// Threads may share one after its construction.
class PackedDataset {
 public:
  // UserError: not such a file, a newer version, damaged, an empty dataset. Checks all but the
  // rows' tokens and supervision, which are checked when they are read.
  explicit PackedDataset(const std::filesystem::path& path);
  ~PackedDataset();
  PackedDataset(PackedDataset&&) noexcept;
  PackedDataset& operator=(PackedDataset&&) noexcept;

  const std::filesystem::path& path() const;
  const DatasetInfo& info() const;
  // UserError when the row's bytes are not what was written.
  PackedRow row(int64_t index) const;
  // Supervised targets of a row, without reading its tokens: every rank knows the token-global
  // denominator of a whole global batch before the step starts, with no communication.
  int64_t num_targets(int64_t index) const;
  // Origins of a row's documents, padding not among them.
  std::vector<DocumentOrigin> origins(int64_t index) const;

  // Reads every row. UserError naming the first damaged one.
  void verify() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace temper
