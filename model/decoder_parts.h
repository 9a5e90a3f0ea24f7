// The stages of a decoder by their own types, for those inside model/ that need more than Stage.
#pragma once

#include <memory>
#include <vector>

#include "model/decoder_block.h"
#include "model/embedding_stage.h"
#include "model/head_stage.h"

namespace temper {

struct DecoderParts {
  std::unique_ptr<EmbeddingStage> embedding;
  std::vector<std::unique_ptr<DecoderBlock>> blocks;
  std::unique_ptr<HeadStage> head;
};

// The same stages as make_decoder returns, each under its own type.
DecoderParts make_decoder_parts(const ModelConfig& config, const LoraConfig* lora,
                                Training training);

}  // namespace temper
