#include "data/dataset_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <numeric>
#include <string_view>
#include <utility>

#include "common/error.h"
#include "data/dataset_format.h"
#include "io/atomic_file.h"
#include "io/hdf5.h"

namespace temper {
namespace {

constexpr size_t kCopyBytes = size_t{4} << 20;

// Elements waiting on disk for the size of their dataset to be known. The file has no name: it
// vanishes with the process.
template <typename T>
class Spool {
 public:
  explicit Spool(const std::filesystem::path& path) : path_(path) {
    fd_ = FileDescriptor(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd_.is_open()) {
      throw SystemError("{}: cannot be created: {}", path.native(), errno_text(errno));
    }
    if (unlink(path.c_str()) != 0) {
      throw SystemError("{}: cannot be unlinked: {}", path.native(), errno_text(errno));
    }
  }

  void append(const T* values, size_t count) {
    buffer_.insert(buffer_.end(), values, values + count);
    if (buffer_.size() * sizeof(T) >= kCopyBytes) flush();
  }

  void copy_to(H5Dataset& dataset) {
    flush();
    const uint64_t row_elements = dataset.row_elements();
    const uint64_t num_rows = dataset.shape()[0];
    const uint64_t rows_at_once = std::max<uint64_t>(1, kCopyBytes / (row_elements * sizeof(T)));
    for (uint64_t row = 0; row < num_rows; row += rows_at_once) {
      const uint64_t count = std::min(rows_at_once, num_rows - row);
      buffer_.resize(static_cast<size_t>(count * row_elements));
      read_fully(fd_.get(), row * row_elements * sizeof(T), buffer_.data(),
                 buffer_.size() * sizeof(T), path_);
      dataset.write(row, count, buffer_.data());
    }
    buffer_.clear();
  }

 private:
  void flush() {
    write_fully(fd_.get(), num_bytes_, buffer_.data(), buffer_.size() * sizeof(T), path_);
    num_bytes_ += buffer_.size() * sizeof(T);
    buffer_.clear();
  }

  std::filesystem::path path_;
  FileDescriptor fd_;
  std::vector<T> buffer_;
  uint64_t num_bytes_ = 0;
};

std::filesystem::path beside(const std::filesystem::path& path, const char* what) {
  return fmt::format("{}.{}.{}.partial", path.native(), getpid(), what);
}

template <typename T>
void write_vector(H5Group& group, const std::string& name, const std::vector<T>& values) {
  H5Dataset dataset = group.create_dataset(name, h5_type_of<T>(), {values.size()});
  dataset.write(0, values.size(), values.data());
}

}  // namespace

struct DatasetWriter::State {
  State(const std::filesystem::path& output, Header its_header)
      : path(output),
        unsealed(beside(output, "unsealed")),
        header(std::move(its_header)),
        tokens(beside(output, "tokens")),
        supervised(beside(output, "supervised")) {}
  ~State() { unlink(unsealed.c_str()); }

  void write_hdf5(const Hash128& content_hash, const std::string& sources_json,
                  const std::string& settings_json, const std::string& statistics_json,
                  DatasetSeal& seal);
  void write_rows(H5Group rows, DatasetSeal& seal);
  void write_documents(H5Group documents) const;

  std::filesystem::path path, unsealed;
  Header header;
  Spool<int32_t> tokens;
  Spool<uint8_t> supervised;
  std::vector<int64_t> first_document = {0};
  std::vector<int32_t> num_targets;
  std::vector<uint64_t> row_hash;
  std::vector<int32_t> length, source, piece;
  std::vector<int64_t> record;
  int64_t total_targets = 0, total_tokens = 0;
};

// A corpus that is named as the output by mistake stays as it is.
static void check_replaceable(const std::filesystem::path& path) {
  constexpr std::string_view kHdf5Signature("\x89HDF\r\n\x1a\n");
  namespace fs = std::filesystem;
  if (!fs::exists(path) || (fs::is_regular_file(path) && fs::file_size(path) == 0)) return;
  std::string start(kHdf5Signature.size(), '\0');
  if (fs::is_regular_file(path)) {
    std::ifstream(path, std::ios::binary).read(start.data(), std::ssize(start));
  }
  if (start != kHdf5Signature) {
    throw UserError(
        "{} is there already and is no packed dataset; it is left as it is, name "
        "another output",
        path.string());
  }
}

DatasetWriter::DatasetWriter(const std::filesystem::path& path, Header header) {
  check_replaceable(path);
  TEMPER_CHECK(header.sequence_len >= 2 && header.sequence_len <= kMaxSequenceLen);
  TEMPER_CHECK(header.pad_token >= 0 && header.pad_token < header.vocab_size);
  state_ = std::make_unique<State>(path, std::move(header));
}
DatasetWriter::~DatasetWriter() = default;

int64_t DatasetWriter::num_rows() const {
  return static_cast<int64_t>(state_->row_hash.size());
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
    state_->length.push_back(lengths.back());
    state_->source.push_back(document->source);
    state_->record.push_back(document->record);
    state_->piece.push_back(document->piece);
  }
  TEMPER_CHECK(tokens.size() <= sequence_len, "a row of {} tokens", tokens.size());
  const int32_t num_targets = std::accumulate(supervised.begin(), supervised.end(), int32_t{0});
  state_->total_tokens += static_cast<int64_t>(tokens.size());
  state_->total_targets += num_targets;
  tokens.resize(sequence_len, state_->header.pad_token);
  supervised.resize(sequence_len, 0);
  state_->tokens.append(tokens.data(), tokens.size());
  state_->supervised.append(supervised.data(), supervised.size());
  state_->first_document.push_back(num_documents());
  state_->num_targets.push_back(num_targets);
  state_->row_hash.push_back(hash_row(tokens, supervised, lengths));
}

Hash128 DatasetWriter::finish(const std::string& sources_json, const std::string& settings_json,
                              const std::string& statistics_json) {
  State& state = *state_;
  TEMPER_CHECK(num_rows() > 0);
  const Hash128 content_hash = hash_content(state.header.sequence_len, state.row_hash);
  DatasetSeal seal;
  state.write_hdf5(content_hash, sources_json, settings_json, statistics_json, seal);
  FileDescriptor fd(open(state.unsealed.c_str(), O_RDWR | O_CLOEXEC));
  struct stat status {};
  if (!fd.is_open() || fstat(fd.get(), &status) != 0) {
    throw SystemError("{}: cannot be opened: {}", state.unsealed.native(), errno_text(errno));
  }
  seal.hdf5_bytes = static_cast<uint64_t>(status.st_size);
  seal.write(fd.get(), state.unsealed);
  sync_file(fd.get(), state.unsealed);
  fd.close(state.unsealed);
  rename_durably(state.unsealed, state.path);
  return content_hash;
}

void DatasetWriter::State::write_hdf5(const Hash128& content_hash, const std::string& sources_json,
                                      const std::string& settings_json,
                                      const std::string& statistics_json, DatasetSeal& seal) {
  H5Writer writer(unsealed);
  H5Group& root = writer.root();
  root.set_attribute("format", std::string(kDatasetFormat));
  root.set_attribute("format_version", kDatasetFormatVersion);
  root.set_attribute("sequence_len", header.sequence_len);
  root.set_attribute("vocab_size", header.vocab_size);
  root.set_attribute("pad_token", int64_t{header.pad_token});
  root.set_attribute("tokenizer_hash", header.tokenizer_hash.hex());
  root.set_attribute("chat_template", header.chat_template);
  root.set_attribute("content_hash", content_hash.hex());
  root.create_text("sources", sources_json);
  root.create_text("settings", settings_json);
  root.create_text("statistics", statistics_json);
  write_documents(root.create_group("documents"));
  write_rows(root.create_group("rows"), seal);
  writer.commit();
}

void DatasetWriter::State::write_documents(H5Group documents) const {
  write_vector(documents, "length", length);
  write_vector(documents, "source", source);
  write_vector(documents, "record", record);
  write_vector(documents, "piece", piece);
}

void DatasetWriter::State::write_rows(H5Group rows, DatasetSeal& seal) {
  write_vector(rows, "first_document", first_document);
  write_vector(rows, "num_targets", num_targets);
  write_vector(rows, "hash", row_hash);
  const std::vector<uint64_t> shape = {row_hash.size(), static_cast<uint64_t>(header.sequence_len)};
  const uint64_t num_elements = shape[0] * shape[1];
  H5Dataset tokens_dataset = rows.create_dataset("tokens", H5Type::kInt32, shape);
  tokens.copy_to(tokens_dataset);
  seal.tokens = {tokens_dataset.file_offset(), num_elements * sizeof(int32_t)};
  H5Dataset supervised_dataset = rows.create_dataset("supervised", H5Type::kUInt8, shape);
  supervised.copy_to(supervised_dataset);
  seal.supervised = {supervised_dataset.file_offset(), num_elements};
}

}  // namespace temper
