#include "data/hygiene/record_fingerprint.h"

#include <string>
#include <string_view>

#include "data/hygiene/text_damage.h"

namespace temper {
namespace {

void hash_part(StreamHasher& hasher, std::string_view text) {
  const uint64_t size = text.size();
  hasher.update(&size, sizeof(size));
  hasher.update(text.data(), text.size());
}

// Runs of blanks become one space, those at the ends go.
std::string folded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!blank) {
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// Sees every text of a record that a template may show.
class TextLook {
 public:
  TextLook(RecordFingerprint& print, const ControlTokens& control_tokens)
      : print_(print), control_tokens_(control_tokens) {}

  void at_text(std::string_view text) {
    words_.add(text);
    print_.mojibake = print_.mojibake || count_mojibake(text) > 0;
    for (const PersonalDataMatch& match : find_personal_data(text)) {
      ++print_.personal_data[static_cast<size_t>(match.kind)];
    }
    if (!print_.control_token.empty()) return;
    if (const std::string* spelled = control_tokens_.find_in(text)) print_.control_token = *spelled;
  }
  void at_texts(const OrderedJson& value) {
    if (value.is_string()) at_text(value.get_ref<const std::string&>());
    if (!value.is_structured()) return;
    for (const OrderedJson& item : value) at_texts(item);
  }
  // Besides role and content: the arguments of tool calls, reasoning.
  void at_further_keys(const OrderedJson& message) {
    if (!message.is_object()) return;
    for (const auto& [key, value] : message.items()) {
      if (key != "role" && key != "content") at_texts(value);
    }
  }
  void finish() { print_.words = words_.finish(); }

 private:
  RecordFingerprint& print_;
  const ControlTokens& control_tokens_;
  MinHasher words_;
};

void hash_json(StreamHasher& hasher, const OrderedJson& value) {
  if (!value.is_null()) hash_part(hasher, value.dump());
}

void mask_texts(OrderedJson& value, int64_t& num_masked) {
  if (value.is_string())
    value = mask_personal_data(value.get_ref<const std::string&>(), num_masked);
  if (!value.is_structured()) return;
  for (OrderedJson& item : value) mask_texts(item, num_masked);
}

// The content is also in Message::content, where its matches are counted.
void mask_message_json(OrderedJson& message, int64_t& num_masked) {
  if (!message.is_object()) return;
  int64_t counted_before = 0;
  for (const auto& [key, value] : message.items()) {
    mask_texts(value, key == "content" ? counted_before : num_masked);
  }
}

size_t last_answer(const std::vector<Message>& messages) {
  size_t index = messages.size();
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role == "assistant") index = i;
  }
  return index;
}

}  // namespace

RecordFingerprint fingerprint_of(const Record& record, const ControlTokens& control_tokens) {
  RecordFingerprint print;
  StreamHasher whole, question, subject;
  TextLook look(print, control_tokens);
  if (!record.group.empty()) print.group = hash_text(record.group);
  if (record.is_text) {
    look.at_text(record.text);
    hash_part(whole, record.text);
    hash_part(subject, folded(record.text));
  }
  look.at_texts(record.tools);
  hash_json(whole, record.tools);
  hash_json(question, record.tools);
  const size_t answer = last_answer(record.messages);
  for (size_t i = 0; i < record.messages.size(); ++i) {
    const Message& message = record.messages[i];
    look.at_text(message.content);
    look.at_further_keys(message.json);
    hash_part(whole, message.role);
    hash_part(whole, message.content);
    hash_json(whole, message.json);
    if (message.role == "assistant") {
      print.cut_off = print.cut_off || looks_cut_off(message.content);
    }
    if (i >= answer) continue;
    hash_part(question, message.role);
    hash_part(question, message.content);
    hash_json(question, message.json);
    hash_part(subject, message.role);
    hash_part(subject, folded(message.content));
  }
  print.record = whole.digest();
  if (answer < record.messages.size()) {
    print.has_answer = true;
    print.question = question.digest();
    print.answer = hash_text(record.messages[answer].content);
  }
  print.subject = subject.digest();
  look.finish();
  return print;
}

int64_t mask_personal_data(Record& record) {
  int64_t num_masked = 0;
  record.text = mask_personal_data(record.text, num_masked);
  for (Message& message : record.messages) {
    message.content = mask_personal_data(message.content, num_masked);
    mask_message_json(message.json, num_masked);
  }
  mask_texts(record.tools, num_masked);
  return num_masked;
}

}  // namespace temper
