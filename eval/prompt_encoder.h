// // Encodes a conversation as the tokens that a model continues, exactly as `temper pack` taught
// them, and tells when the answer is over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "text/chat/chat_template.h"
#include "text/chat/supervised_spans.h"
#include "text/tokenizer/special_tokens.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {

struct EncodedPrompt {
  std::string text;  // rendered
  std::vector<int64_t> ids;
};

// When to stop: at a token, or where the text of a marker that is no token of its own begins.
struct StopConditions {
  std::vector<int64_t> token_ids;  // sorted
  std::string text;                // empty: none
};

class PromptEncoder {
 public:
  // `chat_template` has its variables; nothing: raw text only. The tokenizer must outlive this.
  PromptEncoder(const Tokenizer& tokenizer, SpecialTokens special,
                std::optional<ChatTemplate> chat_template);

  bool has_template() const { return template_.has_value(); }
  // The template as Jinja that needs nothing but the kwargs: whoever renders it with them, and has
  // the tokenizer add nothing, gets the tokens of encode(). Empty without a template.
  std::string portable_template() const;
  // The conversation up to where the assistant begins. UserError without a template, or when the
  // template cannot express the messages. `tools`: those of the conversation, or null.
  EncodedPrompt encode(const std::vector<Message>& messages,
                       const OrderedJson& tools = nullptr) const;
  // Raw text, after BOS where the vocabulary has one.
  EncodedPrompt encode_text(const std::string& text) const;

  // `eos_token_ids` of the model, the vocabulary's EOS, and the template's end of turn.
  StopConditions stop_conditions(const std::vector<int64_t>& eos_token_ids) const;

 private:
  const Tokenizer* tokenizer_;
  SpecialTokens special_;
  std::optional<ChatTemplate> template_;
};

// The eos_token_id of DIR/generation_config.json; empty when there is none.
std::vector<int64_t> generation_eos_ids(const std::filesystem::path& directory);

}  // namespace temper
