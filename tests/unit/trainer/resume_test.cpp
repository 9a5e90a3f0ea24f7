#include "trainer/resume.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/error.h"
#include "io/atomic_file.h"

namespace temper {
namespace {

class ResumeTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() / fmt::format("temper-resume-{}", getpid());
    std::filesystem::remove_all(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  RunIdentity identity() const {
    RunIdentity identity;
    identity.base_hash = hash_text("base");
    identity.dataset_hash = hash_text("data");
    identity.training_yaml = "learning_rate: 0.1\nseed: 1\n";
    return identity;
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
    record.files = {{"rank-00000-of-00001.safetensors", 7, hash_text("content")}};
    write_file_atomically(directory / "commit.json", record.to_json());
  }

  std::string error_of(RunIdentity now, const ResumeChoice& choice = {}) {
    try {
      choose_checkpoint(RunDirectory(root_), now, choice);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path root_;
};

TEST_F(ResumeTest, missing_or_empty_directory_starts_anew) {
  RunIdentity now = identity();
  EXPECT_FALSE(choose_checkpoint(RunDirectory(root_), now, {}).has_value());
  make_directories(root_);
  EXPECT_FALSE(choose_checkpoint(RunDirectory(root_), now, {}).has_value());
  EXPECT_TRUE(now.run_id.empty());
}

TEST_F(ResumeTest, newest_complete_checkpoint_is_chosen_and_the_run_keeps_its_id) {
  start_run();
  commit_step(10);
  commit_step(20);
  make_directories(root_ / "step-30");              // no record: not complete
  make_directories(root_ / "step-40.abc.partial");  // never looked at
  RunIdentity now = identity();
  EXPECT_EQ(choose_checkpoint(RunDirectory(root_), now, {}), root_ / "step-20");
  EXPECT_EQ(now.run_id, "first");
}

TEST_F(ResumeTest, truncated_rank_file_makes_its_checkpoint_invisible) {
  start_run();
  commit_step(10);
  commit_step(20);
  std::ofstream(root_ / "step-20" / "rank-00000-of-00001.safetensors") << "short";
  RunIdentity now = identity();
  EXPECT_EQ(choose_checkpoint(RunDirectory(root_), now, {}), root_ / "step-10");
}

TEST_F(ResumeTest, another_runs_directory_is_refused_naming_the_difference) {
  start_run();
  RunIdentity now = identity();
  now.training_yaml = "learning_rate: 0.2\nseed: 1\n";
  EXPECT_NE(error_of(now).find("learning_rate: 0.1, now learning_rate: 0.2"), std::string::npos)
      << error_of(now);
  now = identity();
  now.dataset_hash = hash_text("other data");
  EXPECT_NE(error_of(now).find("other data"), std::string::npos);
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

TEST_F(ResumeTest, explicit_path_must_be_complete_and_of_the_same_base) {
  start_run();
  commit_step(10);
  RunIdentity now = identity();
  const std::string path = (root_ / "step-10").string();
  EXPECT_EQ(choose_checkpoint(RunDirectory(root_), now, ResumeChoice::parse(path)), path);
  EXPECT_NE(error_of(now, ResumeChoice::parse((root_ / "step-11").string())).find("not a complete"),
            std::string::npos);
}

}  // namespace
}  // namespace temper
