#include "text/chat_template.h"

#include <fmt/ranges.h>

#include <string_view>

#include "common/error.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace temper {
namespace {

using Messages = std::vector<Message>;

bool is_user(const Message& message) {
  return message.role == "user";
}
bool is_assistant(const Message& message) {
  return message.role == "assistant";
}
bool is_system(const Message& message) {
  return message.role == "system";
}

// What Python's str.strip() leaves.
std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); };
  while (!text.empty()) {
    size_t end = 0;
    if (!is_space(next_code_point(text, end))) break;
    text.remove_prefix(end);
  }
  while (!text.empty()) {
    size_t begin = text.size();
    if (!is_space(previous_code_point(text, begin))) break;
    text.remove_suffix(text.size() - begin);
  }
  return text;
}

// The text under way. What is said by generate() is the model's to say.
class Writer {
 public:
  template <typename... Parts>
  void write(const Parts&... parts) {
    (chat_.text.append(parts), ...);
  }
  template <typename... Parts>
  void generate(const Parts&... parts) {
    const size_t begin = chat_.text.size();
    write(parts...);
    if (chat_.text.size() > begin) chat_.generation_spans.emplace_back(begin, chat_.text.size());
  }
  RenderedChat finish() { return std::move(chat_); }

 private:
  RenderedChat chat_;
};

void require_messages(const Messages& messages) {
  if (messages.empty()) throw UserError("the chat template needs at least one message");
}

// From message `first` on: user, assistant, user, ...
void require_alternation(const Messages& messages, size_t first) {
  for (size_t i = first; i < messages.size(); ++i) {
    if (is_user(messages[i]) == ((i - first) % 2 == 0) && !is_system(messages[i])) continue;
    throw UserError(
        "message {} has the role '{}', but the chat template wants user and assistant in turns{}",
        i + 1, messages[i].role,
        is_system(messages[i]) && i == 0 ? " and has no place for a system message" : "");
  }
}

RenderedChat render_llama2(const Messages& messages, bool, const std::string& bos,
                           const std::string& eos) {
  require_messages(messages);
  const size_t first = is_system(messages[0]) ? 1 : 0;
  if (messages.size() == first) {
    throw UserError("the chat template needs a user message behind the system message");
  }
  require_alternation(messages, first);
  Writer out;
  for (size_t i = first; i < messages.size(); ++i) {
    std::string content = messages[i].content;
    if (i == 1 && first == 1) {
      content = "<<SYS>>\n" + messages[0].content + "\n<</SYS>>\n\n" + content;
    }
    if (is_user(messages[i])) {
      out.write(bos, "[INST] ", trimmed(content), " [/INST]");
    } else {
      out.generate(" ", trimmed(content), " ", eos);
    }
  }
  return out.finish();
}

RenderedChat render_llama3(const Messages& messages, bool add_generation_prompt,
                           const std::string& bos, const std::string&) {
  Writer out;
  if (!messages.empty()) out.write(bos);
  for (const Message& message : messages) {
    out.write("<|start_header_id|>", message.role, "<|end_header_id|>\n\n");
    if (is_assistant(message)) {
      out.generate(trimmed(message.content), "<|eot_id|>");
    } else {
      out.write(trimmed(message.content), "<|eot_id|>");
    }
  }
  if (add_generation_prompt) out.write("<|start_header_id|>assistant<|end_header_id|>\n\n");
  return out.finish();
}

RenderedChat render_mistral(const Messages& messages, bool, const std::string& bos,
                            const std::string& eos) {
  require_alternation(messages, 0);
  Writer out;
  out.write(bos);
  for (const Message& message : messages) {
    if (is_user(message)) {
      out.write("[INST] ", message.content, " [/INST]");
    } else {
      out.generate(message.content, eos);
    }
  }
  return out.finish();
}

void write_chatml(Writer& out, const Messages& messages, bool add_generation_prompt) {
  for (const Message& message : messages) {
    out.write("<|im_start|>", message.role, "\n");
    if (is_assistant(message)) {
      out.generate(message.content, "<|im_end|>");
    } else {
      out.write(message.content, "<|im_end|>");
    }
    out.write("\n");
  }
  if (add_generation_prompt) out.write("<|im_start|>assistant\n");
}

RenderedChat render_chatml(const Messages& messages, bool add_generation_prompt, const std::string&,
                           const std::string&) {
  Writer out;
  write_chatml(out, messages, add_generation_prompt);
  return out.finish();
}

RenderedChat render_qwen(const Messages& messages, bool add_generation_prompt, const std::string&,
                         const std::string&) {
  require_messages(messages);
  Writer out;
  if (!is_system(messages[0])) {
    out.write(
        "<|im_start|>system\n"
        "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n");
  }
  write_chatml(out, messages, add_generation_prompt);
  return out.finish();
}

RenderedChat render_gemma(const Messages& messages, bool add_generation_prompt,
                          const std::string& bos, const std::string&) {
  require_messages(messages);
  require_alternation(messages, 0);
  Writer out;
  out.write(bos);
  for (const Message& message : messages) {
    if (is_user(message)) {
      out.write("<start_of_turn>user\n", trimmed(message.content), "<end_of_turn>");
    } else {
      out.write("<start_of_turn>model\n");
      out.generate(trimmed(message.content), "<end_of_turn>");
    }
    out.write("\n");
  }
  if (add_generation_prompt) out.write("<start_of_turn>model\n");
  return out.finish();
}

RenderedChat render_phi3(const Messages& messages, bool add_generation_prompt, const std::string&,
                         const std::string& eos) {
  Writer out;
  for (const Message& message : messages) {
    out.write("<|", message.role, "|>\n");
    if (is_assistant(message)) {
      out.generate(message.content, "<|end|>");
    } else {
      out.write(message.content, "<|end|>");
    }
    out.write("\n");
  }
  out.write(add_generation_prompt ? "<|assistant|>\n" : eos);
  return out.finish();
}

RenderedChat render_alpaca(const Messages& messages, bool add_generation_prompt, const std::string&,
                           const std::string& eos) {
  Writer out;
  for (const Message& message : messages) {
    if (is_system(message)) {
      out.write(message.content, "\n\n");
    } else if (is_user(message)) {
      out.write("### Instruction:\n", trimmed(message.content), "\n\n");
    } else {
      out.write("### Response:\n");
      out.generate(message.content, eos);
      if (&message != &messages.back()) out.write("\n\n");
    }
  }
  if (add_generation_prompt) out.write("### Response:\n");
  return out.finish();
}

RenderedChat render_plain(const Messages& messages, bool add_generation_prompt, const std::string&,
                          const std::string& eos) {
  Writer out;
  for (const Message& message : messages) {
    if (&message != &messages.front()) out.write("\n");
    if (is_assistant(message)) {
      out.generate(message.content, eos);
    } else {
      out.write(message.content);
    }
  }
  if (add_generation_prompt && !messages.empty()) out.write("\n");
  return out.finish();
}

struct BuiltIn {
  const char* name;
  RenderedChat (*render)(const Messages&, bool, const std::string&, const std::string&);
  bool emits_bos;
};

constexpr BuiltIn kBuiltIns[] = {
    {"llama2", render_llama2, true},   {"llama3", render_llama3, true},
    {"mistral", render_mistral, true}, {"chatml", render_chatml, false},
    {"qwen", render_qwen, false},      {"gemma", render_gemma, true},
    {"phi3", render_phi3, false},      {"alpaca", render_alpaca, false},
    {"plain", render_plain, false},
};

}  // namespace

ChatTemplate ChatTemplate::named(const std::string& name) {
  for (const BuiltIn& built_in : kBuiltIns) {
    if (name != built_in.name) continue;
    ChatTemplate result;
    result.name_ = name;
    result.render_ = built_in.render;
    result.emits_bos_ = built_in.emits_bos;
    return result;
  }
  throw UserError("'{}' is not a chat template; the known ones are {}", name,
                  fmt::join(names(), ", "));
}

std::vector<std::string> ChatTemplate::names() {
  std::vector<std::string> names;
  for (const BuiltIn& built_in : kBuiltIns) names.emplace_back(built_in.name);
  return names;
}

RenderedChat ChatTemplate::render(const std::vector<Message>& messages, bool add_generation_prompt,
                                  const std::string& bos, const std::string& eos) const {
  for (size_t i = 0; i < messages.size(); ++i) {
    if (is_system(messages[i]) || is_user(messages[i]) || is_assistant(messages[i])) continue;
    throw UserError("message {} has a role that is not system, user or assistant", i + 1);
  }
  return render_(messages, add_generation_prompt, bos, eos);
}

}  // namespace temper
