// `tokenizer.model`, the protobuf of SentencePiece, of its BPE kind (Llama 2, Mistral, Gemma).
#pragma once

#include <string>
#include <string_view>

#include "io/json.h"

namespace temper {

// The tokenizer.json that Hugging Face makes of such a file: vocabulary, merges in the order of the
// pieces' scores, byte fallback, the mark "\u2581" for spaces. `config` is the
// tokenizer_config.json of the model: added_tokens_decoder, add_bos_token (true where it does not
// say), add_eos_token and legacy. UserError for a file that is damaged, for Unigram and other
// kinds, and for a normaliser that changes characters (nmt_nfkc), which names what to do.
Json tokenizer_json_of_sentencepiece(std::string_view file, const Json& config,
                                     const std::string& place);

}  // namespace temper
