// Writes a packed dataset (docs/formats/dataset.md) in two passes: rows are spooled to a nameless
// temporary file beside the output, as are all arrays that grow with the corpus, then copied into
// HDF5 datasets of known size. Memory: buffers of about 15 MiB.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/hash.h"
#include "data/dataset/packed_document.h"

namespace temper {

// UserError when something other than an earlier dataset or an empty file is at `path`. What takes
// long before it writes a dataset asks first.
void refuse_to_replace_foreign(const std::filesystem::path& path);

// UserError when a text of that size is more than a reader accepts in the header of the dataset at
// `path`: asked before the packing for what is known by then.
void check_header_text(const std::filesystem::path& path, const char* name, size_t num_bytes);

class DatasetWriter {
 public:
  struct Header {
    int64_t sequence_len = 0;
    int64_t vocab_size = 0;
    int32_t pad_token = 0;
    Hash128 tokenizer_hash;
    std::string chat_template;         // its name
    std::string chat_template_source;  // its Jinja text
    int64_t shard_index = 0, num_shards = 1;
  };

  // UserError as refuse_to_replace_foreign(). SystemError when the output's directory cannot be
  // written.
  DatasetWriter(const std::filesystem::path& path, Header header);
  ~DatasetWriter();  // without finish() nothing remains
  DatasetWriter(const DatasetWriter&) = delete;
  DatasetWriter& operator=(const DatasetWriter&) = delete;

  // The documents of one row, in order; together at most sequence_len tokens.
  void add_row(const std::vector<const PackedDocument*>& documents);

  // A record that is in no row, and why.
  void add_dropped(int32_t source, int64_t record, const std::string& reason);

  int64_t num_rows() const;
  int64_t num_documents() const;
  int64_t num_targets() const;  // supervised tokens so far
  int64_t num_tokens() const;   // without padding

  // The file appears complete under its name, replacing an older one. Returns the content hash.
  // At least one row must have been added. UserError as check_header_text().
  Hash128 finish(const std::string& sources_json, const std::string& settings_json,
                 const std::string& statistics_json);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace temper
