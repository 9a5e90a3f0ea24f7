// Gives each test a folder of its own and runs `temper` in it on small generated inputs.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/json.h"
#include "launcher/ranks/process.h"

namespace temper {

struct ProgramRun {
  int exit_code = 0;
  std::string out;  // standard output
  std::string err;  // standard error
};

class TemperFixture : public ::testing::Test {
 protected:
  TemperFixture();
  ~TemperFixture() override;

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path write(const std::string& name, std::string_view content) const;
  std::string read(const std::string& name) const;
  bool exists(const std::string& name) const;
  // Names of all files and folders right in the folder, sorted.
  std::vector<std::string> listing() const;

  // Runs `temper arguments...` in the folder, to its end.
  ProgramRun temper(const std::vector<std::string>& arguments, std::string_view input = "",
                    const std::map<std::string, std::string>& environment = {}) const;
  // The same for what must succeed: its standard output.
  std::string temper_output(const std::vector<std::string>& arguments,
                            std::string_view input = "") const;
  Json temper_json(const std::vector<std::string>& arguments) const;
  // Starts it and returns at once; output goes to the files NAME.out and NAME.err.
  pid_t start_temper(const std::string& name, const std::vector<std::string>& arguments,
                     const std::map<std::string, std::string>& environment = {}) const;

  // "tokenizer.json": byte-level, one token a byte, then <s> 256 and </s> 257.
  std::filesystem::path write_tokenizer() const;
  // "base/": a model directory with the tokenizer and a config.json of a tiny Llama, no weights.
  std::filesystem::path write_model_config() const;
  // "train.jsonl": prompt-completion records about nothing.
  std::filesystem::path write_corpus(int num_records,
                                     const std::string& name = "train.jsonl") const;
  // The corpus packed with the tokenizer: "train.h5".
  std::filesystem::path write_dataset(int num_records, int sequence_len = 64,
                                      const std::string& stem = "train") const;
  // "run.yaml" over base/ and train.h5, writing to out/, with these lines after.
  std::filesystem::path write_run_yaml(const std::string& more) const;

 private:
  std::filesystem::path folder_;
};

// The one line that standard error should be: `temper: error: MESSAGE`.
std::string error_message(const ProgramRun& run);

}  // namespace temper
