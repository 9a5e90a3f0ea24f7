// `temper tokenize` and `temper render`: JSON lines in and out.
#include <gmock/gmock.h>

#include "temper_fixture.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

class JsonLinesTest : public TemperFixture {};

TEST_F(JsonLinesTest, tokenize) {
  write_tokenizer();
  EXPECT_EQ(temper_output({"tokenize", "--tokenizer", "tokenizer.json"},
                          "{\"text\": \"ab\"}\n\n{\"text\": \"\"}\n"),
            "{\"ids\":[97,98],\"offsets\":[[0,1],[1,2]]}\n{\"ids\":[],\"offsets\":[]}\n");
}

TEST_F(JsonLinesTest, tokenize_turns_ids_back_into_text) {
  write_tokenizer();
  // Special tokens stay, ids without a token are nothing, half a character is U+FFFD.
  EXPECT_EQ(temper_output({"tokenize", "--tokenizer", "tokenizer.json", "--decode"},
                          "{\"ids\": [256, 195, 164, 97]}\n{\"ids\": []}\n{\"ids\": [195, 999]}\n"),
            "{\"text\":\"<s>ä"
            "a\"}\n{\"text\":\"\"}\n{\"text\":\"\uFFFD\"}\n");
  for (const char* bad : {"{\"text\": \"a\"}", "{\"ids\": 3}", "{\"ids\": [-1]}",
                          "{\"ids\": [\"a\"]}", "{\"ids\": [1.5]}", "{\"ids\": [99999999999]}"}) {
    const ProgramRun run =
        temper({"tokenize", "--tokenizer", "tokenizer.json", "--decode"}, std::string(bad) + "\n");
    EXPECT_EQ(run.exit_code, 2) << bad;
    EXPECT_THAT(error_message(run), names("standard input:1"));
  }
  EXPECT_EQ(
      temper({"tokenize", "--tokenizer", "tokenizer.json", "--decode", "--special"}).exit_code, 2);
}

TEST_F(JsonLinesTest, tokenize_names_the_bad_line) {
  write_tokenizer();
  for (const char* bad : {"nonsense", "[1]", "{\"words\": \"x\"}", "{\"text\": 3}"}) {
    const ProgramRun run = temper({"tokenize", "--tokenizer", "tokenizer.json"},
                                  "{\"text\": \"ab\"}\n" + std::string(bad) + "\n");
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_THAT(error_message(run), names("standard input:2"));
  }
}

TEST_F(JsonLinesTest, render) {
  const std::string question =
      R"({"messages": [{"role": "user", "content": "ä?"}, {"role": "assistant", "content": "ö!"}],)"
      R"( "add_generation_prompt": false, "bos_token": "<s>", "eos_token": "</s>"})";
  const std::string out = temper_output({"render", "--chat-template", "chatml"}, question + "\n");
  const Json answer = parse_json(out, "answer");
  EXPECT_EQ(answer["rendered"],
            "<|im_start|>user\nä?<|im_end|>\n<|im_start|>assistant\nö!<|im_end|>\n");
  // In code points: each umlaut is one.
  ASSERT_EQ(answer["generation_spans"].size(), 1u);
  EXPECT_EQ(answer["generation_spans"][0][0], 52);
}

TEST_F(JsonLinesTest, render_takes_a_models_template_and_any_variable) {
  write("tokenizer_config.json",
        R"({"bos_token": "<s>", "chat_template": "{{ bos_token }}{{ tools | tojson }})"
        R"({% generation %}{{ messages[0].z }}{% endgeneration %}"})");
  const std::string question = R"({"messages": [{"z": "ü"}], "tools": [{"b": 1, "a": 2}]})";
  for (const char* where : {"tokenizer_config.json", "."}) {
    EXPECT_EQ(temper_output({"render", "--chat-template", where}, question + "\n"),
              R"({"rendered":"<s>[{\"b\": 1, \"a\": 2}]ü","generation_spans":[[21,22]]})"
              "\n");
  }
}

TEST_F(JsonLinesTest, render_answers_what_it_cannot_with_an_error) {
  const std::string out = temper_output(
      {"render", "--chat-template", "llama2"},
      "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"user\", "
      "\"content\": \"b\"}]}\n");
  EXPECT_TRUE(parse_json(out, "answer").contains("error"));
  const ProgramRun run = temper({"render", "--chat-template", "klingon"}, "");
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("klingon"));
}

}  // namespace
}  // namespace temper
