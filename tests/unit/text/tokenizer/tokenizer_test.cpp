#include "text/tokenizer/tokenizer.h"
#include "text/tokenizer/stream_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/text/tiny_tokenizer.h"
#include "text/tokenizer/pre/byte_alphabet.h"

namespace temper {
namespace {

using testing::ElementsAre;

// A byte-level vocabulary of the 256 bytes, "\u0120t" and "he".
TinyOptions byte_level_options(bool add_prefix_space, bool trim_offsets) {
  TinyOptions options;
  options.characters.clear();
  for (int byte = 0; byte < 256; ++byte) {
    append_utf8(options.characters, byte_to_character(static_cast<uint8_t>(byte)));
  }
  options.merges = {{"\u0120", "t"}, {"h", "e"}};
  options.model = {{"byte_fallback", false}};
  const Json part = {{"type", "ByteLevel"},
                     {"add_prefix_space", add_prefix_space},
                     {"trim_offsets", trim_offsets},
                     {"use_regex", true}};
  options.pre_tokenizer = options.post_processor = options.decoder = part;
  return options;
}

TEST(Tokenizer, byte_level_offsets_are_characters) {
  const auto tokenizer = tiny_tokenizer(byte_level_options(false, false));
  const Encoding encoding = tokenizer.encode("\u00e9 the", false);
  EXPECT_THAT(tokens_of(tokenizer, "\u00e9 the"), ElementsAre("\u00c3", "\u00a9", "\u0120t", "he"));
  EXPECT_EQ(encoding.offsets, (Offsets{{0, 1}, {0, 1}, {1, 3}, {3, 5}}));
  EXPECT_EQ(tokenizer.decode(encoding.ids), "\u00e9 the");
}

TEST(Tokenizer, offsets_are_trimmed_where_the_file_says_so) {
  const auto trimming = tiny_tokenizer(byte_level_options(false, true));
  EXPECT_EQ(trimming.encode("a the ", false).offsets, (Offsets{{0, 1}, {2, 3}, {3, 5}, {6, 6}}));
  const auto prefixed = tiny_tokenizer(byte_level_options(true, true));
  EXPECT_EQ(prefixed.encode("the", false).offsets, (Offsets{{0, 1}, {1, 3}}));
}

TEST(Tokenizer, the_template_adds_special_tokens) {
  TinyOptions options;
  options.post_processor = {
      {"type", "TemplateProcessing"},
      {"single",
       {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
        {{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
        {{"SpecialToken", {{"id", "</s>"}, {"type_id", 0}}}}}},
      {"special_tokens",
       {{"<s>", {{"id", "<s>"}, {"ids", {5}}}}, {"</s>", {{"id", "</s>"}, {"ids", {6, 7}}}}}}};
  const auto tokenizer = tiny_tokenizer(options);
  const int32_t a = *tokenizer.token_to_id("a");
  const Encoding encoding = tokenizer.encode("a", true);
  EXPECT_THAT(encoding.ids, ElementsAre(5, a, 6, 7));
  EXPECT_EQ(encoding.offsets, (Offsets{{0, 0}, {0, 1}, {0, 0}, {0, 0}}));
  EXPECT_THAT(tokenizer.encode("a", false).ids, ElementsAre(a));

  options.post_processor["single"].erase(1);
  EXPECT_THROW(tiny_tokenizer(options), UserError);
  options.post_processor = {{"type", "BertProcessing"}};  // without its tokens
  EXPECT_THROW(tiny_tokenizer(options), UserError);
  options.post_processor = {{"type", "Unknown"}};
  EXPECT_THROW(tiny_tokenizer(options), UserError);
}

// A template of <x> tokens and sequences, written "x A" for both one part and two.
Json template_of(const std::vector<std::string>& single, const std::vector<std::string>& pair) {
  Json special = Json::object();
  const auto pieces = [&](const std::vector<std::string>& names) {
    Json list = Json::array();
    for (const std::string& name : names) {
      if (name == "A" || name == "B") {
        list.push_back({{"Sequence", {{"id", name}, {"type_id", 0}}}});
      } else {
        list.push_back({{"SpecialToken", {{"id", name}, {"type_id", 0}}}});
        special[name] = {{"id", name}, {"ids", {std::stoi(name)}}};
      }
    }
    return list;
  };
  Json result = {
      {"type", "TemplateProcessing"}, {"single", pieces(single)}, {"pair", pieces(pair)}};
  result["special_tokens"] = special;
  return result;
}

Json sequence_of(const Json& first, const Json& second) {
  return {{"type", "Sequence"}, {"processors", {first, second}}};
}

// What Hugging Face gives: the second step sees special tokens as parts of their own.
TEST(Tokenizer, post_processors_follow_one_another_part_by_part) {
  TinyOptions options;
  const auto ids_with = [&](const Json& post_processor) {
    options.post_processor = post_processor;
    return tiny_tokenizer(options).encode("a", true).ids;
  };
  const int32_t a = *tiny_tokenizer(options).token_to_id("a");
  const Json one_before = template_of({"5", "A"}, {"A", "B"});
  EXPECT_THAT(ids_with(sequence_of(one_before, template_of({"6", "A"}, {"A", "B"}))),
              ElementsAre(5, a));
  EXPECT_THAT(ids_with(sequence_of(one_before, template_of({"6", "A"}, {"7", "B", "8", "A", "9"}))),
              ElementsAre(7, a, 8, 5, 9));
  EXPECT_THAT(ids_with(sequence_of(one_before, template_of({"6", "A"}, {"7", "A"}))),
              ElementsAre(7, 5));
  // Three parts are more than a template has places for.
  EXPECT_THROW(ids_with(sequence_of(template_of({"5", "A", "6"}, {"A", "B"}), one_before)),
               UserError);

  const Json bert = {{"type", "BertProcessing"}, {"cls", {"x", 11}}, {"sep", {"y", 12}}};
  Json roberta = bert;
  roberta.update(
      {{"type", "RobertaProcessing"}, {"trim_offsets", true}, {"add_prefix_space", true}});
  EXPECT_THAT(ids_with(bert), ElementsAre(11, a, 12));
  EXPECT_THAT(ids_with(roberta), ElementsAre(11, a, 12));
  EXPECT_THAT(ids_with(sequence_of(one_before, bert)), ElementsAre(11, 5, 12, a, 12));
  EXPECT_THAT(ids_with(sequence_of(one_before, roberta)), ElementsAre(11, 5, 12, 12, a, 12));
  EXPECT_THAT(ids_with(sequence_of(roberta, one_before)), ElementsAre(5, 11, a, 12));
  EXPECT_EQ(tiny_tokenizer(options).encode(" a ", true).offsets,
            (Offsets{{0, 0}, {0, 0}, {0, 0}, {1, 2}, {3, 3}, {0, 0}}));

  // Two ways to the same ids have the same hash.
  options.post_processor = bert;
  const Hash128 hash = tiny_tokenizer(options).hash();
  options.post_processor = template_of({"11", "A", "12"}, {"A", "B"});
  EXPECT_EQ(tiny_tokenizer(options).hash(), hash);
  options.post_processor = template_of({"11", "A"}, {"A", "B"});
  EXPECT_NE(tiny_tokenizer(options).hash(), hash);
}

TEST(Tokenizer, invalid_utf8_is_replaced_first) {
  const auto tokenizer = tiny_tokenizer(TinyOptions{});
  EXPECT_EQ(tokenizer
                .encode("a\xff"
                        "b",
                        false)
                .ids,
            tokenizer.encode("a\uFFFDb", false).ids);
}

TEST(Tokenizer, empty_text_and_unused_ids) {
  const auto tokenizer = tiny_tokenizer(TinyOptions{});
  EXPECT_TRUE(tokenizer.encode("", true).ids.empty());
  EXPECT_EQ(tokenizer.id_to_token(-5), "");
  EXPECT_EQ(tokenizer.id_to_token(1 << 30), "");
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{-1, 1 << 30}), "");
  EXPECT_EQ(tokenizer.token_to_id("nothing"), std::nullopt);
}

TEST(Tokenizer, the_hash_is_of_the_meaning) {
  TinyOptions options = byte_level_options(false, false);
  options.merges.push_back({"a", "b"});
  options.added_tokens = {{{"content", "<x>"}, {"normalized", false}}};
  const Hash128 hash = tiny_tokenizer(options).hash();
  const Json json = tiny_json(options);
  // Layout, offsets, decoding and the pair template are not meaning.
  EXPECT_EQ(Tokenizer::from_json(json.dump(4), "x").hash(), hash);
  TinyOptions same = byte_level_options(false, true);
  same.merges = options.merges;
  same.added_tokens = options.added_tokens;
  same.decoder = nullptr;
  EXPECT_EQ(tiny_tokenizer(same).hash(), hash);

  const auto changed = [&](auto&& change) {
    Json copy = json;
    change(copy);
    return Tokenizer::from_json(copy.dump(), "x").hash() != hash;
  };
  EXPECT_TRUE(changed([](Json& j) { j["model"]["merges"].erase(0); }));
  EXPECT_TRUE(
      changed([](Json& j) { std::swap(j["model"]["merges"][0], j["model"]["merges"][1]); }));
  EXPECT_TRUE(changed(
      [](Json& j) { std::swap(j["model"]["vocab"]["<0x00>"], j["model"]["vocab"]["<0x01>"]); }));
  EXPECT_TRUE(changed([](Json& j) { j["model"]["ignore_merges"] = true; }));
  EXPECT_TRUE(changed([](Json& j) { j["pre_tokenizer"]["use_regex"] = false; }));
  EXPECT_TRUE(changed([](Json& j) { j["normalizer"] = {{"type", "NFC"}}; }));
  EXPECT_TRUE(changed([](Json& j) { j["added_tokens"][0]["lstrip"] = true; }));
}

TEST(Tokenizer, threads_may_share_it) {
  const auto tokenizer = tiny_tokenizer(byte_level_options(false, false));
  std::string text;
  for (int i = 0; i < 500; ++i) text += fmt::format("the {} other\n", i);
  const Encoding expected = tokenizer.encode(text, false);
  std::vector<std::thread> threads;
  std::vector<int> num_right(4, 0);
  for (size_t t = 0; t < num_right.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i)
        num_right[t] += tokenizer.encode(text, false).ids == expected.ids;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(num_right, testing::Each(20));
}

TEST(Tokenizer, reads_a_file_or_a_model_directory) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "temper_text_tokenizer_test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "tokenizer.json") << tiny_json(TinyOptions{}).dump();
  const Hash128 hash = tiny_tokenizer(TinyOptions{}).hash();
  EXPECT_EQ(Tokenizer::from_file(folder).hash(), hash);
  EXPECT_EQ(Tokenizer::from_file(folder / "tokenizer.json").hash(), hash);
  EXPECT_THROW(Tokenizer::from_file(folder / "missing.json"), UserError);
  std::filesystem::remove_all(folder);
}

TEST(Tokenizer, damaged_files_are_the_users_error) {
  for (const char* json :
       {"", "[]", "{}", "{\"model\":3}", "{\"model\":{}}", "{\"model\":{\"vocab\":{}}}",
        "{\"model\":{\"vocab\":{},\"merges\":[]},\"added_tokens\":3}",
        "{\"model\":{\"vocab\":{},\"merges\":[]},\"normalizer\":[]}"}) {
    EXPECT_THROW(Tokenizer::from_json(json, "tokenizer.json"), UserError) << json;
  }
  EXPECT_NO_THROW(Tokenizer::from_json("{\"model\":{\"vocab\":{},\"merges\":[]}}", "x"));
}

TEST(Tokenizer, truncated_files_are_the_users_error) {
  TinyOptions options = byte_level_options(false, true);
  options.added_tokens = {{{"content", "<x>"}, {"normalized", false}}};
  const std::string json = tiny_json(options).dump();
  for (size_t length = 0; length < json.size(); length += 7 + length / 20) {
    EXPECT_THROW(Tokenizer::from_json(json.substr(0, length), "x"), UserError) << length;
  }
  const std::string deep(200000, '[');
  EXPECT_THROW(Tokenizer::from_json("{\"model\":" + deep, "x"), UserError);
  std::string nested = R"({"type":"NFC"})";
  for (int i = 0; i < 5000; ++i) {
    nested.insert(0, R"({"type":"Sequence","normalizers":[)").append("]}");
  }
  EXPECT_THROW(Tokenizer::from_json(R"({"model":{},"normalizer":)" + nested + "}", "x"), UserError);
}

// Merges that make what they are made of, or the same token in many ways, end nevertheless.
TEST(Tokenizer, absurd_merges_end) {
  TinyOptions options;
  options.merges = {{"a", "b"}, {"ab", "a"}, {"b", "a"}, {"a", "ba"}, {"a", "b"}, {"aba", "aba"}};
  const auto tokenizer = tiny_tokenizer(options);
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "aba";
  size_t num_characters = 0;
  for (const std::string& token : tokens_of(tokenizer, text)) num_characters += token.size();
  EXPECT_EQ(num_characters, text.size());
  Json json = tiny_json(options);
  json["model"]["vocab"][""] = json["model"]["vocab"].size();
  json["model"]["merges"].push_back({"", "a"});  // never ends if it is carried out
  const auto hostile = [&] { return Tokenizer::from_json(json.dump(), "x").encode("aa", false); };
  EXPECT_EQ(hostile().offsets.back().second, 2);
}

TEST(Tokenizer, other_models_are_refused_by_name) {
  for (const char* type : {"Unigram", "WordPiece", "WordLevel", "CTC"}) {
    TinyOptions options;
    options.model = {{"type", type}};
    try {
      tiny_tokenizer(options);
      ADD_FAILURE() << type;
    } catch (const UserError& error) {
      EXPECT_THAT(error.what(), names("tokenizer.json", fmt::format("'{}'", type), "BPE"));
    }
  }
}

// Whatever the ids, every text given is whole characters.
TEST(StreamDecoder, never_gives_half_a_character) {
  TinyOptions fallback;
  fallback.decoder = {{"type", "Sequence"},
                      {"decoders", {{{"type", "ByteFallback"}}, {{"type", "Fuse"}}}}};
  std::mt19937 random(1);
  for (const auto& options : {byte_level_options(false, false), fallback}) {
    const auto tokenizer = tiny_tokenizer(options);
    StreamDecoder decoder(tokenizer);
    for (int i = 0; i < 20000; ++i) {
      const auto id =
          static_cast<int32_t>(random() % static_cast<uint32_t>(tokenizer.vocab_size()));
      ASSERT_TRUE(is_valid_utf8(decoder.push(id)));
    }
    EXPECT_TRUE(is_valid_utf8(decoder.finish()));
  }
}

TEST(StreamDecoder, gives_whole_characters_and_the_whole_text) {
  const auto tokenizer = tiny_tokenizer(byte_level_options(false, false));
  const std::string text = "the \U0001F389\u00e9 the\n";
  StreamDecoder decoder(tokenizer);
  std::string streamed;
  for (int32_t id : tokenizer.encode(text, false).ids) {
    const std::string fresh = decoder.push(id);
    EXPECT_TRUE(is_valid_utf8(fresh));
    EXPECT_EQ(fresh.find("\uFFFD"), std::string::npos);
    streamed += fresh;
  }
  EXPECT_EQ(streamed + decoder.finish(), text);
}

TEST(StreamDecoder, keeps_spaces_that_a_decoder_strips_at_the_start) {
  TinyOptions options;
  options.decoder = {{"type", "Sequence"},
                     {"decoders",
                      {{{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}},
                       {{"type", "ByteFallback"}},
                       {{"type", "Fuse"}},
                       {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}};
  const auto tokenizer = tiny_tokenizer(options);
  StreamDecoder decoder(tokenizer);
  std::string streamed;
  for (int32_t id : tokenizer.encode("\u2581a\u2581\u00e9\u2581b", false).ids) {
    streamed += decoder.push(id);
  }
  EXPECT_EQ(streamed + decoder.finish(), "a \u00e9 b");
}

TEST(StreamDecoder, bytes_that_make_no_character_do_not_hold_up_the_text) {
  const auto tokenizer = tiny_tokenizer(byte_level_options(false, false));
  const int32_t half = *tokenizer.token_to_id("\u00c3");
  const int32_t letter = *tokenizer.token_to_id("a");
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.push(half), "");
  EXPECT_EQ(decoder.push(letter), "\uFFFDa");
  EXPECT_EQ(decoder.push(half), "");
  EXPECT_EQ(decoder.finish(), "\uFFFD");
  EXPECT_EQ(decoder.push(letter), "a");
}

}  // namespace
}  // namespace temper
