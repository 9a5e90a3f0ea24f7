// Adds a tiny model and dataset to the folder, trains on them, and watches runs from outside.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "run/run_directory.h"
#include "temper_fixture.h"

namespace temper {

inline std::vector<pid_t> children_of(pid_t pid) {
  std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", pid));
  return {std::istream_iterator<pid_t>(children), {}};
}

// Of a `temper train` that has started several: below its mpirun.
inline std::vector<pid_t> ranks_of(pid_t temper) {
  std::vector<pid_t> ranks;
  for (const pid_t mpirun : children_of(temper)) ranks = children_of(mpirun);
  return ranks;
}

// The files in /dev/shm that a process has mapped.
inline std::set<std::filesystem::path> shared_segments_of(pid_t pid) {
  std::set<std::filesystem::path> segments;
  std::ifstream maps(fmt::format("/proc/{}/maps", pid));
  for (std::string word; maps >> word;) {
    if (word.starts_with("/dev/shm/")) segments.insert(word);
  }
  return segments;
}

inline bool is_running(pid_t pid) {
  std::ifstream stat(fmt::format("/proc/{}/stat", pid));
  std::string id, name, state;
  return static_cast<bool>(stat >> id >> name >> state) && state != "Z";
}

class TrainingFixture : public TemperFixture {
 protected:
  TrainingFixture() {
    write_model_config();
    temper_output({"new-model", "--config", "base/config.json", "--tokenizer",
                   "base/tokenizer.json", "-o", "model"});
    write_dataset(60);
    write_yaml("max_steps: 6\n");
  }

  void write_yaml(const std::string& more) {
    write("run.yaml",
          "base_model: model\ndatasets: [{path: train.h5}]\nglobal_batch_size: 4\n"
          "learning_rate: 1e-3\nlogging_steps: 1\n" +
              more);
  }
  ProgramRun train(const std::string& output, int num_ranks,
                   const std::vector<std::string>& more = {}) {
    return temper(train_arguments(output, num_ranks, more));
  }
  static std::vector<std::string> train_arguments(const std::string& output, int num_ranks,
                                                  const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {
        "train", "run.yaml", "--nproc", std::to_string(num_ranks), "--set", "output_dir=" + output};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  Json latest(const std::string& output) {
    return temper_json({"inspect", output, "--json"})["latest"];
  }
  // The lines of metrics.jsonl, or those of one event. A line without its end is still being
  // written.
  std::vector<Json> metrics(const std::string& output, const std::string& event = "") {
    std::vector<Json> found;
    std::istringstream text(read(output + "/metrics.jsonl"));
    for (std::string line; std::getline(text, line) && !text.eof();) {
      Json json = parse_json(line, "metrics");
      if (event.empty() || json["event"] == event) found.push_back(std::move(json));
    }
    return found;
  }
  void flip_bit(const std::string& name) {
    std::fstream file(folder() / name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(-5, std::ios::end);
    const char byte = static_cast<char>(file.get());
    file.seekp(-5, std::ios::end);
    file.put(static_cast<char>(byte ^ 0x10));
  }
  // Waits until the run has done so many steps.
  void wait_for_step(const std::string& output, int64_t step) {
    const auto path = RunDirectory(folder() / output).metrics_path();
    for (auto waited = std::chrono::milliseconds(0); waited < std::chrono::seconds(60);
         waited += std::chrono::milliseconds(20)) {
      if (std::filesystem::exists(path) && metrics_step(output) >= step) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    FAIL() << "no step " << step;
  }
  int64_t metrics_step(const std::string& output) {
    const std::string text = read(output + "/metrics.jsonl");
    int64_t highest = 0;
    for (size_t at = text.find("\"step\":"); at != std::string::npos;
         at = text.find("\"step\":", at + 1)) {
      highest = std::max<int64_t>(highest, std::atoll(text.c_str() + at + 7));
    }
    return highest;
  }
};

}  // namespace temper
