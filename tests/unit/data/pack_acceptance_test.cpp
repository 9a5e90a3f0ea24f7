// MedQuAD (15,486 medical questions and answers) with the vocabulary of Llama 2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "data/dataset/packed_dataset.h"
#include "data/packing/pack_corpus.h"
#include "tests/fixtures/names.h"
#include "tests/unit/data/small_corpus.h"
#include "text/chat/supervised_spans.h"

namespace temper {
namespace {

class PackAcceptance : public testing::Test {
 protected:
  PackAcceptance() {
    const std::filesystem::path root = TEMPER_ACCEPTANCE_DIR;
    options_.corpus.inputs = {root / "data" / "medquad.jsonl.gz"};
    options_.tokenizer = root / "tokenizers" / "llama2-tokenizer.json";
    options_.output = directory_ / "medquad.h5";
  }

  TemporaryDirectory directory_;
  PackOptions options_;
};

// What transformers 5.23 renders of the record below, with the answer and its end in brackets.
constexpr const char* kQwenWithTools =
    R"x(<|im_start|>system
You are Qwen, created by Alibaba Cloud. You are a helpful assistant.

# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{"type": "function", "function": {"name": "look_up", "description": "Finds a éntry.", "parameters": {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "integer"}}, "required": ["z"]}}}
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call><|im_end|>
<|im_start|>user
Dose?<|im_end|>
<|im_start|>assistant
[5 mg.<|im_end|>]
)x";
constexpr const char* kLlamaWithTools =
    R"x(<s><|start_header_id|>system<|end_header_id|>

Environment: ipython
Cutting Knowledge Date: December 2023
Today Date: 26 Jul 2024

<|eot_id|><|start_header_id|>user<|end_header_id|>

Given the following functions, please respond with a JSON for a function call with its proper arguments that best answers the given prompt.

Respond in the format {"name": function name, "parameters": dictionary of argument name and its value}.Do not use variables.

{
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Finds a éntry.",
        "parameters": {
            "type": "object",
            "properties": {
                "z": {
                    "type": "string"
                },
                "a": {
                    "type": "integer"
                }
            },
            "required": [
                "z"
            ]
        }
    }
}

Dose?<|eot_id|><|start_header_id|>assistant<|end_header_id|>

[5 mg.<|eot_id|>])x";

TEST(ToolsAcceptance, reach_real_templates_as_transformers_renders_them) {
  const Record record = parse_record(
      R"({"messages": [{"role": "user", "content": "Dose?"},
                       {"role": "assistant", "content": "5 mg."}],
          "tools": [{"type": "function", "function": {"name": "look_up",
            "description": "Finds a \u00e9ntry.", "parameters": {"type": "object", "properties":
              {"z": {"type": "string"}, "a": {"type": "integer"}}, "required": ["z"]}}}]})",
      CorpusFormat::kAuto, "here");
  for (const auto& [name, expected] :
       {std::pair("qwen2_5", kQwenWithTools), std::pair("llama3_1", kLlamaWithTools)}) {
    const std::filesystem::path root = TEMPER_ACCEPTANCE_DIR;
    ChatTemplate chat_template =
        ChatTemplate::from_file(root / "fixtures/chat/templates" / (std::string(name) + ".jinja"));
    chat_template.set_variables({{"date_string", "26 Jul 2024"}});
    SpanSupervisor::Supervised chat =
        SpanSupervisor(chat_template, "<s>", "</s>").render(record.messages, record.tools);
    ASSERT_EQ(chat.spans.size(), 1u) << name;
    chat.text.insert(chat.spans[0].second, "]");
    chat.text.insert(chat.spans[0].first, "[");
    EXPECT_EQ(chat.text, expected) << name;
  }
}

TEST_F(PackAcceptance, truncates_at_512) {
  options_.sequence_len = 512;
  EXPECT_THAT(USER_ERROR_OF(pack_corpus(options_)), names("medquad.jsonl.gz:1:"));
  options_.overlong = OverlongPolicy::kTruncate;
  const PackReport report = pack_corpus(options_);
  EXPECT_EQ(report.records_in, 15486);
  EXPECT_EQ(report.records_packed, 15486);
  EXPECT_EQ(report.records_truncated, 2528);
  EXPECT_EQ(report.tokens_straddling, 0);
  EXPECT_GT(report.useful_token_ratio(), 0.99);
  EXPECT_NO_THROW(PackedDataset(options_.output).verify());
}

TEST_F(PackAcceptance, finds_what_is_there_twice) {
  options_.sequence_len = 1024;
  options_.overlong = OverlongPolicy::kTruncate;
  const PackReport report = pack_corpus(options_);
  ASSERT_TRUE(report.hygiene);
  const HygieneReport& hygiene = *report.hygiene;
  EXPECT_EQ(hygiene.records, 15486);
  EXPECT_EQ(hygiene.duplicates.groups, 28);
  EXPECT_EQ(hygiene.duplicates.records, 44);
  EXPECT_EQ(hygiene.repeated_answers.groups, 77);
  EXPECT_EQ(hygiene.repeated_answers.records, 559);
  EXPECT_EQ(hygiene.conflicts.groups, 788);
  EXPECT_GT(hygiene.near_duplicates.records, 0);
  EXPECT_GE(report.useful_token_ratio(), 0.97);
  EXPECT_EQ(report.records_in, report.records_packed);
}

TEST_F(PackAcceptance, drops_copies_and_splits_by_topic) {
  options_.sequence_len = 1024;
  options_.overlong = OverlongPolicy::kTruncate;
  options_.hygiene.duplicates = HygieneAction::kDrop;
  options_.hygiene.val_share = 0.1;
  options_.corpus.columns.group_by = "topic";
  const PackReport report = pack_corpus(options_);
  ASSERT_TRUE(report.validation);
  const PackReport& validation = *report.validation;
  EXPECT_EQ(report.records_dropped.at("exact duplicate"), 44);
  EXPECT_EQ(report.records_packed + validation.records_packed, 15486 - 44);
  EXPECT_NEAR(static_cast<double>(validation.records_packed), 0.1 * (15486 - 44), 20);
  EXPECT_EQ(PackedDataset(directory_ / "medquad-val.h5").info().num_rows, validation.num_rows);
}

TEST_F(PackAcceptance, drops_at_2048) {
  options_.sequence_len = 2048;
  options_.overlong = OverlongPolicy::kDrop;
  const PackReport report = pack_corpus(options_);
  EXPECT_EQ(report.records_packed, 15486 - 151);
  EXPECT_EQ(report.records_dropped.at("too long"), 151);
  EXPECT_GT(report.useful_token_ratio(), 0.99);
}

}  // namespace
}  // namespace temper
