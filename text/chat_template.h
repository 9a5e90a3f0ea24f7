// Chat templates: how messages become the text a model was taught. The named built-ins cover the
// common families; each gives the text that the family's own Jinja template gives.
#pragma once

#include <cstddef>
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
  // What the model has to say itself, as byte ranges [begin, end) of `text`: everything from where
  // a generation prompt ends up to and including the end-of-turn marker, but not the newline that
  // some templates put behind the marker.
  std::vector<std::pair<size_t, size_t>> generation_spans;
};

class ChatTemplate {
 public:
  // UserError naming the known ones for any other name.
  //   llama2   Llama 2 chat; a system message joins the first user turn
  //   llama3   Llama 3 instruct (the first release, without a date or tools)
  //   mistral  Mistral instruct v0.1 to v0.2; no system message
  //   chatml   <|im_start|>role ... <|im_end|>
  //   qwen     chatml with Qwen 2.5's default system message
  //   gemma    Gemma; no system message
  //   phi3     Phi 3
  //   alpaca   "### Instruction:" and "### Response:"
  //   plain    the contents themselves with one newline between messages, EOS right behind every
  //            assistant's; a generation prompt is the newline behind the last message
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
