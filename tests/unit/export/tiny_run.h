// A whole little world in a temporary directory: a random base model with a byte-level tokenizer,
// a packed corpus, and a checkpoint of a run of two steps made by the real training code.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "arch/model_config.h"
#include "config/run_config.h"
#include "run/checkpoint/commit_record.h"
#include "tests/unit/temporary_directory.h"
#include "text/chat/chat_template.h"

namespace temper {

class TinyRun {
 public:
  struct Options {
    bool tied = false;
    bool lora = false;
    // In the commit record, where one without a name stands for none.
    TemplateRecord chat_template = {"chatml", ChatTemplate::named("chatml").source(), ""};
    std::vector<std::string> modules_to_save = {};
  };

  explicit TinyRun(const Options& options);

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path base() const { return root_ / "base"; }
  std::filesystem::path corpus() const { return root_ / "corpus.jsonl"; }
  std::filesystem::path dataset() const { return root_ / "corpus.h5"; }
  std::filesystem::path run() const { return root_ / "run"; }
  std::filesystem::path checkpoint() const { return run() / "step-2"; }
  const RunConfig& config() const { return config_; }

  // Names of what lies in a directory, sorted.
  static std::vector<std::string> list(const std::filesystem::path& directory);

 private:
  void write_base(bool tied) const;
  void train() const;

  const TemporaryDirectory directory_;
  // As a run records it: without symbolic links.
  const std::filesystem::path root_ = std::filesystem::canonical(directory_.path());
  TemplateRecord chat_template_;
  RunConfig config_;
};

// config.json of the base: 2 layers of width 32.
Json tiny_config_json(bool tied);
// Writes config.json, model.safetensors and tokenizer files.
void write_tiny_model(const std::filesystem::path& directory, bool tied, uint64_t seed);

}  // namespace temper
