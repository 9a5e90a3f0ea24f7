// The pre-tokenizer: cuts a normalised text into the words that the model encodes one by one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/json.h"
#include "text/tokenizer/pre/aligned_text.h"
#include "text/tokenizer/pre/word_splitter.h"

namespace temper {

// A text on its way to ids, cut into pieces. A piece is a part of one of the chunks; to cut further
// only makes more pieces, to rewrite a piece adds a chunk.
struct SplitText {
  struct Piece {
    uint32_t chunk;
    uint32_t begin;  // bytes of chunks[chunk].text()
    uint32_t end;
    int32_t added_token =
        -1;  // the id of the added token that this is; such pieces stay as they are
  };
  std::vector<AlignedText> chunks;
  std::vector<Piece> pieces;

  std::string_view text(const Piece& piece) const {
    return std::string_view(chunks[piece.chunk].text())
        .substr(piece.begin, piece.end - piece.begin);
  }
  // Adds a chunk that is one piece; an empty one leaves no piece.
  void add_chunk(AlignedText chunk, std::vector<Piece>& to);
};

// ByteLevel, Split, Digits, Whitespace, WhitespaceSplit, BertPreTokenizer, Punctuation, Metaspace
// or a Sequence of them. Immutable.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void split(SplitText& text) const = 0;
  // Like split(), except that a ByteLevel at the end leaves the bytes as they are: its mapping to
  // printable characters is then the model's affair (ends_in_byte_level).
  virtual void split_bytes(SplitText& text) const { split(text); }
  virtual bool ends_in_byte_level() const { return false; }
  // When all that split_bytes() does is to cut at every end of a word: the splitter. Else null.
  virtual WordEnd word_end() const { return nullptr; }
  // Whether split_bytes() leaves the pieces as they are.
  virtual bool only_maps_bytes() const { return false; }
  // Equal for two pre-tokenizers exactly when they give the same words.
  virtual std::string fingerprint() const = 0;

  // UserError that names a type that is not known.
  static std::unique_ptr<PreTokenizer> from_json(const JsonFields& fields);
};

}  // namespace temper
