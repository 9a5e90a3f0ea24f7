#include "run/owned_run_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "run/run_identity.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/run/sample_checkpoint.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class RunDirectoryTest : public testing::Test {
 protected:
  void add(int64_t step) { write_checkpoint(run_.checkpoint_path(step), step); }
  void damage(int64_t step) { fs::remove(run_.checkpoint_path(step) / "commit.json"); }

  std::vector<std::string> listing() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(run_.root())) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  const TemporaryDirectory directory_;
  const OwnedRunDirectory run_{directory_.path(), "a"};
};

TEST_F(RunDirectoryTest, has_the_documented_names) {
  const OwnedRunDirectory run("out", "a1");
  EXPECT_EQ(run.checkpoint_path(120), "out/step-120");
  EXPECT_EQ(run.partial_checkpoint_path(120), "out/step-120.a1.partial");
  EXPECT_EQ(run.identity_path(), "out/run.json");
  EXPECT_THROW(OwnedRunDirectory("out", "a/b"), InternalError);
  EXPECT_THROW(OwnedRunDirectory("out", ""), InternalError);
}

TEST_F(RunDirectoryTest, exists_once_its_identity_is_written) {
  EXPECT_FALSE(RunDirectory(directory_ / "no").exists());
  EXPECT_FALSE(run_.exists());
  write_file_atomically(run_.identity_path(), RunIdentity().to_json());
  EXPECT_TRUE(run_.exists());
}

TEST_F(RunDirectoryTest, newest_complete_checkpoint_is_found_by_number) {
  for (const int64_t step : {2, 10, 9}) add(step);
  EXPECT_EQ(run_.latest_complete()->step, 10);
  std::vector<int64_t> steps;
  for (const CheckpointStatus& status : run_.checkpoints()) steps.push_back(status.step);
  EXPECT_THAT(steps, ElementsAre(10, 9, 2));
}

TEST_F(RunDirectoryTest, incomplete_checkpoints_are_listed_but_passed_over) {
  for (const int64_t step : {1, 2, 3}) add(step);
  damage(3);
  EXPECT_EQ(run_.latest_complete()->step, 2);
  const auto list = run_.checkpoints();
  ASSERT_EQ(list.size(), 3u);
  EXPECT_FALSE(list[0].complete);
  EXPECT_THAT(list[0].problem, names("commit.json"));
  EXPECT_TRUE(list[1].complete);
}

TEST_F(RunDirectoryTest, nothing_is_found_where_nothing_is) {
  EXPECT_TRUE(run_.checkpoints().empty());
  EXPECT_FALSE(run_.latest_complete());
  EXPECT_TRUE(RunDirectory(directory_ / "no").checkpoints().empty());
}

TEST_F(RunDirectoryTest, foreign_names_and_a_lying_latest_do_not_confuse) {
  add(5);
  write_checkpoint(directory_ / "step-9.other.partial", 9);
  write_checkpoint(directory_ / "step-8.a.deleting", 8);
  write_checkpoint(directory_ / "step-07", 7);
  write_checkpoint(directory_ / "copy of step-6", 6);
  write_checkpoint(directory_ / "elsewhere", 10);
  directory_.write("step-11", "a file");
  fs::create_symlink("elsewhere", directory_ / "step-10");
  fs::create_symlink("step-99", directory_ / "latest");
  EXPECT_EQ(run_.latest_complete()->step, 5);
  EXPECT_EQ(run_.checkpoints().size(), 1u);
}

TEST_F(RunDirectoryTest, latest_points_to_the_checkpoint_and_is_replaced) {
  add(5);
  add(6);
  run_.point_latest_to(5);
  EXPECT_EQ(fs::read_symlink(directory_ / "latest"), "step-5");
  run_.point_latest_to(6);
  EXPECT_EQ(fs::read_symlink(directory_ / "latest"), "step-6");
  EXPECT_THAT(listing(), UnorderedElementsAre("step-5", "step-6", "latest"));
}

TEST_F(RunDirectoryTest, latest_that_cannot_be_moved_is_only_a_warning) {
  fs::create_directory(directory_ / "latest");
  directory_.write("latest/file", "");
  testing::internal::CaptureStderr();
  EXPECT_NO_THROW(run_.point_latest_to(5));
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              names("warning: ", (directory_ / "latest").string(), "step-5"));
  EXPECT_THAT(listing(), ElementsAre("latest"));
}

TEST_F(RunDirectoryTest, retains_the_newest_complete_ones) {
  for (const int64_t step : {1, 2, 3, 4}) add(step);
  run_.retain(2);
  EXPECT_THAT(listing(), UnorderedElementsAre("step-3", "step-4"));
  run_.retain(0);
  EXPECT_THAT(listing(), UnorderedElementsAre("step-3", "step-4"));
}

TEST_F(RunDirectoryTest, the_last_two_complete_ones_stay_whatever_the_limit) {
  for (const int64_t step : {1, 2, 3}) add(step);
  run_.retain(1);
  EXPECT_THAT(listing(), UnorderedElementsAre("step-2", "step-3"));
}

TEST_F(RunDirectoryTest, incomplete_checkpoints_do_not_count_and_are_not_deleted) {
  for (const int64_t step : {1, 2, 3, 4}) add(step);
  damage(4);
  run_.retain(2);
  EXPECT_THAT(listing(), UnorderedElementsAre("step-2", "step-3", "step-4"));
}

TEST_F(RunDirectoryTest, best_checkpoint_stays_beside_the_newest) {
  for (const int64_t step : {1, 2, 3, 4, 5}) add(step);
  run_.retain(3, {9, 2, 4});  // of step 9 there is none
  EXPECT_THAT(listing(), UnorderedElementsAre("step-2", "step-4", "step-5"));
  run_.retain(1, {2});
  EXPECT_THAT(listing(), UnorderedElementsAre("step-2", "step-4", "step-5"));
  run_.retain(1, {5, 2});
  EXPECT_THAT(listing(), UnorderedElementsAre("step-4", "step-5"));
}

TEST_F(RunDirectoryTest, sweeps_what_other_attempts_left_and_nothing_else) {
  add(5);
  for (const char* name :
       {"step-6.old.partial", "step-4.old.deleting", "step-3.a.deleting", "step-2.deleting",
        "step-7.a.partial", "step-8.old.aside", "mine.partial", "notes"}) {
    write_checkpoint(directory_ / name, 6);
  }
  for (const char* name :
       {"step-1.old.partial", "run.json.12.partial", "status.json.node7-4711-0.partial",
        "thesis.node7-4711-0.partial", "thesis.12.partial", "run.json.x.partial",
        "run.json.partial", "run.jsonx.12.partial", "run.json.12.partial.mine"}) {
    directory_.write(name, "a file");
  }
  fs::create_symlink("step-9", directory_ / "latest.4.partial");
  run_.sweep();
  EXPECT_THAT(listing(), UnorderedElementsAre("step-5", "step-7.a.partial", "step-8.old.aside",
                                              "mine.partial", "notes", "step-1.old.partial",
                                              "thesis.12.partial", "run.json.x.partial",
                                              "run.json.partial", "thesis.node7-4711-0.partial",
                                              "run.jsonx.12.partial", "run.json.12.partial.mine"));
}

TEST_F(RunDirectoryTest, half_written_file_of_every_kind_is_swept_and_hinders_no_start) {
  for (const char* file :
       {"run.json", "run.yaml", "owner", "status.json", "job.json", "job.sbatch"}) {
    for (const char* process : {"12", "node1-12-3"}) {
      const std::string name = std::string(file) + "." + process + ".partial";
      directory_.write(name, "");
      EXPECT_TRUE(run_.is_fresh()) << name;
      run_.sweep();
      EXPECT_TRUE(listing().empty()) << name;
    }
  }
}

// NFS removes it by itself once whoever has it open lets go.
TEST_F(RunDirectoryTest, removed_file_that_is_still_open_on_nfs_hinders_no_start) {
  directory_.write(".nfs00000000018f3a4c00000001", "");
  EXPECT_TRUE(run_.is_fresh());
  run_.sweep();
  EXPECT_THAT(listing(), ElementsAre(".nfs00000000018f3a4c00000001"));
  directory_.write(".nfsroot", "");
  EXPECT_FALSE(run_.is_fresh());
}

TEST_F(RunDirectoryTest, checkpoint_that_is_set_aside_is_not_looked_at_and_not_removed) {
  for (const int64_t step : {1, 2, 3}) add(step);
  EXPECT_EQ(run_.set_aside(3), run_.root() / "step-3.a.aside");
  EXPECT_EQ(run_.latest_complete()->step, 2);
  const OwnedRunDirectory later(run_.root(), "b");
  later.sweep();
  later.retain(1);
  EXPECT_THAT(listing(), UnorderedElementsAre("step-1", "step-2", "step-3.a.aside"));
}

TEST_F(RunDirectoryTest, is_fresh_when_a_start_was_cut_short) {
  EXPECT_TRUE(RunDirectory(directory_ / "no").is_fresh());
  for (const char* name : {"lock", "owner", "run.yaml", "status.json", "run.json.12.partial"}) {
    directory_.write(name, "");
    EXPECT_TRUE(run_.is_fresh()) << name;
  }
  directory_.write("notes.txt", "");
  EXPECT_FALSE(run_.is_fresh());
  fs::remove(directory_ / "notes.txt");
  add(1);
  EXPECT_FALSE(run_.is_fresh());
}

TEST_F(RunDirectoryTest, is_not_fresh_when_a_name_is_of_another_kind) {
  fs::create_symlink("/dev/null", directory_ / "owner");
  EXPECT_FALSE(run_.is_fresh());
  fs::remove(directory_ / "owner");
  directory_.write("logs", "");
  EXPECT_FALSE(run_.is_fresh());
  fs::remove(directory_ / "logs");
  fs::create_directory(directory_ / "status.json");
  EXPECT_FALSE(run_.is_fresh());
  fs::remove(directory_ / "status.json");
  fs::create_directory(directory_ / "logs");
  EXPECT_TRUE(run_.is_fresh());
}

TEST_F(RunDirectoryTest, planted_link_is_not_trusted) {
  EXPECT_NO_THROW(run_.check_trusted());
  EXPECT_NO_THROW(RunDirectory(directory_ / "no").check_trusted());
  for (const char* name : {"metrics.jsonl", "logs", "lock", "eval"}) {
    fs::create_symlink("/tmp", directory_ / name);
    EXPECT_THAT(error_text<UserError>([&] { run_.check_trusted(); }),
                names((run_.root() / name).string(), "symbolic link"));
    fs::remove(directory_ / name);
  }
  fs::create_directory(directory_ / "latest");  // where there are no links
  directory_.write("notes", "");
  EXPECT_NO_THROW(run_.check_trusted());
}

TEST_F(RunDirectoryTest, directory_of_another_user_is_not_trusted) {
  const uid_t owner = geteuid() == 0 ? 4711 : geteuid();  // none but root can give it away
  ASSERT_EQ(chown(run_.root().c_str(), owner, static_cast<gid_t>(-1)), 0);
  EXPECT_NO_THROW(run_.check_trusted(owner));
  EXPECT_NO_THROW(run_.check_trusted(0));
  EXPECT_THAT(
      error_text<UserError>([&] { run_.check_trusted(owner + 1); }),
      names(run_.root().string(), fmt::format("id {},", owner), fmt::format("is {})", owner + 1)));
}

TEST_F(RunDirectoryTest, recorded_configuration_is_read_without_what_it_names) {
  directory_.write("run.yaml", "base_model: /gone\ndatasets:\n  - {path: /gone.h5, weight: 2}\n");
  const RunConfig config = run_.recorded_config();
  EXPECT_EQ(config.base_model, "/gone");
  ASSERT_EQ(config.datasets.size(), 1u);
  EXPECT_EQ(config.datasets[0].weight, 2.0);
}

TEST_F(RunDirectoryTest, only_the_last_attempt_owns_it) {
  const OwnedRunDirectory first(directory_ / "new/run", "a"), second(first.root(), "b");
  first.take_ownership();
  EXPECT_NO_THROW(first.check_ownership());
  second.take_ownership();
  EXPECT_THAT(error_text<LostRunError>([&] { first.check_ownership(); }),
              names("attempt b", "(a)"));
  EXPECT_NO_THROW(second.check_ownership());
  fs::remove(first.owner_path());
  EXPECT_THAT(error_text<LostRunError>([&] { second.check_ownership(); }),
              names(first.owner_path().string()));
}

}  // namespace
}  // namespace temper
