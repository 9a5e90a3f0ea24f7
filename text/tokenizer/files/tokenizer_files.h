// The files in which models keep a tokenizer: tokenizer.json, SentencePiece's tokenizer.model, and
// tiktoken's, whose vocabulary alone is in the file. The last two are read as the tokenizer.json
// that Hugging Face makes of them, with what tokenizer_config.json beside them says.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/json.h"

namespace temper {

// Where a model directory has its tokenizer: tokenizer.json, else tokenizer.model, else the only
// *.tiktoken. UserError when there are several of those.
std::optional<std::filesystem::path> find_tokenizer_file(const std::filesystem::path& directory);

// The object in tokenizer_config.json beside `file`; an empty one when it is not there.
Json tokenizer_config_beside(const std::filesystem::path& file);

// The list "added_tokens" of tokenizer.json: `known` in the order of their ids, where the config's
// "added_tokens_decoder" says otherwise about one, or names more, as it says.
Json with_configured_tokens(std::vector<Json> known, const Json& tokenizer_config,
                            const std::string& place);

// Members of an added token.
Json added_token_json(int64_t id, const std::string& content, bool special);

// A post-processor that puts `bos` before a text and `eos` behind it; null where both are null.
Json template_processing(const Json& bos, const Json& eos);

}  // namespace temper
