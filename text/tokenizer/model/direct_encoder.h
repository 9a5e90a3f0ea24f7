// The fast way from text to tokens. Most tokenizers rewrite the text in ways that need not be
// carried out: bytes mapped to printable characters, spaces to "\u2581". For those, words are cut
// from the text as it stands. It gives what the long way gives (normaliser, pre-tokenizer, model),
// or says that it can't.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/tokenizer/model/bpe_model.h"
#include "text/tokenizer/model/encoding_writer.h"
#include "text/tokenizer/pre/added_tokens.h"
#include "text/tokenizer/pre/normalizer.h"
#include "text/tokenizer/pre/pre_tokenizer.h"

namespace temper {

class DirectEncoder {
 public:
  // Nothing for a tokenizer that needs the long way. The parts must outlive the result;
  // `normalizer` and `pre_tokenizer` may be null.
  static std::optional<DirectEncoder> make(const Normalizer* normalizer,
                                           const PreTokenizer* pre_tokenizer, const BpeModel& model,
                                           const AddedTokens& added);

  // Whether encode() may be called for this text between two added tokens.
  bool takes(std::string_view part) const;
  // Writes the tokens of the part that starts at byte `origin` of the whole text.
  void encode(std::string_view part, size_t origin, BpeModel::Workspace& workspace,
              EncodingWriter& out) const;

 private:
  // When a mark goes before a part: never, always, or only at the very start of the text; in the
  // last two cases perhaps not before a space or a mark.
  enum class Prefix { kNone, kAlways, kUnlessMarked, kFirstUnlessMarked };

  DirectEncoder(const BpeModel& model, const AddedTokens& added) : model_(&model), added_(&added) {}
  static std::optional<Prefix> marking_normalizer(const Normalizer* normalizer);
  bool read_metaspace(const PreTokenizer& pre_tokenizer);
  bool collect_patterns();

  void encode_words(std::string_view part, size_t origin, BpeModel::Workspace& workspace,
                    EncodingWriter& out) const;
  void encode_marked(std::string_view part, size_t origin, BpeModel::Workspace& workspace,
                     EncodingWriter& out) const;
  bool needs_prefix(std::string_view part, size_t origin) const;
  size_t marked_word_end(std::string_view part, size_t begin) const;

  const BpeModel* model_;
  const AddedTokens* added_;
  const Normalizer* normalizer_ = nullptr;  // of texts that are cut by word_end_
  WordEnd word_end_ = nullptr;              // null: words start at spaces and marks
  Prefix prefix_ = Prefix::kNone;
  bool each_mark_ = false;  // every mark starts a word, not only the first of a row
  // What has to be in a text for a token that is looked for in the normalised text to be there.
  TextSet patterns_;
};

}  // namespace temper
