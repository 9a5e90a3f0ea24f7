// Finds and loads what a command line calls a model: a Hugging Face directory, with or without a
// PEFT adapter, a checkpoint of a run, or a run directory (its newest complete checkpoint).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/tuned_model.h"
#include "config/run_config.h"
#include "data/special_tokens.h"
#include "eval/prompt_encoder.h"
#include "model/resident_model.h"
#include "text/tokenizer.h"

namespace temper {

// As the command line gives it; empty where it does not.
struct ModelRequest {
  // A run directory or checkpoint; an exported model or adapter is understood, too.
  std::filesystem::path path = {};
  std::filesystem::path model = {};  // Hugging Face directory; beside `path`: where its base is now
  std::filesystem::path adapter = {};  // PEFT directory; without `model`, it names its base itself
  // What ChatTemplate::find takes, or "none". Empty: the one that the run's conversations were
  // packed with, that an export's report names, or the model's own.
  std::string chat_template = {};
  // Variables that the template gets besides. Not given: those of the run or export that named it.
  std::optional<OrderedJson> chat_template_kwargs = {};
};

class ModelAccess {
 public:
  // Reads configurations and tokenizer and opens the weights; reads no weight but to hash the base.
  // UserError for what is missing or does not fit together.
  explicit ModelAccess(const ModelRequest& request);
  ModelAccess(const ModelAccess&) = delete;
  ModelAccess& operator=(const ModelAccess&) = delete;

  const std::string& name() const { return name_; }  // the path it was loaded from
  const std::filesystem::path& base_directory() const { return base_directory_; }
  const ModelConfig& config() const { return config_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const std::string& chat_template() const { return chat_template_; }  // may be empty
  const OrderedJson& chat_template_kwargs() const { return chat_template_kwargs_; }
  const PromptEncoder& prompts() const { return *prompts_; }  // lives as long as this
  StopConditions stop_conditions() const;
  // Of a run or checkpoint; null for other models.
  const TunedModel* tuned() const { return tuned_.get(); }
  // Whether there is a base to compare with: a run, a checkpoint or an adapter.
  bool has_base() const { return tuned_ != nullptr || lora_.has_value(); }

  ResidentModel load(const ComputePlace& place = {}) const;
  ResidentModel load_base(const ComputePlace& place = {}) const;

 private:
  const HfWeights& base() const { return tuned_ ? tuned_->base() : *base_; }
  void open_checkpoint(const std::filesystem::path& path, const std::filesystem::path& base);
  void open_directories(const std::filesystem::path& model, const std::filesystem::path& adapter);
  void open_text(const ModelRequest& request);
  void find_chat_template(const ModelRequest& request);
  std::string exported_file_of(const std::string& name) const;

  std::string name_;
  std::filesystem::path base_directory_, adapter_directory_;
  std::unique_ptr<TunedModel> tuned_;
  ModelConfig config_;
  std::optional<LoraConfig> lora_;
  std::optional<HfWeights> base_;       // not given when tuned_ has it
  std::optional<PeftWeights> adapter_;  // of adapter_directory_
  std::optional<Tokenizer> tokenizer_;
  std::string chat_template_;
  OrderedJson chat_template_kwargs_ = OrderedJson::object();
  std::optional<PromptEncoder> prompts_;
};

}  // namespace temper
