// Against Hugging Face `tokenizers`: ids, offsets and decoded texts of real vocabularies.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "io/json.h"
#include "text/tokenizer.h"

namespace temper {
namespace {

class TokenizerAcceptance : public testing::TestWithParam<std::string> {};

TEST_P(TokenizerAcceptance, gives_the_ids_offsets_and_text_of_the_vectors) {
  const std::filesystem::path root = TEMPER_ACCEPTANCE_DIR;
  const auto tokenizer =
      Tokenizer::from_file(root / "tokenizers" / (GetParam() + "-tokenizer.json"));
  std::ifstream file(root / "fixtures" / "tokenizers" / (GetParam() + ".vectors.jsonl"));
  ASSERT_TRUE(file);
  int num_vectors = 0, num_wrong = 0;
  for (std::string line; std::getline(file, line); ++num_vectors) {
    const Json vector = parse_json(line, "vectors");
    const auto text = vector["text"].get<std::string>();
    const auto ids = vector["ids"].get<std::vector<int32_t>>();
    const Encoding plain = tokenizer.encode(text, false);
    const bool right =
        plain.ids == ids &&
        plain.offsets == vector["offsets"].get<std::vector<std::pair<int32_t, int32_t>>>() &&
        tokenizer.encode(text, true).ids == vector["ids_special"].get<std::vector<int32_t>>() &&
        tokenizer.decode(ids) == vector["decoded"].get<std::string>();
    num_wrong += !right;
    EXPECT_TRUE(right || num_wrong > 5) << "vector " << num_vectors + 1 << " of " << GetParam();
  }
  EXPECT_EQ(num_wrong, 0) << "of " << num_vectors;
  EXPECT_GT(num_vectors, 400);
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
