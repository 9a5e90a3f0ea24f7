// When a run saves, and what it goes on from: in the background, on request, before its time is up,
// on a disk that is full, after damage.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/fixtures/names.h"
#include "tests/fixtures/wait_until.h"
#include "training_fixture.h"

namespace temper {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class SavingTest : public TrainingFixture {
 protected:
  // Trains where no file may grow beyond 8 KiB: the metrics fit, a rank's shards do not.
  CapturedProcess train_on_full_disk(const std::string& more) {
    return run_captured({"sh", "-c",
                         fmt::format("cd {} && trap '' XFSZ && ulimit -f 16 && exec {} train "
                                     "run.yaml --set output_dir=out {}",
                                     folder().string(), TEMPER_PROGRAM, more)});
  }
};

TEST_F(SavingTest, saves_beside_training_and_says_what_they_cost) {
  write_yaml("max_steps: 9\nsave_steps: 2\nsave_total_limit: 0\n");
  ASSERT_EQ(train("out", 2).exit_code, 0);
  const std::vector<Json> saves = metrics("out", "save");
  ASSERT_EQ(saves.size(), 5u);
  for (const Json& save : saves) {
    const std::string checkpoint = fmt::format("out/step-{}", save["step"].get<int64_t>());
    const Json report = temper_json({"inspect", checkpoint, "--json"});
    EXPECT_EQ(report["state_hash"], save["state_hash"]);
    EXPECT_EQ(report["damaged"], false);
    EXPECT_EQ(save["bytes"].get<uintmax_t>(),
              fs::file_size(folder() / checkpoint / "rank-00000-of-00002.safetensors") +
                  fs::file_size(folder() / checkpoint / "rank-00001-of-00002.safetensors"));
    EXPECT_GT(save["bytes_per_second"], 0.0);
    EXPECT_GE(save["seconds"], save["stall_seconds"]);
  }
  // The same checkpoints, bit for bit, when training waits for them.
  ASSERT_EQ(train("waiting", 2, {"--set", "async_save=false"}).exit_code, 0);
  for (const char* file :
       {"step-4/rank-00001-of-00002.safetensors", "step-9/rank-00000-of-00002.safetensors"}) {
    EXPECT_TRUE(read(std::string("out/") + file) == read(std::string("waiting/") + file));
  }
  // The copy of the state is made for saves in the background only.
  EXPECT_GT(metrics("out", "ranks")[0]["ranks"][1]["save_buffer_bytes"], 0);
  EXPECT_EQ(metrics("waiting", "ranks")[0]["ranks"][1]["save_buffer_bytes"], 0);
}

TEST_F(SavingTest, saves_when_somebody_asks_and_answers_by_removing_the_file) {
  write_yaml("max_steps: 100000\n");
  const pid_t pid = start_temper("first", train_arguments("out", 2, {}));
  wait_for_step("out", 2);
  write("out/SAVE", "");
  ASSERT_TRUE(wait_until([&] { return !exists("out/SAVE"); }));
  const int64_t step = latest("out")["step"];
  EXPECT_GE(step, 2);
  EXPECT_EQ(temper_json({"status", "out", "--json"})["state"], "training");
  kill(pid, SIGTERM);
  EXPECT_EQ(wait_for_process(pid).shell_code(), 75) << read("first.err");
  EXPECT_GT(latest("out")["step"], step);
}

TEST_F(SavingTest, saves_by_time_and_changes_no_bit) {
  write_yaml("max_steps: 100000\nlr_scheduler: constant\nsave_minutes: 0.005\n");
  const pid_t pid = start_temper("first", train_arguments("out", 2, {}));
  ASSERT_TRUE(wait_until(
      [&] { return exists("out/metrics.jsonl") && metrics("out", "save").size() >= 2; }));
  kill(pid, SIGTERM);
  EXPECT_EQ(wait_for_process(pid).shell_code(), 75) << read("first.err");
  const Json first = metrics("out", "save").front();
  const int64_t step = first["step"];
  ASSERT_EQ(train("whole", 1, {"--set", fmt::format("max_steps={}", step)}).exit_code, 0);
  EXPECT_EQ(latest("whole")["state_hash"], first["state_hash"]);
  // It goes on from there, and the limit holds.
  ASSERT_EQ(train("out", 1, {"--set", "max_wall_time=3"}).exit_code, 75);
  size_t checkpoints = 0;
  for (const auto& entry : fs::directory_iterator(folder() / "out")) {
    if (entry.path().filename().string().starts_with("step-")) ++checkpoints;
  }
  EXPECT_EQ(checkpoints, 2u);
}

#ifdef TEMPER_CAN_MOUNT
TEST_F(SavingTest, disk_without_room_for_the_checkpoints_is_refused_before_training) {
  write_yaml("max_steps: 6\nsave_steps: 2\n");
  const Json disk = temper_json({"plan", "run.yaml", "--set", "output_dir=out", "--json"})["disk"];
  EXPECT_EQ(disk["at_most_checkpoints"], 3);
  EXPECT_EQ(disk["fits"], true);
  fs::create_directory(folder() / "small");
  const auto train_on = [&](int64_t bytes, const std::string& more) {
    return run_captured(
        {"unshare", "--mount", "--map-root-user", "sh", "-c",
         fmt::format(
             "cd {} && mount -t tmpfs -o size={} tmpfs small && {} train run.yaml --nproc 2 "
             "--set output_dir=small/out {} && ls small/out > left",
             folder().string(), bytes, TEMPER_PROGRAM, more)});
  };
  const int64_t needed = disk["at_most_bytes"];
  const CapturedProcess refused = train_on(needed / 2, "");
  EXPECT_EQ(refused.status.code, 2);
  EXPECT_THAT(refused.standard_error,
              names("small/out", "3 checkpoints", "save_total_limit: 2", "free"));
  EXPECT_THAT(refused.standard_error, Not(HasSubstr("step 1/6")));
  // One fits there, and much room is enough for three.
  EXPECT_EQ(train_on(needed / 2, "--set save_steps=0 --set save_minutes=0").status.code, 0);
  const CapturedProcess roomy = train_on(2 * needed, "");
  EXPECT_EQ(roomy.status.code, 0) << roomy.standard_error;
  EXPECT_THAT(read("left"), HasSubstr("step-6"));
}
#endif

TEST_F(SavingTest, quota_without_room_is_refused_and_leaves_the_directory_free) {
  write_yaml("max_steps: 6\nsave_steps: 2\n");
  const ProgramRun run =
      temper(train_arguments("out", 2, {}), "",
             {{"TEMPER_RANK", TEMPER_RANK_FAULTS},
              {"TEMPER_FAULTS", "rank=0,match=/space.,call=3,action=fail,error=122"}});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, names("output_dir", "Disk quota exceeded"));
  EXPECT_FALSE(exists("out/run.json"));
  EXPECT_EQ(train("out", 2, {"--set", "learning_rate=1e-4"}).exit_code, 0);
}

TEST_F(SavingTest, stops_with_a_checkpoint_before_its_time_is_up) {
  write_yaml("max_steps: 100000\nmax_wall_time: 0:00:04\n");
  const ProgramRun run = train("out", 2);
  EXPECT_EQ(run.exit_code, 75) << run.err;
  EXPECT_THAT(run.err, names("max_wall_time", "4 s"));
  EXPECT_EQ(temper_json({"status", "out", "--json"})["state"], "stopped");
  const int64_t step = latest("out")["step"];
  EXPECT_GE(step, 1);
  EXPECT_EQ(metrics("out", "step").back()["step"], step);
}

TEST_F(SavingTest, full_disk_leaves_training_its_last_checkpoint) {
  write_yaml("max_steps: 6\nsave_steps: 2\n");
  ASSERT_EQ(train("out", 1, {"--set", "max_wall_time=1"}).exit_code, 75);
  const Json before = latest("out");
  ASSERT_LT(before["step"], 4);
  const CapturedProcess run = train_on_full_disk("");
  // Nothing could be saved, in the end neither; but all steps were made.
  EXPECT_EQ(run.status.code, 1);
  EXPECT_THAT(run.standard_error, names("step 4", "could not be saved"));
  EXPECT_THAT(run.standard_error, names(fmt::format("of step {};", before["step"].get<int64_t>()),
                                        "on_save_error: continue"));
  EXPECT_EQ(metrics("out", "step").back()["step"], 6);
  std::vector<int64_t> failed;
  for (const Json& event : metrics("out", "save_failed")) failed.push_back(event["step"]);
  EXPECT_THAT(failed, Contains(4));
  EXPECT_EQ(latest("out")["state_hash"], before["state_hash"]);

  const CapturedProcess stopped = train_on_full_disk("--set on_save_error=stop");
  EXPECT_EQ(stopped.status.code, 1);
  EXPECT_THAT(stopped.standard_error, Not(names("on_save_error: continue")));
  EXPECT_EQ(latest("out")["state_hash"], before["state_hash"]);
  EXPECT_EQ(train("out", 1).exit_code, 0);
}

TEST_F(SavingTest, disk_error_of_one_rank_fails_that_save_alone) {
  write_yaml("max_steps: 8\nsave_steps: 2\n");
  ASSERT_EQ(train("whole", 1).exit_code, 0);
  // The fourth call about rank 1's file: in the middle of the first save.
  const ProgramRun run =
      temper(train_arguments("out", 2, {}), "",
             {{"TEMPER_RANK", TEMPER_RANK_FAULTS},
              {"TEMPER_FAULTS", "rank=1,match=rank-00001,call=4,action=fail,error=28"}});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, names("step 2", "could not be saved", "rank 1: "));
  EXPECT_THAT(run.err, names("No space left on device", "training goes on"));
  ASSERT_EQ(metrics("out", "save_failed").size(), 1u);
  EXPECT_EQ(metrics("out", "save").front()["step"], 4);
  EXPECT_EQ(latest("out")["state_hash"], latest("whole")["state_hash"]);
}

TEST_F(SavingTest, slow_disk_of_one_rank_delays_the_commit_and_nothing_else) {
  write_yaml("max_steps: 30\nsave_steps: 10\nsave_total_limit: 0\n");
  const ProgramRun run = temper(train_arguments("out", 2, {}), "",
                                {{"TEMPER_RANK", TEMPER_RANK_FAULTS},
                                 {"TEMPER_FAULTS", "rank=1,match=rank-00001,delay_ms=60"}});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  for (const char* step : {"10", "20", "30"}) {
    EXPECT_EQ(temper_json({"inspect", std::string("out/step-") + step, "--json"})["damaged"],
              false);
  }
  // Steps went on while the first was written.
  bool saved = false;
  int64_t steps_before = 0;
  for (const Json& line : metrics("out")) {
    saved = saved || line["event"] == "save";
    if (!saved && line["event"] == "step") steps_before = line["step"];
  }
  EXPECT_GT(steps_before, 10);
}

TEST_F(SavingTest, request_that_cannot_be_answered_is_given_another_name) {
  write_yaml("max_steps: 3\n");
  ASSERT_EQ(train("out", 1, {"--set", "max_wall_time=1"}).exit_code, 75);
  write("out/SAVE", "");
  EXPECT_EQ(train_on_full_disk("").status.code, 1);
  EXPECT_FALSE(exists("out/SAVE"));
  EXPECT_TRUE(exists("out/SAVE.failed"));
}

TEST_F(SavingTest, damaged_newest_checkpoint_gives_way_to_the_older_with_a_warning) {
  write_yaml("max_steps: 8\nsave_steps: 2\n");
  ASSERT_EQ(train("whole", 1).exit_code, 0);
  ASSERT_EQ(train("out", 2).exit_code, 0);
  flip_bit("out/step-8/rank-00001-of-00002.safetensors");
  fs::remove(folder() / "out/latest");
  fs::create_symlink("step-77", folder() / "out/latest");
  const ProgramRun run = train("out", 3);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, names("out/step-8", "older", "out/step-6"));
  EXPECT_EQ(latest("out")["state_hash"], latest("whole")["state_hash"]);
  EXPECT_EQ(fs::read_symlink(folder() / "out/latest"), "step-8");
  bool kept_aside = false;
  for (const auto& entry : fs::directory_iterator(folder() / "out")) {
    const std::string name = entry.path().filename().string();
    kept_aside = kept_aside || (name.starts_with("step-8.") && name.ends_with(".aside"));
  }
  EXPECT_TRUE(kept_aside);
}

TEST_F(SavingTest, run_without_an_intact_checkpoint_is_refused_and_stays_as_it_is) {
  write_yaml("max_steps: 8\nsave_steps: 4\n");
  ASSERT_EQ(train("out", 1).exit_code, 0);
  for (const char* step : {"out/step-4", "out/step-8"}) {
    flip_bit(std::string(step) + "/rank-00000-of-00001.safetensors");
  }
  const ProgramRun damaged = train("out", 2);
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_THAT(damaged.err, names("step-4", "step-8", "intact"));
  EXPECT_TRUE(exists("out/step-4"));
  EXPECT_TRUE(exists("out/step-8"));
  for (const char* step : {"out/step-4", "out/step-8"}) {
    fs::remove(folder() / step / "commit.json");
  }
  const ProgramRun incomplete = train("out", 2);
  EXPECT_EQ(incomplete.exit_code, 2);
  EXPECT_THAT(incomplete.err, names("(step-8: ", "commit.json"));
}

}  // namespace
}  // namespace temper
