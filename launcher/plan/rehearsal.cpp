#include "launcher/plan/rehearsal.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/log.h"
#include "config/config_values.h"
#include "launcher/ranks/process.h"
#include "launcher/ranks/rank_launch.h"
#include "run/checkpoint_room.h"
#include "run/run_directory.h"
#include "run/status.h"

namespace temper {
namespace {

constexpr int64_t kStepsBeforeKill = 10;
// The first steps fault memory in.
constexpr size_t kStepsToWarmUp = 3;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::vector<std::string> train_command_of(const Rehearsal& rehearsal, int ranks, bool other_ranks) {
  std::vector<std::string> command = {find_own_program().string(), "train", rehearsal.run_yaml,
                                      "--nproc", std::to_string(ranks)};
  std::vector<std::string> set = rehearsal.set;
  const int64_t steps = 2 * kStepsBeforeKill;
  for (const std::string& text :
       {"output_dir=" + yaml_text(rehearsal.directory.string()), fmt::format("max_steps={}", steps),
        fmt::format("save_steps={}", kStepsBeforeKill), std::string("warmup_steps=0"),
        std::string("test_datasets=[]"), std::string("general_datasets=[]"),
        std::string("eval_steps=0"), std::string("early_stopping_patience=0"),
        std::string("max_wall_time=0")}) {
    set.push_back(text);
  }
  // The mesh of the first ranks need not divide these.
  if (other_ranks) set.insert(set.end(), {"dp_shard_size=0", "dp_replicate_size=1"});
  for (const std::string& text : set) command.insert(command.end(), {"--set", text});
  command.insert(command.end(), rehearsal.start_arguments.begin(), rehearsal.start_arguments.end());
  return command;
}

// What it prints is talk: standard output is the prediction's.
int run_to_its_end(const std::vector<std::string>& command) {
  return wait_for_process(start_process(command, {.standard_output = STDERR_FILENO})).shell_code();
}

// Kills the front door, and with it its ranks, once the first checkpoint is there.
void run_and_kill(const Rehearsal& rehearsal) {
  const RunDirectory run(rehearsal.directory);
  const pid_t pid = start_process(train_command_of(rehearsal, rehearsal.num_ranks, false));
  for (;;) {
    int wait_status = 0;
    if (waitpid(pid, &wait_status, WNOHANG) == pid) {
      const int code = ExitStatus::from_wait(wait_status).shell_code();
      if (code != kExitDone) throw SystemError("rehearsal: training ended with code {}", code);
      log::warning("training was over before it could be killed; it is resumed all the same");
      return;
    }
    if (!run.checkpoints().empty()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  kill(pid, SIGKILL);
  wait_for_process(pid);
}

std::vector<Json> read_metrics(const std::filesystem::path& path) {
  std::vector<Json> events;
  std::ifstream lines(path);
  for (std::string line; std::getline(lines, line);) {
    Json event = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (event.is_object() && event.contains("event")) events.push_back(std::move(event));
  }
  return events;
}

double number_in(const Json& event, const char* key) {
  const auto found = event.find(key);
  return found != event.end() && found->is_number() ? found->get<double>() : 0.0;
}

// The last one included.
int64_t count_saves(const RunConfig& config, int64_t steps, double training_seconds) {
  int64_t saves = 1;
  if (config.save_steps > 0) saves += (steps - 1) / config.save_steps;
  if (config.save_minutes > 0.0) {
    const double by_time = training_seconds / (60.0 * config.save_minutes);
    saves += std::min(steps - 1, static_cast<int64_t>(by_time));
  }
  return saves;
}

}  // namespace

OrderedJson RehearsalPrediction::to_json() const {
  return {{"step_seconds", step_seconds},         {"start_seconds", start_seconds},
          {"save_seconds", save_seconds},         {"total_seconds", total_seconds},
          {"checkpoint_bytes", checkpoint_bytes}, {"disk_bytes", disk_bytes},
          {"rank_memory_bytes", rank_bytes}};
}

RehearsalPrediction predict(const std::vector<Json>& metrics, const RunConfig& config,
                            int64_t run_steps) {
  RehearsalPrediction prediction;
  std::vector<double> steps;
  size_t since_start = 0;
  bool resumed = false;  // the speed that counts is that of all ranks, before
  for (const Json& event : metrics) {
    const std::string kind = event.value("event", "");
    if (kind == "resume") resumed = true;
    if (kind == "step" && !resumed && ++since_start > kStepsToWarmUp) {
      steps.push_back(number_in(event, "seconds"));
    } else if (kind == "start") {
      prediction.start_seconds =
          number_in(event, "hash_seconds") + number_in(event, "load_seconds");
    } else if (kind == "save") {
      prediction.save_seconds = std::max(prediction.save_seconds, number_in(event, "seconds"));
      prediction.checkpoint_bytes = static_cast<int64_t>(number_in(event, "bytes"));
    } else if (kind == "ranks" && event.contains("ranks")) {
      for (const Json& rank : event["ranks"]) {
        prediction.rank_bytes = std::max(prediction.rank_bytes,
                                         static_cast<int64_t>(number_in(rank, "peak_pss_bytes")));
      }
    }
  }
  if (steps.empty()) throw SystemError("the rehearsal's metrics.jsonl holds no steps to go by");
  prediction.step_seconds = median(std::move(steps));
  const double training = static_cast<double>(run_steps) * prediction.step_seconds;
  const int64_t saves = count_saves(config, run_steps, training);
  // Saves run beside training; in the worst case a step waits for each.
  prediction.total_seconds =
      prediction.start_seconds + training + static_cast<double>(saves) * prediction.save_seconds;
  prediction.disk_bytes =
      most_checkpoints(config, run_steps).value_or(saves) * prediction.checkpoint_bytes;
  return prediction;
}

std::vector<Json> rehearse(const Rehearsal& rehearsal) {
  log::info("1. training, to be killed after the checkpoint of step {1}; number of ranks: {0}",
            rehearsal.num_ranks, kStepsBeforeKill);
  run_and_kill(rehearsal);
  log::info("2. resuming; number of ranks: {}", rehearsal.resumed_ranks);
  int code = run_to_its_end(train_command_of(rehearsal, rehearsal.resumed_ranks, true));
  if (code != kExitDone) throw SystemError("rehearsal: the resume ended with code {}", code);
  log::info("3. exporting, with its proof");
  const std::string output = (rehearsal.directory / "export").string();
  code = run_to_its_end(
      rank_command(rehearsal.slurm, {"export", rehearsal.directory.string(), "-o", output}));
  if (code != kExitDone) throw SystemError("rehearsal: the export ended with code {}", code);
  return read_metrics(RunDirectory(rehearsal.directory).metrics_path());
}

}  // namespace temper
