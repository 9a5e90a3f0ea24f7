#include "data/dataset/packed_dataset.h"

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "data/dataset/merge_statistics.h"

namespace temper {

struct PackedDataset::State {
  // A file and an index in it.
  struct Spot {
    const DatasetFile& file;
    int64_t index;
  };

  explicit State(const std::filesystem::path& its_path) : path(its_path) {
    for (const auto& file : dataset_files(path)) files.emplace_back(file);
    join();
  }
  State(const std::filesystem::path& its_path, const std::string& shared) : path(its_path) {
    const Json described = parse_json(shared, path.native());
    const std::vector<std::filesystem::path> paths = dataset_files(path);
    if (described.size() != paths.size()) {
      throw UserError("{}: {} files, rank 0 sees {}; is it the same file system?", path.native(),
                      paths.size(), described.size());
    }
    for (size_t i = 0; i < paths.size(); ++i) files.emplace_back(paths[i], described[i]);
    join();
  }

  void join();
  template <int64_t DatasetInfo::*Count>
  Spot find(int64_t index) const;
  void check_row(const DatasetFile& file, const PackedRow& row, int64_t index,
                 size_t padding) const;
  std::vector<int32_t> lengths_of_row(const Spot& row, int64_t& first) const;

  template <typename... Args>
  static void require(const DatasetFile& file, bool condition, fmt::format_string<Args...> format,
                      Args&&... args) {
    if (condition) return;
    throw UserError("{}: the dataset is damaged: {}; copy the file again or pack the corpus again",
                    file.path().native(), fmt::format(format, std::forward<Args>(args)...));
  }

  std::filesystem::path path;
  std::vector<DatasetFile> files;
  DatasetInfo info;
};

void PackedDataset::State::join() {
  info = files.front().info();
  if (files.size() == 1) return;
  StreamHasher contents;
  info.num_rows = info.num_documents = info.num_dropped = 0;
  info.num_tokens = info.num_supervised_targets = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    const DatasetInfo& part = files[i].info();
    const bool agree = part.num_shards == static_cast<int64_t>(files.size()) &&
                       part.shard_index == static_cast<int64_t>(i) &&
                       part.sequence_len == info.sequence_len &&
                       part.vocab_size == info.vocab_size && part.pad_token == info.pad_token &&
                       part.tokenizer_hash == info.tokenizer_hash &&
                       part.chat_template_hash == info.chat_template_hash &&
                       part.settings_hash == info.settings_hash;
    if (!agree) {
      throw UserError(
          "{}: not packed like {}: shards of one dataset need the same corpus, tokenizer and "
          "options",
          files[i].path().native(), files.front().path().native());
    }
    info.num_rows += part.num_rows;
    info.num_documents += part.num_documents;
    info.num_dropped += part.num_dropped;
    info.num_tokens += part.num_tokens;
    info.num_supervised_targets += part.num_supervised_targets;
    contents.update(&part.content_hash, sizeof(part.content_hash));
    info.has_conversations |= part.has_conversations;
  }
  info.content_hash = contents.digest();
}

template <int64_t DatasetInfo::*Count>
PackedDataset::State::Spot PackedDataset::State::find(int64_t index) const {
  TEMPER_CHECK(index >= 0 && index < info.*Count, "{} of {}", index, info.*Count);
  size_t file = 0;
  while (index >= files[file].info().*Count) index -= files[file++].info().*Count;
  return {files[file], index};
}

// The hashes speak of accidents. What is asked here holds whoever wrote the file, so that nothing
// downstream can be misled by one that was made on purpose.
void PackedDataset::State::check_row(const DatasetFile& file, const PackedRow& row, int64_t index,
                                     size_t padding) const {
  int32_t outside = 0;
  const auto vocab_size = static_cast<int32_t>(info.vocab_size);
  for (const int32_t token : row.tokens) outside |= (token < 0) | (token >= vocab_size);
  require(file, outside == 0, "a token of row {} is outside the vocabulary of {}", index,
          info.vocab_size);
  int64_t num_supervised = 0;
  uint8_t all = 0, behind = 0;
  for (size_t t = 0; t < padding; ++t) {
    all |= row.supervised[t];
    num_supervised += row.supervised[t];
  }
  for (size_t t = padding; t < row.supervised.size(); ++t) behind |= row.supervised[t];
  require(file, all <= 1 && behind == 0, "the supervision of row {} is neither 0 nor 1", index);
  for (size_t d = 0; d + 1 < row.document_begin.size(); ++d) {
    num_supervised -= row.supervised[static_cast<size_t>(row.document_begin[d])];
  }
  require(file, num_supervised == row.num_targets, "row {} announces {} targets and has {}", index,
          row.num_targets, num_supervised);
}

std::vector<int32_t> PackedDataset::State::lengths_of_row(const Spot& row, int64_t& first) const {
  int64_t range[2];
  row.file.payload().read(Payload::kFirstDocument, row.index, 2, range);
  const int64_t count = range[1] - range[0];
  require(row.file,
          range[0] >= 0 && range[1] <= row.file.info().num_documents && count > 0 &&
              count <= info.sequence_len,
          "documents {} to {} in row {}", range[0], range[1], row.index);
  first = range[0];
  std::vector<int32_t> lengths(static_cast<size_t>(count));
  row.file.payload().read(Payload::kLength, first, count, lengths.data());
  int64_t num_tokens = 0;
  for (const int32_t length : lengths) {
    require(row.file, length > 0, "a document of {} tokens in row {}", length, row.index);
    num_tokens += length;
  }
  require(row.file, num_tokens <= info.sequence_len, "row {} holds {} tokens", row.index,
          num_tokens);
  return lengths;
}

PackedDataset::PackedDataset(const std::filesystem::path& path)
    : state_(std::make_unique<State>(path)) {}
PackedDataset::PackedDataset(const std::filesystem::path& path, const std::string& shared)
    : state_(std::make_unique<State>(path, shared)) {}
PackedDataset::~PackedDataset() = default;
PackedDataset::PackedDataset(PackedDataset&&) noexcept = default;
PackedDataset& PackedDataset::operator=(PackedDataset&&) noexcept = default;

const std::filesystem::path& PackedDataset::path() const {
  return state_->path;
}
const DatasetInfo& PackedDataset::info() const {
  return state_->info;
}

DatasetTexts PackedDataset::texts() const {
  DatasetTexts texts = state_->files.front().read_texts();
  if (state_->files.size() == 1) return texts;
  std::vector<std::string> statistics, sources;
  for (const DatasetFile& file : state_->files) {
    DatasetTexts of_file = file.read_texts();
    statistics.push_back(std::move(of_file.statistics));
    sources.push_back(std::move(of_file.sources));
  }
  texts.statistics = merge_statistics(statistics, path().native());
  texts.sources = merge_sources(sources, path().native());
  return texts;
}

std::string PackedDataset::share() const {
  Json files = Json::array();
  for (const DatasetFile& file : state_->files) files.push_back(file.share());
  return files.dump();
}

int64_t PackedDataset::num_targets(int64_t index) const {
  const State::Spot spot = state_->find<&DatasetInfo::num_rows>(index);
  const auto count = spot.file.payload().at<int32_t>(Payload::kNumTargets, spot.index);
  State::require(spot.file, count >= 0 && count < state_->info.sequence_len,
                 "row {} with {} targets", spot.index, count);
  return count;
}

PackedRow PackedDataset::row(int64_t index) const {
  const State& state = *state_;
  const State::Spot spot = state.find<&DatasetInfo::num_rows>(index);
  const PayloadReader& payload = spot.file.payload();
  const int64_t sequence_len = state.info.sequence_len;
  PackedRow row;
  row.num_targets = num_targets(index);
  row.tokens.resize(static_cast<size_t>(sequence_len));
  row.supervised.resize(static_cast<size_t>(sequence_len));
  payload.read(Payload::kTokens, spot.index * sequence_len, sequence_len, row.tokens.data());
  payload.read(Payload::kSupervised, spot.index * sequence_len, sequence_len,
               row.supervised.data());
  int64_t first = 0;
  row.document_begin = {0};
  for (const int32_t length : state.lengths_of_row(spot, first)) {
    row.document_begin.push_back(row.document_begin.back() + length);
  }
  const auto padding = static_cast<size_t>(row.document_begin.back());
  if (padding < row.tokens.size()) {
    row.document_begin.push_back(static_cast<int32_t>(sequence_len));
  }
  state.check_row(spot.file, row, spot.index, padding);
  return row;
}

std::vector<DocumentOrigin> PackedDataset::origins(int64_t index) const {
  const State::Spot spot = state_->find<&DatasetInfo::num_rows>(index);
  int64_t first = 0;
  const auto count = static_cast<int64_t>(state_->lengths_of_row(spot, first).size());
  for (const DatasetFile& file : state_->files) {
    if (&file == &spot.file) break;
    first += file.info().num_documents;
  }
  return documents(first, count);
}

std::vector<DocumentOrigin> PackedDataset::documents(int64_t begin, int64_t count) const {
  std::vector<DocumentOrigin> origins;
  const int64_t end = std::min(begin + count, state_->info.num_documents);
  while (begin < end) {
    const State::Spot spot = state_->find<&DatasetInfo::num_documents>(begin);
    const int64_t here = std::min(end - begin, spot.file.info().num_documents - spot.index);
    const auto size = static_cast<size_t>(here);
    std::vector<int32_t> length(size), source(size), piece(size);
    std::vector<int64_t> record(size);
    spot.file.payload().read(Payload::kLength, spot.index, here, length.data());
    spot.file.payload().read(Payload::kSource, spot.index, here, source.data());
    spot.file.payload().read(Payload::kPiece, spot.index, here, piece.data());
    spot.file.payload().read(Payload::kRecord, spot.index, here, record.data());
    std::vector<int32_t> topic(size, -1);
    if (spot.file.has_topics()) {
      spot.file.payload().read(Payload::kTopic, spot.index, here, topic.data());
    }
    for (size_t i = 0; i < size; ++i) {
      State::require(spot.file,
                     length[i] > 0 && length[i] <= state_->info.sequence_len && source[i] >= 0 &&
                         record[i] > 0 && piece[i] >= 0 && topic[i] >= -1 &&
                         topic[i] < static_cast<int32_t>(kMaxTopics),
                     "document {}", spot.index + static_cast<int64_t>(i));
      origins.push_back({source[i], record[i], piece[i], length[i], topic[i]});
    }
    begin += here;
  }
  return origins;
}

int64_t PackedDataset::row_of_document(int64_t document) const {
  const State::Spot spot = state_->find<&DatasetInfo::num_documents>(document);
  int64_t before = 0;  // rows of the files before
  for (const DatasetFile& file : state_->files) {
    if (&file == &spot.file) break;
    before += file.info().num_rows;
  }
  int64_t low = 0, high = spot.file.info().num_rows;  // the row is in [low, high)
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    const auto first = spot.file.payload().at<int64_t>(Payload::kFirstDocument, middle);
    (first <= spot.index ? low : high) = middle;
  }
  return before + low;
}

std::vector<DroppedRecord> PackedDataset::dropped(int64_t begin, int64_t count) const {
  std::vector<DroppedRecord> records;
  const int64_t end = std::min(begin + count, state_->info.num_dropped);
  while (begin < end) {
    const State::Spot spot = state_->find<&DatasetInfo::num_dropped>(begin);
    const int64_t here = std::min(end - begin, spot.file.info().num_dropped - spot.index);
    const auto size = static_cast<size_t>(here);
    std::vector<int32_t> source(size), reason(size);
    std::vector<int64_t> record(size);
    spot.file.payload().read(Payload::kDroppedSource, spot.index, here, source.data());
    spot.file.payload().read(Payload::kDroppedRecord, spot.index, here, record.data());
    spot.file.payload().read(Payload::kDroppedReason, spot.index, here, reason.data());
    for (size_t i = 0; i < size; ++i) records.push_back({source[i], record[i], reason[i]});
    begin += here;
  }
  return records;
}

void PackedDataset::verify() const {
  int64_t index = 0;
  for (const DatasetFile& file : state_->files) {
    file.payload().verify();
    const DatasetInfo& info = file.info();
    ContentHasher content(info.sequence_len);
    int64_t num_targets = 0, num_tokens = 0, num_documents = 0;
    for (int64_t r = 0; r < info.num_rows; ++r) {
      int64_t first = 0;
      const std::vector<int32_t> lengths = state_->lengths_of_row({file, r}, first);
      State::require(file, first == num_documents, "row {} begins with document {}", r, first);
      const PackedRow row = this->row(index++);
      for (const int32_t length : lengths) num_tokens += length;
      num_documents += static_cast<int64_t>(lengths.size());
      num_targets += row.num_targets;
      content.add_row(hash_row(row.tokens, row.supervised, lengths));
    }
    State::require(file,
                   num_documents == info.num_documents && num_tokens == info.num_tokens &&
                       num_targets == info.num_supervised_targets,
                   "its header speaks of other documents, tokens or targets than it has");
    State::require(file, content.digest() == info.content_hash,
                   "its content hash is not that of its rows");
  }
  constexpr int64_t kAtOnce = 65536;
  for (int64_t d = 0; d < state_->info.num_documents; d += kAtOnce) documents(d, kAtOnce);
}

}  // namespace temper
