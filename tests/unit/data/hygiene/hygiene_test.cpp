#include "data/hygiene/hygiene.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "common/error.h"
#include "common/memory_info.h"
#include "data/dataset/spill_file.h"
#include "data/hygiene/check_corpus.h"
#include "data/hygiene/record_fingerprint.h"
#include "data/hygiene/text_damage.h"
#include "tests/fixtures/names.h"
#include "tests/unit/data/small_corpus.h"

namespace temper {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string random_words(std::mt19937& random, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += fmt::format("word{} ", random() % 5000);
  return text + ".";
}

std::string record_of(const std::string& prompt, const std::string& completion,
                      const std::string& group = "g") {
  return Json{{"prompt", prompt}, {"completion", completion}, {"group", group}}.dump() + "\n";
}

class Hygiene : public testing::Test {
 protected:
  CorpusCheck check(const std::string& corpus) {
    corpus_.inputs = {directory_.write("corpus.jsonl", corpus)};
    corpus_.num_workers = 2;
    return check_corpus(corpus_, options_, directory_ / "scratch");
  }
  std::set<int64_t> dropped(const Decisions& decisions, DropReason reason) const {
    std::set<int64_t> records;
    for (size_t i = 0; i < decisions.size(); ++i) {
      if (decisions.at(static_cast<int64_t>(i)).drop == reason)
        records.insert(static_cast<int64_t>(i));
    }
    return records;
  }

  TemporaryDirectory directory_;
  CorpusOptions corpus_;
  HygieneOptions options_;
  std::mt19937 random_{5};
};

// A corpus of yes and no: half of it has one answer, and here all of it one question, too.
TEST_F(Hygiene, memory_does_not_grow_with_the_records_that_agree) {
  constexpr int64_t kNumRecords = 1'200'000;
  RecordFingerprint print;
  print.record = hash_text("record");
  print.question = hash_text("question");
  print.group = hash_text("group");
  print.has_answer = true;
  const std::array<Hash128, 2> answers = {hash_text("yes"), hash_text("no")};
  options_.near_duplicates = HygieneAction::kOff;
  HygieneCheck check(options_, directory_ / "scratch");
  CorpusLine line;
  for (int64_t i = 0; i < kNumRecords; ++i) {
    line.line_number = i + 1;
    print.answer = answers[static_cast<size_t>(i % 2)];
    check.add(line, print);
  }
  const int64_t before = read_peak_rss();
  const HygieneReport report = check.finish({"corpus.jsonl"}, {});
  [[maybe_unused]] const int64_t grown = read_peak_rss() - before;
  EXPECT_EQ(report.duplicates.records, kNumRecords - 1);
  EXPECT_EQ(report.repeated_answers.records, kNumRecords - 2);
  EXPECT_EQ(report.conflicts.records, kNumRecords);
  EXPECT_EQ(report.conflicts.groups, 1);
  // One number of four bytes a record and the buffers of a merge; to keep the records took 96 MiB.
  // The address sanitizer holds on to what was freed.
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_LT(grown, int64_t{48} << 20);
#endif
}

TEST_F(Hygiene, finds_copies_repeated_answers_and_conflicts) {
  options_.duplicates = HygieneAction::kDrop;
  const CorpusCheck result = check(record_of("a", "x") + record_of("b", "x") + record_of("a", "x") +
                                   record_of("a", "y") + record_of("c", "z") + record_of("a", "x"));
  EXPECT_EQ(result.report.duplicates.groups, 1);
  EXPECT_EQ(result.report.duplicates.records, 2);
  EXPECT_EQ(result.report.duplicates.examples[0],
            (directory_ / "corpus.jsonl").native() + ":3 equals " +
                (directory_ / "corpus.jsonl").native() + ":1");
  EXPECT_EQ(result.report.repeated_answers.groups, 1);
  EXPECT_EQ(result.report.repeated_answers.records, 3);
  EXPECT_EQ(result.report.conflicts.groups, 1);
  EXPECT_EQ(result.report.conflicts.records, 4);
  EXPECT_EQ(dropped(result.decisions, DropReason::kDuplicate), (std::set<int64_t>{2, 5}));
  options_.conflicts = HygieneAction::kDrop;
  EXPECT_EQ(
      dropped(check(record_of("a", "x") + record_of("a", "y") + record_of("b", "x")).decisions,
              DropReason::kConflict),
      (std::set<int64_t>{0, 1}));
}

TEST_F(Hygiene, records_with_other_tools_or_calls_are_others) {
  const auto fingerprint = [](const std::string& more, const std::string& tools) {
    return fingerprint_of(parse_record(R"({"messages":[{"role":"user","content":"Dose?"},)"
                                       R"({"role":"assistant","content":"a")" +
                                           more + "}],\"tools\":" + tools + "}",
                                       CorpusFormat::kChat, "here"),
                          ControlTokens());
  };
  const RecordFingerprint plain = fingerprint("", "null");
  const RecordFingerprint calling = fingerprint(R"(,"tool_calls":[{"name":"x@y.org"}])", "null");
  const RecordFingerprint equipped = fingerprint("", R"([{"name":"f"}])");
  EXPECT_EQ(plain.record, fingerprint("", "null").record);
  EXPECT_NE(plain.record, calling.record);
  EXPECT_NE(plain.record, equipped.record);
  EXPECT_EQ(plain.question, calling.question);
  EXPECT_NE(plain.question, equipped.question);
  EXPECT_EQ(plain.personal_data[0], 0);
  EXPECT_EQ(calling.personal_data[0], 1);
}

TEST_F(Hygiene, masks_all_that_a_template_may_show) {
  Record record = parse_record(
      R"({"messages":[{"role":"user","content":"I am x@y.org","name":"x@y.org"},
          {"role":"tool","content":[{"type":"text","text":"x@y.org"}]},
          {"role":"assistant","content":"b","tool_calls":[{"arguments":{"to":"x@y.org"}}]}],
          "tools":[{"default":"x@y.org"}]})",
      CorpusFormat::kChat, "here");
  EXPECT_EQ(mask_personal_data(record), 5);
  for (const Message& message : record.messages) {
    EXPECT_THAT(message.content + message.json.dump(), Not(HasSubstr("x@y.org")));
  }
  EXPECT_THAT(record.tools.dump(), Not(HasSubstr("x@y.org")));
}

TEST_F(Hygiene, finds_near_duplicates_and_keeps_the_first) {
  options_.near_duplicates = HygieneAction::kDrop;
  std::string corpus;
  std::set<int64_t> expected;
  for (int64_t i = 0; i < 200; ++i) {
    const std::string text = random_words(random_, 80);
    corpus += record_of("What is it?", text);
    corpus += record_of("What is it?",
                        i % 2 ? "Changed " + text + " A little more." : random_words(random_, 80));
    if (i % 2) expected.insert(2 * i + 1);
  }
  const CorpusCheck result = check(corpus);
  EXPECT_EQ(dropped(result.decisions, DropReason::kNearDuplicate), expected);
  EXPECT_EQ(result.report.near_duplicates.groups, 100);
  // The estimate follows the threshold.
  options_.near_threshold = 0.99;
  EXPECT_LT(check(corpus).report.near_duplicates.records, 10);
}

TEST_F(Hygiene, finds_what_is_also_held_out) {
  const std::string leaked = random_words(random_, 60);
  options_.held_out = {directory_.write(
      "test.jsonl", record_of("What is  Asthma ?", "one") + record_of("q", leaked))};
  options_.general = {directory_.write("general.jsonl", "{\"text\":\"Once upon a time.\"}\n")};
  const std::string corpus = record_of("what is asthma ?", "another") + record_of("fine", "words") +
                             record_of("q2", leaked) + "{\"text\":\"Once upon  a time.\"}\n";
  corpus_.format = CorpusFormat::kAuto;
  const std::string error = USER_ERROR_OF(check(record_of("what is asthma ?", "another")));
  EXPECT_THAT(error, AllOf(names("held-out", "1 records", "corpus.jsonl:1", "--overlap drop"),
                           Not(HasSubstr("asthma"))));
  options_.overlap = HygieneAction::kDrop;
  const CorpusCheck result = check(record_of("what is asthma ?", "another") +
                                   record_of("fine", "words") + record_of("q2", leaked));
  EXPECT_EQ(dropped(result.decisions, DropReason::kHeldOut), (std::set<int64_t>{0, 2}));
  EXPECT_EQ(result.report.held_out_records, 2);
  const CorpusCheck texts = check("{\"text\":\"Once upon  a time.\"}\n{\"text\":\"New.\"}\n");
  EXPECT_EQ(dropped(texts.decisions, DropReason::kGeneral), (std::set<int64_t>{0}));
}

TEST_F(Hygiene, finds_damage_and_personal_data) {
  options_.mojibake = options_.personal_data = options_.cut_off = HygieneAction::kDrop;
  const CorpusCheck result =
      check(record_of("a", "caf\xC3\x83\xC2\xA9 au lait") + record_of("b", "Ask x@example.org") +
            record_of("c", "one two three four five six seven eight and then the") +
            record_of("d", "Good."));
  EXPECT_EQ(dropped(result.decisions, DropReason::kMojibake), (std::set<int64_t>{0}));
  EXPECT_EQ(dropped(result.decisions, DropReason::kPersonalData), (std::set<int64_t>{1}));
  EXPECT_EQ(dropped(result.decisions, DropReason::kCutOff), (std::set<int64_t>{2}));
  EXPECT_EQ(result.report.personal_data_records[0], 1);
}

// A set that must stay together is never parted: same group, same question, nearly the same text.
TEST_F(Hygiene, splits_whole_groups) {
  std::string corpus;
  std::vector<int> set_of_record;
  for (int set = 0; set < 120; ++set) {
    const std::string text = random_words(random_, 60), group = fmt::format("group {}", set);
    for (int i = 0; i < 1 + set % 4; ++i) {
      corpus += record_of(fmt::format("question {} of {}", i, set),
                          set % 3 == 0 ? fmt::format("{} {}", i, text) : random_words(random_, 40),
                          set % 3 == 0 ? fmt::format("own {} {}", set, i) : group);
      set_of_record.push_back(set);
    }
  }
  corpus_.columns.group_by = "group";
  options_.val_share = 0.25;
  const CorpusCheck result = check(corpus);
  std::map<int, std::set<bool>> sides;
  int64_t num_validation = 0;
  for (size_t i = 0; i < set_of_record.size(); ++i) {
    const bool validation = result.decisions.at(static_cast<int64_t>(i)).validation;
    num_validation += validation;
    sides[set_of_record[i]].insert(validation);
  }
  for (const auto& [set, side] : sides) EXPECT_EQ(side.size(), 1u) << set;
  EXPECT_NEAR(static_cast<double>(num_validation), 0.25 * static_cast<double>(set_of_record.size()),
              4.0);
  EXPECT_EQ(result.report.val_records, num_validation);
  options_.split_seed = 7;
  const Decisions other = check(corpus).decisions;
  size_t num_equal = 0;
  for (size_t i = 0; i < other.size(); ++i) {
    num_equal += other.at(static_cast<int64_t>(i)) == result.decisions.at(static_cast<int64_t>(i));
  }
  EXPECT_LT(num_equal, other.size());
}

TEST_F(Hygiene, counts_records_that_spell_control_tokens) {
  const std::string corpus = record_of("What ends a turn?", "It is <|im_end|>, then </s>.") +
                             record_of("a < s > b", "<|im_end |> no") +
                             record_of("Say <|im_end|>.", "No.") +
                             record_of("Strike <s>this</s> out", "Done.");
  const CorpusCheck result = check(corpus);
  EXPECT_EQ(result.report.control_tokens.records, 3);
  EXPECT_EQ(result.report.control_token_records,
            (std::map<std::string, int64_t>{{"<|im_end|>", 2}, {"<s>", 1}}));
  EXPECT_EQ(result.report.control_tokens.examples[1],
            (directory_ / "corpus.jsonl").native() + ":3");
  EXPECT_EQ(result.report.to_json()["control_tokens"]["kinds"]["<|im_end|>"], 2);
  EXPECT_THAT(result.report.to_text(), HasSubstr("spell a control token"));

  EXPECT_EQ(check(R"({"messages":[{"role":"user","content":"a"},{"role":"assistant",)"
                  R"("content":"b","tool_calls":[{"arguments":"<|im_end|>"}]}]})")
                .report.control_tokens.records,
            1);
  corpus_.control_tokens = ControlTokens({"< s >"});
  EXPECT_EQ(check(corpus).report.control_token_records,
            (std::map<std::string, int64_t>{{"< s >", 1}}));
}

TEST_F(Hygiene, bad_records_stop_or_are_counted) {
  const std::string corpus = record_of("a", "x") + "secret\n" + record_of("a", "x");
  EXPECT_THAT(USER_ERROR_OF(check(corpus)),
              AllOf(names("corpus.jsonl:2"), Not(HasSubstr("secret"))));
  corpus_.skip_bad_records = true;
  const CorpusCheck result = check(corpus);
  EXPECT_EQ(result.skipped.num_records, 1);
  EXPECT_THAT(result.skipped.reasons.at(0), names("corpus.jsonl:2"));
  EXPECT_EQ(result.report.duplicates.records, 1);
  EXPECT_EQ(result.decisions.size(), 3u);
}

TEST_F(Hygiene, decisions_come_back_and_damage_is_seen) {
  options_.duplicates = HygieneAction::kDrop;
  options_.val_share = 0.3;
  std::string corpus;
  for (int i = 0; i < 40; ++i)
    corpus += record_of(fmt::format("q{}", i % 30), fmt::format("a{}", i % 30));
  const Decisions decisions = check(corpus).decisions;
  const auto path = directory_ / "decisions.jsonl";
  decisions.write(path);
  const Decisions read = Decisions::read(path);
  ASSERT_EQ(read.size(), decisions.size());
  for (int64_t i = 0; i < 40; ++i) EXPECT_EQ(read.at(i), decisions.at(i));
  EXPECT_EQ(read.corpus_hash, decisions.corpus_hash);
  EXPECT_TRUE(read.has_validation());

  const std::string text = read_whole(path);
  // But for the last line end, without which nothing is lost.
  for (size_t at = 0; at + 1 < text.size(); at += 3) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_THROW(Decisions::read(directory_.write("damaged", damaged)), UserError) << at;
    EXPECT_THROW(Decisions::read(directory_.write("cut", text.substr(0, at))), UserError) << at;
  }
}

TEST_F(Hygiene, options_are_checked) {
  options_.near_threshold = 0;
  EXPECT_THAT(USER_ERROR_OF(check("")), names("--near-threshold 0"));
  options_.near_threshold = 0.5;
  options_.val_share = 1;
  EXPECT_THAT(USER_ERROR_OF(check("")), names("--val-split 1"));
  EXPECT_EQ(hygiene_action_named("pii", "mask"), HygieneAction::kMask);
  EXPECT_THAT(USER_ERROR_OF(hygiene_action_named("duplicates", "mask")),
              names("--duplicates mask"));
}

TEST(ExternalSorter, sorts_more_than_its_memory) {
  const TemporaryDirectory directory;
  std::mt19937_64 random(3);
  for (const size_t count : {0, 1, 7, 64, 65, 5000}) {
    ExternalSorter<uint64_t> sorter(directory / "s", "run", 64 * sizeof(uint64_t));
    std::vector<uint64_t> expected, got;
    for (size_t i = 0; i < count; ++i) {
      expected.push_back(random() % 1000);
      sorter.add(expected.back());
    }
    std::sort(expected.begin(), expected.end());
    sorter.merge([&](uint64_t value) { got.push_back(value); });
    EXPECT_EQ(got, expected);
  }
  EXPECT_EQ(directory.num_entries(), 0u);
}

double shingle_overlap(const std::vector<int>& a, const std::vector<int>& b) {
  std::set<std::vector<int>> left, right, both;
  for (size_t i = 0; i + 3 <= a.size(); ++i) left.insert({a[i], a[i + 1], a[i + 2]});
  for (size_t i = 0; i + 3 <= b.size(); ++i) right.insert({b[i], b[i + 1], b[i + 2]});
  for (const auto& shingle : left) {
    if (right.count(shingle)) both.insert(shingle);
  }
  return static_cast<double>(both.size()) /
         static_cast<double>(left.size() + right.size() - both.size());
}

TEST(MinHash, estimates_the_share_of_word_triples) {
  std::mt19937 random(8);
  double sum_of_errors = 0, worst = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<int> a, b;
    for (int i = 0; i < 400; ++i) a.push_back(static_cast<int>(random() % 1000));
    b = a;
    for (int i = 0; i < round / 2; ++i) b[random() % b.size()] = static_cast<int>(random() % 1000);
    MinHash hashes[2];
    for (int side = 0; side < 2; ++side) {
      std::string text;
      for (const int word : side ? b : a)
        text += fmt::format("{}{}", side ? ", W" : " w", word);  // the same words
      MinHasher hasher;
      hasher.add(text);
      hashes[side] = hasher.finish();
    }
    const double error = hashes[0].similarity(hashes[1]) - shingle_overlap(a, b);
    sum_of_errors += error;
    worst = std::max(worst, std::abs(error));
  }
  EXPECT_NEAR(sum_of_errors / 200, 0.0, 0.02);
  EXPECT_LT(worst, 0.2);
}

TEST(TextDamage, mojibake) {
  EXPECT_EQ(count_mojibake("caf\xC3\xA9 \xE2\x80\x9Cquoted\xE2\x80\x9D \xC3\x89\xC2\xBB \xCE\xB1"),
            0);
  EXPECT_EQ(count_mojibake("caf\xC3\x83\xC2\xA9"), 1);                  // Ã©
  EXPECT_EQ(count_mojibake("it\xC3\xA2\xE2\x82\xAC\xE2\x84\xA2s"), 1);  // â€™
  EXPECT_EQ(count_mojibake("5 \xC3\x82\xC2\xB0"
                           "C, \xEF\xBF\xBD"),
            2);  // Â°, U+FFFD
}

TEST(TextDamage, cut_off) {
  EXPECT_TRUE(looks_cut_off("The patient should take two tablets every day with the"));
  EXPECT_TRUE(looks_cut_off("The patient should take two tablets every day, with,"));
  EXPECT_FALSE(looks_cut_off("The patient should take two tablets every day."));
  EXPECT_FALSE(looks_cut_off("The patient should take two tablets every day (twice)"));
  EXPECT_FALSE(looks_cut_off("Take these three or four of the following:\n- aspirin"));
  EXPECT_FALSE(looks_cut_off("two tablets"));
  EXPECT_FALSE(looks_cut_off(""));
}

}  // namespace
}  // namespace temper
