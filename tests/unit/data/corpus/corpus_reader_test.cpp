#include "data/corpus/corpus_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "common/error.h"
#include "tests/fixtures/names.h"
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
  const char* place;
  const char* found;
};

class WrongRecords : public testing::TestWithParam<WrongRecord> {};

TEST(ParseRecord, keeps_what_templates_see_beyond_role_and_content) {
  const Record record = parse_record(
      R"({"messages":[{"role":"user","content":"a"},
          {"role":"assistant","tool_calls":[{"z":1,"a":2}]},
          {"role":"tool","content":[{"type":"text","text":"b"},{"type":"text","text":"c"}]},
          {"role":"assistant","content":"d","train":false}]})",
      CorpusFormat::kAuto, "here", {});
  ASSERT_EQ(record.messages.size(), 4u);
  EXPECT_TRUE(record.messages[0].json.is_null());
  EXPECT_EQ(record.messages[1].content, "");
  EXPECT_EQ(record.messages[1].json.dump(), R"({"role":"assistant","tool_calls":[{"z":1,"a":2}]})");
  EXPECT_EQ(record.messages[2].content, "bc");
  EXPECT_EQ(record.messages[3].content, "d");
  EXPECT_EQ(record.messages[3].json["train"], false);
}

// Members of any name and number, so that none is taken for role and content.
TEST(ParseRecord, keeps_messages_without_content_whole) {
  for (const char* message : {R"({"role":"assistant","tool_calls":[{"id":1}]})",
                              R"({"tool_calls":[{"id":1}],"role":"assistant"})",
                              R"({"role":"assistant","tool_calls":[{"id":1}],"name":"x"})"}) {
    const Record record =
        parse(fmt::format(R"({{"messages":[{{"role":"user","content":"a"}},{}]}})", message),
              CorpusFormat::kChat);
    ASSERT_EQ(record.messages.size(), 2u);
    EXPECT_EQ(record.messages[1].json.dump(), message);
    EXPECT_EQ(record.messages[1].content, "");
  }
}

TEST(ParseRecord, shows_templates_no_null_and_every_name_of_reasoning) {
  const Record record = parse_record(
      R"({"messages":[{"role":"user","content":"a","name":null},
          {"role":"assistant","content":null,"tool_calls":[{"id":null}]},
          {"role":"assistant","thinking":null,"content":"b","reasoning":"c"}]})",
      CorpusFormat::kAuto, "here", {});
  ASSERT_EQ(record.messages.size(), 3u);
  EXPECT_EQ(record.messages[0].json.dump(), R"({"role":"user","content":"a"})");
  EXPECT_EQ(record.messages[1].json.dump(), R"({"role":"assistant","tool_calls":[{"id":null}]})");
  EXPECT_EQ(record.messages[2].json.dump(),
            R"({"thinking":"c","role":"assistant","content":"b","reasoning":"c",)"
            R"("reasoning_content":"c"})");
}

TEST(ParseRecord, keeps_the_tools_of_a_conversation) {
  const std::string messages = R"("messages":[{"role":"user","content":"a"}])";
  const auto tools = [&](const std::string& value) {
    return parse("{" + messages + ",\"tools\":" + value + "}", CorpusFormat::kChat).tools.dump();
  };
  EXPECT_EQ(tools(R"([{"z":1,"a":{"c":2,"b":3}}])"), R"([{"z":1,"a":{"c":2,"b":3}}])");
  EXPECT_EQ(tools(R"("[{\"z\":1,\"a\":2}]")"), R"([{"z":1,"a":2}])");
  EXPECT_EQ(tools("[]"), "[]");
  for (const char* none : {"null", "\"\"", "\" \"", "\"null\""}) EXPECT_EQ(tools(none), "null");
  const Record shared =
      parse(R"({"conversations":[{"from":"human","value":"Q"}],"functions":[{"n":1}]})",
            CorpusFormat::kShareGpt);
  EXPECT_TRUE(shared.tools.is_null());
  ColumnNames names;
  names.add("tools=functions");
  EXPECT_EQ(
      parse_record(R"({"conversations":[{"from":"human","value":"Q"}],"functions":[{"n":1}]})",
                   CorpusFormat::kShareGpt, "here", names)
          .tools.dump(),
      R"([{"n":1}])");
}

TEST_P(WrongRecords, are_named_without_their_text) {
  const std::string error = USER_ERROR_OF(parse(GetParam().json, GetParam().format));
  EXPECT_THAT(error, AllOf(names("f.jsonl:7", GetParam().place, GetParam().found),
                           Not(HasSubstr("secret"))));
}

INSTANTIATE_TEST_SUITE_P(
    Records, WrongRecords,
    testing::Values(
        WrongRecord{CorpusFormat::kText, "{\"text\": \"secret", "column ", "not valid JSON"},
        WrongRecord{CorpusFormat::kText, "secret", "column ", "not valid JSON"},
        WrongRecord{CorpusFormat::kText, "[1]", "JSON object", "a list"},
        WrongRecord{CorpusFormat::kText, R"({"secret":1})", "\"text\"", "missing"},
        WrongRecord{CorpusFormat::kText, R"({"text":["secret"]})", "\"text\"", "a list"},
        WrongRecord{CorpusFormat::kText, R"({"text":null})", "\"text\"", "null"},
        WrongRecord{CorpusFormat::kPromptCompletion, R"({"prompt":"secret"})", "\"completion\"",
                    "missing"},
        WrongRecord{CorpusFormat::kPromptCompletion, R"({"prompt":"secret","completion":7})",
                    "\"completion\"", "a number"},
        WrongRecord{CorpusFormat::kChat, R"({"messages":"secret"})", "\"messages\"", "a string"},
        WrongRecord{CorpusFormat::kChat, R"({"messages":[]})", "\"messages\"", "an empty list"},
        WrongRecord{CorpusFormat::kChat,
                    R"({"messages":[{"role":"user","content":"secret"},{"role":"x"}]})",
                    "f.jsonl:7: messages[1]: ", "\"content\""},
        WrongRecord{CorpusFormat::kChat, R"({"messages":["secret"]})",
                    "f.jsonl:7: messages[0]: ", "a string"},
        WrongRecord{CorpusFormat::kChat,
                    R"({"messages":[{"role":"user","content":"a"}],"tools":{"a":"secret"}})",
                    "f.jsonl:7: tools: ", "an object"},
        WrongRecord{CorpusFormat::kChat,
                    R"({"messages":[{"role":"user","content":"a"}],"tools":[{},"secret"]})",
                    "f.jsonl:7: tools[1]: ", "a string"},
        WrongRecord{CorpusFormat::kChat,
                    R"({"messages":[{"role":"user","content":"a"}],"tools":"[secret"})",
                    "f.jsonl:7: tools: ", "not valid JSON"},
        WrongRecord{CorpusFormat::kShareGpt, R"({"conversations":[{"from":"secret","value":"v"}]})",
                    "f.jsonl:7: conversations[0]: \"from\"", "6 bytes"},
        WrongRecord{CorpusFormat::kAlpaca, R"({"instruction":"secret","output":false})",
                    "\"output\"", "a boolean"}));

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

// The records of files, each as "source:number json", or the error that ends them.
std::vector<std::string> read_all(const std::vector<std::filesystem::path>& inputs,
                                  CorpusReader** kept = nullptr, ColumnNames names = {}) {
  static std::unique_ptr<CorpusReader> reader;
  reader = std::make_unique<CorpusReader>(inputs, CorpusFormat::kAuto, names);
  if (kept) *kept = reader.get();
  std::vector<std::string> records;
  CorpusLine line;
  while (reader->next(line)) {
    try {
      records.push_back(fmt::format("{}:{} {}", line.source, line.line_number,
                                    shown(parse_line(line, reader->place(line), names))));
    } catch (const UserError& error) {
      records.push_back(error.what());
    }
  }
  return records;
}

TEST(CorpusReader, names_what_it_cannot_take) {
  const TemporaryDirectory directory;
  const auto first = [&](const std::string& content) {
    return read_all({directory.write("c.jsonl", content)}).at(0);
  };
  EXPECT_THAT(first("{\"question\":\"secret\"}\n"),
              AllOf(names("c.jsonl:1", "--column prompt=NAME"), Not(HasSubstr("secret"))));
  EXPECT_THAT(first("\n{\"prompt\":"), names("c.jsonl:2: ", "not valid JSON"));
  EXPECT_THAT(USER_ERROR_OF(read_all({directory / "none.jsonl"})), names("none.jsonl"));
  EXPECT_EQ(USER_ERROR_OF(read_all({})), "no input file is given");
  EXPECT_THAT(USER_ERROR_OF(read_all({directory.write("t.parquet", "PAR1xxxx")})),
              names("t.parquet", "Parquet"));
  std::filesystem::create_directory(directory / "empty");
  EXPECT_THAT(USER_ERROR_OF(read_all({directory / "empty"})),
              names((directory / "empty").string(), ".jsonl .ndjson"));
  EXPECT_THAT(USER_ERROR_OF(read_all({directory / "*.nothing"})), names("*.nothing", "pattern"));
}

TEST(CorpusReader, a_bad_first_record_does_not_decide_for_its_file) {
  const TemporaryDirectory directory;
  const auto records = read_all({directory.write("c.jsonl", "nonsense\n{\"text\":\"a\"}\n")});
  ASSERT_EQ(records.size(), 2u);
  EXPECT_THAT(records[0], names("c.jsonl:1: ", "not valid JSON"));
  EXPECT_EQ(records[1], "0:2 text:a");
}

TEST(CorpusReader, reads_a_json_array) {
  const TemporaryDirectory directory;
  CorpusReader* reader = nullptr;
  const auto records =
      read_all({directory.write("c.json",
                                "\xef\xbb\xbf [\n {\"text\": \"a]\\\",\"},{\"text\":\"[b\"} ,\n"
                                "{\"instruction\": 3}\n]\n")},
               &reader);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0], "0:1 text:a]\",");
  EXPECT_EQ(records[1], "0:2 text:[b");
  EXPECT_THAT(records[2], names("c.json:3", "\"text\""));
  EXPECT_EQ(reader->containers()[0], CorpusContainer::kJsonArray);
}

TEST(CorpusReader, names_where_an_array_breaks) {
  const TemporaryDirectory directory;
  const auto error = [&](const std::string& text) {
    return USER_ERROR_OF(read_all({directory.write("c.json", text)}));
  };
  EXPECT_THAT(error("[{\"text\":\"secret\"}, {\"text\":"),
              AllOf(names("c.json: ", "element 1", "no end"), Not(HasSubstr("secret"))));
  EXPECT_THAT(error("[{\"text\":\"a\"},]"), names("c.json: ", "element 1", "missing"));
  EXPECT_THAT(error("[{\"text\":\"a\"}] x"), names("c.json: ", "element 0", "text after"));
  EXPECT_THAT(error("[}"), names("c.json: ", "element 0", "bracket"));
  EXPECT_TRUE(read_all({directory.write("c.json", "[ ]")}).empty());
}

TEST(CorpusReader, reads_csv_and_tsv_with_named_columns) {
  const TemporaryDirectory directory;
  ColumnNames columns;
  columns.add("prompt=Question");
  columns.add("completion=Answer");
  CorpusReader* reader = nullptr;
  const auto csv = directory.write(
      "c.csv",
      "Id,Question,Answer\r\n1,\"a \"\"b\"\", c\",\"two\nlines\"\r\n\r\n2,q,r\r\n3,only\n");
  const auto tsv = directory.write("d.tsv", "Question\tAnswer\nx\ty, z\n");
  const auto records = read_all({csv, tsv}, &reader, columns);
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[0], "0:2 user:a \"b\", c|assistant:two\nlines|");
  EXPECT_EQ(records[1], "0:5 user:q|assistant:r|");
  EXPECT_THAT(records[2], names("c.csv:6", "fewer fields"));
  EXPECT_EQ(records[3], "1:2 user:x|assistant:y, z|");
  EXPECT_EQ(reader->containers(), (std::vector{CorpusContainer::kCsv, CorpusContainer::kTsv}));
}

TEST(CorpusReader, reads_csv_whose_first_header_begins_like_a_byte_order_mark) {
  const TemporaryDirectory directory;
  const std::string text = "\xef\xbd\xb6";  // half-width katakana
  ColumnNames names;
  names.add("text=" + text);
  for (const char* mark : {"", "\xef\xbb\xbf"}) {
    EXPECT_THAT(read_all({directory.write("c.csv", mark + text + ",b\nx,y\n")}, nullptr, names),
                testing::ElementsAre("0:2 text:x"));
  }
}

TEST(CorpusReader, names_what_is_wrong_with_a_csv_file) {
  const TemporaryDirectory directory;
  const auto error = [&](const std::string& text) {
    return USER_ERROR_OF(read_all({directory.write("c.csv", text)}));
  };
  EXPECT_THAT(error("text\n\"secret"),
              AllOf(names("c.csv:2", "quoted field"), Not(HasSubstr("secret"))));
  EXPECT_THAT(error(""), names("c.csv: ", "header"));
  EXPECT_THAT(error("text,text\n"), names("c.csv:1: ", "column"));
  const auto quoted = read_all({directory.write("c.csv", "text\n\"a\"b\n\xff\n")});
  ASSERT_EQ(quoted.size(), 2u);
  EXPECT_THAT(quoted[0], names("c.csv:2: ", "closing quote"));
  EXPECT_THAT(quoted[1], names("c.csv:3: ", "UTF-8"));
}

TEST(CorpusReader, reads_plain_text_directories_and_patterns) {
  const TemporaryDirectory directory;
  std::filesystem::create_directories(directory / "sub/.hidden");
  directory.write("b.txt", "one\n\ntwo");
  directory.write("sub/a.jsonl", "{\"text\":\"three\"}\n");
  directory.write("sub/.hidden/c.jsonl", "{\"text\":\"hidden\"}\n");
  directory.write("notes.pdf", "no corpus");
  const std::vector<std::string> expected = {"0:1 text:one\n\ntwo\n", "1:1 text:three"};
  EXPECT_EQ(read_all({directory.path()}), expected);
  EXPECT_EQ(read_all({directory / "*.txt", directory / "s*/?.jsonl"}), expected);
}

TEST(CorpusReader, splits_a_long_text_between_lines) {
  const TemporaryDirectory directory;
  std::string line(1 << 20, 'x');
  line += '\n';
  std::string text;
  for (int i = 0; i < 20; ++i) text += line;
  CorpusReader reader({directory.write("long.txt", text)}, CorpusFormat::kAuto);
  CorpusLine record;
  std::string joined;
  int num_records = 0;
  while (reader.next(record)) {
    joined += parse_line(record, "long.txt", {}).text;
    EXPECT_EQ(record.line_number, ++num_records);
  }
  EXPECT_EQ(num_records, 2);
  EXPECT_EQ(joined, text);
}

TEST(ColumnNames, are_checked) {
  ColumnNames columns;
  EXPECT_THAT(USER_ERROR_OF(columns.add("prompt")), names("--column prompt: ", "KEY=NAME"));
  EXPECT_THAT(USER_ERROR_OF(columns.add("prompt=")), names("--column prompt=: ", "KEY=NAME"));
  EXPECT_THAT(USER_ERROR_OF(columns.add("question=prompt")),
              names("--column question=prompt: ", "prompt, completion"));
  columns.group_by = "topic";
  EXPECT_EQ(parse_record(R"({"text":"a","topic":7})", CorpusFormat::kAuto, "f:1", columns).group,
            "7");
  EXPECT_THAT(USER_ERROR_OF(parse_record(R"({"text":"a"})", CorpusFormat::kAuto, "f:1", columns)),
              names("f:1: \"topic\"", "--group-by", "missing"));
}

TEST(CorpusFormat, has_names) {
  for (const std::string& name : corpus_format_names()) {
    EXPECT_EQ(corpus_format_name(corpus_format_named(name)), name);
  }
  EXPECT_THAT(USER_ERROR_OF(corpus_format_named("csv")),
              names("--format csv: ", "prompt-completion"));
}

}  // namespace
}  // namespace temper
