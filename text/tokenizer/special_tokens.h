// The beginning, end and padding tokens of a vocabulary, which tokenizer.json itself does not name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "text/tokenizer/tokenizer.h"

namespace temper {

struct SpecialTokens {
  std::string bos, eos;  // their text; empty when the vocabulary has none
  std::optional<int32_t> bos_id, eos_id;
  int32_t pad_id = 0;  // the padding token, else EOS, else 0: padding is masked by position
};

// What a user may say about them; it outranks the files. An empty text means "none".
struct SpecialTokenNames {
  std::optional<std::string> bos, eos;
};

// Looks, in this order, at what is given, at tokenizer_config.json and at config.json beside the
// tokenizer, and for the names that the known families use. `path` is a tokenizer.json or a model
// directory. UserError when a named token is not in the vocabulary.
SpecialTokens find_special_tokens(const Tokenizer& tokenizer, const std::filesystem::path& path,
                                  const SpecialTokenNames& given = {});

// Takes off what the tokenizer's post-processor put behind a text, of which a chat template says
// itself how it ends: an EOS there would be a second one, or end an answer before it begins.
void remove_appended_tokens(Encoding& encoding, const Tokenizer& tokenizer);

}  // namespace temper
