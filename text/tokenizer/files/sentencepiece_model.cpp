#include "text/tokenizer/files/sentencepiece_model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/error.h"
#include "text/tokenizer/files/tokenizer_files.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr size_t kMaxPieces = size_t{1} << 24;
constexpr size_t kMaxPieceBytes = 512;

[[noreturn]] void throw_damaged(const std::string& place) {
  throw UserError("{}: this is no SentencePiece model, or it is damaged", place);
}

// The fields of a protobuf message, one by one.
class Message {
 public:
  Message(std::string_view bytes, const std::string& place) : bytes_(bytes), place_(place) {}

  // Moves to the next field; false at the end.
  bool next() {
    if (bytes_.empty()) return false;
    const uint64_t tag = take_varint();
    field_ = tag >> 3;
    switch (tag & 7) {
      case 0:
        number_ = take_varint();
        break;
      case 1:
        content_ = take(8);
        break;
      case 2:
        content_ = take(take_varint());
        break;
      case 5:
        content_ = take(4);
        break;
      default:
        throw_damaged(place_);
    }
    kind_ = tag & 7;
    return true;
  }
  uint64_t field() const { return field_; }
  uint64_t number() const { return expect(0), number_; }
  std::string_view content() const { return expect(2), content_; }
  float real() const {
    expect(5);
    float value = 0;
    std::memcpy(&value, content_.data(), sizeof(value));
    return value;
  }

 private:
  void expect(uint64_t kind) const {
    if (kind_ != kind) throw_damaged(place_);
  }
  std::string_view take(uint64_t size) {
    if (size > bytes_.size()) throw_damaged(place_);
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  uint64_t take_varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<uint8_t>(take(1).front());
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    throw_damaged(place_);
  }

  std::string_view bytes_;
  const std::string& place_;
  uint64_t field_ = 0, kind_ = 0, number_ = 0;
  std::string_view content_;
};

enum class PieceKind : uint64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4 };

struct Piece {
  std::string text;
  float score = 0;
  uint64_t kind = static_cast<uint64_t>(PieceKind::kNormal);
  bool is(PieceKind other) const { return kind == static_cast<uint64_t>(other); }
};

// What a BPE model needs of sentencepiece_model.proto, with the defaults from there.
struct Model {
  std::vector<Piece> pieces;
  uint64_t kind = 1;
  bool byte_fallback = false;
  bool space_is_suffix = false;
  int64_t bos_id = 1, eos_id = 2;
  std::string normalizer;
  bool maps_characters = false;
  bool adds_prefix = true, removes_spaces = true, escapes_spaces = true;
};

Piece read_piece(std::string_view bytes, const std::string& place) {
  Piece piece;
  for (Message message(bytes, place); message.next();) {
    if (message.field() == 1) piece.text = message.content();
    if (message.field() == 2) piece.score = message.real();
    if (message.field() == 3) piece.kind = message.number();
  }
  if (piece.text.empty() || piece.text.size() > kMaxPieceBytes || !is_valid_utf8(piece.text) ||
      std::isnan(piece.score)) {
    throw_damaged(place);
  }
  return piece;
}

void read_trainer(std::string_view bytes, const std::string& place, Model& model) {
  for (Message message(bytes, place); message.next();) {
    if (message.field() == 3) model.kind = message.number();
    if (message.field() == 24) model.space_is_suffix = message.number() != 0;
    if (message.field() == 35) model.byte_fallback = message.number() != 0;
    // Negative for none, as ten bytes of a 64 bit number.
    if (message.field() == 41) model.bos_id = static_cast<int32_t>(message.number());
    if (message.field() == 42) model.eos_id = static_cast<int32_t>(message.number());
  }
}

void read_normalizer(std::string_view bytes, const std::string& place, Model& model) {
  for (Message message(bytes, place); message.next();) {
    if (message.field() == 1) model.normalizer = message.content();
    if (message.field() == 2) model.maps_characters = !message.content().empty();
    if (message.field() == 3) model.adds_prefix = message.number() != 0;
    if (message.field() == 4) model.removes_spaces = message.number() != 0;
    if (message.field() == 5) model.escapes_spaces = message.number() != 0;
  }
}

Model read_model(std::string_view file, const std::string& place) {
  Model model;
  for (Message message(file, place); message.next();) {
    if (message.field() == 1) model.pieces.push_back(read_piece(message.content(), place));
    if (message.field() == 2) read_trainer(message.content(), place, model);
    if (message.field() == 3) read_normalizer(message.content(), place, model);
    if (model.pieces.size() > kMaxPieces) throw_damaged(place);
  }
  if (model.pieces.empty()) throw_damaged(place);
  return model;
}

void refuse_others(const Model& model, const std::string& place) {
  constexpr const char* kKinds[] = {"Unigram", "BPE", "word", "character"};
  const std::string kind = model.kind >= 1 && model.kind <= 4
                               ? kKinds[model.kind - 1]
                               : fmt::format("number {}", model.kind);
  if (kind != "BPE") {
    throw UserError("{}: the SentencePiece model is of the kind {}, only BPE is supported", place,
                    kind);
  }
  const char* what = model.maps_characters   ? "a normaliser that maps characters"
                     : model.removes_spaces  ? "the removal of extra white space"
                     : !model.escapes_spaces ? "spaces that are not escaped"
                     : model.space_is_suffix ? "white space as a suffix"
                                             : nullptr;
  if (what == nullptr) return;
  throw UserError(
      "{}: the SentencePiece model has {}, which is not supported; have transformers save a "
      "tokenizer.json of it (AutoTokenizer.from_pretrained(...).save_pretrained(...))",
      place, what);
}

using PieceIds = std::unordered_map<std::string_view, int64_t>;

// Every pair of pieces whose texts make a piece, in the order in which Hugging Face joins them: the
// best score first, then by the ids of the two.
Json merges_of(const Model& model, const PieceIds& ids) {
  struct Merge {
    float score;
    int64_t left, right;
  };
  std::vector<Merge> merges;
  for (const Piece& piece : model.pieces) {
    const std::string_view text = piece.text;
    for (size_t cut = utf8_length(text[0]); cut < text.size(); cut += utf8_length(text[cut])) {
      const auto left = ids.find(text.substr(0, cut)), right = ids.find(text.substr(cut));
      if (left != ids.end() && right != ids.end()) {
        merges.push_back({piece.score, left->second, right->second});
      }
    }
  }
  std::sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    return std::tie(b.score, a.left, a.right) < std::tie(a.score, b.left, b.right);
  });
  Json list = Json::array();
  for (const Merge& merge : merges) {
    list.push_back({model.pieces[static_cast<size_t>(merge.left)].text,
                    model.pieces[static_cast<size_t>(merge.right)].text});
  }
  return list;
}

Json bpe_json(const Model& model, const std::string& place) {
  PieceIds ids;
  Json vocabulary = Json::object();
  const Piece* unknown = nullptr;
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    const Piece& piece = model.pieces[i];
    if (!ids.emplace(piece.text, static_cast<int64_t>(i)).second) {
      throw UserError("{}: two pieces, the second with id {}, have the same text", place, i);
    }
    vocabulary[piece.text] = i;
    if (piece.is(PieceKind::kUnknown)) unknown = &piece;
  }
  Json json = {{"type", "BPE"},
               {"fuse_unk", true},
               {"byte_fallback", model.byte_fallback},
               {"vocab", std::move(vocabulary)},
               {"merges", merges_of(model, ids)}};
  if (unknown != nullptr) json["unk_token"] = unknown->text;
  return json;
}

// Null when there is no such piece, or it is not wanted.
Json edge_token(const Model& model, int64_t id, bool wanted) {
  if (!wanted || id < 0 || id >= static_cast<int64_t>(model.pieces.size())) return nullptr;
  return added_token_json(id, model.pieces[static_cast<size_t>(id)].text, true);
}

Json with_mark(const char* type, bool to_mark) {
  const char *space = " ", *mark = "\u2581";
  return {{"type", type},
          {"pattern", {{"String", to_mark ? space : mark}}},
          {"content", to_mark ? mark : space}};
}

}  // namespace

Json tokenizer_json_of_sentencepiece(std::string_view file, const Json& config,
                                     const std::string& place) {
  const Model model = read_model(file, place);
  refuse_others(model, place);
  std::vector<Json> added;
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    const Piece& piece = model.pieces[i];
    const bool special = piece.is(PieceKind::kControl) || piece.is(PieceKind::kUnknown);
    if (!special && !piece.is(PieceKind::kUserDefined)) continue;
    added.push_back(added_token_json(static_cast<int64_t>(i), piece.text, special));
  }
  const JsonFields settings(config, place + ": tokenizer_config.json");
  Json normalizer, pre_tokenizer;
  if (settings.boolean_or("legacy", true)) {
    Json steps = Json::array();
    if (model.adds_prefix) steps.push_back({{"type", "Prepend"}, {"prepend", "\u2581"}});
    steps.push_back(with_mark("Replace", true));
    normalizer = {{"type", "Sequence"}, {"normalizers", steps}};
  } else {
    pre_tokenizer = {{"type", "Metaspace"},
                     {"replacement", "\u2581"},
                     {"prepend_scheme", model.adds_prefix ? "first" : "never"},
                     {"split", false}};
  }
  Json decoders = {with_mark("Replace", false), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
  if (model.adds_prefix) {
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  return {{"added_tokens", with_configured_tokens(std::move(added), config, place)},
          {"normalizer", normalizer},
          {"pre_tokenizer", pre_tokenizer},
          {"post_processor",
           template_processing(
               edge_token(model, model.bos_id, settings.boolean_or("add_bos_token", true)),
               edge_token(model, model.eos_id, settings.boolean_or("add_eos_token", false)))},
          {"decoder", {{"type", "Sequence"}, {"decoders", decoders}}},
          {"model", bpe_json(model, place)}};
}

}  // namespace temper
