#include "data/dataset/dataset_file.h"

#include <fcntl.h>

#include <cerrno>
#include <limits>
#include <utility>

#include "common/error.h"
#include "io/hdf5.h"
#include "text/jinja/runtime/budget.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

FileDescriptor open_for_reading(const std::filesystem::path& path) {
  FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) throw UserError("{}: cannot be opened: {}", path.native(), errno_text(errno));
  return fd;
}

}  // namespace

template <typename... Args>
void DatasetFile::require(bool condition, fmt::format_string<Args...> format,
                          Args&&... args) const {
  if (condition) return;
  throw UserError("{}: the dataset is damaged: {}; copy the file again or pack the corpus again",
                  path_.native(), fmt::format(format, std::forward<Args>(args)...));
}

DatasetFile::DatasetFile(const std::filesystem::path& path) : path_(path) {
  FileDescriptor fd = open_for_reading(path);
  seal_ = DatasetSeal::read_and_check(fd.get(), path);
  read_header();
  payload_ = std::make_unique<PayloadReader>(path, std::move(fd), seal_);
}

void DatasetFile::read_header() {
  const H5Reader file(path_);
  read_attributes(file.root());
  read_template(file.root());
  check_sizes(read_payload_sizes(file.root()));
}

void DatasetFile::read_attributes(const H5Group& root) {
  if (!root.has_attribute("format") || root.text_attribute("format") != kDatasetFormat) {
    throw UserError("{}: not a dataset made by `temper pack`", path_.native());
  }
  info_.format_version = root.integer_attribute("format_version");
  if (info_.format_version > kDatasetFormatVersion) {
    throw UserError("{}: dataset format version {}; this temper reads up to {}: use a newer temper",
                    path_.native(), info_.format_version, kDatasetFormatVersion);
  }
  require(info_.format_version >= 1, "format_version {}", info_.format_version);
  info_.sequence_len = root.integer_attribute("sequence_len");
  require(info_.sequence_len >= 2 && info_.sequence_len <= kMaxSequenceLen, "sequence_len {}",
          info_.sequence_len);
  info_.vocab_size = root.integer_attribute("vocab_size");
  require(info_.vocab_size > 0 && info_.vocab_size <= std::numeric_limits<int32_t>::max(),
          "vocab_size {}", info_.vocab_size);
  info_.pad_token = root.integer_attribute("pad_token");
  require(info_.pad_token >= 0 && info_.pad_token < info_.vocab_size, "pad_token {}",
          info_.pad_token);
  info_.num_shards = root.integer_attribute("num_shards");
  info_.shard_index = root.integer_attribute("shard_index");
  require(info_.num_shards >= 1 && info_.num_shards <= kMaxShards && info_.shard_index >= 0 &&
              info_.shard_index < info_.num_shards,
          "shard {} of {}", info_.shard_index, info_.num_shards);
  info_.tokenizer_hash = Hash128::from_hex(root.text_attribute("tokenizer_hash", 64));
  info_.content_hash = Hash128::from_hex(root.text_attribute("content_hash", 64));
  info_.num_tokens = root.integer_attribute("num_tokens");
  info_.num_supervised_targets = root.integer_attribute("num_targets");
}

// From the texts, which other ranks do not have.
void DatasetFile::read_template(const H5Group& root) {
  info_.chat_template = root.text_attribute("chat_template", kMaxHeaderNameBytes);
  info_.chat_template_hash = Hash128::from_hex(root.text_attribute("chat_template_hash", 64));
  if (root.has(kTemplateSource)) {
    info_.chat_template_source = root.text(kTemplateSource, kMaxJinjaSource);
    require(hash_text(info_.chat_template_source) == info_.chat_template_hash,
            "its chat template is not the one it was packed with");
  }
  require(is_valid_utf8(info_.chat_template) && is_valid_utf8(info_.chat_template_source),
          "its chat template is not UTF-8");
  const std::string settings_text = root.text("settings", kMaxHeaderTextBytes);
  info_.settings_hash = hash_text(settings_text);
  const OrderedJson settings = parse_ordered_json(settings_text, path_.native() + ": settings");
  const OrderedJson kwargs = settings.is_object()
                                 ? settings.value("chat_template_variables", OrderedJson())
                                 : OrderedJson();
  if (!kwargs.empty()) info_.chat_template_kwargs = kwargs.dump();
  const std::string sources = root.text("sources", kMaxHeaderTextBytes);
  for (const Json& source : parse_json(sources, path_.native() + ": sources")) {
    const Json format = source.is_object() ? source.value("format", Json()) : Json();
    // auto: an empty file.
    if (format != "text" && format != "auto") info_.has_conversations = true;
  }
}

DatasetTexts DatasetFile::read_texts() const {
  const H5Reader file(path_);
  const H5Group& root = file.root();
  return {root.text("sources", kMaxHeaderTextBytes), root.text("settings", kMaxHeaderTextBytes),
          root.text("statistics", kMaxHeaderTextBytes),
          root.text("drop_reasons", kMaxHeaderTextBytes)};
}

DatasetFile::PayloadSizes DatasetFile::read_payload_sizes(const H5Group& root) const {
  PayloadSizes sizes{};
  const auto sequence_len = static_cast<uint64_t>(info_.sequence_len);
  for (size_t i = 0; i < kNumPayloads; ++i) {
    const PayloadPlace& place = payload_place(static_cast<Payload>(i));
    const H5Group group = root.group(place.group);
    if (static_cast<Payload>(i) == Payload::kTopic && !has_topics()) {
      require(!group.has(place.name), "{}/{} is not in its seal", place.group, place.name);
      continue;
    }
    const H5Dataset dataset = group.dataset(place.name);
    sizes[i] = dataset.num_elements();
    const bool in_rows = i <= static_cast<size_t>(Payload::kSupervised);
    require(dataset.type() == place.type && dataset.shape().size() == (in_rows ? 2 : 1) &&
                (!in_rows || dataset.shape()[1] == sequence_len),
            "{}/{} has not the type and shape it must have", place.group, place.name);
    // The seal covers what lies outside its payload, so the two must speak of the same bytes.
    const uint64_t num_bytes = sizes[i] * h5_type_size_bytes(place.type);
    const PayloadExtent said =
        num_bytes == 0 ? PayloadExtent{} : PayloadExtent{dataset.file_offset(), num_bytes};
    require(said == seal_.extents[i], "{}/{} is not where its seal says", place.group, place.name);
  }
  return sizes;
}

void DatasetFile::check_sizes(const PayloadSizes& sizes) {
  const auto sequence_len = static_cast<uint64_t>(info_.sequence_len);
  const auto size_of = [&](Payload payload) { return sizes[static_cast<size_t>(payload)]; };
  const uint64_t rows = size_of(Payload::kNumTargets), documents = size_of(Payload::kLength);
  const uint64_t dropped = size_of(Payload::kDroppedRecord);
  if (rows == 0) throw UserError("{}: the dataset has no rows", path_.native());
  require(size_of(Payload::kTokens) == rows * sequence_len &&
              size_of(Payload::kSupervised) == rows * sequence_len &&
              size_of(Payload::kFirstDocument) == rows + 1,
          "its arrays of rows are of different sizes");
  require(size_of(Payload::kSource) == documents && size_of(Payload::kRecord) == documents &&
              size_of(Payload::kPiece) == documents &&
              (!has_topics() || size_of(Payload::kTopic) == documents),
          "its arrays of documents are of different sizes");
  require(
      size_of(Payload::kDroppedSource) == dropped && size_of(Payload::kDroppedReason) == dropped,
      "its arrays of dropped records are of different sizes");
  info_.num_rows = static_cast<int64_t>(rows);
  info_.num_documents = static_cast<int64_t>(documents);
  info_.num_dropped = static_cast<int64_t>(dropped);
  require(documents >= rows, "{} documents in {} rows", documents, rows);
  require(info_.num_supervised_targets > 0, "it has no supervised targets");
  require(info_.num_supervised_targets <= info_.num_tokens &&
              static_cast<uint64_t>(info_.num_tokens) <= rows * sequence_len,
          "{} tokens, {} of them supervised", info_.num_tokens, info_.num_supervised_targets);
}

Json DatasetFile::share() const {
  Json extents = Json::array();
  for (const PayloadExtent& extent : seal_.extents) {
    extents.push_back(Json::array({extent.begin, extent.size}));
  }
  return {{"info", dataset_info_to_json(info_)},
          {"hdf5_bytes", seal_.hdf5_bytes},
          {"extents", extents},
          {"block_hashes", seal_.block_hashes},
          {"seal", seal_.hash.hex()}};
}

DatasetFile::DatasetFile(const std::filesystem::path& path, const Json& shared) : path_(path) {
  info_ = dataset_info_from_json(shared.at("info"));
  seal_.hdf5_bytes = shared.at("hdf5_bytes");
  for (size_t i = 0; i < kNumPayloads; ++i) {
    seal_.extents[i] = {shared.at("extents").at(i).at(0), shared.at("extents").at(i).at(1)};
  }
  seal_.block_hashes = shared.at("block_hashes").get<std::vector<uint64_t>>();
  seal_.hash = Hash128::from_hex(shared.at("seal").get<std::string>());
  FileDescriptor fd = open_for_reading(path);
  if (DatasetSeal::read_hash(fd.get(), path) != seal_.hash) {
    throw UserError("{}: not the file that rank 0 opened; is it the same file system?",
                    path.native());
  }
  payload_ = std::make_unique<PayloadReader>(path, std::move(fd), seal_);
}

}  // namespace temper
