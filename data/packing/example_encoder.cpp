#include "data/packing/example_encoder.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/error.h"

namespace temper {
namespace {

constexpr const char* kEmptyText = "empty text";
constexpr const char* kEmptyAnswer = "empty answer";
constexpr const char* kNoTargets = "nothing supervised";
constexpr const char* kNoTargetsLeft = "nothing supervised after truncation";
constexpr const char* kTooLong = "too long";

using Span = std::pair<int64_t, int64_t>;  // code points [begin, end)

bool is_blank(const std::string& text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string::npos;
}

bool has_only_blank_answers(const std::vector<Message>& messages) {
  bool has_answer = false;
  for (const Message& message : messages) {
    if (message.role != "assistant") continue;
    if (!is_blank(message.content)) return false;
    has_answer = true;
  }
  return has_answer;
}

// Ascending byte ranges of valid UTF-8 as code points.
std::vector<Span> spans_in_code_points(const SpanSupervisor::Supervised& chat) {
  std::vector<Span> spans;
  size_t byte = 0;
  int64_t code_point = 0;
  const auto advance_to = [&](size_t end) {
    for (; byte < end; ++byte) {
      code_point += (static_cast<unsigned char>(chat.text[byte]) & 0xC0) != 0x80;
    }
    return code_point;
  };
  for (const auto& [begin, end] : chat.spans) {
    TEMPER_CHECK(byte <= begin && begin <= end && end <= chat.text.size());
    const int64_t first = advance_to(begin);
    spans.emplace_back(first, advance_to(end));
  }
  return spans;
}

// Marks tokens whose first character lies in a span, and counts those across a span's beginning.
void supervise_spans(const Encoding& encoding, const std::vector<Span>& spans,
                     std::vector<uint8_t>& supervised, int64_t& num_straddling) {
  for (size_t t = 0; t < encoding.ids.size(); ++t) {
    const auto [begin, end] = encoding.offsets[t];
    if (begin == end) continue;  // from the post-processor, not from the text
    const auto after =
        std::upper_bound(spans.begin(), spans.end(), int64_t{begin},
                         [](int64_t at, const Span& span) { return at < span.first; });
    if (after != spans.begin() && begin < std::prev(after)->second) supervised[t] = 1;
    if (after != spans.end() && after->first < end) ++num_straddling;
  }
}

int64_t count_supervised(const std::vector<uint8_t>& supervised) {
  return std::accumulate(supervised.begin(), supervised.end(), int64_t{0});
}

EncodedDocument document_of(const std::vector<int32_t>& tokens,
                            const std::vector<uint8_t>& supervised, size_t begin, size_t end) {
  const auto from = static_cast<std::ptrdiff_t>(begin), to = static_cast<std::ptrdiff_t>(end);
  EncodedDocument document{{tokens.begin() + from, tokens.begin() + to},
                           {supervised.begin() + from, supervised.begin() + to}};
  document.supervised[0] = 0;  // nothing in the document predicts it
  return document;
}

EncodedRecord drop(EncodedRecord record, const char* reason) {
  record.documents.clear();
  record.num_lost_tokens = 0;
  record.dropped = reason;
  return record;
}

bool prints_eos(const ChatTemplate& chat_template) {
  const std::string marker = "\x01";
  try {
    const RenderedChat chat =
        chat_template.render({{"user", "a"}, {"assistant", "b"}}, false, "", marker);
    return chat.text.find(marker) != std::string::npos;
  } catch (const UserError&) {
    return false;  // it needs other messages; the records will tell
  }
}

}  // namespace

OverlongPolicy overlong_policy_named(const std::string& name) {
  if (name == "error") return OverlongPolicy::kError;
  if (name == "truncate") return OverlongPolicy::kTruncate;
  if (name == "drop") return OverlongPolicy::kDrop;
  throw UserError("--overlong {}: expected error, truncate or drop", name);
}

void refuse_overlong(const std::string& place, int64_t num_tokens, int64_t limit) {
  throw UserError(
      "{}: the record is {} tokens long, the limit (--sequence-len) is {}; choose a larger limit, "
      "or "
      "--overlong truncate, or --overlong drop",
      place, num_tokens, limit);
}

std::string overlong_policy_name(OverlongPolicy policy) {
  switch (policy) {
    case OverlongPolicy::kError:
      return "error";
    case OverlongPolicy::kTruncate:
      return "truncate";
    case OverlongPolicy::kDrop:
      return "drop";
  }
  TEMPER_CHECK(false);
}

ExampleEncoder::ExampleEncoder(const Tokenizer& tokenizer, const ChatTemplate& chat_template,
                               const SpecialTokens& special, Options options)
    : tokenizer_(&tokenizer),
      supervisor_(chat_template, special.bos, special.eos, options.supervision),
      special_(special),
      options_(std::move(options)),
      lacks_eos_(special.eos.empty() && prints_eos(chat_template)) {
  TEMPER_CHECK(options_.sequence_len >= 2, "sequence_len {}", options_.sequence_len);
}

EncodedRecord ExampleEncoder::encode(const Record& record, const std::string& place) const {
  return record.is_text ? encode_text(record) : encode_messages(record, place);
}

EncodedRecord ExampleEncoder::encode_messages(const Record& record,
                                              const std::string& place) const {
  if (lacks_eos_) {
    throw UserError(
        "the chat template {} ends an answer with the end-of-sequence token, and none is known for "
        "this tokenizer: name it with --eos",
        supervisor_.chat_template().name());
  }
  SpanSupervisor::Supervised chat;
  try {
    chat = supervisor_.render(record.messages, record.tools);
  } catch (const UserError& error) {
    throw UserError("{}: {}", place, error.what());
  }
  Encoding encoding =
      tokenizer_->encode(chat.text, !supervisor_.chat_template().prints_special_tokens());
  remove_appended_tokens(encoding, *tokenizer_);
  EncodedRecord encoded;
  std::vector<uint8_t> supervised(encoding.ids.size(), 0);
  supervise_spans(encoding, spans_in_code_points(chat), supervised, encoded.num_straddling);
  encoded.num_tokens = static_cast<int64_t>(encoding.ids.size());
  encoded.num_supervised = count_supervised(supervised);
  if (has_only_blank_answers(record.messages)) return drop(std::move(encoded), kEmptyAnswer);
  const auto limit = static_cast<size_t>(options_.sequence_len);
  const bool too_long = encoding.ids.size() > limit;
  if (too_long && options_.overlong == OverlongPolicy::kError) {
    refuse_overlong(place, encoded.num_tokens, options_.sequence_len);
  }
  if (too_long && options_.overlong == OverlongPolicy::kDrop) {
    return drop(std::move(encoded), kTooLong);
  }
  const size_t kept = std::min(encoding.ids.size(), limit);
  if (kept == 0) return drop(std::move(encoded), kNoTargets);
  encoded.documents.push_back(document_of(encoding.ids, supervised, 0, kept));
  encoded.num_lost_tokens = encoded.num_tokens - static_cast<int64_t>(kept);
  if (count_supervised(encoded.documents[0].supervised) == 0) {
    return drop(std::move(encoded), too_long ? kNoTargetsLeft : kNoTargets);
  }
  return encoded;
}

EncodedRecord ExampleEncoder::encode_text(const Record& record) const {
  if (is_blank(record.text)) return drop({}, kEmptyText);
  std::vector<int32_t> tokens;
  if (special_.bos_id) tokens.push_back(*special_.bos_id);
  const std::vector<int32_t> ids = tokenizer_->encode(record.text, false).ids;
  tokens.insert(tokens.end(), ids.begin(), ids.end());
  std::vector<uint8_t> supervised(tokens.size(), 1);
  if (special_.bos_id) supervised[0] = 0;
  if (special_.eos_id) {
    tokens.push_back(*special_.eos_id);
    supervised.push_back(1);
  }
  EncodedRecord encoded;
  encoded.num_tokens = static_cast<int64_t>(tokens.size());
  encoded.num_supervised = count_supervised(supervised);
  if (tokens.size() < 2) return drop(std::move(encoded), kNoTargets);
  const auto limit = static_cast<size_t>(options_.sequence_len);
  for (size_t begin = 0; begin < tokens.size();) {
    size_t end = std::min(begin + limit, tokens.size());
    // A last piece of one token would teach nothing: the piece before leaves it another.
    if (tokens.size() - end == 1 && end - begin > 1) --end;
    encoded.documents.push_back(document_of(tokens, supervised, begin, end));
    begin = end;
  }
  return encoded;
}

}  // namespace temper
