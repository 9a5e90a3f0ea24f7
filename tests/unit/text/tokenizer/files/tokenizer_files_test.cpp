// tokenizer.model and tiktoken files, small ones made in place.
#include "text/tokenizer/files/tokenizer_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/temporary_directory.h"
#include "tests/unit/text/tiny_tokenizer.h"

namespace temper {
namespace {

using testing::ElementsAre;

// A protobuf, field by field.
std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string number_field(uint64_t field, uint64_t value) {
  return varint(field << 3) + varint(value);
}
std::string bytes_field(uint64_t field, std::string_view bytes) {
  return varint(field << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}
std::string piece_field(std::string_view text, float score, uint64_t kind = 1) {
  std::string score_bytes(4, '\0');
  std::memcpy(score_bytes.data(), &score, 4);
  return bytes_field(
      1, bytes_field(1, text) + varint(2 << 3 | 5) + score_bytes + number_field(3, kind));
}

constexpr uint64_t kBpe = 2;
const std::string kPlainNormalizer =
    bytes_field(3, bytes_field(1, "identity") + number_field(4, 0));

// <unk> 0, <s> 1, </s> 2, bytes 3 to 258, then letters, merges and the user's <u>.
std::string sentencepiece(uint64_t kind = kBpe, const std::string& normalizer = kPlainNormalizer) {
  std::string file =
      piece_field("<unk>", 0, 2) + piece_field("<s>", 0, 3) + piece_field("</s>", 0, 3);
  for (int byte = 0; byte < 256; ++byte) file += piece_field(fmt::format("<0x{:02X}>", byte), 0, 6);
  file += piece_field("\u2581a", -1) + piece_field("ab", -2) + piece_field("bc", -3);
  for (const char* text : {"\u2581", "a", "b", "c"}) file += piece_field(text, -4);
  return file + piece_field("<u>", 0, 4) +
         bytes_field(2, number_field(3, kind) + number_field(35, 1)) + normalizer;
}

Tokenizer from_model(const std::string& file, const Json& config = Json::object(),
                     const std::string& name = "tokenizer.model") {
  return Tokenizer::from_model(file, name, config, "m/" + name);
}

std::string refusal(const std::string& file, const Json& config = Json::object(),
                    const std::string& name = "tokenizer.model") {
  try {
    from_model(file, config, name);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no refusal";
}

TEST(SentencePieceModel, joins_by_score_and_falls_back_to_bytes) {
  const Tokenizer tokenizer = from_model(sentencepiece());
  EXPECT_THAT(tokens_of(tokenizer, "abc bc"), ElementsAre("\u2581a", "bc", "\u2581", "bc"));
  EXPECT_THAT(tokens_of(tokenizer, "b\u00e9<u>"),
              ElementsAre("\u2581", "b", "<0xC3>", "<0xA9>", "<u>"));
  EXPECT_EQ(tokenizer.encode("a", true).ids.front(), 1);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("ab\u00e9 c", false).ids), "ab\u00e9 c");
  EXPECT_TRUE(tokenizer.is_special(2));
  EXPECT_FALSE(tokenizer.is_special(*tokenizer.token_to_id("<u>")));
  EXPECT_EQ(tokenizer.vocab_size(), 267);
}

TEST(SentencePieceModel, its_configuration_changes_edges_and_added_tokens) {
  const Json config = {{"add_bos_token", false},
                       {"add_eos_token", true},
                       {"legacy", false},
                       {"added_tokens_decoder",
                        {{"267", {{"content", "<new>"}, {"special", true}, {"normalized", false}}},
                         {"2", {{"content", "</s>"}, {"special", false}, {"normalized", false}}}}}};
  const Tokenizer tokenizer = from_model(sentencepiece(), config);
  EXPECT_THAT(tokenizer.encode("<new>a", true).ids,
              ElementsAre(267, *tokenizer.token_to_id("a"), 2));
  EXPECT_FALSE(tokenizer.is_special(2));
  EXPECT_TRUE(tokenizer.is_special(267));
}

TEST(SentencePieceModel, refuses_what_it_cannot_do) {
  EXPECT_THAT(refusal(sentencepiece(1)), names("m/tokenizer.model", "Unigram", "BPE"));
  EXPECT_THAT(refusal(sentencepiece(3)), names("m/tokenizer.model", "kind word", "BPE"));
  EXPECT_THAT(refusal(sentencepiece(kBpe, "")),
              names("m/tokenizer.model", "extra white space", "tokenizer.json"));
  EXPECT_THAT(refusal(sentencepiece(kBpe, bytes_field(3, bytes_field(2, "map")))),
              names("m/tokenizer.model", "maps characters", "tokenizer.json"));
  EXPECT_THAT(refusal(sentencepiece() + piece_field("ab", 0)),
              names("m/tokenizer.model", "id 267"));
  EXPECT_THAT(refusal(""), names("m/tokenizer.model", "damaged"));
  EXPECT_THAT(refusal(sentencepiece() + piece_field(std::string(600, 'x'), 0)),
              names("m/tokenizer.model", "damaged"));
  const std::string whole = sentencepiece();
  for (size_t size = 1; size + 1 < whole.size(); size += 7) {
    EXPECT_NE(refusal(whole.substr(0, size)), "no refusal") << size;
  }
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0);
    }
    for (size_t k = 0; k < 4; ++k) {
      text += i + k > bytes.size() ? '=' : kDigits[bits >> (18 - 6 * k) & 63];
    }
  }
  return text;
}

std::string tiktoken(const std::vector<std::string>& merges, int first_byte = 0) {
  std::string file;
  int rank = 0;
  for (int byte = first_byte; byte < 256; ++byte, ++rank) {
    file += fmt::format("{} {}\n", base64(std::string(1, static_cast<char>(byte))), rank);
  }
  for (const std::string& merge : merges) file += fmt::format("{} {}\n", base64(merge), rank++);
  return file;
}

TEST(TiktokenFile, joins_the_smallest_rank_first_and_keeps_whole_words) {
  const Tokenizer tokenizer =
      from_model(tiktoken({"aa", "aaa", " a"}), Json::object(), "qwen.tiktoken");
  EXPECT_THAT(tokenizer.encode("aaaaa", false).ids, ElementsAre(256, 257));
  EXPECT_THAT(tokenizer.encode("aaa", false).ids, ElementsAre(257));
  EXPECT_THAT(tokenizer.encode("b a", false).ids, ElementsAre('b', 258));
  EXPECT_THAT(tokenizer.encode("<|im_start|>\u00e9", false).ids, ElementsAre(260, 0xc3, 0xa9));
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{260, 0xc3, 0xa9}), "<|im_start|>\u00e9");
  EXPECT_TRUE(tokenizer.is_special(260));
}

TEST(TiktokenFile, its_name_says_how_words_are_cut) {
  const std::string file = tiktoken({"\n "});
  const auto ids = [&](const std::string& name) {
    return from_model(file, Json::object(), name).encode("a\n ", false).ids;
  };
  EXPECT_THAT(ids("cl100k_base.tiktoken"), ElementsAre('a', 256));
  EXPECT_THAT(ids("o200k_base.tiktoken"), ElementsAre('a', '\n', ' '));
  EXPECT_THAT(refusal(file, Json::object(), "mine.tiktoken"),
              names("m/mine.tiktoken", "cl100k_base.tiktoken"));
  EXPECT_THAT(refusal(file), names("m/tokenizer.model", "128000"));
}

TEST(TiktokenFile, refuses_damaged_ones) {
  const auto refused = [](const std::string& file) {
    return refusal(file, Json::object(), "r50k_base.tiktoken");
  };
  EXPECT_THAT(refused(tiktoken({}, 1)), names("m/r50k_base.tiktoken", "every byte"));
  EXPECT_THAT(refused(tiktoken({"aa", "aa"})), names("m/r50k_base.tiktoken", "id 257"));
  EXPECT_THAT(refused(tiktoken({}) + "YWE= 5\n"), names("m/r50k_base.tiktoken", "id 5"));
  for (const char* line : {"YWE=", "YWE= -1", "YWE= 99999999", "YWE 300", "Y*E= 300", "YWE= 3x",
                           "= 300", " 300", "YWE= 300 "}) {
    EXPECT_THAT(refused(tiktoken({}) + line + "\n"), names("m/r50k_base.tiktoken:257:", "base64"))
        << line;
  }
  EXPECT_THAT(refused(tiktoken({std::string(513, 'a')})),
              names("m/r50k_base.tiktoken:257:", "base64"));
  EXPECT_THAT(refusal(tiktoken({}), {{"added_tokens_decoder", {{"x", {{"content", "y"}}}}}},
                      "qwen.tiktoken"),
              names("m/qwen.tiktoken: tokenizer_config.json", "\"added_tokens_decoder\""));
}

TEST(TokenizerFiles, are_found_in_this_order) {
  const TemporaryDirectory model;
  EXPECT_FALSE(find_tokenizer_file(model.path()));
  EXPECT_THROW(Tokenizer::from_file(model.path()), UserError);
  model.write("qwen.tiktoken", tiktoken({}));
  EXPECT_EQ(find_tokenizer_file(model.path()), model / "qwen.tiktoken");
  EXPECT_EQ(Tokenizer::from_file(model.path()).vocab_size(), 256 + 208);
  model.write("more.tiktoken", tiktoken({}));
  EXPECT_THROW(find_tokenizer_file(model.path()), UserError);
  model.write("tokenizer.model", sentencepiece());
  model.write("tokenizer_config.json", R"({"add_bos_token": false})");
  EXPECT_THAT(Tokenizer::from_file(model.path()).encode("a", true).ids, ElementsAre(259));
  model.write("tokenizer.json", tiny_json({}).dump());
  EXPECT_EQ(find_tokenizer_file(model.path()), model / "tokenizer.json");
  EXPECT_EQ(Tokenizer::from_file(model / "tokenizer.model").vocab_size(), 267);
}

}  // namespace
}  // namespace temper
