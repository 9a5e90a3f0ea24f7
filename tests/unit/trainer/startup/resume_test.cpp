#include "trainer/startup/resume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/error.h"
#include "config/resolved_config.h"
#include "io/atomic_file.h"
#include "tests/fixtures/names.h"
#include "tests/unit/temporary_directory.h"
#include "trainer/startup/training_identity.h"

namespace temper {
namespace {

class ResumeTest : public testing::Test {
 protected:
  static constexpr int64_t kRowsPerEpoch = 100;

  RunIdentity identity() const {
    RunIdentity identity;
    identity.base_hash = hash_text("base");
    identity.dataset_hash = hash_text("data");
    identity.training_yaml = training_identity(config(), kRowsPerEpoch);
    return identity;
  }
  static RunConfig config() {
    RunConfig config;
    config.base_model = "model";
    config.datasets = {{"train.h5", 1.0}};
    config.learning_rate = 0.1;
    config.max_steps = 30;
    config.output_dir = "out";
    return config;
  }

  void start_run() {
    RunIdentity started = identity();
    started.run_id = "first";
    make_directories(root_);
    write_file_atomically(RunDirectory(root_).identity_path(), started.to_json());
  }

  // A complete checkpoint with one file of content.
  void commit_step(int64_t step) {
    const auto directory = RunDirectory(root_).checkpoint_path(step);
    make_directories(directory);
    write_file_atomically(directory / "rank-00000-of-00001.safetensors", "content");
    CommitRecord record;
    record.step = step;
    record.world_size = 1;
    record.base_hash = identity().base_hash;
    record.dataset_hash = identity().dataset_hash;
    record.config_yaml = resolved_yaml(config());
    record.files = {{"rank-00000-of-00001.safetensors", 7, hash_text("content")}};
    write_file_atomically(directory / "commit.json", record.to_json());
  }

  // The names of the checkpoints that would be tried.
  std::vector<std::string> choose(RunIdentity& now, const ResumeChoice& choice = {}) {
    check_start(RunDirectory(root_), now, kRowsPerEpoch, choice);
    std::vector<std::string> names;
    for (const std::string& path : choose_checkpoints(RunDirectory(root_), choice)) {
      names.push_back(std::filesystem::path(path).filename().string());
    }
    return names;
  }

  std::string error_of(RunIdentity now, const ResumeChoice& choice = {}) {
    try {
      choose(now, choice);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }

  const TemporaryDirectory directory_;
  const std::filesystem::path root_ = directory_ / "run";
};

TEST_F(ResumeTest, missing_or_empty_directory_starts_anew) {
  RunIdentity now = identity();
  EXPECT_TRUE(choose(now).empty());
  make_directories(root_);
  EXPECT_TRUE(choose(now).empty());
  EXPECT_TRUE(now.run_id.empty());
}

TEST_F(ResumeTest, newest_complete_checkpoint_is_chosen_and_the_run_keeps_its_id) {
  start_run();
  commit_step(10);
  commit_step(20);
  make_directories(root_ / "step-30");              // no record: not complete
  make_directories(root_ / "step-40.abc.partial");  // never looked at
  RunIdentity now = identity();
  EXPECT_EQ(choose(now), (std::vector<std::string>{"step-20", "step-10"}));
  EXPECT_EQ(now.run_id, "first");
}

TEST_F(ResumeTest, truncated_rank_file_makes_its_checkpoint_invisible) {
  start_run();
  commit_step(10);
  commit_step(20);
  std::ofstream(root_ / "step-20" / "rank-00000-of-00001.safetensors") << "short";
  RunIdentity now = identity();
  EXPECT_EQ(choose(now), std::vector<std::string>{"step-10"});
}

TEST_F(ResumeTest, run_whose_checkpoints_are_all_incomplete_is_not_begun_again) {
  start_run();
  make_directories(root_ / "step-30.abc.partial");
  RunIdentity now = identity();
  EXPECT_TRUE(choose(now).empty());  // killed in its first save
  make_directories(root_ / "step-30");
  EXPECT_THAT(error_of(identity()), names("step-30: "));
}

TEST_F(ResumeTest, another_runs_directory_is_refused_naming_the_difference) {
  start_run();
  RunIdentity now = identity();
  RunConfig other = config();
  other.learning_rate = 0.2;
  now.training_yaml = training_identity(other, kRowsPerEpoch);
  EXPECT_NE(error_of(now).find("learning_rate: 0.1, now learning_rate: 0.2"), std::string::npos)
      << error_of(now);
  now = identity();
  now.dataset_hash = hash_text("other data");
  EXPECT_NE(error_of(now).find("other data"), std::string::npos);
  now = identity();
  now.initial_adapter_hash = hash_text("adapter");
  EXPECT_NE(error_of(now).find("another adapter"), std::string::npos);
  now = identity();
  now.base_hash = hash_text("other base");
  EXPECT_NE(error_of(now).find("other base"), std::string::npos);
}

TEST_F(ResumeTest, foreign_directory_and_never_are_refused) {
  make_directories(root_);
  std::ofstream(root_ / "thesis.txt") << "mine";
  EXPECT_NE(error_of(identity()).find("not a run of temper"), std::string::npos);
  std::filesystem::remove(root_ / "thesis.txt");
  start_run();
  EXPECT_NE(error_of(identity(), ResumeChoice::parse("never")).find("never"), std::string::npos);
}

TEST_F(ResumeTest, start_that_was_cut_short_left_a_fresh_directory) {
  make_directories(root_);
  write_file_atomically(RunDirectory(root_).owner_path(), "somebody");
  RunIdentity now = identity();
  EXPECT_TRUE(choose(now).empty());
  EXPECT_TRUE(now.run_id.empty());
}

TEST_F(ResumeTest, named_checkpoint_must_be_of_the_same_data_and_settings) {
  commit_step(10);
  const auto elsewhere = root_.string() + "-elsewhere/step-10";
  std::filesystem::create_directories(std::filesystem::path(elsewhere).parent_path());
  std::filesystem::rename(root_ / "step-10", elsewhere);
  const ResumeChoice choice = ResumeChoice::parse(elsewhere);
  EXPECT_EQ(error_of(identity(), choice), "");
  RunIdentity now = identity();
  now.dataset_hash = hash_text("other data");
  EXPECT_NE(error_of(now, choice).find("other data"), std::string::npos);
  now = identity();
  RunConfig other = config();
  other.adapter = "lora";
  other.lora_r = 4;
  now.training_yaml = training_identity(other, kRowsPerEpoch);
  EXPECT_NE(error_of(now, choice).find("it has adapter: full, now adapter: lora"),
            std::string::npos)
      << error_of(now, choice);
  std::filesystem::remove_all(std::filesystem::path(elsewhere).parent_path());
}

TEST_F(ResumeTest, explicit_path_must_be_complete_and_of_the_same_base) {
  start_run();
  commit_step(10);
  RunIdentity now = identity();
  const std::string path = (root_ / "step-10").string();
  EXPECT_EQ(choose(now, ResumeChoice::parse(path)),
            std::vector<std::string>{std::filesystem::path(path).filename().string()});
  EXPECT_NE(error_of(now, ResumeChoice::parse((root_ / "step-11").string())).find("not a complete"),
            std::string::npos);
}

TEST_F(ResumeTest, directory_with_a_planted_link_is_refused_before_anything_is_written) {
  make_directories(root_);
  std::filesystem::create_symlink("/tmp", root_ / "logs");
  EXPECT_NE(error_of(identity()).find("logs is a symbolic link"), std::string::npos);
  start_run();
  EXPECT_NE(error_of(identity()).find("logs is a symbolic link"), std::string::npos);
}

}  // namespace
}  // namespace temper
