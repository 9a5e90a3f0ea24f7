// Which characters of a rendered conversation the model learns to say (docs/decisions/masks.md).
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "text/chat/chat_template.h"

namespace temper {

// Which end-of-turn markers are learnt. The names are axolotl's.
enum class TrainOnEos {
  kTurn,  // of every turn that is learnt
  kAll,   // of every turn, the user's included
  kLast,  // of the last turn that is learnt
  kNone,
};

// "turn", "all", "last", "none"; UserError otherwise.
TrainOnEos train_on_eos_named(const std::string& name);
std::string train_on_eos_name(TrainOnEos value);

struct SupervisionOptions {
  TrainOnEos train_on_eos = TrainOnEos::kTurn;
  std::vector<std::string> roles_to_train = {"assistant"};
};

// Knows for one template what its turns end with, and finds the learnt characters.
//
// A template with {% generation %} says itself what the assistant's turns are. With any other the
// turn of message i is the difference between the rendering of the messages before it, with a
// generation prompt, and the rendering up to it; both must be what the whole rendering begins with,
// or the conversation is refused.
class SpanSupervisor {
 public:
  // `bos` and `eos` are the token texts, empty for none.
  SpanSupervisor(const ChatTemplate& chat_template, std::string bos, std::string eos,
                 SupervisionOptions options = {});

  struct Supervised {
    std::string text;
    std::vector<std::pair<size_t, size_t>> spans;  // byte ranges, ascending, not empty
  };
  // Threads may call it at once. UserError: messages that the template cannot express; a template
  // that is not a prefix of itself, with the place of the first difference; roles or messages'
  // "train" and "weight" that the template's marks cannot tell apart. `tools` as in ChatTemplate.
  Supervised render(const std::vector<Message>& messages, const OrderedJson& tools = nullptr) const;

  // What the template puts behind an answer, without white space around it; may be empty.
  const std::string& end_of_turn() const { return end_of_turn_; }
  const ChatTemplate& chat_template() const { return template_; }

 private:
  using Span = std::pair<size_t, size_t>;
  struct Conversation {
    const std::vector<Message>& messages;
    const OrderedJson& tools;
  };

  RenderedChat render_first(const Conversation& conversation, size_t count,
                            bool add_generation_prompt) const;
  void probe();
  bool is_trained(const Message& message) const;
  std::vector<Span> marked_spans(const std::vector<Message>& messages,
                                 const RenderedChat& chat) const;
  std::vector<Span> difference_spans(const Conversation& conversation,
                                     const std::string& text) const;
  size_t prefix_size(const Conversation& conversation, size_t count, bool add_generation_prompt,
                     const std::string& text) const;
  void settle_ends(const std::string& text, std::vector<Span>& spans) const;

  ChatTemplate template_;
  std::string bos_, eos_;
  SupervisionOptions options_;
  std::string end_of_turn_;
  std::string trailer_;  // behind every conversation, and no part of its last turn
};

}  // namespace temper
