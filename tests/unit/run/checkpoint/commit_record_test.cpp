#include "run/checkpoint/commit_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "run/checkpoint/self_checksum.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/run/sample_checkpoint.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

// The refusal of a record whose field `key` was replaced, with a checksum that is right.
std::string refusal_with(const std::string& key, Json value) {
  Json json = Json::parse(sample_record(5).to_json());
  json.erase("record_hash");
  json[key] = std::move(value);
  return error_text<UserError>([&] { CommitRecord::from_json(seal_record(json), "commit.json"); });
}

TEST(CommitRecordTest, what_is_written_is_read) {
  const CommitRecord record = sample_record(120);
  const CommitRecord back = CommitRecord::from_json(record.to_json(), "commit.json");
  EXPECT_EQ(back.format_version, kCheckpointFormatVersion);
  EXPECT_EQ(back.step, 120);
  EXPECT_EQ(back.world_size, 2);
  EXPECT_EQ(back.rows_consumed, record.rows_consumed);
  EXPECT_EQ(back.state_hash, record.state_hash);
  EXPECT_EQ(back.base_hash, record.base_hash);
  EXPECT_EQ(back.tokenizer_hash, record.tokenizer_hash);
  EXPECT_EQ(back.dataset_hash, record.dataset_hash);
  EXPECT_EQ(back.run_id, "run-1");
  EXPECT_EQ(back.adapter, "lora");
  EXPECT_EQ(back.chat_template, record.chat_template);
  EXPECT_TRUE(back.knows_template());
  EXPECT_EQ(back.config_yaml, record.config_yaml);
  EXPECT_EQ(back.cpu_kernels, "EPYC avx2");
  EXPECT_EQ(back.eval_best_step, 40);
  EXPECT_EQ(back.rows_left_out, record.rows_left_out);
  EXPECT_EQ(back.guard_state, R"({"rollbacks":2})");
  ASSERT_EQ(back.files.size(), 2u);
  EXPECT_EQ(back.files[0].name, "rank-00000-of-00002.safetensors");
  EXPECT_EQ(back.files[0].size_bytes, 100u);
  EXPECT_EQ(back.files[1].hash, hash_text("b"));
  EXPECT_EQ(back.to_json(), record.to_json());
}

// What temper 0.1 wrote before the template's text was kept.
TEST(CommitRecordTest, version_1_may_not_know_the_template) {
  Json json = Json::parse(sample_record(5).to_json());
  json.erase("record_hash");
  json["format_version"] = 1;
  json["chat_template"] = "chatml";
  json["chat_template_kwargs"] = "{}";
  const auto read = [&] { return CommitRecord::from_json(seal_record(json), "commit.json"); };
  EXPECT_EQ(read().chat_template, (TemplateRecord{"chatml", "", "{}"}));
  EXPECT_TRUE(read().knows_template());
  json["chat_template"] = "";
  EXPECT_EQ(read().chat_template, std::nullopt);
  EXPECT_FALSE(read().knows_template());
}

TEST(CommitRecordTest, raw_texts_have_no_template) {
  CommitRecord record = sample_record(5);
  record.chat_template.reset();
  const CommitRecord back = CommitRecord::from_json(record.to_json(), "commit.json");
  EXPECT_EQ(back.chat_template, std::nullopt);
  EXPECT_TRUE(back.knows_template());
  EXPECT_NE(refusal_with("chat_template", "plain"), "");
  EXPECT_NE(refusal_with("chat_template", {{"name", "plain"}}), "");
}

TEST(CommitRecordTest, a_changed_number_is_noticed) {
  std::string text = sample_record(120).to_json();
  text.replace(text.find("120"), 3, "121");
  EXPECT_THAT(error_text<UserError>([&] { CommitRecord::from_json(text, "commit.json"); }),
              names("commit.json", "damaged"));
}

TEST(CommitRecordTest, newer_versions_are_refused_naming_both) {
  EXPECT_THAT(refusal_with("format_version", 3), names("commit.json", "version 3", "version 2"));
}

TEST(CommitRecordTest, wrong_fields_are_refused_by_name) {
  EXPECT_THAT(refusal_with("step", "5"), names("\"step\"", "\"5\"", "integer"));
  EXPECT_THAT(refusal_with("step", -1), names("\"step\"", "-1"));
  EXPECT_THAT(refusal_with("rows_consumed", 1.5), names("\"rows_consumed\"", "1.5"));
  EXPECT_THAT(refusal_with("eval_best_step", -2), names("\"eval_best_step\"", "-2", "-1"));
  EXPECT_THAT(refusal_with("state_hash", "xyz"), names("\"state_hash\"", "'xyz'"));
  EXPECT_THAT(refusal_with("config_yaml", 1), names("\"config_yaml\"", "1"));
  EXPECT_THAT(refusal_with("files", Json::object()), names("\"files\"", "list"));
  for (const Json& wrong :
       {Json{{4, 4}}, Json{{-4, 4}}, Json{{4}}, Json{4}, Json(4), Json{{4, "x"}}}) {
    EXPECT_THAT(refusal_with("rows_left_out", wrong), names("[begin, end]")) << wrong;
  }
}

TEST(CommitRecordTest, file_names_are_plain_and_listed_once) {
  const auto with_name = [](const std::string& name) {
    return Json::array({{{"name", name}, {"size_bytes", 1}, {"hash", hash_text("").hex()}}});
  };
  for (const char* name : {"", ".", "..", "/etc/passwd", "../x", "a/b"}) {
    EXPECT_THAT(refusal_with("files", with_name(name)), names("files[0]", "\"name\"")) << name;
  }
  EXPECT_THAT(refusal_with("files", with_name(std::string("a\0b", 3))),
              names("files[0]", "\"name\""));
  Json twice = with_name("a");
  twice.push_back(twice[0]);
  EXPECT_THAT(refusal_with("files", twice), names("commit.json", "a is listed twice"));
  Json negative = with_name("a");
  negative[0]["size_bytes"] = -1;
  EXPECT_THAT(refusal_with("files", negative), names("files[0]", "\"size_bytes\"", "-1"));
  EXPECT_THAT(refusal_with("files", {1}), names("files[0]", "object"));
}

class InspectCheckpointTest : public testing::Test {
 protected:
  InspectCheckpointTest() { write_checkpoint(step_, 5); }

  std::string problem(const fs::path& path) {
    const CheckpointStatus status = inspect_checkpoint(path);
    EXPECT_FALSE(status.complete);
    EXPECT_FALSE(status.problem.empty());
    return status.problem;
  }

  TemporaryDirectory run_;
  const fs::path step_ = run_ / "step-5";
};

TEST_F(InspectCheckpointTest, accepts_a_complete_one) {
  const CheckpointStatus status = inspect_checkpoint(step_);
  EXPECT_TRUE(status.complete) << status.problem;
  EXPECT_EQ(status.problem, "");
  EXPECT_EQ(status.step, 5);
  EXPECT_EQ(status.path, step_);
  EXPECT_EQ(status.record->rows_consumed, 320);
}

TEST_F(InspectCheckpointTest, accepts_links_and_trailing_slashes) {
  fs::create_symlink("step-5", run_ / "latest");
  EXPECT_TRUE(inspect_checkpoint(run_ / "latest").complete);
  EXPECT_TRUE(inspect_checkpoint(run_ / "step-5/").complete);
}

TEST_F(InspectCheckpointTest, a_name_with_a_suffix_is_never_complete) {
  for (const char* name : {"step-5.a.partial", "step-5.a.deleting", "step-05", "copy"}) {
    const fs::path renamed = run_ / name;
    fs::rename(step_, renamed);
    EXPECT_THAT(problem(renamed), names("step-N"));
    fs::rename(renamed, step_);
  }
}

TEST_F(InspectCheckpointTest, name_and_record_must_agree) {
  fs::rename(step_, run_ / "step-6");
  EXPECT_THAT(problem(run_ / "step-6"), names("step 5"));
}

TEST_F(InspectCheckpointTest, every_file_must_be_there_with_its_size) {
  const fs::path file = step_ / "rank-00000-of-00002.safetensors";
  fs::resize_file(file, 99);
  EXPECT_THAT(problem(step_), names("99 bytes", "100"));
  fs::resize_file(file, 101);
  EXPECT_THAT(problem(step_), names("101 bytes", "100"));
  fs::remove(file);
  EXPECT_THAT(problem(step_), names("rank-00000-of-00002.safetensors", "No such file"));
  fs::create_directory(file);
  EXPECT_THAT(problem(step_), names("rank-00000-of-00002.safetensors", "regular file"));
}

TEST_F(InspectCheckpointTest, record_must_be_there_and_whole) {
  const std::string text = read_file(step_ / "commit.json");
  write_file_atomically(step_ / "commit.json", text.substr(0, text.size() / 2));
  EXPECT_THAT(problem(step_), names("commit.json", "not valid JSON"));
  write_file_atomically(step_ / "commit.json", "");
  EXPECT_THAT(problem(step_), names("commit.json", "not valid JSON"));
  fs::remove(step_ / "commit.json");
  EXPECT_EQ(problem(step_), "it has no commit record (commit.json)");
}

TEST_F(InspectCheckpointTest, a_record_without_files_is_not_enough) {
  CommitRecord record = sample_record(5);
  record.files.clear();
  write_file_atomically(step_ / "commit.json", record.to_json());
  EXPECT_EQ(problem(step_), "its commit record lists no files");
}

TEST_F(InspectCheckpointTest, missing_directories_and_files_are_no_checkpoints) {
  const std::string absent = problem(run_ / "step-7");
  EXPECT_EQ(absent, "there is no such directory");
  run_.write("step-8", "a file");
  EXPECT_EQ(problem(run_ / "step-8"), absent);
  fs::create_symlink("nowhere", run_ / "step-9");
  EXPECT_EQ(problem(run_ / "step-9"), absent);
}

}  // namespace
}  // namespace temper
