// What every tokenizer promises about ids, offsets and text, whatever file it came from.
#pragma once

#include <string_view>

#include "common/error.h"
#include "text/tokenizer/stream_decoder.h"
#include "text/tokenizer/tokenizer.h"
#include "text/unicode/utf8.h"

namespace temper {

inline void check_encoding(const Tokenizer& tokenizer, std::string_view text) {
  const Encoding encoding = tokenizer.encode(text, true);
  const auto length = static_cast<int32_t>(count_code_points(replace_invalid_utf8(text)));
  TEMPER_CHECK(encoding.ids.size() == encoding.offsets.size());
  for (const auto& [begin, end] : encoding.offsets) {
    TEMPER_CHECK(begin >= 0 && begin <= length && end >= 0 && end <= length);
  }
  for (int32_t id : encoding.ids) TEMPER_CHECK(id >= 0 && id < tokenizer.vocab_size());
  TEMPER_CHECK(is_valid_utf8(tokenizer.decode(encoding.ids)));
  StreamDecoder stream(tokenizer);
  for (int32_t id : encoding.ids) TEMPER_CHECK(is_valid_utf8(stream.push(id)));
  TEMPER_CHECK(is_valid_utf8(stream.finish()));
}

inline void check_encodings(const Tokenizer& tokenizer) {
  constexpr std::string_view kTexts[] = {
      "",
      "Hello, world! It's 12:30.\n\n  a\tb <s>x</s>",
      "e\u0301 \u212b\ufb01 \u65e5\u672c\u8a9e\u2581\u0130 \U0001F389\u200d \u00a0\xff",
  };
  for (std::string_view text : kTexts) {
    try {
      check_encoding(tokenizer, text);
    } catch (const UserError&) {
      // An expression that costs too much, a replacement that grows without end.
    }
  }
}

}  // namespace temper
