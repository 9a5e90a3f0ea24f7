#include "text/tokenizer/pre/pre_tokenizer.h"

#include <utility>

#include "common/error.h"
#include "text/tokenizer/pre/byte_alphabet.h"
#include "text/tokenizer/pre/fingerprint.h"
#include "text/tokenizer/pre/json_lists.h"
#include "text/tokenizer/pre/pattern.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

using Piece = SplitText::Piece;

// What becomes of the matches. For "the-final--countdown" and "-":
enum class SplitBehavior {
  kRemoved,             // the final countdown
  kIsolated,            // the - final - - countdown
  kMergedWithPrevious,  // the- final- - countdown
  kMergedWithNext,      // the -final - -countdown
  kContiguous,          // the - final -- countdown
};

// Makes the words of `parts` from the parts between matches and the matches themselves.
void apply_behavior(std::vector<TextPart>& parts, SplitBehavior behavior) {
  size_t kept = 0;
  if (behavior == SplitBehavior::kRemoved) {
    for (const TextPart& part : parts) {
      if (!part.is_match) parts[kept++] = part;
    }
    parts.resize(kept);
    return;
  }
  if (behavior == SplitBehavior::kIsolated) return;
  if (behavior == SplitBehavior::kMergedWithNext) {
    // From the back, so that of several matches in a row only the last joins what follows.
    size_t first = parts.size();
    bool after_match = false;
    for (size_t i = parts.size(); i-- > 0;) {
      const TextPart part = parts[i];
      if (part.is_match && !after_match && first < parts.size()) {
        parts[first].begin = part.begin;
      } else {
        parts[--first] = part;
      }
      after_match = part.is_match;
    }
    parts.erase(parts.begin(), parts.begin() + static_cast<ptrdiff_t>(first));
    return;
  }
  bool after_match = false;
  for (const TextPart& part : parts) {
    const bool joins = behavior == SplitBehavior::kContiguous ? part.is_match == after_match
                                                              : part.is_match && !after_match;
    if (joins && kept > 0) {
      parts[kept - 1].end = part.end;
    } else {
      parts[kept++] = part;
    }
    after_match = part.is_match;
  }
  parts.resize(kept);
}

// Replaces every piece that is not an added token by what `cut` makes of it.
template <typename Cut>
void cut_pieces(SplitText& text, Cut&& cut) {
  std::vector<Piece> before;
  before.swap(text.pieces);
  text.pieces.reserve(before.size() + 16);
  for (const Piece& piece : before) {
    if (piece.added_token >= 0) {
      text.pieces.push_back(piece);
    } else {
      cut(piece);
    }
  }
}

void add_parts(SplitText& text, const Piece& piece, const std::vector<TextPart>& parts) {
  for (const TextPart& part : parts) {
    if (part.begin == part.end) continue;
    text.pieces.push_back({piece.chunk, piece.begin + static_cast<uint32_t>(part.begin),
                           piece.begin + static_cast<uint32_t>(part.end)});
  }
}

// Cuts pieces by the parts that `find_parts(text, parts)` gives.
template <typename FindParts>
void cut_by(SplitText& text, SplitBehavior behavior, FindParts&& find_parts) {
  std::vector<TextPart> parts;
  cut_pieces(text, [&](const Piece& piece) {
    parts.clear();
    find_parts(text.text(piece), parts);
    apply_behavior(parts, behavior);
    add_parts(text, piece, parts);
  });
}

// Every character with the property is a match of its own.
template <typename Property>
void find_character_parts(std::string_view text, Property&& property,
                          std::vector<TextPart>& parts) {
  size_t covered = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    if (!property(next_code_point(text, i))) continue;
    if (covered < begin) parts.push_back({covered, begin, false});
    parts.push_back({begin, i, true});
    covered = i;
  }
  if (covered < text.size()) parts.push_back({covered, text.size(), false});
}

class Split : public PreTokenizer {
 public:
  Split(Pattern pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  void split(SplitText& text) const override {
    cut_by(text, behavior_, [&](std::string_view piece, std::vector<TextPart>& parts) {
      pattern_.find_parts(piece, parts);
      if (!invert_) return;
      for (TextPart& part : parts) part.is_match = !part.is_match;
    });
  }

  WordEnd word_end() const override {
    return behavior_ == SplitBehavior::kIsolated ? pattern_.word_end() : nullptr;
  }

  std::string fingerprint() const override {
    return fmt::format("Split({},{},{})", sized(pattern_.description()),
                       static_cast<int>(behavior_), invert_);
  }

 private:
  Pattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

class Digits : public PreTokenizer {
 public:
  explicit Digits(bool individual) : individual_(individual) {}
  void split(SplitText& text) const override {
    const auto behavior = individual_ ? SplitBehavior::kIsolated : SplitBehavior::kContiguous;
    cut_by(text, behavior, [](std::string_view piece, std::vector<TextPart>& parts) {
      find_character_parts(piece, is_numeric, parts);
    });
  }
  std::string fingerprint() const override { return fmt::format("Digits({})", individual_); }

 private:
  bool individual_;
};

class Punctuation : public PreTokenizer {
 public:
  explicit Punctuation(SplitBehavior behavior) : behavior_(behavior) {}
  void split(SplitText& text) const override {
    cut_by(text, behavior_, [](std::string_view piece, std::vector<TextPart>& parts) {
      find_character_parts(piece, is_punctuation, parts);
    });
  }
  std::string fingerprint() const override {
    return fmt::format("Punctuation({})", static_cast<int>(behavior_));
  }

 private:
  SplitBehavior behavior_;
};

// Removes white space; with `punctuation`, also makes every such mark a word (BertPreTokenizer).
class WhitespaceSplit : public PreTokenizer {
 public:
  explicit WhitespaceSplit(bool punctuation) : punctuation_(punctuation) {}
  void split(SplitText& text) const override {
    cut_by(text, SplitBehavior::kRemoved, [](std::string_view piece, std::vector<TextPart>& parts) {
      find_character_parts(piece, is_white_space, parts);
    });
    if (!punctuation_) return;
    cut_by(text, SplitBehavior::kIsolated,
           [](std::string_view piece, std::vector<TextPart>& parts) {
             find_character_parts(piece, is_punctuation, parts);
           });
  }
  std::string fingerprint() const override {
    return punctuation_ ? "BertPreTokenizer" : "WhitespaceSplit";
  }

 private:
  bool punctuation_;
};

// Runs of word characters and runs of what is neither that nor white space.
class Whitespace : public PreTokenizer {
 public:
  void split(SplitText& text) const override {
    cut_pieces(text, [&](const Piece& piece) {
      const std::string_view piece_text = text.text(piece);
      Kind run_kind = Kind::kSpace;
      uint32_t run_begin = 0;
      for (size_t i = 0; i <= piece_text.size();) {
        const auto begin = static_cast<uint32_t>(i);
        const bool at_end = i == piece_text.size();
        const Kind kind = at_end ? Kind::kSpace : kind_of(next_code_point(piece_text, i));
        if (at_end || kind != run_kind) {
          if (run_kind != Kind::kSpace) {
            text.pieces.push_back({piece.chunk, piece.begin + run_begin, piece.begin + begin});
          }
          run_begin = begin;
          run_kind = kind;
        }
        if (at_end) break;
      }
    });
  }
  std::string fingerprint() const override { return "Whitespace"; }

 private:
  enum class Kind { kSpace, kWord, kOther };
  static Kind kind_of(char32_t c) {
    return is_word_character(c) ? Kind::kWord : is_white_space(c) ? Kind::kSpace : Kind::kOther;
  }
};

enum class PrependScheme { kFirst, kNever, kAlways };

class Metaspace : public PreTokenizer {
 public:
  Metaspace(std::string replacement, PrependScheme scheme, bool split)
      : replacement_(std::move(replacement)), scheme_(scheme), split_(split) {}

  void split(SplitText& text) const override {
    std::vector<TextPart> parts;
    cut_pieces(text, [&](const Piece& piece) {
      AlignedText chunk = text.chunks[piece.chunk].slice(piece.begin, piece.end);
      parts.clear();
      find_literal_parts(chunk.text(), " ", parts);
      chunk.replace(parts, replacement_);
      if (needs_prefix(chunk)) chunk.prepend(replacement_);
      text.add_chunk(std::move(chunk), text.pieces);
    });
    if (!split_) return;
    cut_by(text, SplitBehavior::kMergedWithNext,
           [&](std::string_view piece, std::vector<TextPart>& found) {
             find_literal_parts(piece, replacement_, found);
           });
  }

  std::string fingerprint() const override {
    return fmt::format("Metaspace({},{},{})", sized(replacement_), static_cast<int>(scheme_),
                       split_);
  }

 private:
  bool needs_prefix(const AlignedText& chunk) const {
    if (scheme_ == PrependScheme::kNever || chunk.empty()) return false;
    if (chunk.text().starts_with(replacement_)) return false;
    return scheme_ == PrependScheme::kAlways || chunk.original_range(0, 1).begin == 0;
  }

  std::string replacement_;
  PrependScheme scheme_;
  bool split_;
};

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, bool use_regex)
      : add_prefix_space_(add_prefix_space),
        word_end_(use_regex ? find_word_splitter(kGpt2Expression) : nullptr) {}

  void split(SplitText& text) const override {
    split_bytes(text);
    cut_pieces(text, [&](const Piece& piece) {
      AlignedText chunk = text.chunks[piece.chunk].slice(piece.begin, piece.end);
      chunk.rewrite(byte_edits(chunk.text()));
      text.add_chunk(std::move(chunk), text.pieces);
    });
  }

  void split_bytes(SplitText& text) const override {
    if (add_prefix_space_) add_prefix_spaces(text);
    if (word_end_ == nullptr) return;
    cut_by(text, SplitBehavior::kIsolated,
           [&](std::string_view piece, std::vector<TextPart>& parts) {
             find_word_parts(piece, word_end_, parts);
           });
  }

  bool ends_in_byte_level() const override { return true; }
  WordEnd word_end() const override { return add_prefix_space_ ? nullptr : word_end_; }
  bool only_maps_bytes() const override { return !add_prefix_space_ && word_end_ == nullptr; }

  std::string fingerprint() const override {
    return fmt::format("ByteLevel({},{})", add_prefix_space_, word_end_ != nullptr);
  }

 private:
  static void add_prefix_spaces(SplitText& text) {
    cut_pieces(text, [&](const Piece& piece) {
      if (text.text(piece).starts_with(' ')) {
        text.pieces.push_back(piece);
        return;
      }
      AlignedText chunk = text.chunks[piece.chunk].slice(piece.begin, piece.end);
      chunk.prepend(" ");
      text.add_chunk(std::move(chunk), text.pieces);
    });
  }

  static std::vector<CharacterEdit> byte_edits(const std::string& text) {
    std::vector<CharacterEdit> edits;
    edits.reserve(text.size());
    for (char c : text) {
      edits.push_back(
          {byte_to_character(static_cast<uint8_t>(c)), is_utf8_continuation(c) ? 1 : 0});
    }
    return edits;
  }

  bool add_prefix_space_;
  WordEnd word_end_;
};

class PreTokenizerSequence : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<std::unique_ptr<PreTokenizer>> steps)
      : steps_(std::move(steps)) {}

  void split(SplitText& text) const override {
    for (const auto& step : steps_) step->split(text);
  }
  void split_bytes(SplitText& text) const override {
    for (const auto& step : steps_) {
      if (step == steps_.back()) {
        step->split_bytes(text);
      } else {
        step->split(text);
      }
    }
  }
  bool ends_in_byte_level() const override {
    return !steps_.empty() && steps_.back()->ends_in_byte_level();
  }
  WordEnd word_end() const override {
    if (steps_.size() == 1) return steps_[0]->word_end();
    const bool one_cuts =
        steps_.size() == 2 && !steps_[0]->ends_in_byte_level() && steps_[1]->only_maps_bytes();
    return one_cuts ? steps_[0]->word_end() : nullptr;
  }
  std::string fingerprint() const override {
    std::string result;
    for (const auto& step : steps_) result += step->fingerprint();
    return result;
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> steps_;
};

SplitBehavior read_behavior(const std::string& name, const std::string& place) {
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  throw UserError("{}: '{}' is not a split behaviour", place, name);
}

std::unique_ptr<PreTokenizer> read_metaspace(const JsonFields& fields) {
  const std::string replacement = fields.text_or("replacement", "\u2581");
  if (count_code_points(replacement) != 1) {
    throw UserError("{}: 'replacement' must be one character", fields.place());
  }
  const bool prefix = fields.boolean_or("add_prefix_space", true);
  const std::string scheme = fields.text_or("prepend_scheme", prefix ? "always" : "never");
  PrependScheme parsed = PrependScheme::kNever;
  if (scheme == "always") {
    parsed = PrependScheme::kAlways;
  } else if (scheme == "first") {
    parsed = PrependScheme::kFirst;
  } else if (scheme != "never") {
    throw UserError("{}: '{}' is not a prepend_scheme (always, first or never)", fields.place(),
                    scheme);
  }
  if (!prefix && parsed != PrependScheme::kNever) {
    throw UserError("{}: add_prefix_space is false but prepend_scheme is '{}'", fields.place(),
                    scheme);
  }
  return std::make_unique<Metaspace>(replacement, parsed, fields.boolean_or("split", true));
}

std::unique_ptr<PreTokenizer> read_sequence(const JsonFields& fields) {
  std::vector<std::unique_ptr<PreTokenizer>> steps;
  for (const JsonFields& step : json_objects(fields, "pretokenizers")) {
    steps.push_back(PreTokenizer::from_json(step));
  }
  return std::make_unique<PreTokenizerSequence>(std::move(steps));
}

}  // namespace

void SplitText::add_chunk(AlignedText chunk, std::vector<Piece>& to) {
  if (chunk.empty()) return;
  to.push_back(
      {static_cast<uint32_t>(chunks.size()), 0, static_cast<uint32_t>(chunk.text().size())});
  chunks.push_back(std::move(chunk));
}

std::unique_ptr<PreTokenizer> PreTokenizer::from_json(const JsonFields& fields) {
  const std::string type = fields.text("type");
  if (type == "Sequence") return read_sequence(fields);
  if (type == "ByteLevel") {
    return std::make_unique<ByteLevel>(fields.boolean("add_prefix_space"),
                                       fields.boolean_or("use_regex", true));
  }
  if (type == "Split") {
    return std::make_unique<Split>(Pattern::from_json(fields),
                                   read_behavior(fields.text("behavior"), fields.place()),
                                   fields.boolean("invert"));
  }
  if (type == "Digits") return std::make_unique<Digits>(fields.boolean("individual_digits"));
  if (type == "Whitespace") return std::make_unique<Whitespace>();
  if (type == "WhitespaceSplit") return std::make_unique<WhitespaceSplit>(false);
  if (type == "BertPreTokenizer") return std::make_unique<WhitespaceSplit>(true);
  if (type == "Punctuation") {
    return std::make_unique<Punctuation>(
        read_behavior(fields.text_or("behavior", "Isolated"), fields.place()));
  }
  if (type == "Metaspace") return read_metaspace(fields);
  throw UserError(
      "{}: the pre-tokenizer '{}' is not supported (ByteLevel, Split, Digits, Whitespace, "
      "WhitespaceSplit, BertPreTokenizer, Punctuation, Metaspace and Sequence are)",
      fields.place(), type);
}

}  // namespace temper
