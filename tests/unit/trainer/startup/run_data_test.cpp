#include "trainer/startup/run_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/dataset/dataset_writer.h"
#include "io/json.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"
#include "text/chat/chat_template.h"

namespace temper {
namespace {

class RunDataTest : public testing::Test {
 protected:
  struct Packing {
    std::string name;
    std::string format;  // of its one source
    std::string chat_template;
    std::string settings = "{}";
    std::string source = {};  // of the template, if not the built-in's
  };

  // One row of four tokens.
  DatasetEntry pack(const Packing& packing) const {
    DatasetWriter::Header header;
    header.sequence_len = 4;
    header.vocab_size = 50;
    header.chat_template = packing.chat_template;
    header.chat_template_source = packing.source.empty()
                                      ? ChatTemplate::named(packing.chat_template).source()
                                      : packing.source;
    const std::filesystem::path path = directory_ / packing.name;
    DatasetWriter writer(path, header);
    PackedDocument document;
    document.tokens = {1, 2, 3, 4};
    document.supervised = {0, 1, 1, 1};
    writer.add_row({&document});
    const Json sources =
        Json::array({{{"name", packing.name}, {"format", packing.format}, {"records", 1}}});
    writer.finish(sources.dump(), packing.settings, "{}");
    return {path, 1.0};
  }

  static std::optional<TemplateRecord> template_of(std::vector<DatasetEntry> datasets) {
    RunConfig config;
    config.datasets = std::move(datasets);
    return find_run_data(config).chat_template;
  }

  TemporaryDirectory directory_;
};

TEST_F(RunDataTest, conversations_say_which_template_a_run_has) {
  EXPECT_EQ(template_of({pack({"t1.h5", "text", "plain"})}), std::nullopt);
  const auto found =
      template_of({pack({"t2.h5", "text", "plain"}), pack({"a.h5", "alpaca", "alpaca"})});
  EXPECT_EQ(found, (TemplateRecord{"alpaca", ChatTemplate::named("alpaca").source(), ""}));
  testing::internal::CaptureStderr();
  EXPECT_EQ(
      template_of({pack({"c.h5", "chat", "chatml"}), pack({"b.h5", "alpaca", "alpaca"})})->name,
      "chatml");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), names("b.h5", "'alpaca'"));
}

TEST_F(RunDataTest, the_template_s_kwargs_come_along_in_their_order) {
  const std::string settings = R"({"chat_template_variables": {"tools": [{"b": 1, "a": 2}]}})";
  testing::internal::CaptureStderr();
  EXPECT_EQ(template_of({pack({"a.h5", "chat", "chatml", settings})})->kwargs,
            R"({"tools":[{"b":1,"a":2}]})");
  EXPECT_EQ(
      template_of({pack({"b.h5", "chat", "chatml", R"({"chat_template_variables": {}})"})})->kwargs,
      "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  EXPECT_EQ(
      template_of({pack({"c.h5", "chat", "chatml"}), pack({"d.h5", "chat", "chatml", settings})})
          ->kwargs,
      "");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), names("d.h5"));
}

TEST_F(RunDataTest, the_template_s_text_is_the_one_it_was_packed_with) {
  const auto found = template_of({pack({"a.h5", "chat", "mine.jinja", "{}", "{{ messages }}"})});
  EXPECT_EQ(found, (TemplateRecord{"mine.jinja", "{{ messages }}", ""}));
}

TEST_F(RunDataTest, what_rank_0_finds_reaches_the_others_whole) {
  RunConfig config;
  const std::string settings = R"({"chat_template_variables": {"b": 1}})";
  config.datasets = {pack({"a.h5", "chat", "mine.jinja", settings, "{{ 'ü' }}"})};
  config.test_datasets = {pack({"b.h5", "text", "plain"})};
  const RunData data = find_run_data(config);
  EXPECT_EQ(data.datasets.size(), 2u);
  EXPECT_EQ(RunData::from_text(data.to_text()), data);
  RunConfig raw;
  raw.datasets = config.test_datasets;
  EXPECT_EQ(RunData::from_text(find_run_data(raw).to_text()), find_run_data(raw));
}

}  // namespace
}  // namespace temper
