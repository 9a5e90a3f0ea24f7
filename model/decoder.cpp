#include "model/decoder.h"

#include "common/error.h"
#include "model/decoder_parts.h"

namespace temper {

DecoderParts make_decoder_parts(const ModelConfig& config, const LoraConfig* lora,
                                Training training) {
  TEMPER_CHECK(training != Training::kLora || lora != nullptr, "LoRA training without adapters");
  TEMPER_CHECK(training != Training::kFull || lora == nullptr, "full training with adapters");
  DecoderParts parts;
  parts.embedding = std::make_unique<EmbeddingStage>(config, lora, training);
  const auto rope = std::make_shared<const RopeTable>(rope_inverse_frequencies(config));
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    parts.blocks.push_back(std::make_unique<DecoderBlock>(config, lora, training, layer, rope));
  }
  parts.head = std::make_unique<HeadStage>(config, lora, training);
  return parts;
}

StageList make_decoder(const ModelConfig& config, const LoraConfig* lora, Training training) {
  DecoderParts parts = make_decoder_parts(config, lora, training);
  StageList stages;
  stages.push_back(std::move(parts.embedding));
  for (auto& block : parts.blocks) stages.push_back(std::move(block));
  stages.push_back(std::move(parts.head));
  return stages;
}

}  // namespace temper
