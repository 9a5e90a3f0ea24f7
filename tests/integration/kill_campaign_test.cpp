// kill -9 of a rank or of all ranks, at any time, in saves and in loads, on changing numbers of
// ranks: every run ends with the bits of the undisturbed one, runs of which steps are skipped or
// rolled back among them. TEMPER_KILLS (10) and TEMPER_SEED (1) make it longer or other; what it
// did is printed.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "io/atomic_file.h"
#include "run/checkpoint/checkpoint_files.h"
#include "training_fixture.h"

namespace temper {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

int64_t number_from(const char* variable, int64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoll(text);
}

enum class Moment { kAny, kSave, kLoad };

// What becomes of a run's steps 23 and 43, in which a loss is not finite; "stop": there are none.
constexpr std::array kPolicies = {"stop", "skip", "rollback"};
constexpr const char* kBadRows = "at=loss,index=90,action=nan;at=loss,index=171,action=nan";

// A start of the run, as seen from outside.
struct Attempt {
  pid_t temper = -1;
  pid_t mpirun = -1;  // or the only rank
  std::vector<pid_t> ranks;
  std::set<fs::path> segments;  // that the ranks share, as far as they were seen
};

class KillCampaign : public TrainingFixture {
 protected:
  static constexpr int kKillsOfRun = 5;
  static constexpr std::chrono::seconds kHang{120};

  int draw(int bound) { return static_cast<int>(random_() % static_cast<uint64_t>(bound)); }

  static void pause(int milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  }

  Attempt start(const std::string& output, int num_ranks, bool slow_saves) {
    std::vector<std::string> command = {TEMPER_PROGRAM};
    for (const std::string& word :
         train_arguments(output, num_ranks, {"--set", "on_non_finite=" + policy_})) {
      command.push_back(word);
    }
    fs::create_directories(folder() / "tmp");
    ProcessOptions options;
    options.directory = folder().string();
    options.environment = {{"TEMPER_RANK", TEMPER_RANK_FAULTS},
                           {"TMPDIR", (folder() / "tmp").string()}};
    if (policy_ != "stop") options.environment["TEMPER_FAULT_POINTS"] = kBadRows;
    // A tiny model is saved in a few milliseconds: a slow disk gives the kills something to hit.
    if (slow_saves) options.environment["TEMPER_FAULTS"] = "delay_ms=15,match=.partial";
    const std::string log = (folder() / (output + ".err")).string();
    const FileDescriptor err(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    options.standard_error = err.get();
    options.death_signal = SIGKILL;
    Attempt attempt;
    attempt.temper = start_process(command, options);
    return attempt;
  }

  // Looks for the ranks; true when all are there.
  static bool see(Attempt& attempt, int num_ranks) {
    const std::vector<pid_t> children = children_of(attempt.temper);
    if (children.empty()) return false;
    attempt.mpirun = children.front();
    attempt.ranks = num_ranks == 1 ? children : children_of(attempt.mpirun);
    for (const pid_t rank : attempt.ranks) attempt.segments.merge(shared_segments_of(rank));
    return attempt.ranks.size() == static_cast<size_t>(num_ranks);
  }

  bool has_ended(const Attempt& attempt) const { return !is_running(attempt.temper); }

  bool has_partial(const std::string& output) const {
    if (!exists(output)) return false;
    for (const auto& entry : fs::directory_iterator(folder() / output)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("step-") && name.ends_with(".partial")) return true;
    }
    return false;
  }

  // How many starts have got as far as training.
  int64_t begun(const std::string& output) const {
    if (!exists(output + "/metrics.jsonl")) return 0;
    const std::string text = read(output + "/metrics.jsonl");
    int64_t count = 0;
    for (const char* event : {"\"event\":\"start\"", "\"event\":\"resume\""}) {
      for (size_t at = text.find(event); at != text.npos; at = text.find(event, at + 1)) ++count;
    }
    return count;
  }

  // Waits for its moment and kills. False when the run ended before.
  bool kill_at(Moment moment, const std::string& output, int num_ranks, int64_t begun_before,
               Attempt& attempt) {
    const auto deadline = Clock::now() + kHang;
    while (!see(attempt, num_ranks)) {
      if (has_ended(attempt)) return false;
      EXPECT_LT(Clock::now(), deadline) << "no ranks";
      if (Clock::now() >= deadline) return false;
      pause(2);
    }
    if (moment == Moment::kAny) {
      while (begun(output) == begun_before && !has_ended(attempt) && Clock::now() < deadline) {
        pause(2);
      }
      pause(draw(400));
    }
    if (moment == Moment::kLoad) pause(draw(1200));
    if (moment == Moment::kSave) {
      while (!has_partial(output)) {
        if (has_ended(attempt) || Clock::now() >= deadline) return false;
        pause(1);
      }
      pause(draw(60));
    }
    see(attempt, num_ranks);
    if (has_ended(attempt) || attempt.ranks.empty()) return false;
    const bool all = draw(2) == 0;
    const pid_t one = attempt.ranks[static_cast<size_t>(draw(num_ranks)) % attempt.ranks.size()];
    for (const pid_t rank : attempt.ranks) {
      if (all || rank == one) ::kill(rank, SIGKILL);
    }
    return true;
  }

  // Waits for the end of all its processes; what they leave behind is a failure.
  int end(const Attempt& attempt) {
    const auto deadline = Clock::now() + kHang;
    while (is_running(attempt.temper) && Clock::now() < deadline) pause(5);
    const bool hangs = is_running(attempt.temper);
    EXPECT_FALSE(hangs) << "a hang";
    if (hangs) {
      ++hangs_;
      for (const pid_t rank : attempt.ranks) ::kill(rank, SIGKILL);
      ::kill(attempt.temper, SIGKILL);
    }
    const int code = wait_for_process(attempt.temper).shell_code();
    for (const pid_t rank : attempt.ranks) {
      while (is_running(rank) && Clock::now() < deadline) pause(5);
      EXPECT_FALSE(is_running(rank)) << "a rank is left";
    }
    for (const fs::path& segment : attempt.segments) {
      EXPECT_FALSE(fs::exists(segment)) << segment;
    }
    for (const auto& entry : fs::recursive_directory_iterator(folder() / "tmp")) {
      EXPECT_TRUE(entry.is_directory()) << entry.path();
    }
    return code;
  }

  // Whatever calls itself complete is what was committed.
  void expect_no_half_checkpoint(const std::string& output) {
    for (const CheckpointStatus& status : RunDirectory(folder() / output).checkpoints()) {
      EXPECT_TRUE(status.complete) << status.path << ": " << status.problem;
      if (!status.complete) continue;
      EXPECT_EQ(find_damage(status.path, *status.record), "") << status.path;
    }
  }

  void kill_once(const std::string& output, Moment wanted) {
    const int num_ranks = 1 + draw(4);
    const bool slow_saves = wanted == Moment::kSave || draw(3) == 0;
    const int64_t begun_before = begun(output);
    Attempt attempt = start(output, num_ranks, slow_saves);
    const bool killed = kill_at(wanted, output, num_ranks, begun_before, attempt);
    const int code = end(attempt);
    expect_no_half_checkpoint(output);
    if (!killed || code == 0) {
      // The run was faster.
      EXPECT_EQ(code, 0) << read(output + ".err");
      return;
    }
    EXPECT_NE(code, 75);
    ++kills_;
    ++by_ranks_[num_ranks];
    // By what it left: in a save there is a partial checkpoint, in a load no word of training.
    if (begun(output) == begun_before) {
      ++in_loads_;
    } else if (has_partial(output)) {
      ++in_saves_;
    }
  }

  // Of an undisturbed run under the present policy.
  const std::string& expected_state() {
    std::string& state = expected_[policy_];
    if (!state.empty()) return state;
    const std::string output = "whole-" + policy_;
    EXPECT_EQ(end(start(output, 1, false)), 0) << read(output + ".err");
    return state = latest(output)["state_hash"];
  }

  std::mt19937_64 random_;
  std::string policy_ = kPolicies[0];
  std::map<std::string, std::string> expected_;  // by policy
  int64_t kills_ = 0, in_saves_ = 0, in_loads_ = 0, hangs_ = 0, runs_ = 0;
  std::map<int, int64_t> by_ranks_;
};

TEST_F(KillCampaign, every_run_ends_with_the_bits_of_the_undisturbed_one) {
  const int64_t wanted = number_from("TEMPER_KILLS", 10);
  const auto seed = static_cast<uint64_t>(number_from("TEMPER_SEED", 1));
  write_yaml("max_steps: 60\nsave_steps: 4\n");
  const auto start_time = Clock::now();
  for (; kills_ < wanted && !HasFailure() && runs_ < wanted + 5; ++runs_) {
    const uint64_t run_seed = seed * 1000 + static_cast<uint64_t>(runs_);
    SCOPED_TRACE(fmt::format("run {} (seed {})", runs_, run_seed));
    random_.seed(run_seed);
    policy_ = kPolicies[run_seed % kPolicies.size()];
    const std::string output = fmt::format("run{}", runs_);
    for (int i = 0; i < kKillsOfRun && kills_ < wanted; ++i) {
      kill_once(output, std::array{Moment::kSave, Moment::kLoad, Moment::kSave,
                                   Moment::kAny}[static_cast<size_t>(draw(4))]);
    }
    const Attempt last = start(output, 1 + draw(4), false);
    EXPECT_EQ(end(last), 0) << read(output + ".err");
    expect_no_half_checkpoint(output);
    EXPECT_FALSE(has_partial(output));
    EXPECT_EQ(latest(output)["state_hash"], expected_state()) << policy_;
    fs::remove_all(folder() / output);
  }
  fmt::print(
      "{} kills in {} runs, seeds {} to {}: {} in saves, {} in loads, {} elsewhere; on 1/2/3/4 "
      "ranks {}/{}/{}/{}; {} hangs; {:.0f} s\n",
      kills_, runs_, seed * 1000, seed * 1000 + static_cast<uint64_t>(runs_) - 1, in_saves_,
      in_loads_, kills_ - in_saves_ - in_loads_, by_ranks_[1], by_ranks_[2], by_ranks_[3],
      by_ranks_[4], hangs_, std::chrono::duration<double>(Clock::now() - start_time).count());
  EXPECT_EQ(kills_, wanted);
  if (runs_ >= static_cast<int64_t>(kPolicies.size())) {
    EXPECT_EQ(std::set({expected_["stop"], expected_["skip"], expected_["rollback"]}).size(), 3u);
  }
  // Of 200, 30 and 20 at the least. A few kills may miss by chance.
  if (kills_ < 100) return;
  EXPECT_GE(20 * in_saves_, 3 * kills_);
  EXPECT_GE(10 * in_loads_, kills_);
}

}  // namespace
}  // namespace temper
