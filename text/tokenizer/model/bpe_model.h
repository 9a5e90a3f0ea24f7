// Byte-pair encoding: a word becomes its characters' tokens, and then the pair whose merge was
// learnt first is joined, again and again, until no pair of neighbours has a merge.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/json.h"
#include "text/tokenizer/model/merge_table.h"
#include "text/tokenizer/model/word_cache.h"

namespace temper {

// Lets a map of strings be searched for a string_view.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

// A vocabulary of byte strings: of all pairs of neighbours that make a token, the one that makes
// the smallest id is joined first, and a word that is a token stays whole.
struct RankedTokens {
  using Token = std::pair<std::string, int32_t>;
  std::vector<Token> tokens;   // bytes and id
  std::vector<Token> special;  // text and id of those that no word becomes
  std::string place = {};      // for errors
};

class BpeModel {
 public:
  // The member "model" of a tokenizer.json. With `byte_level`, words come as plain bytes where the
  // vocabulary spells them in the byte alphabet. UserError for models other than BPE.
  BpeModel(const JsonFields& fields, bool byte_level);
  // Words come as plain bytes. UserError when a byte has no token, an id or a text two.
  explicit BpeModel(const RankedTokens& tokens);

  // What encode() writes to: word caches and buffers. For one thread at a time.
  class Workspace {
   public:
    Workspace() = default;

   private:
    friend class BpeModel;
    struct Symbol {
      int32_t id;
      int32_t previous;
      int32_t next;
      uint32_t num_bytes;  // 0: joined to the one before
    };
    struct Candidate {
      uint32_t rank;
      int32_t position;
      int32_t id;
    };
    ShortWordCache short_cache_;
    WordCache cache_;
    std::string marked_;
    std::vector<Symbol> symbols_;
    std::vector<Candidate> queue_;
    std::vector<WordToken> tokens_;
  };

  // Appends the tokens of one word (valid UTF-8).
  void encode(std::string_view word, Workspace& workspace, std::vector<WordToken>& out) const;

  // The tokens of a word that needs no further cutting. Valid until the next call.
  // `text_end`: how far the text that the word lies in may be read.
  // `spaces_are_marks`: a space in the word stands for SentencePiece's mark "\u2581". A word then
  // must not be given both with and without that meaning.
  std::span<const WordToken> encode_word(std::string_view word, const char* text_end,
                                         bool spaces_are_marks, Workspace& workspace) const;

  // No merge joins the end of a word to the mark "\u2581" that starts the next one, and no
  // character is without a token: a whole marked text may be encoded word by word.
  bool splits_at_marks() const { return splits_at_marks_; }

  size_t size() const { return vocabulary_.size(); }
  int32_t end_id() const { return static_cast<int32_t>(tokens_.size()); }  // ids are below it
  std::optional<int32_t> find(std::string_view token) const;
  const std::string* token(int32_t id) const;  // null for an id that is not used
  // Whether words have to be spelled in the byte alphabet, because the vocabulary lacks bytes.
  bool takes_plain_bytes() const { return plain_bytes_; }
  std::string fingerprint() const;

 private:
  using Symbol = Workspace::Symbol;

  void read_vocabulary(const JsonFields& fields);
  void index_ids(const std::string& place);
  void add_ranked_merges(const RankedTokens& tokens);
  void index_bytes(bool byte_level);
  void read_merges(const JsonFields& fields);
  void add_merge(const std::string& left, const std::string& right, size_t index,
                 const std::string& place);
  void check_word_starts();
  void index_words();

  void compute_word(std::string_view word, Workspace& workspace) const;
  void compute_marked_word(std::string_view word, Workspace& workspace) const;
  void fill_symbols(std::string_view word, std::vector<Symbol>& symbols) const;
  void fill_byte_symbols(std::string_view word, std::vector<Symbol>& symbols) const;
  bool add_fallback_bytes(std::string_view character, std::vector<Symbol>& symbols) const;
  // Join pairs until none is left: by looking at all of them each time, or with a queue.
  void merge_few_symbols(Workspace& workspace) const;
  void merge_many_symbols(Workspace& workspace) const;
  void push_candidate(Workspace& workspace, int32_t position) const;

  std::unordered_map<std::string, int32_t, TextHash, std::equal_to<>> vocabulary_;
  std::vector<const std::string*> tokens_;  // by id
  MergeTable merges_;
  std::vector<std::pair<int32_t, int32_t>> merge_list_;
  std::optional<int32_t> unknown_;
  bool fuse_unknown_ = false;
  bool byte_fallback_ = false;
  bool ignore_merges_ = false;
  bool plain_bytes_ = false;
  int32_t byte_ids_[256];      // of the byte alphabet, or -1
  int32_t fallback_ids_[256];  // of <0x00> ... <0xFF>, or -1
  bool splits_at_marks_ = false;
  bool merges_have_ranks_of_tokens_ = false;
  // With ignore_merges, the tokens by the bytes they spell, and which hashes of theirs there are:
  // most words that are not cached are not there.
  std::unordered_map<std::string, int32_t, TextHash, std::equal_to<>> whole_words_;
  std::vector<bool> whole_word_hashes_;
  std::vector<int32_t> character_ids_;  // of the characters below U+10000, or -1
};

}  // namespace temper
