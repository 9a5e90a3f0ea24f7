// One record to tokens: rendered by the chat template, tokenised, and marked with what is
// supervised. Knows what to do with records that are longer than a row.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/corpus/corpus_reader.h"
#include "text/chat/chat_template.h"
#include "text/chat/supervised_spans.h"
#include "text/tokenizer/special_tokens.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {

enum class OverlongPolicy {
  kError,     // stop, naming the record
  kTruncate,  // cut the end off, and with it the end of the answer
  kDrop,      // leave the record out
};

// "error", "truncate", "drop"; UserError otherwise.
OverlongPolicy overlong_policy_named(const std::string& name);
std::string overlong_policy_name(OverlongPolicy policy);
// The UserError of OverlongPolicy::kError: the record at `place` has more tokens than `limit`.
[[noreturn]] void refuse_overlong(const std::string& place, int64_t num_tokens, int64_t limit);

struct EncodedDocument {
  std::vector<int32_t> tokens;
  std::vector<uint8_t> supervised;  // as long as tokens; the first is 0
};

struct EncodedRecord {
  std::vector<EncodedDocument> documents;  // one; several for a long raw text; none when dropped
  const char* dropped = nullptr;           // the reason, a literal
  int64_t num_tokens = 0;                  // before anything was cut
  int64_t num_supervised = 0;              // the same
  int64_t num_lost_tokens = 0;             // cut off by truncation; 0 for a dropped record
  // Tokens that lie across the place where an answer begins: they hold the prompt's last character
  // and the answer's first, so that the model never learns the split that generation makes.
  int64_t num_straddling = 0;
};

class ExampleEncoder {
 public:
  struct Options {
    int64_t sequence_len = 0;
    OverlongPolicy overlong = OverlongPolicy::kError;
    SupervisionOptions supervision = {};
  };

  // `tokenizer` outlives the encoder.
  ExampleEncoder(const Tokenizer& tokenizer, const ChatTemplate& chat_template,
                 const SpecialTokens& special, Options options);

  // Threads may call it at the same time. Messages: what the assistant says is supervised
  // (text/chat/supervised_spans.h); a token belongs to where its first character lies. Raw text:
  // everything is, between BOS and EOS where the vocabulary has them, and a text longer than a row
  // is split into pieces. UserError naming `place`: a record too long (kError), messages the
  // template cannot express. UserError: messages, when the template prints an end-of-sequence token
  // and none is known.
  EncodedRecord encode(const Record& record, const std::string& place) const;

 private:
  EncodedRecord encode_messages(const Record& record, const std::string& place) const;
  EncodedRecord encode_text(const Record& record) const;

  const Tokenizer* tokenizer_;
  SpanSupervisor supervisor_;
  SpecialTokens special_;
  Options options_;
  bool lacks_eos_;
};

}  // namespace temper
