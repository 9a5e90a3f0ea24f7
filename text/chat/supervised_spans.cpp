#include "text/chat/supervised_spans.h"

#include <algorithm>

#include "common/error.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

struct EosName {
  TrainOnEos value;
  const char* name;
};
constexpr EosName kEosNames[] = {{TrainOnEos::kTurn, "turn"},
                                 {TrainOnEos::kAll, "all"},
                                 {TrainOnEos::kLast, "last"},
                                 {TrainOnEos::kNone, "none"}};

constexpr std::string_view kSpace = " \t\r\n\v\f";

std::string stripped(const std::string& text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == text.npos) return "";
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// The message's own word about whether it is learnt: "train", or a "weight" of 0.
bool has_own_word(const Message& message) {
  return message.json.is_object() &&
         (message.json.contains("train") || message.json.contains("weight"));
}

bool wants_training(const Message& message) {
  if (!message.json.is_object()) return true;
  const auto train = message.json.find("train");
  if (train != message.json.end() && train->is_boolean() && !train->get<bool>()) return false;
  const auto weight = message.json.find("weight");
  return weight == message.json.end() || !weight->is_number() || weight->get<double>() != 0;
}

size_t common_prefix(std::string_view a, std::string_view b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                             a.begin());
}

}  // namespace

TrainOnEos train_on_eos_named(const std::string& name) {
  for (const EosName& known : kEosNames) {
    if (name == known.name) return known.value;
  }
  throw UserError("--train-on-eos {}: expected turn, all, last or none", name);
}

std::string train_on_eos_name(TrainOnEos value) {
  return kEosNames[static_cast<size_t>(value)].name;
}

SpanSupervisor::SpanSupervisor(const ChatTemplate& chat_template, std::string bos, std::string eos,
                               SupervisionOptions options)
    : template_(chat_template),
      bos_(std::move(bos)),
      eos_(std::move(eos)),
      options_(std::move(options)) {
  const bool only_assistant = options_.roles_to_train == std::vector<std::string>{"assistant"};
  if (template_.marks_generation() && !only_assistant) {
    throw UserError(
        "the chat template {} marks the assistant's turns itself, so that the roles to train can "
        "only be: assistant",
        template_.name());
  }
  probe();
}

RenderedChat SpanSupervisor::render_first(const Conversation& conversation, size_t count,
                                          bool add_generation_prompt) const {
  return template_.render(conversation.messages, count, add_generation_prompt, bos_, eos_,
                          conversation.tools);
}

// What one exchange of known texts looks like tells what its end is.
void SpanSupervisor::probe() {
  constexpr std::string_view kAnswer = "answer";
  const std::vector<Message> messages = {{"user", "question"},
                                         {"assistant", std::string(kAnswer)},
                                         {"user", "question"},
                                         {"assistant", std::string(kAnswer)}};
  try {
    const RenderedChat one = template_.render(messages, 2, false, bos_, eos_);
    const std::string two = template_.render(messages, 4, false, bos_, eos_).text;
    std::string turn = one.text;
    if (!eos_.empty() && !two.starts_with(turn) && turn.ends_with(eos_) &&
        two.starts_with(turn.substr(0, turn.size() - eos_.size()))) {
      trailer_ = eos_;
      turn.resize(turn.size() - eos_.size());
    }
    if (template_.marks_generation() && !one.generation_spans.empty()) {
      turn = one.text.substr(0, one.generation_spans.back().second);
    }
    const size_t answer = turn.rfind(kAnswer);
    if (answer != turn.npos) end_of_turn_ = stripped(turn.substr(answer + kAnswer.size()));
  } catch (const UserError&) {
    // A template that needs other messages: its turns are taken as they are.
    trailer_.clear();
  }
}

bool SpanSupervisor::is_trained(const Message& message) const {
  const auto& roles = options_.roles_to_train;
  return std::find(roles.begin(), roles.end(), message.role) != roles.end() &&
         wants_training(message);
}

SpanSupervisor::Supervised SpanSupervisor::render(const std::vector<Message>& messages,
                                                  const OrderedJson& tools) const {
  const Conversation conversation{messages, tools};
  RenderedChat chat = render_first(conversation, messages.size(), false);
  std::vector<Span> spans = template_.marks_generation()
                                ? marked_spans(messages, chat)
                                : difference_spans(conversation, chat.text);
  settle_ends(chat.text, spans);
  std::erase_if(spans, [](const Span& span) { return span.first == span.second; });
  return {std::move(chat.text), std::move(spans)};
}

std::vector<SpanSupervisor::Span> SpanSupervisor::marked_spans(const std::vector<Message>& messages,
                                                               const RenderedChat& chat) const {
  std::vector<Span> spans = chat.generation_spans;
  std::sort(spans.begin(), spans.end());
  if (std::none_of(messages.begin(), messages.end(), has_own_word)) return spans;
  std::vector<Span> trained;
  size_t turn = 0;
  for (const Message& message : messages) {
    if (message.role != "assistant") continue;
    if (turn < spans.size() && is_trained(message)) trained.push_back(spans[turn]);
    ++turn;
  }
  if (turn != spans.size()) {
    throw UserError(
        "the chat template {} marks {} turns of {} assistant's messages, so that their \"train\" "
        "or \"weight\" cannot be obeyed",
        template_.name(), spans.size(), turn);
  }
  return trained;
}

// The size of the rendering of the first messages, which is proven to begin `text`.
size_t SpanSupervisor::prefix_size(const Conversation& conversation, size_t count,
                                   bool add_generation_prompt, const std::string& text) const {
  const size_t num_messages = conversation.messages.size();
  const bool is_whole = count == num_messages && !add_generation_prompt;
  std::string prefix =
      is_whole ? text : render_first(conversation, count, add_generation_prompt).text;
  // Where nothing else ends a turn, the last one is ended by what ends the conversation.
  const bool keeps_trailer = is_whole && end_of_turn_.empty();
  if (!trailer_.empty() && !keeps_trailer && prefix.ends_with(trailer_)) {
    prefix.resize(prefix.size() - trailer_.size());
  }
  if (!text.starts_with(prefix)) {
    const size_t same = common_prefix(prefix, text);
    throw UserError(
        "the chat template {} has no {{% generation %}} marks, and renders the first {} of {} "
        "messages{} otherwise than the beginning of the whole conversation (they differ from "
        "character {} on): what the assistant says cannot be told apart. Use a template with "
        "generation marks",
        template_.name(), count, num_messages,
        add_generation_prompt ? " with a generation prompt" : "",
        count_code_points(std::string_view(text).substr(0, same)) + 1);
  }
  return prefix.size();
}

std::vector<SpanSupervisor::Span> SpanSupervisor::difference_spans(const Conversation& conversation,
                                                                   const std::string& text) const {
  const std::vector<Message>& messages = conversation.messages;
  std::vector<Span> spans;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!is_trained(messages[i])) continue;
    const size_t begin = prefix_size(conversation, i, messages[i].role == "assistant", text);
    const size_t end = prefix_size(conversation, i + 1, false, text);
    if (end < begin) {
      throw UserError(
          "the chat template {} renders message {} shorter than the generation prompt before it",
          template_.name(), i + 1);
    }
    spans.emplace_back(begin, end);
  }
  return spans;
}

void SpanSupervisor::settle_ends(const std::string& text, std::vector<Span>& spans) const {
  if (end_of_turn_.empty()) return;
  const TrainOnEos eos = options_.train_on_eos;
  for (size_t i = 0; i < spans.size(); ++i) {
    auto& [begin, end] = spans[i];
    const std::string_view turn = std::string_view(text).substr(begin, end - begin);
    const size_t last = turn.find_last_not_of(kSpace);
    if (last == turn.npos || !turn.substr(0, last + 1).ends_with(end_of_turn_)) continue;
    const bool is_learnt = eos == TrainOnEos::kTurn || eos == TrainOnEos::kAll ||
                           (eos == TrainOnEos::kLast && i + 1 == spans.size());
    if (!is_learnt) {
      end = begin + last + 1 - end_of_turn_.size();
    } else if (!template_.marks_generation()) {
      end = begin + last + 1;  // nobody says the newline behind the marker
    }
  }
  if (eos != TrainOnEos::kAll) return;
  for (size_t at = text.find(end_of_turn_); at != text.npos;
       at = text.find(end_of_turn_, at + end_of_turn_.size())) {
    spans.emplace_back(at, at + end_of_turn_.size());
  }
  std::sort(spans.begin(), spans.end());
  std::vector<Span> merged;
  for (const Span& span : spans) {
    if (!merged.empty() && span.first <= merged.back().second) {
      merged.back().second = std::max(merged.back().second, span.second);
    } else {
      merged.push_back(span);
    }
  }
  spans = std::move(merged);
}

}  // namespace temper
