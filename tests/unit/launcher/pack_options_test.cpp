#include "launcher/pack_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/cli/commands.h"
#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"

namespace temper {
namespace {

using ::testing::ElementsAre;

PackOptions options_of(Arguments more) {
  Arguments arguments = {"a.jsonl", "-o", "t.h5", "--tokenizer", "t.json", "--sequence-len", "64"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  CommandLine line(command_named("pack"));
  EXPECT_TRUE(line.parse(arguments));
  return read_pack_options(line);
}

std::string refusal(const Arguments& more) {
  return error_text<UserError>([&] { options_of(more); });
}

TEST(PackOptions, defaults) {
  const PackOptions options = options_of({});
  EXPECT_THAT(options.corpus.inputs, ElementsAre("a.jsonl"));
  EXPECT_EQ(options.corpus.format, CorpusFormat::kAuto);
  EXPECT_FALSE(options.corpus.skip_bad_records);
  EXPECT_EQ(options.output, "t.h5");
  EXPECT_EQ(options.tokenizer, "t.json");
  EXPECT_EQ(options.sequence_len, 64);
  EXPECT_EQ(options.overlong, OverlongPolicy::kError);
  EXPECT_FALSE(options.special_tokens.bos);
  EXPECT_TRUE(options.check_hygiene);
  EXPECT_EQ(options.num_shards, 1);
  // What hygiene does unasked is what its options say of themselves.
  EXPECT_EQ(options.hygiene.to_json(), HygieneOptions().to_json());
}

TEST(PackOptions, what_is_given_arrives) {
  const PackOptions options = options_of({"b*.csv",
                                          "--column",
                                          "prompt=question",
                                          "--column=completion=answer",
                                          "--on-error",
                                          "skip",
                                          "--workers",
                                          "3",
                                          "--group-by",
                                          "patient",
                                          "--topic",
                                          "ward",
                                          "--pii",
                                          "mask",
                                          "--duplicates=drop",
                                          "--held-out",
                                          "x.jsonl",
                                          "--held-out",
                                          "y.jsonl",
                                          "--val-split",
                                          "0.1",
                                          "--split-seed",
                                          "7",
                                          "--bos",
                                          "",
                                          "--roles-to-train",
                                          "assistant,tool",
                                          "--shard",
                                          "2/8",
                                          "--chat-template-kwargs",
                                          R"({"enable_thinking": false})",
                                          "--no-hygiene"});
  EXPECT_THAT(options.corpus.inputs, ElementsAre("a.jsonl", "b*.csv"));
  EXPECT_TRUE(options.corpus.skip_bad_records);
  EXPECT_EQ(options.corpus.num_workers, 3);
  EXPECT_EQ(options.corpus.columns.group_by, "patient");
  EXPECT_EQ(options.corpus.columns.topic, "ward");
  EXPECT_EQ(options.hygiene.personal_data, HygieneAction::kMask);
  EXPECT_EQ(options.hygiene.duplicates, HygieneAction::kDrop);
  EXPECT_THAT(options.hygiene.held_out, ElementsAre("x.jsonl", "y.jsonl"));
  EXPECT_EQ(options.hygiene.val_share, 0.1);
  EXPECT_EQ(options.hygiene.split_seed, 7u);
  EXPECT_EQ(options.special_tokens.bos, "");  // none, which is not the model's own
  EXPECT_THAT(options.supervision.roles_to_train, ElementsAre("assistant", "tool"));
  EXPECT_EQ(options.shard_index, 2);
  EXPECT_EQ(options.num_shards, 8);
  EXPECT_EQ(options.template_variables["enable_thinking"], false);
  EXPECT_FALSE(options.check_hygiene);
}

TEST(PackOptions, what_does_not_fit_is_refused) {
  EXPECT_THAT(refusal({"--model", "base"}), names("--model", "--tokenizer"));
  EXPECT_THAT(refusal({"--on-error", "ignore"}), names("--on-error", "stop", "skip"));
  EXPECT_THAT(refusal({"--workers", "-1"}), names("--workers"));
  EXPECT_THAT(refusal({"--shard", "3"}), names("--shard"));
  EXPECT_THAT(refusal({"--column", "question"}), names("question"));
  EXPECT_THAT(refusal({"--format", "xml"}), names("xml"));
  EXPECT_THAT(refusal({"--conflicts", "perhaps"}), names("perhaps"));
  EXPECT_THAT(refusal({"--near-threshold", "2"}), names("--near-threshold", "2"));
  EXPECT_THAT(refusal({"--chat-template-kwargs", "{"}), names("--chat-template-kwargs"));
  CommandLine nothing(command_named("pack"));
  EXPECT_THAT(error_text<UserError>([&] { nothing.parse({}); }), names("INPUT", "missing"));
}

}  // namespace
}  // namespace temper
