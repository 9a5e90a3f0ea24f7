#include "eval/model_loader.h"

#include "arch/adapter_origin.h"
#include "common/error.h"
#include "io/json.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

fs::path recorded_base(const fs::path& adapter) {
  const fs::path config = adapter / "adapter_config.json";
  const fs::path base =
      JsonFields(read_json_file(config), config.string()).text_or("base_model_name_or_path", "");
  if (base.empty() || !fs::is_directory(base)) {
    throw UserError("{}: its base model '{}' is not a directory here; name it with --model",
                    adapter.string(), base.string());
  }
  return base;
}

bool is_adapter(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path / "adapter_config.json", ignored);
}

bool is_model(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path / "config.json", ignored);
}

}  // namespace

std::optional<FoundCheckpoint> resolve_checkpoint(ModelRequest& request) {
  const fs::path& path = request.path;
  if (path.empty() || is_adapter(path) || is_model(path)) return std::nullopt;
  FoundCheckpoint found = find_checkpoint(path);
  request.path = found.path;
  return found;
}

ModelLoader::ModelLoader(const ModelRequest& request) {
  if (request.path.empty() && request.model.empty() && request.adapter.empty()) {
    throw UserError("which model? Give a run directory or checkpoint, or --model DIR");
  }
  if (!request.path.empty() && !request.adapter.empty()) {
    throw UserError("--adapter goes with --model, not with {}", request.path.string());
  }
  if (request.path.empty()) {
    open_directories(request.model, request.adapter);
  } else if (is_adapter(request.path)) {
    open_directories(request.model, request.path);
  } else if (is_model(request.path)) {
    open_directories(request.path, {});
  } else {
    open_checkpoint(request.path, request.model);
  }
  open_text(request);
}

void ModelLoader::open_checkpoint(const fs::path& path, const fs::path& base) {
  fine_tuned_ = std::make_unique<FineTunedModel>(find_checkpoint(path).path, base);
  name_ = fine_tuned_->directory().string();
  base_directory_ = fine_tuned_->base_directory();
  config_ = fine_tuned_->config();
  lora_ = fine_tuned_->lora();
}

void ModelLoader::open_directories(const fs::path& model, const fs::path& adapter) {
  base_directory_ = model.empty() ? recorded_base(adapter) : model;
  adapter_directory_ = adapter;
  name_ = (adapter.empty() ? base_directory_ : adapter).string();
  config_ = ModelConfig::from_directory(base_directory_);
  base_.emplace(base_directory_, config_);
  if (adapter.empty()) return;
  lora_ = LoraConfig::from_directory(adapter);
  resolve_lora_targets(*lora_, config_);
  adapter_.emplace(adapter, config_, *lora_);
  check_base_of_adapter(adapter, base_directory_, [&] { return base_->hash(); });
}

void ModelLoader::open_text(const ModelRequest& request) {
  tokenizer_ = Tokenizer::from_file(base_directory_);
  if (tokenizer_->vocab_size() > config_.vocab_size) {
    throw UserError("{}: the tokenizer has {} tokens, the model's embedding only {} rows",
                    base_directory_.string(), tokenizer_->vocab_size(), config_.vocab_size);
  }
  if (fine_tuned_ && fine_tuned_->record().tokenizer_hash != tokenizer_->hash()) {
    throw UserError("{}: its tokenizer is not the one that {} was trained with",
                    base_directory_.string(), name_);
  }
  chat_template_ = fine_tuned_ ? template_of_checkpoint(fine_tuned_->record(), name_,
                                                        base_directory_, request.chat_template)
                               : template_of_directories(base_directory_, adapter_directory_,
                                                         request.chat_template);
  prompts_.emplace(*tokenizer_, find_special_tokens(*tokenizer_, base_directory_),
                   chat_template_.chat_template);
}

StopConditions ModelLoader::stop_conditions() const {
  std::vector<int64_t> ids = config_.eos_token_ids;
  const std::vector<int64_t> more = generation_eos_ids(base_directory_);
  ids.insert(ids.end(), more.begin(), more.end());
  return prompts_->stop_conditions(ids);
}

ResidentModel ModelLoader::load(const ComputeDevice& device) const {
  if (!fine_tuned_ && !adapter_) return load_base(device);
  ResidentModel model =
      fine_tuned_ ? ResidentModel(config_, lora_, Training::kNone, fine_tuned_->weights(), device)
                  : ResidentModel(config_, lora_, Training::kNone,
                                  ChainedWeights({&*adapter_, &*base_}), device);
  warn_of_non_finite(base_directory_.string(), base().non_finite_tensors());
  if (adapter_) warn_of_non_finite(adapter_directory_.string(), adapter_->non_finite_tensors());
  return model;
}

ResidentModel ModelLoader::load_base(const ComputeDevice& device) const {
  ResidentModel model(config_, std::nullopt, Training::kNone, base(), device);
  warn_of_non_finite(base_directory_.string(), base().non_finite_tensors());
  return model;
}

}  // namespace temper
