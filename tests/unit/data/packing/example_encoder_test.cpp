#include "data/packing/example_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/data/small_corpus.h"

namespace temper {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int32_t kBos = 256, kEos = 257;

SpecialTokens special_tokens() {
  return {"<s>", "</s>", kBos, kEos, kEos};
}

Record question(const std::string& prompt, const std::string& completion) {
  return {{{"user", prompt}, {"assistant", completion}}, "", false};
}

Record raw(const std::string& text) {
  return {{}, text, true};
}

// The tokens of a document as text, supervised ones in brackets.
std::string marked(const Tokenizer& tokenizer, const EncodedDocument& document) {
  std::string text;
  bool inside = false;
  for (size_t t = 0; t < document.tokens.size(); ++t) {
    if ((document.supervised[t] != 0) != inside) {
      inside = !inside;
      text += inside ? "[" : "]";
    }
    text += tokenizer.decode(std::vector<int32_t>{document.tokens[t]});
  }
  return text + (inside ? "]" : "");
}

class ExampleEncoderTest : public testing::Test {
 protected:
  EncodedRecord encode(const Record& record, int64_t sequence_len = 1000,
                       OverlongPolicy overlong = OverlongPolicy::kError,
                       const std::string& chat_template = "plain") {
    const ExampleEncoder encoder(tokenizer_, ChatTemplate::named(chat_template), special_,
                                 {sequence_len, overlong});
    return encoder.encode(record, "f.jsonl:7");
  }

  Tokenizer tokenizer_ = byte_tokenizer();
  SpecialTokens special_ = special_tokens();
};

TEST_F(ExampleEncoderTest, supervises_the_answer_and_its_end) {
  const EncodedRecord record = encode(question("Who?", "Me."));
  ASSERT_EQ(record.documents.size(), 1u);
  EXPECT_EQ(marked(tokenizer_, record.documents[0]), "Who?\n[Me.</s>]");
  EXPECT_EQ(record.num_tokens, 9);
  EXPECT_EQ(record.num_supervised, 4);
  EXPECT_EQ(record.num_straddling, 0);
}

TEST_F(ExampleEncoderTest, offsets_are_code_points_and_spans_bytes) {
  // Text of two, three and four bytes a character before and inside the answer. Every byte is a
  // token of its own here, and those of one character share its offsets.
  const EncodedRecord record =
      encode(question("na\xC3\xAFve \xE6\x97\xA5 \xF0\x9F\x91\x8D", "\xC3\xA9!"));
  const EncodedDocument& document = record.documents[0];
  EXPECT_EQ(record.num_supervised, 4);  // two bytes, "!", </s>
  const std::vector<uint8_t> tail(document.supervised.end() - 5, document.supervised.end());
  EXPECT_EQ(tail, (std::vector<uint8_t>{0, 1, 1, 1, 1}));
}

TEST_F(ExampleEncoderTest, tools_of_a_record_reach_the_template_and_are_not_supervised) {
  ChatTemplate with_tools = ChatTemplate::from_source(
      "{% if tools %}{% for t in tools %}{{ t | tojson }};{% endfor %}{% endif %}"
      "{% for m in messages %}{{ m.role }}:{{ m.content }}$ {% endfor %}"
      "{% if add_generation_prompt %}assistant:{% endif %}",
      "t");
  const auto encoded = [&](const Record& record) {
    const ExampleEncoder encoder(tokenizer_, with_tools, special_, {1000});
    return marked(tokenizer_, encoder.encode(record, "f:1").documents.at(0));
  };
  Record record = question("a", "b");
  EXPECT_EQ(encoded(record), "user:a$ assistant:[b$] ");
  record.tools = parse_ordered_json(R"([{"z": 1, "a": "2"}, {}])", "tools");
  EXPECT_EQ(encoded(record), R"({"z": 1, "a": "2"};{};user:a$ assistant:[b$] )");
  // Those of all records give way.
  with_tools.set_variables({{"tools", {{{"all", true}}}}});
  EXPECT_EQ(encoded(record), R"({"z": 1, "a": "2"};{};user:a$ assistant:[b$] )");
  record.tools = nullptr;
  EXPECT_EQ(encoded(record), R"({"all": true};user:a$ assistant:[b$] )");
}

TEST_F(ExampleEncoderTest, every_turn_of_the_assistant_is_supervised) {
  const Record record = {
      {{"system", "S"}, {"user", "a"}, {"assistant", "b"}, {"user", "c"}, {"assistant", "d"}},
      "",
      false};
  EXPECT_EQ(
      marked(tokenizer_, encode(record, 1000, OverlongPolicy::kError, "chatml").documents[0]),
      "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n"
      "[b<|im_end|>]\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n[d<|im_end|>]\n");
}

TEST_F(ExampleEncoderTest, a_token_belongs_to_where_it_begins) {
  tokenizer_ = byte_tokenizer({{'\n', 'A'}, {'x', '<'}});
  const EncodedRecord straddling = encode(question("Q", "A1"));
  EXPECT_EQ(marked(tokenizer_, straddling.documents[0]), "Q\nA[1</s>]");
  EXPECT_EQ(straddling.num_straddling, 1);
  const EncodedRecord clean = encode(question("Q", "B1"));
  EXPECT_EQ(marked(tokenizer_, clean.documents[0]), "Q\n[B1</s>]");
  EXPECT_EQ(clean.num_straddling, 0);
}

TEST_F(ExampleEncoderTest, one_bos_whoever_writes_it) {
  tokenizer_ = byte_tokenizer({}, /*adds_bos=*/true);
  const auto count_bos = [](const EncodedRecord& record) {
    const auto& tokens = record.documents.at(0).tokens;
    EXPECT_EQ(tokens[0], kBos);
    return std::count(tokens.begin(), tokens.end(), kBos);
  };
  EXPECT_EQ(count_bos(encode(question("a", "b"))), 1);  // by the post-processor
  EXPECT_EQ(count_bos(encode(question("a", "b"), 1000, OverlongPolicy::kError, "mistral")), 1);
  EXPECT_EQ(count_bos(encode(raw("text"))), 1);
  tokenizer_ = byte_tokenizer();
  EXPECT_EQ(encode(question("a", "b")).documents[0].tokens[0], 'a');
}

TEST_F(ExampleEncoderTest, nothing_is_put_around_a_models_own_template) {
  tokenizer_ = byte_tokenizer({}, /*adds_bos=*/true);
  const auto encoded = [&](const std::string& source) {
    const ExampleEncoder encoder(tokenizer_, ChatTemplate::from_source(source, "own"), special_,
                                 {100});
    return marked(tokenizer_, encoder.encode(question("a", "b"), "f.jsonl:7").documents.at(0));
  };
  const std::string body =
      "{% for m in messages %}{{ m.role[0] }}:{{ m.content }}|{% endfor %}"
      "{% if add_generation_prompt %}a:{% endif %}";
  EXPECT_EQ(encoded(body), "u:a|a:[b|]");
  EXPECT_EQ(encoded("{{ bos_token }}" + body), "<s>u:a|a:[b|]");
}

TEST_F(ExampleEncoderTest, raw_text_is_supervised_but_for_its_beginning) {
  EXPECT_EQ(marked(tokenizer_, encode(raw("abc")).documents[0]), "<s>[abc</s>]");
  EXPECT_EQ(encode(raw("abc")).num_supervised, 4);
  special_.bos.clear();
  special_.bos_id.reset();
  EXPECT_EQ(marked(tokenizer_, encode(raw("abc")).documents[0]), "a[bc</s>]");
}

TEST_F(ExampleEncoderTest, over_long_records_are_an_error_by_default) {
  const std::string error = USER_ERROR_OF(encode(question("secret question", "secret answer"), 20));
  EXPECT_THAT(error, AllOf(names("f.jsonl:7", "30 tokens", "(--sequence-len) is 20",
                                 "--overlong truncate", "--overlong drop"),
                           Not(HasSubstr("secret"))));
  EXPECT_EQ(encode(question("secret question", "secret answer"), 30).num_tokens, 30);
}

TEST_F(ExampleEncoderTest, over_long_records_can_be_cut_or_dropped) {
  const EncodedRecord cut = encode(question("Who?", "Me and you."), 8, OverlongPolicy::kTruncate);
  EXPECT_EQ(marked(tokenizer_, cut.documents[0]), "Who?\n[Me ]");
  EXPECT_EQ(cut.num_lost_tokens, 9);
  EXPECT_EQ(cut.num_tokens, 17);
  const EncodedRecord nothing_left = encode(question("Who?", "Me."), 5, OverlongPolicy::kTruncate);
  EXPECT_STREQ(nothing_left.dropped, "nothing supervised after truncation");
  EXPECT_TRUE(nothing_left.documents.empty());
  EXPECT_EQ(nothing_left.num_lost_tokens, 0);
  const EncodedRecord dropped = encode(question("Who?", "Me."), 8, OverlongPolicy::kDrop);
  EXPECT_STREQ(dropped.dropped, "too long");
  EXPECT_EQ(dropped.num_tokens, 9);
}

TEST_F(ExampleEncoderTest, records_that_teach_nothing_are_dropped_with_a_reason) {
  EXPECT_STREQ(encode(question("Who?", " \n")).dropped, "empty answer");
  EXPECT_STREQ(encode({{{"user", "Who?"}}, "", false}).dropped, "nothing supervised");
  EXPECT_STREQ(encode(raw("")).dropped, "empty text");
  EXPECT_STREQ(encode(raw(" \n\t")).dropped, "empty text");
  special_ = {"", "</s>", {}, {}, 0};
  EXPECT_STREQ(encode(raw("a")).dropped, "nothing supervised");
}

TEST_F(ExampleEncoderTest, says_where_a_template_refuses) {
  const Record twice = {{{"user", "a"}, {"user", "b"}}, "", false};
  EXPECT_THAT(USER_ERROR_OF(encode(twice, 100, OverlongPolicy::kError, "llama2")),
              names("f.jsonl:7: "));
}

TEST_F(ExampleEncoderTest, wants_an_end_where_the_template_prints_one) {
  special_.eos.clear();
  special_.eos_id.reset();
  EXPECT_THAT(USER_ERROR_OF(encode(question("a", "b"))), names("chat template plain", "--eos"));
  EXPECT_EQ(encode(question("a", "b"), 1000, OverlongPolicy::kError, "chatml").dropped, nullptr);
  EXPECT_EQ(encode(raw("text")).dropped, nullptr);
}

// Lengths 0, 1, exactly N, N + 1 and huge, and random ones: pieces come back together as the text.
TEST_F(ExampleEncoderTest, pieces_of_a_raw_text_lose_nothing) {
  std::mt19937 random(11);
  for (const size_t sequence_len : {2, 3, 16, 17}) {
    std::vector<size_t> lengths = {1,
                                   sequence_len - 2,
                                   sequence_len - 1,
                                   sequence_len,
                                   sequence_len + 1,
                                   2 * sequence_len - 2,
                                   2 * sequence_len - 1,
                                   2 * sequence_len,
                                   5000};
    for (int i = 0; i < 50; ++i) lengths.push_back(1 + random() % 100);
    for (const size_t length : lengths) {
      if (length == 0) continue;
      std::string text;
      for (size_t i = 0; i < length; ++i) text += static_cast<char>('a' + random() % 26);
      const EncodedRecord record = encode(raw(text), static_cast<int64_t>(sequence_len));
      ASSERT_EQ(record.dropped, nullptr);
      std::vector<int32_t> tokens;
      for (const EncodedDocument& document : record.documents) {
        ASSERT_GE(document.tokens.size(), sequence_len == 2 ? 1u : 2u);
        ASSERT_LE(document.tokens.size(), sequence_len);
        ASSERT_EQ(document.supervised.size(), document.tokens.size());
        EXPECT_EQ(document.supervised[0], 0);
        EXPECT_EQ(std::count(document.supervised.begin(), document.supervised.end(), 1),
                  static_cast<std::ptrdiff_t>(document.tokens.size() - 1));
        tokens.insert(tokens.end(), document.tokens.begin(), document.tokens.end());
      }
      EXPECT_EQ(tokens.size(), length + 2);
      EXPECT_EQ(tokenizer_.decode(tokens), "<s>" + text + "</s>");
      EXPECT_EQ(record.num_tokens, static_cast<int64_t>(tokens.size()));
      EXPECT_EQ(record.num_lost_tokens, 0);
    }
  }
}

TEST(SpecialTokens, are_found_beside_the_tokenizer) {
  const TemporaryDirectory directory;
  const Tokenizer tokenizer = byte_tokenizer();
  const auto path = directory.write("tokenizer.json", byte_tokenizer_json());
  const SpecialTokens guessed = find_special_tokens(tokenizer, path);
  EXPECT_EQ(guessed.bos_id, kBos);
  EXPECT_EQ(guessed.eos, "</s>");
  EXPECT_EQ(guessed.pad_id, kEos);

  directory.write("config.json",
                  R"({"bos_token_id": null, "eos_token_id": [65, 66], "pad_token_id": 67})");
  const SpecialTokens from_model = find_special_tokens(tokenizer, directory.path());
  EXPECT_EQ(from_model.eos, "A");
  EXPECT_EQ(from_model.pad_id, 67);

  directory.write("tokenizer_config.json",
                  R"({"bos_token": null, "eos_token": {"content": "<s>"}})");
  const SpecialTokens from_config = find_special_tokens(tokenizer, path);
  EXPECT_EQ(from_config.bos, "");
  EXPECT_FALSE(from_config.bos_id);
  EXPECT_EQ(from_config.eos_id, kBos);

  EXPECT_EQ(find_special_tokens(tokenizer, path, {"", "</s>"}).eos_id, kEos);
  EXPECT_THAT(USER_ERROR_OF(find_special_tokens(tokenizer, path, {"<nope>", {}})),
              names("'<nope>'", directory.path().string()));
}

}  // namespace
}  // namespace temper
