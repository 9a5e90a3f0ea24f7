#include "data/corpus_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/unit/data/small_corpus.h"

namespace temper {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Record parse(const std::string& json, CorpusFormat format) {
  return parse_record(json, format, "f.jsonl:7");
}

std::string shown(const Record& record) {
  std::string text = record.is_text ? "text:" + record.text : "";
  for (const Message& message : record.messages) text += message.role + ":" + message.content + "|";
  return text;
}

TEST(ParseRecord, reads_every_format) {
  EXPECT_EQ(
      shown(parse(R"({"messages":[{"role":"system","content":"S"},{"role":"user","content":"Q"},
                        {"role":"assistant","content":"A","name":"x"}],"id":3})",
                  CorpusFormat::kChat)),
      "system:S|user:Q|assistant:A|");
  EXPECT_EQ(
      shown(parse(R"({"conversations":[{"from":"human","value":"Q"},{"from":"gpt","value":"A"}]})",
                  CorpusFormat::kShareGpt)),
      "user:Q|assistant:A|");
  EXPECT_EQ(shown(parse(R"({"prompt":"Q","completion":"A"})", CorpusFormat::kPromptCompletion)),
            "user:Q|assistant:A|");
  EXPECT_EQ(
      shown(parse(R"({"instruction":"Do","input":"this","output":"A"})", CorpusFormat::kAlpaca)),
      "user:Do\n\nthis|assistant:A|");
  EXPECT_EQ(shown(parse(R"({"instruction":"Do","input":"","output":"A","system":"S"})",
                        CorpusFormat::kAlpaca)),
            "system:S|user:Do|assistant:A|");
  EXPECT_EQ(shown(parse(R"({"text":"na\u00efve"})", CorpusFormat::kText)), "text:na\xC3\xAFve");
}

struct WrongRecord {
  CorpusFormat format;
  const char* json;
  const char* said;
};

class WrongRecords : public testing::TestWithParam<WrongRecord> {};

TEST_P(WrongRecords, are_named_without_their_text) {
  const std::string error = USER_ERROR_OF(parse(GetParam().json, GetParam().format));
  EXPECT_THAT(error,
              AllOf(HasSubstr("f.jsonl:7"), HasSubstr(GetParam().said), Not(HasSubstr("secret"))));
}

INSTANTIATE_TEST_SUITE_P(
    Records, WrongRecords,
    testing::Values(
        WrongRecord{CorpusFormat::kText, "{\"text\": \"secret", "not valid JSON"},
        WrongRecord{CorpusFormat::kText, "secret", "not valid JSON"},
        WrongRecord{CorpusFormat::kText, "[1]", "expected a JSON object, found a list"},
        WrongRecord{CorpusFormat::kText, R"({"secret":1})", "\"text\" is missing"},
        WrongRecord{CorpusFormat::kText, R"({"text":["secret"]})",
                    "\"text\" is a list, expected a string"},
        WrongRecord{CorpusFormat::kText, R"({"text":null})", "\"text\" is null"},
        WrongRecord{CorpusFormat::kPromptCompletion, R"({"prompt":"secret"})",
                    "\"completion\" is missing"},
        WrongRecord{CorpusFormat::kPromptCompletion, R"({"prompt":"secret","completion":7})",
                    "\"completion\" is a number"},
        WrongRecord{CorpusFormat::kChat, R"({"messages":"secret"})", "\"messages\" is a string"},
        WrongRecord{CorpusFormat::kChat, R"({"messages":[]})", "an empty list"},
        WrongRecord{CorpusFormat::kChat,
                    R"({"messages":[{"role":"user","content":"secret"},{"role":"x"}]})",
                    "messages[1]: the key \"content\" is missing"},
        WrongRecord{CorpusFormat::kChat, R"({"messages":["secret"]})",
                    "messages[0]: expected a JSON object"},
        WrongRecord{CorpusFormat::kChat,
                    R"({"messages":[{"role":"assistant","content":"","tool_calls":[1]}]})",
                    "tool_calls"},
        WrongRecord{CorpusFormat::kShareGpt, R"({"conversations":[{"from":"secret","value":"v"}]})",
                    "conversations[0]: \"from\" must be"},
        WrongRecord{CorpusFormat::kAlpaca, R"({"instruction":"secret","output":false})",
                    "\"output\" is a boolean"}));

TEST(CorpusReader, detects_the_format_of_each_file) {
  const TemporaryDirectory directory;
  const auto chat = directory.write("chat.jsonl",
                                    "\n"
                                    R"({"messages":[{"role":"user","content":"Q"}],"prompt":"p"})"
                                    "\n");
  const auto text = directory.write("text.jsonl", R"({"text":"a"})"
                                                  "\r\n   \n"
                                                  R"({"text":"b"})");
  const auto empty = directory.write("empty.jsonl", "\n \n");
  CorpusReader reader({chat, text, empty}, CorpusFormat::kAuto);
  std::vector<std::pair<int32_t, int64_t>> places;
  CorpusLine line;
  while (reader.next(line)) places.emplace_back(line.source, line.line_number);
  EXPECT_EQ(places, (std::vector<std::pair<int32_t, int64_t>>{{0, 2}, {1, 1}, {1, 3}}));
  EXPECT_EQ(reader.formats(),
            (std::vector{CorpusFormat::kChat, CorpusFormat::kText, CorpusFormat::kAuto}));
}

TEST(CorpusReader, names_what_it_cannot_take) {
  const TemporaryDirectory directory;
  CorpusLine line;
  const auto first = [&](const std::string& content) {
    return USER_ERROR_OF(
        CorpusReader({directory.write("c.jsonl", content)}, CorpusFormat::kAuto).next(line));
  };
  EXPECT_THAT(
      first("{\"question\":\"secret\"}\n"),
      AllOf(HasSubstr("c.jsonl:1"), HasSubstr("no known record"), Not(HasSubstr("secret"))));
  EXPECT_THAT(first("\n{\"prompt\":"), HasSubstr("c.jsonl:2: not valid JSON"));
  EXPECT_THAT(first("[\n{\"text\":\"a\"}\n]"), HasSubstr("JSON array"));
  EXPECT_THAT(
      USER_ERROR_OF(CorpusReader({directory / "none.jsonl"}, CorpusFormat::kText).next(line)),
      HasSubstr("none.jsonl"));
  EXPECT_THAT(USER_ERROR_OF(CorpusReader({directory.path()}, CorpusFormat::kText)),
              HasSubstr("directory"));
  EXPECT_THAT(USER_ERROR_OF(CorpusReader({}, CorpusFormat::kText)), HasSubstr("no input"));
}

TEST(CorpusFormat, has_names) {
  for (const std::string& name : corpus_format_names()) {
    EXPECT_EQ(corpus_format_name(corpus_format_named(name)), name);
  }
  EXPECT_THAT(USER_ERROR_OF(corpus_format_named("csv")), HasSubstr("prompt-completion"));
}

}  // namespace
}  // namespace temper
