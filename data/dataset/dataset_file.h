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
#include "data/dataset/dataset_format.h"
#include "data/dataset/dataset_info.h"
#include "data/dataset/payload_reader.h"
#include "io/json.h"

namespace temper {

// What `temper pack` wrote for people, as JSON text (docs/formats/dataset.md).
struct DatasetTexts {
  std::string sources;       // the files of the corpus
  std::string settings;      // what it was packed with
  std::string statistics;    // its account
  std::string drop_reasons;  // why records are in no row
};

class DatasetFile {
 public:
  // Checks the seal, then opens with HDF5. UserError: not such a file, a newer version, damaged.
  explicit DatasetFile(const std::filesystem::path& path);
  // Without HDF5, from share() of a rank that has opened it. UserError when the file there is
  // another one.
  DatasetFile(const std::filesystem::path& path, const Json& shared);

  // All that the other constructor needs: info() and where everything lies. Some KB, and 25 bytes
  // for each MiB of the file.
  Json share() const;
  // Opens the file with HDF5, however this one was opened.
  DatasetTexts read_texts() const;

  const std::filesystem::path& path() const { return path_; }
  const DatasetInfo& info() const { return info_; }
  const PayloadReader& payload() const { return *payload_; }
  bool has_topics() const { return seal_.extent(Payload::kTopic).size > 0; }

 private:
  using PayloadSizes = std::array<uint64_t, kNumPayloads>;  // elements of each

  // Each checks what it reads: the attributes, where the payload lies against the seal, the sizes
  // of the arrays against each other.
  void read_header();
  void read_attributes(const H5Group& root);
  void read_template(const H5Group& root);
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
