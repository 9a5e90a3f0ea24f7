#include "arch/run_adapter.h"

#include "common/error.h"

namespace temper {
namespace {

LoraConfig asked_for(const RunConfig& config) {
  LoraConfig lora;
  lora.r = config.lora_r;
  lora.alpha = config.lora_alpha;
  lora.dropout = config.lora_dropout;
  lora.use_rslora = config.use_rslora;
  lora.target_modules = config.lora_target_modules;
  lora.modules_to_save = config.lora_modules_to_save;
  return lora;
}

std::string shown(const std::vector<std::string>& names) {
  return fmt::format("[{}]", fmt::join(names, ", "));
}
template <typename Value>
std::string shown(const Value& value) {
  return fmt::format("{}", value);
}

class Contradictions {
 public:
  explicit Contradictions(const RunConfig& config) : config_(config) {}

  bool given(const char* key) const { return config_.lora_keys_given.count(key) != 0; }

  template <typename Value>
  void check(const char* key, const Value& asked, const char* peft_key, const Value& found) const {
    if (!given(key) || asked == found) return;
    throw UserError(
        "{}: {}, but the adapter that lora_model_dir goes on with has \"{}\": {} ({}); leave {} "
        "out",
        key, shown(asked), peft_key, shown(found),
        (config_.lora_model_dir / "adapter_config.json").string(), key);
  }

 private:
  const RunConfig& config_;
};

LoraConfig continued(const RunConfig& config, const ModelConfig& model) {
  LoraConfig lora = LoraConfig::from_directory(config.lora_model_dir);
  resolve_lora_targets(lora, model);
  const Contradictions contradictions(config);
  contradictions.check("lora_r", config.lora_r, "r", lora.r);
  contradictions.check("lora_alpha", config.lora_alpha, "lora_alpha", lora.alpha);
  contradictions.check("use_rslora", config.use_rslora, "use_rslora", lora.use_rslora);
  LoraConfig asked = asked_for(config);
  if (!contradictions.given("lora_modules_to_save")) asked.modules_to_save.clear();
  resolve_lora_targets(asked, model);
  contradictions.check("lora_target_modules", asked.target_modules, "target_modules",
                       lora.target_modules);
  contradictions.check("lora_modules_to_save", asked.modules_to_save, "modules_to_save",
                       lora.modules_to_save);
  if (contradictions.given("lora_dropout")) lora.dropout = config.lora_dropout;
  return lora;
}

}  // namespace

LoraConfig lora_of_run(const RunConfig& config, const ModelConfig& model) {
  if (!config.lora_model_dir.empty()) return continued(config, model);
  LoraConfig lora = asked_for(config);
  resolve_lora_targets(lora, model);
  return lora;
}

void record_adapter(const LoraConfig& lora, RunConfig& config) {
  config.lora_r = lora.r;
  config.lora_alpha = lora.alpha;
  config.lora_dropout = lora.dropout;
  config.use_rslora = lora.use_rslora;
  config.lora_target_modules = lora.target_modules;
  config.lora_modules_to_save = lora.modules_to_save;
}

}  // namespace temper
