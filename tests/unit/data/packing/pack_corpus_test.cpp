#include "data/packing/pack_corpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "common/error.h"
#include "data/dataset/packed_dataset.h"
#include "data/packing/topic_table.h"
#include "tests/fixtures/names.h"
#include "tests/unit/data/small_corpus.h"

namespace temper {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class PackCorpus : public testing::Test {
 protected:
  PackCorpus() {
    options_.output = directory_ / "out.h5";
    options_.tokenizer = directory_.write("tokenizer.json", byte_tokenizer_json());
    options_.sequence_len = 64;
    options_.corpus.num_workers = 2;
  }

  PackReport pack(const std::string& corpus) {
    options_.corpus.inputs = {directory_.write("corpus.jsonl", corpus)};
    return pack_corpus(options_);
  }

  // Everything in the dataset, as "source:record" to its decoded text.
  std::map<std::pair<int64_t, int32_t>, std::string> documents() {
    std::map<std::pair<int64_t, int32_t>, std::string> found;
    const Tokenizer tokenizer = byte_tokenizer();
    const PackedDataset dataset(options_.output);
    for (int64_t r = 0; r < dataset.info().num_rows; ++r) {
      const PackedRow row = dataset.row(r);
      const auto origins = dataset.origins(r);
      for (size_t d = 0; d < origins.size(); ++d) {
        const std::vector<int32_t> tokens(row.tokens.begin() + row.document_begin[d],
                                          row.tokens.begin() + row.document_begin[d + 1]);
        EXPECT_TRUE(
            found.emplace(std::pair(origins[d].record, origins[d].piece), tokenizer.decode(tokens))
                .second);
      }
    }
    return found;
  }

  TemporaryDirectory directory_;
  PackOptions options_;
};

std::string record_of(const std::string& prompt, const std::string& completion) {
  return Json{{"prompt", prompt}, {"completion", completion}}.dump() + "\n";
}

std::string random_text(std::mt19937& random, size_t length) {
  std::string text;
  for (size_t i = 0; i < length; ++i) text += static_cast<char>('a' + random() % 26);
  return text;
}

// They become the tokens, as in Hugging Face: a turn seems to end in mid-sentence.
TEST_F(PackCorpus, counts_records_that_spell_special_tokens_of_the_tokenizer) {
  const std::string corpus = record_of("What ends a text?", "The token </s> does.") +
                             record_of("And a turn?", "<|im_end|>, elsewhere.");
  const PackReport report = pack(corpus);
  EXPECT_EQ(report.hygiene->control_token_records, (std::map<std::string, int64_t>{{"</s>", 1}}));
  EXPECT_EQ(documents().at({1, 0}), "What ends a text?\nThe token </s> does.</s>");
  options_.hygiene.duplicates = HygieneAction::kDrop;  // looked at in a pass before
  EXPECT_EQ(pack(corpus).hygiene->control_tokens.records, 1);
}

class DatedTemplate : public PackCorpus {
 protected:
  DatedTemplate() {
    options_.chat_template = directory_.write(
        "dated.jinja",
        "{% for message in messages %}{% if message.role == 'assistant' %}{% generation %}"
        "{{ message.content }}{% endgeneration %}{% else %}"
        "{{ strftime_now('%A %d %b %Y %H:%M') }} {{ message.content }}{% endif %}{% endfor %}");
  }
  Json settings() const {
    return parse_json(PackedDataset(options_.output).texts().settings, "settings");
  }
};

TEST_F(DatedTemplate, is_told_one_day_that_the_dataset_records) {
  options_.date = "2026-02-03";
  const PackReport report = pack(record_of("Who?", "Me."));
  EXPECT_EQ(documents().at({1, 0}), "Tuesday 03 Feb 2026 00:00 Who?Me.");
  EXPECT_EQ(settings()["date"], "2026-02-03");
  EXPECT_EQ(report.to_json()["date"], "2026-02-03");
  EXPECT_THAT(report.to_text(), AllOf(HasSubstr("2026-02-03"), HasSubstr("strftime_now")));
  EXPECT_EQ(pack(record_of("Who?", "Me.")).content_hash, report.content_hash);
  options_.date = "2026-02-04";
  EXPECT_NE(pack(record_of("Who?", "Me.")).content_hash, report.content_hash);

  options_.date.clear();
  const std::string today = pack(record_of("Who?", "Me.")).date;
  EXPECT_EQ(settings()["date"], today);
  const std::string text = documents().at({1, 0});
  EXPECT_THAT(text, AllOf(HasSubstr(today.substr(0, 4)), HasSubstr(" 00:00 Who?")));
}

TEST_F(DatedTemplate, needs_a_day_for_shards) {
  const std::string corpus = record_of("Who?", "Me.") + record_of("When?", "Now.");
  options_.num_shards = 2;
  EXPECT_THAT(USER_ERROR_OF(pack(corpus)), names("--shard 0/2", "dated.jinja", "--date 2"));
  const auto pack_shards = [&](const std::string& second) {
    options_.date = "2026-02-03";
    options_.shard_index = 0;
    pack(corpus);
    options_.date = second;
    options_.shard_index = 1;
    pack(corpus);
  };
  pack_shards("2026-02-03");
  EXPECT_EQ(PackedDataset(options_.output).info().num_documents, 2);
  pack_shards("2026-02-04");
  EXPECT_THAT(USER_ERROR_OF(PackedDataset(options_.output)),
              names("out-00001-of-00002.h5", "out-00000-of-00002.h5"));
}

TEST_F(DatedTemplate, refuses_what_is_no_day_and_what_nobody_asks_for) {
  for (const char* date : {"2026-02-30", "2026-2-3", "03.02.2026", "today", "2026-02-03T00:00"}) {
    options_.date = date;
    EXPECT_THAT(USER_ERROR_OF(pack(record_of("Who?", "Me."))),
                names("--date: ", fmt::format("\"{}\"", date), "YEAR-MONTH-DAY"));
  }
  options_.date = "2026-02-03";
  options_.chat_template = "plain";
  EXPECT_THAT(USER_ERROR_OF(pack(record_of("Who?", "Me."))),
              names("--date 2026-02-03", "chat template plain"));
}

// A number for every record there made a header that no reader took, from 17 million records on.
TEST_F(PackCorpus, header_does_not_grow_with_topics) {
  options_.corpus.columns.topic = "topic";
  options_.hygiene.near_duplicates = HygieneAction::kOff;
  const auto header_of = [&](int num_records) {
    std::string corpus;
    for (int i = 0; i < num_records; ++i) {
      corpus += fmt::format(R"({{"prompt":"Q{}","completion":"A{}","topic":"t{}"}})", i, i, i % 3);
      corpus += "\n";
    }
    pack(corpus);
    return PackedDataset(options_.output).texts().statistics.size();
  };
  const size_t small = header_of(30);
  EXPECT_LT(header_of(3000), small + 200);
  const PackedDataset dataset(options_.output);
  const TopicTable topics = TopicTable::of(dataset);
  EXPECT_EQ(topics.names(), (std::vector<std::string>{"t0", "t1", "t2"}));
  for (const DocumentOrigin& document : dataset.documents(0, 3000)) {
    EXPECT_EQ(topics.topic_of(document), (document.record - 1) % 3);
  }
}

TEST_F(PackCorpus, header_that_no_reader_takes_is_refused_before_the_work) {
  options_.hygiene.held_out = {std::string(size_t{64} << 20, 'x')};
  EXPECT_THAT(USER_ERROR_OF(pack("not looked at")),
              names(options_.output.string(), "\"settings\"", "67108864"));
}

TEST_F(PackCorpus, makes_a_dataset_of_a_corpus) {
  const PackReport report =
      pack(record_of("Who?", "Me.") + record_of("When?", "Now.") + record_of("Why?", ""));
  EXPECT_EQ(report.records_in, 3);
  EXPECT_EQ(report.records_packed, 2);
  EXPECT_EQ(report.records_dropped.at("empty answer"), 1);
  EXPECT_EQ(report.num_rows, 1);
  EXPECT_EQ(report.sources[0].format, CorpusFormat::kPromptCompletion);
  EXPECT_EQ(documents(), (std::map<std::pair<int64_t, int32_t>, std::string>{
                             {{1, 0}, "Who?\nMe.</s>"}, {{2, 0}, "When?\nNow.</s>"}}));
  const PackedDataset dataset(options_.output);
  EXPECT_EQ(dataset.info().content_hash, report.content_hash);
  EXPECT_EQ(dataset.info().num_supervised_targets, report.tokens_supervised);
  EXPECT_EQ(parse_ordered_json(dataset.texts().statistics, "statistics"), report.statistics());
  const Json sources = parse_json(dataset.texts().sources, "sources");
  EXPECT_EQ(sources[0]["records"], 3);
  EXPECT_EQ(sources[0]["format"], "prompt-completion");
  EXPECT_THAT(report.to_text(),
              AllOf(HasSubstr("3 in, 2 (66.7%) packed"), HasSubstr("empty answer: 1")));
}

// Lengths 0, 1, up to a row, exactly a row, one more, huge; every policy; nothing is lost, repeated
// or mixed up, and the account agrees with a count from outside.
TEST_F(PackCorpus, accounts_for_every_record_and_token) {
  std::mt19937 random(21);
  for (const OverlongPolicy policy : {OverlongPolicy::kTruncate, OverlongPolicy::kDrop}) {
    for (const int64_t sequence_len : {2, 16, 64, 333}) {
      options_.overlong = policy;
      options_.sequence_len = sequence_len;
      std::string corpus;
      std::map<std::pair<int64_t, int32_t>, std::string> expected;
      const size_t limit = static_cast<size_t>(sequence_len);
      int64_t tokens_in = 0, num_dropped = 0;
      const int64_t num_records = 300;
      for (int64_t record = 1; record <= num_records; ++record) {
        const size_t sizes[] = {
            0, 1, limit, limit + 1, 20 * limit, random() % limit, random() % (2 * limit)};
        const std::string prompt =
            random_text(random, random() % 3 == 0 ? 0 : sizes[random() % 7] / 2);
        const std::string answer = random_text(random, sizes[random() % 7]);
        corpus += record_of(prompt, answer);
        const std::string rendered = prompt + "\n" + answer + "</s>";
        const size_t num_tokens = prompt.size() + answer.size() + 2;
        tokens_in += static_cast<int64_t>(num_tokens);
        const bool fits = num_tokens <= limit;
        const bool keeps =
            fits || (policy == OverlongPolicy::kTruncate && prompt.size() + 2 <= limit);
        if (answer.empty() || !keeps) {
          ++num_dropped;
        } else {
          expected[{record, 0}] = fits ? rendered : rendered.substr(0, limit);
        }
      }
      if (expected.empty()) continue;
      const PackReport report = pack(corpus);
      EXPECT_EQ(documents(), expected);
      EXPECT_EQ(report.records_in, num_records);
      EXPECT_EQ(report.records_in - report.records_packed, num_dropped);
      EXPECT_EQ(report.tokens_in, tokens_in);
    }
  }
}

TEST_F(PackCorpus, raw_text_comes_back_whole) {
  std::mt19937 random(22);
  std::string corpus;
  std::vector<std::string> texts;
  for (const size_t length : {1, 61, 62, 63, 64, 65, 126, 127, 5000}) {
    texts.push_back(random_text(random, length));
    corpus += Json{{"text", texts.back()}}.dump() + "\n";
  }
  const PackReport report = pack(corpus);
  EXPECT_EQ(report.records_packed, 9);
  EXPECT_EQ(report.records_split, 6);
  std::map<int64_t, std::string> joined;
  for (const auto& [place, text] : documents()) joined[place.first] += text;
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(joined[static_cast<int64_t>(i) + 1], "<s>" + texts[i] + "</s>");
  }
}

TEST_F(PackCorpus, output_does_not_depend_on_the_workers) {
  std::mt19937 random(23);
  std::string corpus;
  for (int i = 0; i < 3000; ++i)
    corpus += record_of(random_text(random, random() % 20), random_text(random, 1 + random() % 30));
  std::vector<std::string> hashes;
  for (const int workers : {1, 2, 5}) {
    options_.corpus.num_workers = workers;
    const PackReport report = pack(corpus);
    hashes.push_back(report.content_hash.hex() + report.statistics().dump());
  }
  EXPECT_EQ(hashes[1], hashes[0]);
  EXPECT_EQ(hashes[2], hashes[0]);
}

TEST_F(PackCorpus, stops_at_the_first_bad_record_and_leaves_nothing) {
  std::string corpus;
  for (int i = 0; i < 2000; ++i) {
    corpus += i == 700 ? "{\"prompt\": \"secret\n" : i > 1500 ? "secret\n" : record_of("a", "b");
  }
  for (const int workers : {1, 4}) {
    options_.corpus.num_workers = workers;
    const size_t before = directory_.num_entries();
    EXPECT_THAT(USER_ERROR_OF(pack(corpus)),
                AllOf(names("corpus.jsonl:701"), Not(HasSubstr("secret"))));
    EXPECT_FALSE(std::filesystem::exists(options_.output));
    EXPECT_LE(directory_.num_entries(), before + 1);  // the corpus itself
  }
}

TEST_F(PackCorpus, refuses_an_over_long_record_by_default) {
  const std::string corpus = record_of("a", "b") + record_of("a", std::string(100, 'b'));
  EXPECT_THAT(USER_ERROR_OF(pack(corpus)),
              names("corpus.jsonl:2", "103 tokens", "(--sequence-len) is 64"));
  EXPECT_FALSE(std::filesystem::exists(options_.output));
}

TEST_F(PackCorpus, an_older_output_survives_a_failure) {
  const PackReport report = pack(record_of("a", "b"));
  EXPECT_THROW(pack("nonsense\n"), UserError);
  EXPECT_EQ(PackedDataset(options_.output).info().content_hash, report.content_hash);
}

TEST_F(PackCorpus, refuses_a_corpus_that_teaches_nothing) {
  EXPECT_THAT(USER_ERROR_OF(pack("")), names("no records", "corpus.jsonl"));
  EXPECT_THAT(USER_ERROR_OF(pack("\n \n")), names("no records", "corpus.jsonl"));
  EXPECT_THAT(USER_ERROR_OF(pack(record_of("a", "") + record_of("b", " "))),
              names("corpus.jsonl", "2 records", "2 empty answer"));
  EXPECT_FALSE(std::filesystem::exists(options_.output));
}

TEST_F(PackCorpus, refuses_wrong_options) {
  options_.sequence_len = 1;
  EXPECT_THAT(USER_ERROR_OF(pack(record_of("a", "b"))), names("--sequence-len 1:"));
  options_.sequence_len = 16;
  options_.chat_template = "nope";
  EXPECT_THAT(USER_ERROR_OF(pack(record_of("a", "b"))), names("'nope'"));
  options_.chat_template = "plain";
  options_.output = directory_.path();
  EXPECT_THAT(USER_ERROR_OF(pack(record_of("a", "b"))),
              names(directory_.path().string(), "directory"));
  options_.output = directory_.write("file", "") / "out.h5";
  EXPECT_THAT(USER_ERROR_OF(pack(record_of("a", "b"))),
              names("file/out.h5: ", "directory " + (directory_ / "file").string()));
}

TEST_F(PackCorpus, makes_the_folder_of_its_output) {
  options_.output = directory_ / "none" / "here" / "out.h5";
  pack(record_of("a", "b"));
  EXPECT_TRUE(std::filesystem::is_regular_file(options_.output));
}

}  // namespace
}  // namespace temper
