// Small tokenizers made in place. The vocabulary of tiny_json(): <unk> is 0, the bytes <0x00> to
// <0xFF> are 1 to 256, then come the characters given.
#pragma once

#include <string>
#include <vector>

#include "io/json.h"
#include "text/tokenizer/tokenizer.h"
#include "text/unicode/utf8.h"

namespace temper {

struct TinyOptions {
  std::string characters = "abcdefghijklmnopqrstuvwxyz .,'123\u2581\u0120";
  std::vector<std::pair<std::string, std::string>> merges;
  Json added_tokens = Json::array();
  Json normalizer;      // null: none
  Json pre_tokenizer;   // null: none
  Json post_processor;  // null: none
  Json decoder;         // null: none
  Json model;           // members that differ from the usual
};

inline Json tiny_json(const TinyOptions& options) {
  Json vocabulary = Json::object();
  const auto add = [&](const std::string& token) {
    if (!vocabulary.contains(token)) vocabulary[token] = vocabulary.size();
  };
  add("<unk>");
  for (int byte = 0; byte < 256; ++byte) add(fmt::format("<0x{:02X}>", byte));
  for (size_t i = 0; i < options.characters.size();) {
    const size_t begin = i;
    next_code_point(options.characters, i);
    add(options.characters.substr(begin, i - begin));
  }
  Json merges = Json::array();
  for (const auto& [left, right] : options.merges) {
    add(left + right);
    merges.push_back({left, right});
  }
  Json model = {{"type", "BPE"},         {"unk_token", "<unk>"}, {"fuse_unk", true},
                {"byte_fallback", true}, {"vocab", vocabulary},  {"merges", merges}};
  if (options.model.is_object()) model.update(options.model);
  return {{"version", "1.0"},
          {"added_tokens", options.added_tokens},
          {"normalizer", options.normalizer},
          {"pre_tokenizer", options.pre_tokenizer},
          {"post_processor", options.post_processor},
          {"decoder", options.decoder},
          {"model", model}};
}

inline Tokenizer tiny_tokenizer(const TinyOptions& options) {
  return Tokenizer::from_json(tiny_json(options).dump(), "tokenizer.json");
}

// The spellings of the tokens of a text.
inline std::vector<std::string> tokens_of(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<std::string> tokens;
  for (int32_t id : tokenizer.encode(text, false).ids) tokens.push_back(tokenizer.id_to_token(id));
  return tokens;
}

using Offsets = std::vector<std::pair<int32_t, int32_t>>;

}  // namespace temper
