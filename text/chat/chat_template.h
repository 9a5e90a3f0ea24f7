// Chat templates: how messages become the text a model was taught. A model's own template is Jinja
// and comes with its tokenizer; it is rendered as Hugging Face renders it (text/jinja/template.h).
// The named built-ins are Jinja, too, for models without one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/json.h"
#include "text/jinja/template.h"

namespace temper {

struct Message {
  std::string role;  // "system", "user", "assistant"
  std::string content;
  // The whole message in the order of its record when it has more than role and content
  // (tool_calls, reasoning_content, a content of several parts); else null. A template sees this
  // one then.
  OrderedJson json = nullptr;
};

struct RenderedChat {
  std::string text;  // UTF-8
  // What the template marks with {% generation %}: what the model has to say itself, as byte ranges
  // [begin, end) of `text`. The built-ins mark everything from where a generation prompt ends up to
  // and including the end-of-turn marker, but not the newline that some put behind the marker.
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
  // Jinja; `name` is its name in reports and errors. UserError with the line when it is none.
  static ChatTemplate from_source(std::string_view source, const std::string& name);
  // A Jinja file, a tokenizer_config.json or chat_template.json, or a model directory.
  static ChatTemplate from_file(const std::filesystem::path& path,
                                const std::string& variant = "default");
  // The template that a model directory has, in chat_template.jinja (variants in
  // additional_chat_templates/), chat_template.json or tokenizer_config.json, together with the
  // special tokens that tokenizer_config.json names. None when it has none; UserError when it has
  // others than `variant`. Its name is "model", or "model:VARIANT".
  static std::optional<ChatTemplate> of_model(const std::filesystem::path& directory,
                                              const std::string& variant = "default");
  // A template as a record of what was packed has it: the name that find() took then, and its text.
  // The name is a label and opens no file: "model" only gives the template the special tokens that
  // `model` names. Without a text (records from before it was kept) a built-in's name or "model"
  // finds it, anything else is a UserError naming `place`, as is a `model` whose own template of
  // that name has become another.
  static ChatTemplate recorded(const std::string& name, const std::string& source,
                               const std::filesystem::path& model, const std::string& place);
  // Whether find() takes it for a built-in's name or for that of a model's own, and no path.
  static bool is_known_name(const std::string& name);
  // What a user may write: a built-in's name, "model" or "model:VARIANT" for that of `model` (a
  // directory, or a file in one), else a path. Empty: the model's own when it has one, else plain.
  static ChatTemplate find(const std::string& name, const std::filesystem::path& model);

  const std::string& name() const { return name_; }
  const std::string& source() const { return source_; }  // the Jinja text
  // Gives the template more variables, or others: tools for all conversations, enable_thinking,
  // date_string and so on.
  void set_variables(const OrderedJson& variables);
  // Whether the template asks what day it is (strftime_now), so that it prints another text
  // tomorrow.
  bool asks_for_date() const { return template_.mentions("strftime_now"); }
  // Answers it with the beginning of that day, "2026-11-30". UserError, naming `place`, for what is
  // no day.
  void set_date(const std::string& date, const std::string& place);
  const std::string& date() const { return date_; }  // the one that was set; empty: the clock's
  // What a user writes for --chat-template-kwargs, and what records of it hold: a JSON object, in
  // its order; empty text for none. UserError, naming `place`, for anything else.
  static OrderedJson parse_variables(const std::string& json, const std::string& place);

  // `bos` and `eos` are the tokenizer's token texts, for templates that print them; undefined when
  // empty. With `add_generation_prompt` the text ends where the assistant begins. Messages that the
  // template cannot express (two user turns in a row for llama2, an unknown role) are UserErrors.
  // `tools` are the conversation's own, before those of set_variables(); null: it has none.
  RenderedChat render(const std::vector<Message>& messages, bool add_generation_prompt,
                      const std::string& bos, const std::string& eos,
                      const OrderedJson& tools = nullptr) const;
  // The first `count` messages only.
  RenderedChat render(const std::vector<Message>& messages, size_t count,
                      bool add_generation_prompt, const std::string& bos, const std::string& eos,
                      const OrderedJson& tools = nullptr) const;
  // The general form: everything that the template sees is a member of `variables`, `messages`
  // among them.
  RenderedChat render(const OrderedJson& variables) const;

  // Whether the text has every special token that belongs to it, so that the tokenizer adds none:
  // always for a model's own template, and for built-ins that print BOS.
  bool prints_special_tokens() const { return prints_special_tokens_; }
  bool marks_generation() const { return template_.has_generation(); }

 private:
  static ChatTemplate built_in(const std::string& name, std::string_view source);
  ChatTemplate(JinjaTemplate jinja, std::string_view source, std::string name);

  JinjaTemplate template_;
  std::string source_, name_, date_;
  OrderedJson variables_ = OrderedJson::object();
  bool is_built_in_ = false;
  bool prints_special_tokens_ = true;
};

}  // namespace temper
