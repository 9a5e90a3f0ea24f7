// Against Hugging Face `tokenizers`: ids, offsets and decoded texts of real vocabularies.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "io/json.h"
#include "tests/unit/temporary_directory.h"
#include "text/tokenizer/tokenizer.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

const std::filesystem::path kRoot = TEMPER_ACCEPTANCE_DIR;

struct Score {
  int num_vectors = 0, num_wrong = 0;
};

// The vectors of `vocabulary` whose texts are wanted. `plain_only`: without special tokens.
Score try_vectors(const Tokenizer& tokenizer, const std::string& vocabulary, bool plain_only,
                  const std::function<bool(const std::string&)>& is_wanted) {
  std::ifstream file(kRoot / "fixtures" / "tokenizers" / (vocabulary + ".vectors.jsonl"));
  EXPECT_TRUE(file);
  Score score;
  for (std::string line; std::getline(file, line);) {
    const Json vector = parse_json(line, "vectors");
    const auto text = vector["text"].get<std::string>();
    if (!is_wanted(text)) continue;
    const auto ids = vector["ids"].get<std::vector<int32_t>>();
    const Encoding plain = tokenizer.encode(text, false);
    bool right =
        plain.ids == ids &&
        plain.offsets == vector["offsets"].get<std::vector<std::pair<int32_t, int32_t>>>() &&
        tokenizer.decode(ids) == vector["decoded"].get<std::string>();
    if (!plain_only) {
      right &=
          tokenizer.encode(text, true).ids == vector["ids_special"].get<std::vector<int32_t>>();
    }
    ++score.num_vectors;
    score.num_wrong += !right;
    EXPECT_TRUE(right || score.num_wrong > 5)
        << "vector " << score.num_vectors << " of " << vocabulary;
  }
  return score;
}

class TokenizerAcceptance : public testing::TestWithParam<std::string> {};

TEST_P(TokenizerAcceptance, gives_the_ids_offsets_and_text_of_the_vectors) {
  const auto tokenizer =
      Tokenizer::from_file(kRoot / "tokenizers" / (GetParam() + "-tokenizer.json"));
  const Score score =
      try_vectors(tokenizer, GetParam(), false, [](const std::string&) { return true; });
  EXPECT_EQ(score.num_wrong, 0) << "of " << score.num_vectors;
  EXPECT_GT(score.num_vectors, 400);
}

// Four tokens of llama2-tokenizer.json have a space where the pieces of the model have U+00A0.
TEST(TokenizerAcceptanceOfModels, sentencepiece_gives_what_its_json_gives) {
  const TemporaryDirectory model;
  std::filesystem::copy(kRoot / "tokenizers" / "llama2-tokenizer.model", model / "tokenizer.model");
  Json tokens = Json::object();
  for (const char* content : {"<unk>", "<s>", "</s>"}) {
    tokens[std::to_string(tokens.size())] = {
        {"content", content}, {"special", true}, {"normalized", true}};
  }
  model.write("tokenizer_config.json", Json{{"added_tokens_decoder", tokens}}.dump());
  const Score score =
      try_vectors(Tokenizer::from_file(model.path()), "llama2", false,
                  [](const std::string& text) { return text.find("\u00a0") == text.npos; });
  EXPECT_EQ(score.num_wrong, 0) << "of " << score.num_vectors;
  EXPECT_GT(score.num_vectors, 400);
}

// The same vocabulary; but for special tokens and white space at the end the words are the same.
TEST(TokenizerAcceptanceOfModels, tiktoken_gives_what_the_same_vocabulary_gives) {
  const Score score =
      try_vectors(Tokenizer::from_file(kRoot / "tokenizers" / "cl100k_base.tiktoken"),
                  "llama3-style", true, [](const std::string& text) {
                    if (text.empty() || text.find("<|") != text.npos) return false;
                    size_t last = text.size();
                    return !is_white_space(previous_code_point(text, last));
                  });
  EXPECT_EQ(score.num_wrong, 0) << "of " << score.num_vectors;
  EXPECT_GT(score.num_vectors, 300);
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, TokenizerAcceptance,
                         testing::Values("llama2", "llama3-style", "qwen2-style", "phi2"),
                         [](const auto& vocabulary) {
                           std::string name = vocabulary.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace temper
