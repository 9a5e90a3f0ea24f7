// Finds and loads what a command line calls a model: a Hugging Face directory, with or without a
// PEFT adapter, or a checkpoint of a run (run/find_checkpoint.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/fine_tuned_model.h"
#include "config/run_config.h"
#include "eval/model_template.h"
#include "eval/prompt_encoder.h"
#include "model/resident_model.h"
#include "run/find_checkpoint.h"
#include "text/tokenizer/special_tokens.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {

// What the command line gives; empty where it gives nothing.
struct ModelRequest {
  // A path that find_checkpoint takes; an exported model or adapter is understood, too.
  std::filesystem::path path = {};
  std::filesystem::path model = {};  // Hugging Face directory; beside `path`: where its base is now
  std::filesystem::path adapter = {};  // PEFT directory; without `model`, it names its base itself
  TemplateRequest chat_template = {};
};

// Where `request.path` means a checkpoint, replaces it by that checkpoint's directory, so that
// whoever reads it afterwards takes the same one; returns nothing for other models.
std::optional<FoundCheckpoint> resolve_checkpoint(ModelRequest& request);

class ModelLoader {
 public:
  // Reads configurations and tokenizer and opens the weights; reads no weight but to hash the base.
  // UserError for what is missing or does not fit together.
  explicit ModelLoader(const ModelRequest& request);
  ModelLoader(const ModelLoader&) = delete;
  ModelLoader& operator=(const ModelLoader&) = delete;

  const std::string& name() const { return name_; }  // the path it was loaded from
  const std::filesystem::path& base_directory() const { return base_directory_; }
  const ModelConfig& config() const { return config_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const ModelTemplate& chat_template() const { return chat_template_; }
  const PromptEncoder& prompts() const { return *prompts_; }  // lives as long as this
  StopConditions stop_conditions() const;
  // The run's or checkpoint's model; null for other models.
  const FineTunedModel* fine_tuned() const { return fine_tuned_.get(); }
  // Tells whether there is a base to compare with: a run, a checkpoint or an adapter.
  bool has_base() const { return fine_tuned_ != nullptr || lora_.has_value(); }

  ResidentModel load(const ComputeDevice& device = {}) const;
  ResidentModel load_base(const ComputeDevice& device = {}) const;

 private:
  const HfWeights& base() const { return fine_tuned_ ? fine_tuned_->base() : *base_; }
  void open_checkpoint(const std::filesystem::path& path, const std::filesystem::path& base);
  void open_directories(const std::filesystem::path& model, const std::filesystem::path& adapter);
  void open_text(const ModelRequest& request);

  std::string name_;
  std::filesystem::path base_directory_, adapter_directory_;
  std::unique_ptr<FineTunedModel> fine_tuned_;
  ModelConfig config_;
  std::optional<LoraConfig> lora_;
  std::optional<HfWeights> base_;       // not given when fine_tuned_ has it
  std::optional<PeftWeights> adapter_;  // of adapter_directory_
  std::optional<Tokenizer> tokenizer_;
  ModelTemplate chat_template_;
  std::optional<PromptEncoder> prompts_;
};

}  // namespace temper
