// One file of a packed dataset, opened: what its header says, where its arrays lie, and a reader
// for them.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "common/error.h"
#include "common/hash.h"
#include "data/dataset_format.h"
#include "data/payload_reader.h"
#include "io/json.h"

namespace temper {

struct DatasetInfo {
  int64_t format_version = 0;
  int64_t num_rows = 0;
  int64_t sequence_len = 0;
  int64_t num_documents = 0;
  int64_t num_dropped = 0;  // records that are in no row
  int64_t num_supervised_targets = 0;
  int64_t num_tokens = 0;  // real ones, without padding
  int64_t vocab_size = 0;  // of the tokenizer: every token is below
  int64_t pad_token = 0;
  int64_t shard_index = 0, num_shards = 1;
  Hash128 tokenizer_hash;
  std::string chat_template;
  Hash128 chat_template_hash;
  Hash128 content_hash;  // over all rows: which data this is
  // Empty in a dataset that was opened from what another rank shared.
  std::string sources_json;
  std::string settings_json;
  std::string statistics_json;
  std::string drop_reasons_json;
};

class DatasetFile {
 public:
  // Checks the seal, then opens with HDF5. UserError: not such a file, a newer version, damaged.
  explicit DatasetFile(const std::filesystem::path& path);
  // Without HDF5, from share() of a rank that has opened it. UserError when the file there is
  // another one.
  DatasetFile(const std::filesystem::path& path, const Json& shared);

  // Where everything lies, for another rank; some KB, and 25 bytes for each MiB of the file.
  Json share() const;

  const std::filesystem::path& path() const { return path_; }
  const DatasetInfo& info() const { return info_; }
  const PayloadReader& payload() const { return *payload_; }

 private:
  using PayloadSizes = std::array<uint64_t, kNumPayloads>;  // elements of each

  // Each checks what it reads: the attributes, where the payload lies against the seal, the sizes
  // of the arrays against each other.
  void read_header();
  void read_attributes(const H5Group& root);
  PayloadSizes read_payload_sizes(const H5Group& root) const;
  void check_sizes(const PayloadSizes& sizes);
  template <typename... Args>
  void require(bool condition, fmt::format_string<Args...> format, Args&&... args) const;

  std::filesystem::path path_;
  DatasetSeal seal_;
  DatasetInfo info_;
  std::unique_ptr<PayloadReader> payload_;
};

}  // namespace temper
