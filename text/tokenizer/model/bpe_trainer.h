// Learns a byte-level BPE vocabulary from text, for bases that are pretrained from nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace temper {

struct BpeTrainerOptions {
  // Tokens in all: the special ones, the 256 bytes and what is learnt. Fewer come out when the text
  // has no more pairs that repeat.
  int64_t vocab_size = 4096;
  // Their ids are 0, 1, ... in this order ("<s>", "</s>", "<pad>").
  std::vector<std::string> special_tokens;
  // One of the special tokens, put in front of every text that is encoded with special tokens;
  // empty for none.
  std::string bos_token;
  // Pairs seen less often are not merged.
  int64_t min_pair_count = 2;
};

// `next_text` gives one text after the other (a line, a document; nothing is added between them)
// and false at the end. The result is a tokenizer.json that Tokenizer and Hugging Face read: the
// splitter and byte alphabet of GPT-2, merges by falling number of occurrences, ties by lower ids.
// The order of the texts makes no difference. UserError for options that make no sense.
std::string train_byte_level_bpe(const std::function<bool(std::string&)>& next_text,
                                 const BpeTrainerOptions& options);

}  // namespace temper
