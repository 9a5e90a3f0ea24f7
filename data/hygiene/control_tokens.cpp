#include "data/hygiene/control_tokens.h"

#include <utility>

#include "text/tokenizer/pre/added_tokens.h"

namespace temper {

ControlTokens::ControlTokens()
    : ControlTokens({"<s>",
                     "</s>",
                     "<bos>",
                     "<eos>",
                     "<|endoftext|>",
                     "<|im_start|>",
                     "<|im_end|>",
                     "<|begin_of_text|>",
                     "<|end_of_text|>",
                     "<|start_header_id|>",
                     "<|end_header_id|>",
                     "<|eot_id|>",
                     "<|eom_id|>",
                     "<|system|>",
                     "<|user|>",
                     "<|assistant|>",
                     "<|end|>",
                     "<start_of_turn>",
                     "<end_of_turn>",
                     "[INST]",
                     "[/INST]"}) {}

ControlTokens::ControlTokens(std::vector<std::string> texts) : texts_(std::move(texts)) {
  TextSet set;
  for (size_t i = 0; i < texts_.size(); ++i) set.add(texts_[i], static_cast<int32_t>(i));
  set_ = std::make_shared<const TextSet>(std::move(set));
}

const std::string* ControlTokens::find_in(std::string_view text) const {
  if (texts_.empty()) return nullptr;
  const auto found = set_->find(text, 0);
  return found ? &texts_[static_cast<size_t>(found->value)] : nullptr;
}

}  // namespace temper
