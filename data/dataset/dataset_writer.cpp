#include "data/dataset/dataset_writer.h"

#include <fcntl.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/error.h"
#include "data/dataset/dataset_format.h"
#include "data/dataset/spill_file.h"
#include "io/atomic_file.h"
#include "io/hdf5.h"
#include "io/json.h"
#include "io/output_guard.h"

namespace temper {
namespace {

constexpr size_t kCopyBytes = size_t{4} << 20;

// One array of the payload, waiting for its size to be known.
template <typename T>
class PayloadSpool {
 public:
  PayloadSpool(const std::filesystem::path& path, Payload payload)
      : payload_(payload),
        values_(path,
                fmt::format("{}-{}", payload_place(payload).group, payload_place(payload).name)
                    .c_str()) {}

  void append(const T* values, size_t count) { values_.append(values, count); }
  void append(const T& value) { values_.append(value); }
  uint64_t size() const { return values_.size(); }

  // As a dataset of the group, in rows of `row_elements` (0: a vector); its extent and its blocks'
  // hashes go to the seal.
  void copy_to(H5Group& group, uint64_t row_elements, DatasetSeal& seal) {
    std::vector<uint64_t> shape = {size() / std::max<uint64_t>(1, row_elements)};
    if (row_elements > 0) shape.push_back(row_elements);
    H5Dataset dataset = group.create_dataset(payload_place(payload_).name, h5_type_of<T>(), shape);
    const uint64_t elements = std::max<uint64_t>(1, row_elements);
    const uint64_t rows_at_once = std::max<uint64_t>(1, kCopyBytes / (elements * sizeof(T)));
    std::vector<T> buffer;
    BlockHasher hasher;
    for (uint64_t row = 0; row < shape[0]; row += rows_at_once) {
      const uint64_t count = std::min(rows_at_once, shape[0] - row);
      buffer.resize(static_cast<size_t>(count * elements));
      values_.read(row * elements, buffer.size(), buffer.data());
      hasher.update(buffer.data(), buffer.size() * sizeof(T));
      dataset.write(row, count, buffer.data());
    }
    if (size() > 0) seal.extent(payload_) = {dataset.file_offset(), size() * sizeof(T)};
    const std::vector<uint64_t> hashes = hasher.finish();
    seal.block_hashes.insert(seal.block_hashes.end(), hashes.begin(), hashes.end());
  }

 private:
  Payload payload_;
  SpillVector<T> values_;
};

}  // namespace

struct DatasetWriter::State {
  State(const std::filesystem::path& output, Header its_header)
      : path(output), header(std::move(its_header)), content(header.sequence_len) {
    first_document.append(0);
  }

  void write_header(H5Group& root, const std::string& sources_json,
                    const std::string& settings_json, const std::string& statistics_json) const;
  void write_payload(H5Group& root, DatasetSeal& seal);

  std::filesystem::path path;
  Header header;
  PayloadSpool<int32_t> tokens{path, Payload::kTokens};
  PayloadSpool<uint8_t> supervised{path, Payload::kSupervised};
  PayloadSpool<int64_t> first_document{path, Payload::kFirstDocument};
  PayloadSpool<int32_t> num_targets{path, Payload::kNumTargets};
  PayloadSpool<int32_t> length{path, Payload::kLength};
  PayloadSpool<int32_t> source{path, Payload::kSource};
  PayloadSpool<int64_t> record{path, Payload::kRecord};
  PayloadSpool<int32_t> piece{path, Payload::kPiece};
  PayloadSpool<int32_t> dropped_source{path, Payload::kDroppedSource};
  PayloadSpool<int64_t> dropped_record{path, Payload::kDroppedRecord};
  PayloadSpool<int32_t> dropped_reason{path, Payload::kDroppedReason};
  PayloadSpool<int32_t> topic{path, Payload::kTopic};
  bool has_topics = false;
  std::vector<std::string> reasons;
  ContentHasher content;
  int64_t total_targets = 0, total_tokens = 0;
};

void check_header_text(const std::filesystem::path& path, const char* name, size_t num_bytes) {
  if (num_bytes <= kMaxHeaderTextBytes) return;
  throw UserError(
      "{}: \"{}\" would take {} bytes of the dataset's header, and a reader takes {}: join the "
      "corpus into fewer files, or give shorter names",
      path.native(), name, num_bytes, kMaxHeaderTextBytes);
}

void refuse_to_replace_foreign(const std::filesystem::path& path) {
  // The seal tells a dataset from HDF5 files of others: reading it throws where there is none.
  refuse_to_overwrite_foreign(path, "a packed dataset", [&] {
    const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    DatasetSeal::read_hash(fd.get(), path);
    return true;
  });
}

DatasetWriter::DatasetWriter(const std::filesystem::path& path, Header header) {
  refuse_to_replace_foreign(path);
  TEMPER_CHECK(header.sequence_len >= 2 && header.sequence_len <= kMaxSequenceLen);
  TEMPER_CHECK(header.pad_token >= 0 && header.pad_token < header.vocab_size);
  if (header.chat_template.size() > kMaxHeaderNameBytes) {
    throw UserError("{}: the chat template's name has {} bytes, and a dataset takes {}",
                    path.native(), header.chat_template.size(), kMaxHeaderNameBytes);
  }
  state_ = std::make_unique<State>(path, std::move(header));
}
DatasetWriter::~DatasetWriter() = default;

int64_t DatasetWriter::num_rows() const {
  return static_cast<int64_t>(state_->num_targets.size());
}
int64_t DatasetWriter::num_documents() const {
  return static_cast<int64_t>(state_->length.size());
}
int64_t DatasetWriter::num_targets() const {
  return state_->total_targets;
}
int64_t DatasetWriter::num_tokens() const {
  return state_->total_tokens;
}

void DatasetWriter::add_row(const std::vector<const PackedDocument*>& documents) {
  TEMPER_CHECK(!documents.empty());
  const auto sequence_len = static_cast<size_t>(state_->header.sequence_len);
  std::vector<int32_t> tokens, lengths;
  std::vector<uint8_t> supervised;
  for (const PackedDocument* document : documents) {
    tokens.insert(tokens.end(), document->tokens.begin(), document->tokens.end());
    supervised.insert(supervised.end(), document->supervised.begin(), document->supervised.end());
    lengths.push_back(static_cast<int32_t>(document->tokens.size()));
    state_->length.append(lengths.back());
    state_->source.append(document->source);
    state_->record.append(document->record);
    state_->piece.append(document->piece);
    state_->topic.append(document->topic);
    state_->has_topics |= document->topic >= 0;
  }
  TEMPER_CHECK(tokens.size() <= sequence_len, "a row of {} tokens", tokens.size());
  const int32_t num_targets = std::accumulate(supervised.begin(), supervised.end(), int32_t{0});
  state_->total_tokens += static_cast<int64_t>(tokens.size());
  state_->total_targets += num_targets;
  tokens.resize(sequence_len, state_->header.pad_token);
  supervised.resize(sequence_len, 0);
  state_->tokens.append(tokens.data(), tokens.size());
  state_->supervised.append(supervised.data(), supervised.size());
  state_->first_document.append(num_documents());
  state_->num_targets.append(num_targets);
  state_->content.add_row(hash_row(tokens, supervised, lengths));
}

void DatasetWriter::add_dropped(int32_t source, int64_t record, const std::string& reason) {
  auto& reasons = state_->reasons;
  const auto found = std::find(reasons.begin(), reasons.end(), reason);
  state_->dropped_source.append(source);
  state_->dropped_record.append(record);
  state_->dropped_reason.append(static_cast<int32_t>(found - reasons.begin()));
  if (found == reasons.end()) reasons.push_back(reason);
}

Hash128 DatasetWriter::finish(const std::string& sources_json, const std::string& settings_json,
                              const std::string& statistics_json) {
  State& state = *state_;
  TEMPER_CHECK(num_rows() > 0);
  check_header_text(state.path, "sources", sources_json.size());
  check_header_text(state.path, "settings", settings_json.size());
  check_header_text(state.path, "statistics", statistics_json.size());
  DatasetSeal seal;
  H5Writer writer(state.path);
  state.write_header(writer.root(), sources_json, settings_json, statistics_json);
  state.write_payload(writer.root(), seal);
  writer.commit([&](int fd, uint64_t end) {
    seal.hdf5_bytes = end;
    seal.write(fd, state.path);
  });
  return state.content.digest();
}

void DatasetWriter::State::write_header(H5Group& root, const std::string& sources_json,
                                        const std::string& settings_json,
                                        const std::string& statistics_json) const {
  root.set_attribute("format", std::string(kDatasetFormat));
  root.set_attribute("format_version", has_topics ? kDatasetFormatVersion : int64_t{1});
  root.set_attribute("sequence_len", header.sequence_len);
  root.set_attribute("vocab_size", header.vocab_size);
  root.set_attribute("pad_token", int64_t{header.pad_token});
  root.set_attribute("tokenizer_hash", header.tokenizer_hash.hex());
  root.set_attribute("chat_template", header.chat_template);
  root.set_attribute("chat_template_hash", hash_text(header.chat_template_source).hex());
  root.set_attribute("content_hash", content.digest().hex());
  root.set_attribute("num_tokens", total_tokens);
  root.set_attribute("num_targets", total_targets);
  root.set_attribute("shard_index", header.shard_index);
  root.set_attribute("num_shards", header.num_shards);
  if (!header.chat_template_source.empty()) {
    root.create_text(kTemplateSource, header.chat_template_source);
  }
  root.create_text("sources", sources_json);
  root.create_text("settings", settings_json);
  root.create_text("statistics", statistics_json);
  root.create_text("drop_reasons", Json(reasons).dump());
}

// Writes the payloads in the order of the seal. The groups are closed when it returns.
void DatasetWriter::State::write_payload(H5Group& root, DatasetSeal& seal) {
  H5Group rows = root.create_group("rows");
  tokens.copy_to(rows, static_cast<uint64_t>(header.sequence_len), seal);
  supervised.copy_to(rows, static_cast<uint64_t>(header.sequence_len), seal);
  first_document.copy_to(rows, 0, seal);
  num_targets.copy_to(rows, 0, seal);
  H5Group documents = root.create_group("documents");
  length.copy_to(documents, 0, seal);
  source.copy_to(documents, 0, seal);
  record.copy_to(documents, 0, seal);
  piece.copy_to(documents, 0, seal);
  H5Group dropped = root.create_group("dropped");
  dropped_source.copy_to(dropped, 0, seal);
  dropped_record.copy_to(dropped, 0, seal);
  dropped_reason.copy_to(dropped, 0, seal);
  if (has_topics) topic.copy_to(documents, 0, seal);
}

}  // namespace temper
