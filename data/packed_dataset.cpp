#include "data/packed_dataset.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "common/error.h"
#include "data/dataset_format.h"
#include "io/atomic_file.h"
#include "io/hdf5.h"

namespace temper {
namespace {

constexpr size_t kMaxJsonBytes = size_t{64} << 20;
constexpr size_t kMaxNameBytes = 4096;

FileDescriptor open_for_reading(const std::filesystem::path& path) {
  FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) throw UserError("{}: cannot be opened: {}", path.native(), errno_text(errno));
  return fd;
}

}  // namespace

struct PackedDataset::State {
  explicit State(const std::filesystem::path& its_path)
      : path(its_path),
        fd(open_for_reading(path)),
        seal(DatasetSeal::read_and_check(fd.get(), path)) {
    const H5Reader file(path);
    read_attributes(file.root());
    read_rows(file.root().group("rows"));
    read_documents(file.root().group("documents"));
    check_rows();
  }

  void read_attributes(const H5Group& root);
  void read_rows(const H5Group& rows);
  void read_documents(const H5Group& documents);
  void check_rows();
  void check_row(const PackedRow& row, int64_t index, size_t padding) const;

  template <typename T>
  std::vector<T> read_vector(const H5Group& group, const std::string& name, uint64_t size) const;
  uint64_t payload_offset(const H5Group& rows, const std::string& name, H5Type type,
                          const ByteRange& sealed) const;
  template <typename... Args>
  void require(bool condition, fmt::format_string<Args...> format, Args&&... args) const {
    if (condition) return;
    throw UserError("{}: the dataset is damaged: {}; copy the file again or pack the corpus again",
                    path.native(), fmt::format(format, std::forward<Args>(args)...));
  }

  size_t documents_begin(size_t row) const { return static_cast<size_t>(first_document[row]); }

  std::filesystem::path path;
  FileDescriptor fd;
  DatasetSeal seal;
  DatasetInfo info;
  uint64_t tokens_offset = 0, supervised_offset = 0;
  std::vector<int64_t> first_document;  // [num_rows + 1]
  std::vector<int32_t> num_targets;     // [num_rows]
  std::vector<uint64_t> row_hash;       // [num_rows]
  std::vector<int32_t> length, source, piece;
  std::vector<int64_t> record;
};

void PackedDataset::State::read_attributes(const H5Group& root) {
  if (!root.has_attribute("format") || root.text_attribute("format") != kDatasetFormat) {
    throw UserError("{}: not a dataset made by `temper pack`", path.native());
  }
  info.format_version = root.integer_attribute("format_version");
  if (info.format_version > kDatasetFormatVersion) {
    throw UserError("{}: dataset format version {}; this temper reads up to {}: use a newer temper",
                    path.native(), info.format_version, kDatasetFormatVersion);
  }
  require(info.format_version == kDatasetFormatVersion, "format_version {}", info.format_version);
  info.sequence_len = root.integer_attribute("sequence_len");
  require(info.sequence_len >= 2 && info.sequence_len <= kMaxSequenceLen, "sequence_len {}",
          info.sequence_len);
  info.vocab_size = root.integer_attribute("vocab_size");
  require(info.vocab_size > 0 && info.vocab_size <= std::numeric_limits<int32_t>::max(),
          "vocab_size {}", info.vocab_size);
  info.pad_token = root.integer_attribute("pad_token");
  require(info.pad_token >= 0 && info.pad_token < info.vocab_size, "pad_token {}", info.pad_token);
  info.tokenizer_hash = Hash128::from_hex(root.text_attribute("tokenizer_hash", 64));
  info.content_hash = Hash128::from_hex(root.text_attribute("content_hash", 64));
  info.chat_template = root.text_attribute("chat_template", kMaxNameBytes);
  info.sources_json = root.text("sources", kMaxJsonBytes);
  info.settings_json = root.text("settings", kMaxJsonBytes);
  info.statistics_json = root.text("statistics", kMaxJsonBytes);
}

template <typename T>
std::vector<T> PackedDataset::State::read_vector(const H5Group& group, const std::string& name,
                                                 uint64_t size) const {
  const H5Dataset dataset = group.dataset(name);
  require(dataset.type() == h5_type_of<T>() && dataset.shape() == std::vector<uint64_t>{size},
          "{} has not the type and shape it must have", name);
  return dataset.read_all<T>();
}

uint64_t PackedDataset::State::payload_offset(const H5Group& rows, const std::string& name,
                                              H5Type type, const ByteRange& sealed) const {
  const H5Dataset dataset = rows.dataset(name);
  const std::vector<uint64_t> shape = {static_cast<uint64_t>(info.num_rows),
                                       static_cast<uint64_t>(info.sequence_len)};
  require(dataset.type() == type && dataset.shape() == shape,
          "rows/{} has not the type and shape it must have", name);
  // The seal covers what lies outside its payload, so the two must speak of the same bytes.
  require(dataset.file_offset() == sealed.begin &&
              dataset.num_elements() * h5_type_size_bytes(type) == sealed.size,
          "rows/{} is not where its seal says", name);
  return dataset.file_offset();
}

void PackedDataset::State::read_rows(const H5Group& rows) {
  const H5Dataset hashes = rows.dataset("hash");
  require(hashes.type() == H5Type::kUInt64 && hashes.shape().size() == 1,
          "rows/hash has not the type and shape it must have");
  info.num_rows = static_cast<int64_t>(hashes.shape()[0]);
  if (info.num_rows == 0) throw UserError("{}: the dataset has no rows", path.native());
  tokens_offset = payload_offset(rows, "tokens", H5Type::kInt32, seal.tokens);
  supervised_offset = payload_offset(rows, "supervised", H5Type::kUInt8, seal.supervised);
  const auto num_rows = static_cast<uint64_t>(info.num_rows);
  row_hash = hashes.read_all<uint64_t>();
  first_document = read_vector<int64_t>(rows, "first_document", num_rows + 1);
  num_targets = read_vector<int32_t>(rows, "num_targets", num_rows);
}

void PackedDataset::State::read_documents(const H5Group& documents) {
  info.num_documents = first_document.back();
  require(info.num_documents >= info.num_rows, "{} documents in {} rows", info.num_documents,
          info.num_rows);
  const auto count = static_cast<uint64_t>(info.num_documents);
  length = read_vector<int32_t>(documents, "length", count);
  source = read_vector<int32_t>(documents, "source", count);
  piece = read_vector<int32_t>(documents, "piece", count);
  record = read_vector<int64_t>(documents, "record", count);
}

void PackedDataset::State::check_rows() {
  require(first_document[0] == 0, "the first row begins with document {}", first_document[0]);
  require(hash_content(info.sequence_len, row_hash) == info.content_hash,
          "its content hash is not that of its rows");
  for (size_t row = 0; row < row_hash.size(); ++row) {
    const int64_t begin = first_document[row], end = first_document[row + 1];
    require(begin < end && end <= info.num_documents, "documents {} to {} in row {}", begin, end,
            row);
    int64_t num_tokens = 0;
    for (auto d = static_cast<size_t>(begin); d < static_cast<size_t>(end); ++d) {
      require(length[d] > 0 && source[d] >= 0 && record[d] > 0 && piece[d] >= 0, "document {}", d);
      num_tokens += length[d];
    }
    require(num_tokens <= info.sequence_len, "row {} holds {} tokens", row, num_tokens);
    require(num_targets[row] >= 0 && num_targets[row] <= num_tokens - (end - begin),
            "row {} with {} targets", row, num_targets[row]);
    info.num_tokens += num_tokens;
    info.num_supervised_targets += num_targets[row];
  }
  require(info.num_supervised_targets > 0, "it has no supervised targets");
}

// The row's hash speaks of accidents. What is asked here holds whoever wrote the file, so that
// nothing downstream can be misled by one that was made on purpose.
void PackedDataset::State::check_row(const PackedRow& row, int64_t index, size_t padding) const {
  const auto is_wrong = [&](int32_t token) { return token < 0 || token >= info.vocab_size; };
  require(std::none_of(row.tokens.begin(), row.tokens.end(), is_wrong),
          "a token of row {} is outside the vocabulary of {}", index, info.vocab_size);
  int64_t num_supervised = 0;
  for (size_t t = 0; t < row.supervised.size(); ++t) {
    require(row.supervised[t] <= (t < padding ? 1 : 0),
            "the supervision of row {} at token {} is {}", index, t, row.supervised[t]);
    num_supervised += row.supervised[t];
  }
  for (size_t d = 0; d + 1 < row.document_begin.size(); ++d) {
    num_supervised -= row.supervised[static_cast<size_t>(row.document_begin[d])];
  }
  require(num_supervised == row.num_targets, "row {} announces {} targets and has {}", index,
          row.num_targets, num_supervised);
}

PackedDataset::PackedDataset(const std::filesystem::path& path)
    : state_(std::make_unique<State>(path)) {}
PackedDataset::~PackedDataset() = default;
PackedDataset::PackedDataset(PackedDataset&&) noexcept = default;
PackedDataset& PackedDataset::operator=(PackedDataset&&) noexcept = default;

const std::filesystem::path& PackedDataset::path() const {
  return state_->path;
}
const DatasetInfo& PackedDataset::info() const {
  return state_->info;
}

int64_t PackedDataset::num_targets(int64_t index) const {
  TEMPER_CHECK(index >= 0 && index < state_->info.num_rows, "row {} of {}", index,
               state_->info.num_rows);
  return state_->num_targets[static_cast<size_t>(index)];
}

PackedRow PackedDataset::row(int64_t index) const {
  const State& state = *state_;
  PackedRow row;
  row.num_targets = num_targets(index);
  const auto at = static_cast<size_t>(index);
  const auto sequence_len = static_cast<size_t>(state.info.sequence_len);
  row.tokens.resize(sequence_len);
  row.supervised.resize(sequence_len);
  read_fully(state.fd.get(), state.tokens_offset + at * sequence_len * sizeof(int32_t),
             row.tokens.data(), sequence_len * sizeof(int32_t), state.path);
  read_fully(state.fd.get(), state.supervised_offset + at * sequence_len, row.supervised.data(),
             sequence_len, state.path);
  const size_t begin = state.documents_begin(at), end = state.documents_begin(at + 1);
  state.require(hash_row(row.tokens, row.supervised, {&state.length[begin], end - begin}) ==
                    state.row_hash[at],
                "row {} is not what was written", index);
  row.document_begin = {0};
  for (size_t d = begin; d < end; ++d) {
    row.document_begin.push_back(row.document_begin.back() + state.length[d]);
  }
  const auto padding = static_cast<size_t>(row.document_begin.back());
  if (padding < sequence_len) row.document_begin.push_back(static_cast<int32_t>(sequence_len));
  state.check_row(row, index, padding);
  return row;
}

std::vector<DocumentOrigin> PackedDataset::origins(int64_t index) const {
  TEMPER_CHECK(index >= 0 && index < state_->info.num_rows, "row {} of {}", index,
               state_->info.num_rows);
  const auto at = static_cast<size_t>(index);
  std::vector<DocumentOrigin> origins;
  for (size_t d = state_->documents_begin(at); d < state_->documents_begin(at + 1); ++d) {
    origins.push_back({state_->source[d], state_->record[d], state_->piece[d], state_->length[d]});
  }
  return origins;
}

void PackedDataset::verify() const {
  for (int64_t index = 0; index < state_->info.num_rows; ++index) row(index);
}

}  // namespace temper
