// A run's directory with checkpoints, losses and a configuration as a test wants them.
#pragma once

#include <map>
#include <string>

#include "io/atomic_file.h"
#include "io/json.h"
#include "run/run_directory.h"
#include "run/run_identity.h"
#include "tests/unit/run/sample_checkpoint.h"
#include "tests/unit/temporary_directory.h"

namespace temper {

class SampleRun {
 public:
  explicit SampleRun(const std::string& name = "first") : directory_(parent_ / name) {
    make_directories(directory_.root());
    write_file_atomically(directory_.identity_path(), RunIdentity().to_json());
  }

  const RunDirectory& directory() const { return directory_; }

  void add_checkpoint(int64_t step, const std::string& config_yaml = "") const {
    write_checkpoint(directory_.checkpoint_path(step), step, config_yaml);
  }
  // Lines of `event` ("test_loss", "general_loss") by step, behind those that there are.
  void write_losses(const std::string& event, const std::map<int64_t, double>& losses) {
    for (const auto& [step, loss] : losses) {
      metrics_ +=
          Json{{"event", event}, {"step", step}, {"loss", loss}, {"data", event}}.dump() + "\n";
    }
    write_file_atomically(directory_.metrics_path(), metrics_);
  }
  void write_config(const std::string& yaml) const {
    write_file_atomically(directory_.config_path(), yaml);
  }

 private:
  TemporaryDirectory parent_;
  RunDirectory directory_;
  std::string metrics_;
};

}  // namespace temper
