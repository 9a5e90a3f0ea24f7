// Encoding any bytes: the text comes back, twice the same ids come out, offsets lie in the text,
// and what is decoded id by id is what is decoded at once.
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"
#include "io/json.h"
#include "text/tokenizer/model/bpe_trainer.h"
#include "text/tokenizer/stream_decoder.h"
#include "text/tokenizer/tokenizer.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

constexpr size_t kMaxStreamedIds = 200;
constexpr std::string_view kTrainingText =
    "The patient's haemoglobin is 7.5 g/dl; the patient has anaemia.\n\n  What is anaemia? It is a "
    "lack of red blood cells, isn't it?\tcaf\u00e9 na\u00efve \u65e5\u672c\u8a9e 12 123 1234";

// Byte-level, as GPT-2 has it; `more` replaces parts of the file.
Tokenizer byte_level_tokenizer(const Json& more) {
  int num_texts = 0;
  BpeTrainerOptions options;
  options.vocab_size = 300;
  options.special_tokens = {"<s>", "</s>"};
  options.bos_token = "<s>";
  options.min_pair_count = 1;
  Json json = parse_json(train_byte_level_bpe(
                             [&](std::string& text) {
                               text = kTrainingText;
                               return num_texts++ == 0;
                             },
                             options),
                         "trained");
  json.update(more);
  return Tokenizer::from_json(json.dump(), "trained");
}

Json llama3_splitter() {
  return {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"},
             {"pattern",
              {{"Regex",
                "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
                "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}}},
             {"behavior", "Isolated"},
             {"invert", false}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
}

// SentencePiece-style, as Llama 2 has it.
Tokenizer sentence_piece_tokenizer() {
  Json vocabulary = {{"<unk>", 0}};
  const auto add = [&](const std::string& token) { vocabulary[token] = vocabulary.size(); };
  for (int byte = 0; byte < 256; ++byte) add(fmt::format("<0x{:02X}>", byte));
  for (const char* token : {"\u2581", "a", "b", "e", "h", "t", "\u2581\u2581", "th", "the",
                            "\u2581the", "ab", "\u2581a"}) {
    add(token);
  }
  const Json json = {
      {"normalizer",
       {{"type", "Sequence"},
        {"normalizers",
         {{{"type", "Prepend"}, {"prepend", "\u2581"}},
          {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}}}}},
      {"decoder",
       {{"type", "Sequence"},
        {"decoders",
         {{{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}},
          {{"type", "ByteFallback"}},
          {{"type", "Fuse"}},
          {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}},
      {"model",
       {{"type", "BPE"},
        {"unk_token", "<unk>"},
        {"fuse_unk", true},
        {"byte_fallback", true},
        {"vocab", vocabulary},
        {"merges", {"\u2581 \u2581", "t h", "th e", "\u2581 the", "a b", "\u2581 a"}}}}};
  return Tokenizer::from_json(json.dump(), "made");
}

void check(const Tokenizer& tokenizer, std::string_view bytes, const std::string& expected) {
  const Encoding encoding = tokenizer.encode(bytes, false);
  TEMPER_CHECK(encoding.ids == tokenizer.encode(bytes, false).ids);
  const auto length = static_cast<int32_t>(count_code_points(replace_invalid_utf8(bytes)));
  int32_t last_begin = 0;
  for (const auto& [begin, end] : encoding.offsets) {
    TEMPER_CHECK(last_begin <= begin && begin < end && end <= length);
    last_begin = begin;
  }
  const std::string text = tokenizer.decode(encoding.ids);
  TEMPER_CHECK(text == expected);
  // Every push decodes what is not certain yet: long texts would be all that is done here.
  if (encoding.ids.size() > kMaxStreamedIds) return;
  StreamDecoder stream(tokenizer);
  std::string streamed;
  for (int32_t id : encoding.ids) {
    const std::string fresh = stream.push(id);
    TEMPER_CHECK(is_valid_utf8(fresh));
    streamed += fresh;
  }
  streamed += stream.finish();
  // A row of U+FFFD may be given before it is certain what it becomes.
  TEMPER_CHECK(streamed == text || text.find("\uFFFD") != std::string::npos);
}

}  // namespace
}  // namespace temper

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace temper;
  static const Tokenizer gpt2 = byte_level_tokenizer(Json::object());
  static const Tokenizer llama3 = byte_level_tokenizer({{"pre_tokenizer", llama3_splitter()}});
  static const Tokenizer qwen = byte_level_tokenizer(
      {{"pre_tokenizer", llama3_splitter()}, {"normalizer", {{"type", "NFC"}}}});
  static const Tokenizer llama2 = sentence_piece_tokenizer();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string text = replace_invalid_utf8(bytes);
  check(gpt2, bytes, text);
  check(llama3, bytes, text);
  qwen.encode(bytes, true);
  std::string spaced;  // the mark of SentencePiece comes back as a space
  for (size_t i = 0; i < text.size();) {
    const char32_t c = next_code_point(text, i);
    append_utf8(spaced, c == 0x2581 ? U' ' : c);
  }
  check(llama2, bytes, spaced);
  return 0;
}
