// Long texts without a place to cut them: the time must grow with the length, not with its square.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "tests/unit/text/tiny_tokenizer.h"
#include "text/byte_alphabet.h"

namespace temper {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kBytes = 1'000'000;
#else
constexpr size_t kBytes = 10'000'000;
#endif
// Quadratic time would be hours.
constexpr std::chrono::seconds kLimit(120);

std::string repeated(std::string_view piece) {
  std::string text;
  text.reserve(kBytes + piece.size());
  while (text.size() < kBytes) text += piece;
  return text;
}

std::string random_letters() {
  std::mt19937 random(1);
  std::string text(kBytes, 'a');
  for (char& c : text) c = static_cast<char>('a' + random() % 26);
  return text;
}

std::vector<std::string> hard_texts() {
  return {repeated("a"),       random_letters(),       repeated("\u65e5"), repeated(" "),
          repeated("\u2581"),  repeated("\U0001f600"), repeated("\n"),     repeated("'"),
          repeated("e\u0301"), repeated("1")};
}

void encode_all(const Tokenizer& tokenizer) {
  for (const std::string& text : hard_texts()) {
    const auto start = std::chrono::steady_clock::now();
    const Encoding encoding = tokenizer.encode(text, false);
    const auto end = static_cast<int32_t>(count_code_points(text));
    ASSERT_FALSE(encoding.ids.empty());
    EXPECT_EQ(encoding.offsets.back().second, end);
    EXPECT_LT(std::chrono::steady_clock::now() - start, kLimit) << text.substr(0, 4);
  }
}

// Pairs of pairs, so that there is much to merge.
const std::vector<std::pair<std::string, std::string>> kMerges = {
    {"a", "a"}, {"aa", "aa"}, {"aaaa", "aaaa"}, {"b", "c"}, {"x", "y"}, {"xy", "z"}, {"1", "1"}};

TEST(LongText, byte_level) {
  TinyOptions options;
  options.characters.clear();
  for (int byte = 0; byte < 256; ++byte) {
    append_utf8(options.characters, byte_to_character(static_cast<uint8_t>(byte)));
  }
  options.merges = kMerges;
  options.merges.insert(options.merges.end(), {{"\u0120", "\u0120"}, {"\u010a", "\u010a"}});
  const Json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  const Json split = {
      {"type", "Split"},
      {"pattern",
       {{"Regex",
         R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}}},
      {"behavior", "Isolated"},
      {"invert", false}};
  options.pre_tokenizer = {{"type", "Sequence"}, {"pretokenizers", {split, byte_level}}};
  encode_all(tiny_tokenizer(options));
}

TEST(LongText, sentence_piece) {
  TinyOptions options;
  options.merges = kMerges;
  options.merges.insert(options.merges.end(), {{"\u2581", "\u2581"}, {"\u2581", "a"}});
  options.normalizer = {
      {"type", "Sequence"},
      {"normalizers",
       {{{"type", "Prepend"}, {"prepend", "\u2581"}},
        {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}}}};
  encode_all(tiny_tokenizer(options));
}

TEST(LongText, added_tokens_that_take_white_space) {
  TinyOptions options;
  for (const char* content : {"<r>", "  "}) {
    options.added_tokens.push_back({{"content", content}, {"normalized", false}, {"rstrip", true}});
  }
  const auto start = std::chrono::steady_clock::now();
  const auto tokenizer = tiny_tokenizer(options);
  EXPECT_EQ(tokenizer.encode("<r>" + std::string(2'000'000, ' '), false).ids.size(), 1'000'001u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, kLimit);
}

}  // namespace
}  // namespace temper
