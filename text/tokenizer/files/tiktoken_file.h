// tiktoken's vocabularies: a line per token, its bytes in base64 and its rank, which is its id.
#pragma once

#include <string>
#include <string_view>

#include "io/json.h"
#include "text/tokenizer/model/bpe_model.h"

namespace temper {

// Whether a file begins as such a vocabulary does: Meta's Llama 3 calls it tokenizer.model.
bool is_tiktoken_file(std::string_view file);

struct TiktokenTokenizer {
  RankedTokens tokens;
  Json components;  // a tokenizer.json without "model"
};

// The splitter and the special tokens are not in the file but in the programs that use it, so it is
// read only under the names of which they are known: cl100k_base, o200k_base, p50k_base, r50k_base
// and qwen with the ending .tiktoken, and tokenizer.model with the 128,000 tokens of Llama 3.
// UserError, naming these, for any other `name`, and for a file that is damaged. The
// added_tokens_decoder of `config`, the model's tokenizer_config.json, outranks the special tokens.
TiktokenTokenizer read_tiktoken_file(std::string_view file, const std::string& name,
                                     const Json& config, const std::string& place);

}  // namespace temper
