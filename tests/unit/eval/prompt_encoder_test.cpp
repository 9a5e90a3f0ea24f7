#include "eval/prompt_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "data/packing/example_encoder.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "tests/unit/export/tiny_run.h"

namespace temper {
namespace {

using ::testing::ElementsAre;

class PromptEncoderTest : public ::testing::Test {
 protected:
  PromptEncoderTest() : tokenizer_(Tokenizer::from_file(world_.base())) {
    special_ = find_special_tokens(tokenizer_, world_.base());
  }
  TinyRun world_{{false, true}};
  Tokenizer tokenizer_;
  SpecialTokens special_;
};

TEST_F(PromptEncoderTest, begins_like_what_was_packed) {
  for (const std::string& name : ChatTemplate::names()) {
    const PromptEncoder prompts(tokenizer_, special_, ChatTemplate::named(name));
    const ExampleEncoder examples(tokenizer_, ChatTemplate::named(name), special_, {512});
    Record record;
    record.messages = {{"user", "How many?"}, {"assistant", "Seven."}};
    const EncodedRecord packed = examples.encode(record, "here");
    const EncodedDocument& document = packed.documents.at(0);
    const EncodedPrompt prompt = prompts.encode({{"user", "How many?"}});
    ASSERT_LT(prompt.ids.size(), document.tokens.size()) << name;
    for (size_t i = 0; i < prompt.ids.size(); ++i) {
      ASSERT_EQ(prompt.ids[i], document.tokens[i]) << name << " at " << i;
      ASSERT_FALSE(document.supervised[i]) << name << " at " << i;
    }
    EXPECT_TRUE(document.supervised[prompt.ids.size()]) << name;
  }
}

// What a server does with an exported chat_template.jinja: render, and encode the text as it is.
TEST_F(PromptEncoderTest, portable_template_gives_the_same_tokens_elsewhere) {
  Json json = read_json_file(world_.base() / "tokenizer.json");
  const Json bos = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
  const Json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  json["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", {bos, text}},
      {"pair", {bos, text, text}},
      {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {256}}, {"tokens", {"<s>"}}}}}}};
  const Tokenizer adding = Tokenizer::from_json(json.dump(), "adding BOS");
  const std::vector<Message> messages = {{"user", "Why?"}, {"assistant", "So."}, {"user", "And?"}};
  const Tokenizer* const tokenizers[] = {&tokenizer_, &adding};
  for (const Tokenizer* tokenizer : tokenizers) {
    for (const std::string& name : ChatTemplate::names()) {
      const PromptEncoder prompts(*tokenizer, special_, ChatTemplate::named(name));
      const ChatTemplate portable = ChatTemplate::from_source(prompts.portable_template(), "file");
      const std::string rendered = portable.render(messages, true, "", "").text;
      const Encoding encoding = tokenizer->encode(rendered, false);
      EXPECT_EQ(std::vector<int64_t>(encoding.ids.begin(), encoding.ids.end()),
                prompts.encode(messages).ids)
          << name;
    }
  }
  EXPECT_EQ(PromptEncoder(tokenizer_, special_, std::nullopt).portable_template(), "");
}

TEST_F(PromptEncoderTest, knows_where_an_answer_ends) {
  const auto stop = [&](const std::string& name, const std::vector<int64_t>& eos) {
    const auto chat_template =
        name.empty() ? std::nullopt : std::optional(ChatTemplate::named(name));
    return PromptEncoder(tokenizer_, special_, chat_template).stop_conditions(eos);
  };
  EXPECT_THAT(stop("chatml", {}).token_ids, ElementsAre(257, 259));
  EXPECT_EQ(stop("chatml", {}).text, "");
  EXPECT_THAT(stop("plain", {42, 257}).token_ids, ElementsAre(42, 257));
  EXPECT_THAT(stop("", {}).token_ids, ElementsAre(257));
  // This vocabulary has no such token: the marker is watched for in the text.
  EXPECT_THAT(stop("llama3", {}).token_ids, ElementsAre(257));
  EXPECT_EQ(stop("llama3", {}).text, "<|eot_id|>");
}

TEST_F(PromptEncoderTest, raw_text_follows_bos) {
  const PromptEncoder prompts(tokenizer_, special_, std::nullopt);
  EXPECT_FALSE(prompts.has_template());
  EXPECT_THAT(prompts.encode_text("AB").ids, ElementsAre(256, 65, 66));
  EXPECT_THROW(prompts.encode({{"user", "A"}}), UserError);
}

TEST_F(PromptEncoderTest, reads_the_end_tokens_of_a_generation_config) {
  EXPECT_THAT(generation_eos_ids(world_.root()), ElementsAre());
  write_file_atomically(world_.root() / "generation_config.json", R"({"eos_token_id": [3, 4]})");
  EXPECT_THAT(generation_eos_ids(world_.root()), ElementsAre(3, 4));
  write_file_atomically(world_.root() / "generation_config.json", R"({"eos_token_id": 5})");
  EXPECT_THAT(generation_eos_ids(world_.root()), ElementsAre(5));
}

}  // namespace
}  // namespace temper
