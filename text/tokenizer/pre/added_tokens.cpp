#include "text/tokenizer/pre/added_tokens.h"

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "common/log.h"
#include "text/tokenizer/pre/fingerprint.h"
#include "text/tokenizer/pre/json_lists.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

bool is_inside_word(std::string_view text, size_t begin, size_t end) {
  if (begin > 0 && is_word_character(previous_code_point(text, begin))) return true;
  return end < text.size() && is_word_character(next_code_point(text, end));
}

// Where the white space that ends at `position` starts, not before `limit`.
size_t space_start(std::string_view text, size_t position, size_t limit) {
  while (position > limit) {
    size_t start = position;
    if (!is_white_space(previous_code_point(text, start))) break;
    position = start;
  }
  return position;
}

size_t space_end(std::string_view text, size_t position) {
  while (position < text.size()) {
    size_t end = position;
    if (!is_white_space(next_code_point(text, end))) break;
    position = end;
  }
  return position;
}

AddedToken read_token(const JsonFields& fields) {
  AddedToken token;
  token.content = fields.text("content");
  token.special = fields.boolean_or("special", false);
  token.single_word = fields.boolean_or("single_word", false);
  token.lstrip = fields.boolean_or("lstrip", false);
  token.rstrip = fields.boolean_or("rstrip", false);
  token.normalized = fields.boolean_or("normalized", !token.special);
  return token;
}

}  // namespace

bool TextSet::add(std::string_view text, int32_t value) {
  if (text.empty()) return false;
  starts_[static_cast<uint8_t>(text[0])] = true;
  starts_with_two_.resize(0x10000, false);
  const size_t pairs = size_t{static_cast<uint8_t>(text[0])} << 8;
  if (text.size() > 1) {
    starts_with_two_[pairs | static_cast<uint8_t>(text[1])] = true;
  } else {
    for (size_t second = 0; second < 256; ++second) starts_with_two_[pairs | second] = true;
  }
  uint32_t node = 0;
  for (char c : text) {
    const uint64_t key = uint64_t{node} << 8 | static_cast<uint8_t>(c);
    const auto [child, is_new] = children_.try_emplace(key, static_cast<uint32_t>(values_.size()));
    if (is_new) values_.push_back(-1);
    node = child->second;
  }
  if (values_[node] >= 0) return false;
  values_[node] = value;
  return true;
}

bool TextSet::may_start(std::string_view text, size_t position) const {
  const auto first = static_cast<uint8_t>(text[position]);
  if (!starts_[first] || position + 1 == text.size()) return starts_[first];
  return starts_with_two_[size_t{first} << 8 | static_cast<uint8_t>(text[position + 1])];
}

std::optional<TextSet::Found> TextSet::find(std::string_view text, size_t position) const {
  for (; position < text.size(); ++position) {
    if (!may_start(text, position)) continue;
    Found longest{-1, position, position};
    uint32_t node = 0;
    for (size_t i = position; i < text.size(); ++i) {
      const auto child = children_.find(uint64_t{node} << 8 | static_cast<uint8_t>(text[i]));
      if (child == children_.end()) break;
      node = child->second;
      if (values_[node] >= 0) longest = {values_[node], position, i + 1};
    }
    if (longest.value >= 0) return longest;
  }
  return std::nullopt;
}

AddedTokens AddedTokens::from_json(const JsonFields& tokenizer, const VocabularyLookup& vocabulary,
                                   size_t vocabulary_size, const Normalizer* normalizer) {
  AddedTokens result;
  if (!tokenizer.has("added_tokens")) return result;
  auto next_id = static_cast<int32_t>(vocabulary_size);
  for (const JsonFields& fields : json_objects(tokenizer, "added_tokens")) {
    AddedToken token = read_token(fields);
    if (token.content.empty()) continue;
    const auto known = result.by_content_.find(token.content);
    if (known != result.by_content_.end()) {
      token.id = result.tokens_[known->second].id;
    } else if (const auto id = vocabulary(token.content)) {
      token.id = *id;
    } else {
      token.id = next_id++;
    }
    if (const int64_t written = fields.integer_or("id", token.id); written != token.id) {
      log::warning("{}: the token is written with id {} but gets id {}, as Hugging Face gives it",
                   fields.place(), written, token.id);
    }
    token.pattern = token.content;
    if (token.normalized && normalizer != nullptr) {
      AlignedText text(token.content, 0);
      normalizer->normalize(text);
      token.pattern = text.text();
    }
    result.add(std::move(token), fields.place());
  }
  for (const AddedToken& token : result.tokens_) {
    TextSet& set = token.normalized ? result.normalized_set_ : result.original_set_;
    // Hugging Face never ends on an empty one, and of two equal ones picks either from run to run.
    if (token.pattern.empty()) {
      throw UserError("{}: the normaliser makes nothing of the added token with id {}",
                      tokenizer.place(), token.id);
    }
    if (!set.add(token.pattern, token.id)) {
      throw UserError("{}: the normaliser makes the added token with id {} equal to another",
                      tokenizer.place(), token.id);
    }
  }
  return result;
}

// A token that is written twice counts as it is written last.
void AddedTokens::add(AddedToken token, const std::string& place) {
  const auto known = by_content_.find(token.content);
  if (known != by_content_.end()) {
    tokens_[known->second] = std::move(token);
    return;
  }
  if (by_id_.count(token.id) != 0) {
    throw UserError("{}: id {} is already another added token's", place, token.id);
  }
  by_content_.emplace(token.content, tokens_.size());
  by_id_.emplace(token.id, tokens_.size());
  tokens_.push_back(std::move(token));
}

std::vector<AddedTokens::Part> AddedTokens::find(std::string_view text, bool normalized) const {
  std::vector<Part> parts;
  const TextSet& set = normalized ? normalized_set_ : original_set_;
  size_t covered = 0;
  size_t position = 0;
  size_t spaces_begin = 0, spaces_end = 0;
  while (!set.empty()) {
    const auto found = set.find(text, position);
    if (!found) break;
    position = found->end;
    const AddedToken& token = *by_id(found->value);
    if (token.single_word && is_inside_word(text, found->begin, found->end)) continue;
    size_t begin = found->begin;
    size_t end = found->end;
    // White space that the token before has taken is not taken twice.
    if (token.lstrip) begin = std::max(space_start(text, begin, std::min(begin, covered)), covered);
    if (token.rstrip) {
      // Every token found in one long run of white space asks for the run's end.
      if (end < spaces_begin || end > spaces_end) spaces_end = space_end(text, spaces_begin = end);
      end = spaces_end;
    }
    if (begin >= end) continue;
    if (covered < begin) parts.push_back({covered, begin, -1});
    parts.push_back({begin, end, token.id});
    covered = end;
  }
  if (covered < text.size()) parts.push_back({covered, text.size(), -1});
  return parts;
}

const AddedToken* AddedTokens::by_id(int32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::by_content(const std::string& content) const {
  const auto found = by_content_.find(content);
  return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

std::string AddedTokens::fingerprint() const {
  std::vector<std::string> texts;
  for (const AddedToken& token : tokens_) {
    texts.push_back(fmt::format("{}={}{}{}{}{}", token.id, sized(token.pattern),
                                token.single_word ? "w" : "-", token.lstrip ? "l" : "-",
                                token.rstrip ? "r" : "-", token.normalized ? "n" : "-"));
  }
  std::sort(texts.begin(), texts.end());
  std::string result;
  for (const std::string& text : texts) result += text;
  return result;
}

}  // namespace temper
