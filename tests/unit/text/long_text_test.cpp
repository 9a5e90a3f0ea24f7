// Long texts without a place to cut them: the time must grow with the length, not with its square.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/fixtures/linear_time.h"
#include "tests/unit/text/tiny_tokenizer.h"
#include "text/tokenizer/pre/byte_alphabet.h"

namespace temper {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kBytes = 400'000;
#else
constexpr size_t kBytes = 4'000'000;
#endif

using MakeText = std::function<std::string(size_t)>;

std::string repeated(std::string_view piece, size_t size = kBytes) {
  std::string text;
  text.reserve(size + piece.size());
  while (text.size() < size) text += piece;
  return text;
}

std::string random_letters(size_t size) {
  std::mt19937 random(1);
  std::string text(size, 'a');
  for (char& c : text) c = static_cast<char>('a' + random() % 26);
  return text;
}

std::vector<MakeText> hard_texts() {
  std::vector<MakeText> texts = {random_letters};
  for (const char* piece :
       {"a", "\u65e5", " ", "\u2581", "\U0001f600", "\n", "'", "e\u0301", "1"}) {
    texts.push_back([piece](size_t size) { return repeated(piece, size); });
  }
  return texts;
}

void encode_all(const Tokenizer& tokenizer, const std::vector<MakeText>& texts = hard_texts()) {
  for (const MakeText& make : texts) {
    SCOPED_TRACE(make(1));
    expect_linear_time(kBytes, make, [&](const std::string& text) {
      const Encoding encoding = tokenizer.encode(text, false);
      ASSERT_FALSE(encoding.ids.empty());
      EXPECT_EQ(encoding.offsets.back().second, static_cast<int32_t>(count_code_points(text)));
    });
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

// Tokens that take the white space around them, some of which are white space themselves.
TinyOptions greedy_tokens(bool normalized) {
  TinyOptions options;
  const auto add = [&](const char* content, bool lstrip, bool rstrip, bool single_word = false) {
    options.added_tokens.push_back({{"content", content},
                                    {"normalized", normalized},
                                    {"lstrip", lstrip},
                                    {"rstrip", rstrip},
                                    {"single_word", single_word}});
  };
  add("<r>", false, true);
  add("<l>", true, false);
  add("<b>", true, true);
  add("<w>", true, true, true);
  add("  ", false, true);
  add("\u3000", true, true);
  add("\u2003\u2003", true, false);
  if (normalized) {
    options.normalizer = {{"type", "Replace"}, {"pattern", {{"String", "Q"}}}, {"content", "q"}};
  }
  return options;
}

// White space of one to three bytes in which no token is, and then in which many are.
std::vector<MakeText> spaces_with_tokens() {
  std::vector<MakeText> texts;
  for (const char* piece : {" \u00a0", "\u00a0", "\u2009\n\u0085", "\u3000", "  ", "\u2003",
                            "\u00a0\u2003\u2003\t\u3000"}) {
    texts.push_back([piece](size_t size) {
      const std::string half = repeated(piece, size / 2);
      return "\u00e9<r>" + half + "<l>" + half + "a<w>b";
    });
  }
  for (const char* token : {"<r>", "<l>", "<b>", "a<w>"}) {
    texts.push_back([token](size_t size) {
      return repeated(token + std::string("\u00a0\u3000\u2003 "), size) + "a";
    });
  }
  return texts;
}

TEST(LongText, added_tokens_that_take_white_space) {
  for (const bool normalized : {false, true}) {
    for (const bool trims : {false, true}) {
      TinyOptions options = greedy_tokens(normalized);
      if (trims) options.post_processor = {{"type", "ByteLevel"}, {"trim_offsets", true}};
      encode_all(tiny_tokenizer(options), spaces_with_tokens());
    }
  }
}

// As Hugging Face does it, one that takes nothing on its left is found there again and again.
TEST(LongText, added_tokens_in_spaces_that_one_has_taken) {
  const auto tokenizer = tiny_tokenizer(greedy_tokens(false));
  const auto num_ids = [&](const std::string& text) {
    return tokenizer.encode("<r>" + text + "<l>", false).ids.size();
  };
  EXPECT_EQ(num_ids(repeated(" ")), kBytes / 2 + 2);
  EXPECT_EQ(num_ids("\u00a0" + repeated("\u2003")), 2u);
}

}  // namespace
}  // namespace temper
