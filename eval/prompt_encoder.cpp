#include "eval/prompt_encoder.h"

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "io/json.h"

namespace temper {

PromptEncoder::PromptEncoder(const Tokenizer& tokenizer, SpecialTokens special,
                             std::optional<ChatTemplate> chat_template)
    : tokenizer_(&tokenizer), special_(std::move(special)), template_(std::move(chat_template)) {}

EncodedPrompt PromptEncoder::encode(const std::vector<Message>& messages,
                                    const OrderedJson& tools) const {
  if (!template_) {
    throw UserError("no chat template is known for this model: name one with --chat-template ({})",
                    fmt::format("{}", fmt::join(ChatTemplate::names(), ", ")));
  }
  EncodedPrompt prompt;
  prompt.text = template_->render(messages, true, special_.bos, special_.eos, tools).text;
  Encoding encoding = tokenizer_->encode(prompt.text, !template_->prints_special_tokens());
  remove_appended_tokens(encoding, *tokenizer_);
  prompt.ids.assign(encoding.ids.begin(), encoding.ids.end());
  return prompt;
}

std::string PromptEncoder::portable_template() const {
  if (!template_) return "";
  const std::string& source = template_->source();
  std::string text;
  const auto define = [&](const char* name, const std::string& token) {
    if (token.empty() || source.find(name) == source.npos) return;
    text += fmt::format("{{% set {} = {} %}}", name, Json(token).dump());
  };
  define("bos_token", special_.bos);
  define("eos_token", special_.eos);
  const bool adds_bos = !template_->prints_special_tokens() && special_.bos_id &&
                        tokenizer_->encode("a", true).ids.front() == *special_.bos_id;
  if (adds_bos) text += fmt::format("{{{{ {} }}}}", Json(special_.bos).dump());
  // A tag swallows the line end behind it.
  if (!text.empty() && !adds_bos && source.starts_with("\n")) text += "\n";
  return text + source;
}

EncodedPrompt PromptEncoder::encode_text(const std::string& text) const {
  EncodedPrompt prompt;
  prompt.text = text;
  if (special_.bos_id) prompt.ids.push_back(*special_.bos_id);
  const Encoding encoding = tokenizer_->encode(text, false);
  prompt.ids.insert(prompt.ids.end(), encoding.ids.begin(), encoding.ids.end());
  return prompt;
}

StopConditions PromptEncoder::stop_conditions(const std::vector<int64_t>& eos_token_ids) const {
  StopConditions stop;
  stop.token_ids = eos_token_ids;
  if (special_.eos_id) stop.token_ids.push_back(*special_.eos_id);
  const std::string marker =
      template_ ? SpanSupervisor(*template_, special_.bos, special_.eos).end_of_turn() : "";
  if (const auto id = tokenizer_->token_to_id(marker); !marker.empty() && id) {
    stop.token_ids.push_back(*id);
  } else {
    stop.text = marker;
  }
  std::sort(stop.token_ids.begin(), stop.token_ids.end());
  stop.token_ids.erase(std::unique(stop.token_ids.begin(), stop.token_ids.end()),
                       stop.token_ids.end());
  return stop;
}

std::vector<int64_t> generation_eos_ids(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "generation_config.json";
  if (!std::filesystem::exists(path)) return {};
  const Json json = read_json_file(path);
  const Json eos = json.is_object() ? json.value("eos_token_id", Json()) : Json();
  std::vector<int64_t> ids;
  for (const Json& id : eos.is_array() ? eos : Json::array({eos})) {
    if (id.is_number_integer()) ids.push_back(id);
  }
  return ids;
}

}  // namespace temper
