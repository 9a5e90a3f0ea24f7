#include "text/tokenizer/pre/decoder.h"

#include <gtest/gtest.h>

#include "common/error.h"

namespace temper {
namespace {

std::string decode(const Json& json, const std::vector<std::string>& tokens) {
  std::string text;
  for (const auto& part : Decoder::from_json(JsonFields(json, "decoder"))->decode(tokens)) {
    text += part;
  }
  return text;
}

TEST(Decoder, byte_level) {
  const Json json = {{"type", "ByteLevel"}};
  EXPECT_EQ(decode(json, {"\u0120d\u00c3", "\u00a9", "\u010a"}), " d\u00e9\n");
  EXPECT_EQ(decode(json, {"\u00c3"}), "\uFFFD");
  EXPECT_EQ(decode(json, {"<|\u65e5|>"}), "<|\u65e5|>");  // not of the byte alphabet
}

TEST(Decoder, byte_fallback) {
  const Json json = {{"type", "ByteFallback"}};
  EXPECT_EQ(decode(json, {"a", "<0xC3>", "<0xA9>", "b"}), "a\u00e9b");
  EXPECT_EQ(decode(json, {"<0xC3>", "<0xC3>", "b"}), "\uFFFD\uFFFDb");
  EXPECT_EQ(decode(json, {"<0xZZ>", "<0x1>"}), "<0xZZ><0x1>");
}

TEST(Decoder, as_llama2_has_it) {
  const Json json = {{"type", "Sequence"},
                     {"decoders",
                      {{{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}},
                       {{"type", "ByteFallback"}},
                       {{"type", "Fuse"}},
                       {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}};
  EXPECT_EQ(decode(json, {"\u2581", "\u2581a", "\u2581b", "<0x0A>"}), " a b\n");
}

TEST(Decoder, strip_works_on_every_token) {
  const Json json = {{"type", "Strip"}, {"content", "a"}, {"start", 2}, {"stop", 1}};
  EXPECT_EQ(decode(json, {"aaab", "baa", "a", ""}), "abba");
}

TEST(Decoder, metaspace) {
  const auto metaspace = [](const char* scheme) {
    return Json{{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", scheme}};
  };
  EXPECT_EQ(decode(metaspace("always"), {"\u2581a", "\u2581b"}), "a b");
  EXPECT_EQ(decode(metaspace("never"), {"\u2581a", "\u2581b"}), " a b");
}

TEST(Decoder, unknown_types_are_refused) {
  for (const char* type : {"WordPiece", "BPEDecoder", "CTC"}) {
    EXPECT_THROW(decode({{"type", type}}, {}), UserError) << type;
  }
  EXPECT_THROW(decode({{"type", "Strip"}, {"content", ""}, {"start", 1}, {"stop", 1}}, {}),
               UserError);
}

}  // namespace
}  // namespace temper
