// Chat templates: how messages become the text a model was taught. The named built-ins cover the
// common families; each gives the text that the family's own Jinja template gives.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace temper {

struct Message {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

struct RenderedChat {
  std::string text;  // UTF-8
  // What the assistant says, end-of-turn marker included: byte ranges [begin, end) of `text`.
  std::vector<std::pair<size_t, size_t>> generation_spans;
};

class ChatTemplate {
 public:
  // "llama2", "llama3", "mistral", "chatml", "qwen", "gemma", "phi3", "alpaca", "plain".
  // UserError naming the known ones otherwise.
  static ChatTemplate named(const std::string& name);
  static std::vector<std::string> names();

  const std::string& name() const { return name_; }

  // `bos` and `eos` are the tokenizer's token texts, for templates that print them. With
  // `add_generation_prompt` the text ends where the assistant begins. Messages that the template
  // cannot express (two user turns in a row for llama2, an unknown role) are UserErrors.
  RenderedChat render(const std::vector<Message>& messages, bool add_generation_prompt,
                      const std::string& bos, const std::string& eos) const;
  // Whether render() prints the BOS token itself, so that the tokenizer must not add another.
  bool emits_bos() const { return emits_bos_; }

 private:
  using RenderFunction = RenderedChat (*)(const std::vector<Message>&, bool, const std::string&,
                                          const std::string&);
  std::string name_;
  RenderFunction render_ = nullptr;
  bool emits_bos_ = false;
};

}  // namespace temper
