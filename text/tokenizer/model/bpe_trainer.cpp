#include "text/tokenizer/model/bpe_trainer.h"

#include <algorithm>
#include <queue>
#include <unordered_map>
#include <utility>

#include "common/error.h"
#include "io/json.h"
#include "text/tokenizer/pre/byte_alphabet.h"
#include "text/tokenizer/pre/pre_tokenizer.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

constexpr size_t kNumBytes = 256;

struct Word {
  std::vector<int32_t> symbols;
  int64_t count;
};

using Pair = std::pair<int32_t, int32_t>;

struct PairHash {
  size_t operator()(const Pair& pair) const {
    const uint64_t key =
        uint64_t{static_cast<uint32_t>(pair.first)} << 32 | static_cast<uint32_t>(pair.second);
    return static_cast<size_t>(key * 0x9E3779B97F4A7C15u >> 16);
  }
};

// A pair and how often it occurred when this was put into the queue.
struct Candidate {
  int64_t count;
  Pair pair;
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

class Vocabulary {
 public:
  explicit Vocabulary(const std::vector<std::string>& special_tokens) {
    for (const std::string& token : special_tokens) add(token);
    // Bytes by the order of their characters, as Hugging Face numbers them.
    std::vector<std::pair<char32_t, uint8_t>> alphabet;
    for (size_t byte = 0; byte < kNumBytes; ++byte) {
      alphabet.emplace_back(byte_to_character(static_cast<uint8_t>(byte)),
                            static_cast<uint8_t>(byte));
    }
    std::sort(alphabet.begin(), alphabet.end());
    for (const auto& [character, byte] : alphabet) {
      std::string token;
      append_utf8(token, character);
      byte_ids_[byte] = add(token);
    }
  }

  // The token's id, a new one if it has none yet.
  int32_t add(const std::string& token) {
    const auto [place, is_new] = ids_.try_emplace(token, static_cast<int32_t>(tokens_.size()));
    if (is_new) tokens_.push_back(token);
    return place->second;
  }

  size_t size() const { return tokens_.size(); }
  int32_t byte_id(uint8_t byte) const { return byte_ids_[byte]; }
  const std::string& token(int32_t id) const { return tokens_[static_cast<size_t>(id)]; }
  const std::vector<std::string>& tokens() const { return tokens_; }

 private:
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int32_t> ids_;
  int32_t byte_ids_[kNumBytes] = {};
};

void check_options(const BpeTrainerOptions& options) {
  const auto& special = options.special_tokens;
  for (size_t i = 0; i < special.size(); ++i) {
    if (!is_valid_utf8(special[i]) || count_code_points(special[i]) < 2) {
      throw UserError("special token {} must be UTF-8 text of two characters or more", i + 1);
    }
    if (std::find(special.begin(), special.begin() + static_cast<ptrdiff_t>(i), special[i]) !=
        special.begin() + static_cast<ptrdiff_t>(i)) {
      throw UserError("the special token '{}' is given twice", special[i]);
    }
  }
  if (!options.bos_token.empty() &&
      std::find(special.begin(), special.end(), options.bos_token) == special.end()) {
    throw UserError("the BOS token '{}' is not one of the special tokens", options.bos_token);
  }
  const auto least = static_cast<int64_t>(kNumBytes + special.size());
  if (options.vocab_size < least || options.vocab_size > int64_t{1} << 24) {
    throw UserError(
        "a vocabulary of {} tokens: it must have from {} (bytes and special tokens) "
        "to {}",
        options.vocab_size, least, int64_t{1} << 24);
  }
}

Json byte_level(bool add_prefix_space, bool trim_offsets) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", add_prefix_space},
          {"trim_offsets", trim_offsets},
          {"use_regex", true}};
}

std::vector<Word> count_words(const std::function<bool(std::string&)>& next_text,
                              const Vocabulary& vocabulary) {
  const Json splitter_json = byte_level(false, true);
  const auto splitter = PreTokenizer::from_json(JsonFields(splitter_json, "pre_tokenizer"));
  std::unordered_map<std::string, int64_t> counts;
  for (std::string text; next_text(text);) {
    SplitText split;
    split.add_chunk(AlignedText(replace_invalid_utf8(text), 0), split.pieces);
    splitter->split_bytes(split);
    for (const SplitText::Piece& piece : split.pieces) ++counts[std::string(split.text(piece))];
  }
  std::vector<Word> words;
  words.reserve(counts.size());
  for (const auto& [text, count] : counts) {
    Word word{{}, count};
    for (char byte : text) {
      word.symbols.push_back(vocabulary.byte_id(static_cast<uint8_t>(byte)));
    }
    words.push_back(std::move(word));
  }
  return words;
}

// The words under way and where each pair of neighbours occurs in them, kept up to date with every
// merge: only words that have the pair are looked at.
class PairCounts {
 public:
  explicit PairCounts(std::vector<Word> words) : words_(std::move(words)) {
    for (size_t w = 0; w < words_.size(); ++w) {
      const auto& symbols = words_[w].symbols;
      for (size_t i = 0; i + 1 < symbols.size(); ++i) {
        change({symbols[i], symbols[i + 1]}, w, words_[w].count);
      }
    }
    queue_new_pairs();
  }

  // The pair that occurs most, or nothing when none occurs `least` times.
  bool most_frequent(int64_t least, Pair& pair) {
    while (!queue_.empty()) {
      const Candidate top = queue_.top();
      queue_.pop();
      const int64_t count = pairs_[top.pair].count;
      if (top.count != count) {
        queue_.push({count, top.pair});
        continue;
      }
      pair = top.pair;
      return count >= least;
    }
    return false;
  }

  void merge(const Pair& pair, int32_t merged) {
    // The occurrences of a pair lie in rising words, some of them more than once.
    std::vector<size_t> places = std::move(pairs_[pair].words);
    pairs_[pair].words.clear();
    places.erase(std::unique(places.begin(), places.end()), places.end());
    for (size_t w : places) merge_word(w, pair, merged);
    queue_new_pairs();
  }

 private:
  struct PairState {
    int64_t count = 0;
    std::vector<size_t> words;
  };

  void change(const Pair& pair, size_t word, int64_t by) {
    PairState& state = pairs_[pair];
    state.count += by;
    if (by < 0) return;
    state.words.push_back(word);
    new_pairs_.push_back(pair);
  }

  void merge_word(size_t w, const Pair& pair, int32_t merged) {
    auto& symbols = words_[w].symbols;
    const int64_t count = words_[w].count;
    size_t kept = 0;
    for (size_t i = 0; i < symbols.size(); ++i) {
      if (symbols[i] != pair.first || i + 1 == symbols.size() || symbols[i + 1] != pair.second) {
        symbols[kept++] = symbols[i];
        continue;
      }
      if (kept > 0) {
        change({symbols[kept - 1], pair.first}, w, -count);
        change({symbols[kept - 1], merged}, w, count);
      }
      if (i + 2 < symbols.size()) {
        change({pair.second, symbols[i + 2]}, w, -count);
        change({merged, symbols[i + 2]}, w, count);
      }
      symbols[kept++] = merged;
      ++i;
    }
    symbols.resize(kept);
  }

  void queue_new_pairs() {
    std::sort(new_pairs_.begin(), new_pairs_.end());
    new_pairs_.erase(std::unique(new_pairs_.begin(), new_pairs_.end()), new_pairs_.end());
    for (const Pair& pair : new_pairs_) {
      if (const int64_t count = pairs_[pair].count; count > 0) queue_.push({count, pair});
    }
    new_pairs_.clear();
  }

  std::vector<Word> words_;
  std::unordered_map<Pair, PairState, PairHash> pairs_;
  std::priority_queue<Candidate> queue_;
  std::vector<Pair> new_pairs_;
};

Json post_processor(const BpeTrainerOptions& options) {
  if (options.bos_token.empty()) return byte_level(true, false);
  const auto& special = options.special_tokens;
  const auto id = std::find(special.begin(), special.end(), options.bos_token) - special.begin();
  const std::string& bos = options.bos_token;
  const auto sequence = [](const char* name, int type) {
    return Json{{"Sequence", {{"id", name}, {"type_id", type}}}};
  };
  const auto token = [&](int type) {
    return Json{{"SpecialToken", {{"id", bos}, {"type_id", type}}}};
  };
  return {{"type", "TemplateProcessing"},
          {"single", {token(0), sequence("A", 0)}},
          {"pair", {token(0), sequence("A", 0), token(1), sequence("B", 1)}},
          {"special_tokens",
           {{bos, {{"id", bos}, {"ids", Json::array({id})}, {"tokens", Json::array({bos})}}}}}};
}

std::string tokenizer_json(const Vocabulary& vocabulary, const std::vector<std::string>& merges,
                           const BpeTrainerOptions& options) {
  OrderedJson added = OrderedJson::array();
  for (size_t id = 0; id < options.special_tokens.size(); ++id) {
    added.push_back({{"id", id},
                     {"content", options.special_tokens[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  // Keys of an ordered object are searched one by one, so the vocabulary is written by hand.
  std::string tokens;
  for (size_t id = 0; id < vocabulary.size(); ++id) {
    tokens +=
        fmt::format("{}\n{}:{}", id == 0 ? "" : ",", Json(vocabulary.tokens()[id]).dump(), id);
  }
  return fmt::format(
      R"({{"version":"1.0","truncation":null,"padding":null,
"added_tokens":{},
"normalizer":null,
"pre_tokenizer":{},
"post_processor":{},
"decoder":{},
"model":{{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,
"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":false,
"vocab":{{{}}},
"merges":{}}}}}
)",
      added.dump(), byte_level(false, true).dump(), post_processor(options).dump(),
      byte_level(true, true).dump(), tokens, Json(merges).dump(0));
}

}  // namespace

std::string train_byte_level_bpe(const std::function<bool(std::string&)>& next_text,
                                 const BpeTrainerOptions& options) {
  check_options(options);
  Vocabulary vocabulary(options.special_tokens);
  PairCounts counts(count_words(next_text, vocabulary));
  std::vector<std::string> merges;
  const auto vocab_size = static_cast<size_t>(options.vocab_size);
  const int64_t least = std::max<int64_t>(1, options.min_pair_count);
  for (Pair pair; vocabulary.size() < vocab_size && counts.most_frequent(least, pair);) {
    const std::string left = vocabulary.token(pair.first);
    const std::string right = vocabulary.token(pair.second);
    merges.push_back(fmt::format("{} {}", left, right));
    counts.merge(pair, vocabulary.add(left + right));
  }
  return tokenizer_json(vocabulary, merges, options);
}

}  // namespace temper
