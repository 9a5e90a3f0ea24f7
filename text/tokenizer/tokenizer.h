// A model's own tokenizer: `tokenizer.json` of the BPE kind, byte-level (GPT-2, Llama 3, Qwen) or
// SentencePiece-style (Llama 2, Mistral), giving the ids that Hugging Face `tokenizers` gives; or a
// `tokenizer.model` of SentencePiece (files/sentencepiece_model.h) or a tiktoken file
// (files/tiktoken_file.h).
//
//   const Tokenizer tokenizer = Tokenizer::from_file("model/");
//   const Encoding encoding = tokenizer.encode("It is a lack of iron.", true);
//   tokenizer.decode(encoding.ids);
//
// A text goes through added tokens (pre/added_tokens.h), the normaliser (pre/normalizer.h), the
// pre-tokenizer that cuts words (pre/pre_tokenizer.h), the model (model/bpe_model.h) and the
// post-processor (pre/post_processor.h), or the shorter way of model/direct_encoder.h; ids come
// back through the decoder (pre/decoder.h). Anything else (Unigram, WordPiece, unknown components)
// is a UserError that names it. The file's truncation and padding are not applied. What was
// compared with the library: docs/results/tokenizers.md. A Tokenizer is immutable: threads may
// share it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/hash.h"
#include "io/json.h"
#include "text/tokenizer/pre/encoding.h"

namespace temper {

class Tokenizer {
 public:
  // Reads such a file, or the one in a model directory (files/tokenizer_files.h).
  static Tokenizer from_file(const std::filesystem::path& path);
  static Tokenizer from_json(std::string_view json, const std::string& place);
  // A tokenizer.model or tiktoken file called `name`, with the model's tokenizer_config.json.
  static Tokenizer from_model(std::string_view content, const std::string& name, const Json& config,
                              const std::string& place);

  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  // Text to ids. `add_special_tokens` applies the post-processor (BOS for Llama). Invalid UTF-8 is
  // replaced by U+FFFD first, as Python's errors="replace" does.
  Encoding encode(std::string_view text, bool add_special_tokens) const;

  // Ids that are not used decode to nothing.
  std::string decode(std::span<const int32_t> ids, bool skip_special_tokens = false) const;

  int64_t vocab_size() const;  // ids are below this (added tokens included)
  std::optional<int32_t> token_to_id(std::string_view token) const;
  std::string id_to_token(int32_t id) const;  // empty for an id that is not used
  bool is_special(int32_t id) const;
  // The texts that become special tokens wherever a text spells them.
  std::vector<std::string> special_tokens() const;

  // Changes when, and only when, some text would get other ids: a hash of the file's meaning
  // (vocabulary, merges, added tokens, normaliser, splitter, post-processor), not of its layout.
  const Hash128& hash() const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace temper
