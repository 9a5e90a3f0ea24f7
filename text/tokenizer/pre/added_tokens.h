// Tokens that are found in the text before the model sees it: special tokens and what users added.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/json.h"
#include "text/tokenizer/pre/normalizer.h"

namespace temper {

struct AddedToken {
  int32_t id = -1;
  std::string content;
  // What is looked for: the content, normalised where `normalized` says so.
  std::string pattern;
  bool special = false;
  bool single_word = false;  // not inside a word
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space behind it
  bool normalized = false;   // looked for in the normalised text
};

// Finds the longest of several texts at every place, from left to right.
class TextSet {
 public:
  // `value` is what find() gives for this text. False if it is empty or was added before.
  bool add(std::string_view text, int32_t value);
  bool empty() const { return children_.empty(); }

  struct Found {
    int32_t value;
    size_t begin;
    size_t end;
  };
  // The first occurrence at or behind `position`.
  std::optional<Found> find(std::string_view text, size_t position) const;

 private:
  // A trie: node 0 is the root, children by (node << 8 | byte).
  std::unordered_map<uint64_t, uint32_t> children_;
  std::vector<int32_t> values_{-1};
  bool may_start(std::string_view text, size_t position) const;
  bool starts_[256] = {};
  // Whether a text starts with these two bytes; all pairs for a text of one byte.
  std::vector<bool> starts_with_two_;
};

class AddedTokens {
 public:
  using VocabularyLookup = std::function<std::optional<int32_t>(const std::string&)>;

  // The list "added_tokens". As Hugging Face does it, a token that the vocabulary has keeps its id
  // there and others are numbered on from the size of the vocabulary; where the file says
  // otherwise, there is a warning.
  static AddedTokens from_json(const JsonFields& tokenizer, const VocabularyLookup& vocabulary,
                               size_t vocabulary_size, const Normalizer* normalizer);

  struct Part {
    size_t begin;
    size_t end;
    int32_t id;  // -1 for the text between added tokens
  };
  // The parts that cover a text, in order: tokens looked for in the original text, or in the
  // normalised one.
  std::vector<Part> find(std::string_view text, bool normalized) const;

  const AddedToken* by_id(int32_t id) const;
  const AddedToken* by_content(const std::string& content) const;
  const std::vector<AddedToken>& all() const { return tokens_; }
  std::string fingerprint() const;

 private:
  void add(AddedToken token, const std::string& place);

  std::vector<AddedToken> tokens_;
  std::unordered_map<std::string, size_t> by_content_;
  std::unordered_map<int32_t, size_t> by_id_;
  TextSet original_set_;
  TextSet normalized_set_;
};

}  // namespace temper
