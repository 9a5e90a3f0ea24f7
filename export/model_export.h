// Makes trained weights a directory that transformers, peft, vLLM and this project load:
//   full fine-tune       a Hugging Face model
//   LoRA                 a PEFT adapter, or with `merge` a Hugging Face model with it added in
// Weights stream from the checkpoint parameter by parameter, and the proof reads them stage by
// stage: the whole model is never in memory. Before the directory appears under its name it is
// loaded again by the ordinary path and compared with the live model (export_proof.h);
// export_report.json in it says what came out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "arch/lora_config.h"
#include "arch/model_config.h"
#include "export/model_writer.h"
#include "io/json.h"
#include "io/safetensors/tensor_info.h"
#include "stage/weight_source.h"
#include "text/chat/chat_template.h"

namespace temper {

inline constexpr const char* kExportReportFile = "export_report.json";

// What is exported. The pointer must outlive the export.
struct ExportSource {
  std::filesystem::path base_directory;  // its tokenizer and configuration go along
  ModelConfig config;
  std::optional<LoraConfig> lora;
  const WeightSource* weights = nullptr;  // the trained weights, and the base's where those lack
  Json provenance;                        // the report's "source"
};

// A conversation as the trained model must see it, for checking a server against.
struct GoldenPrompt {
  std::vector<Message> messages;
  std::string rendered;
  std::vector<int64_t> ids;
};

struct ExportOptions {
  std::filesystem::path output;
  bool merge = false;
  // Where it is not given, the base's config.json decides; an adapter is float32.
  std::optional<DType> dtype;
  uint64_t max_shard_bytes = kDefaultMaxShardBytes;
  std::string chat_template;            // name of the one in use, or empty
  std::string chat_template_kwargs;     // JSON text of the variables it needs besides, or empty
  std::string template_source;          // goes into chat_template.jinja; empty: the base's files
  std::vector<GoldenPrompt> golden;     // the report gets the logits that follow each
  std::vector<int64_t> stop_token_ids;  // added to generation_config.json's eos_token_id
};

// Returns the report. An existing directory is replaced only when it is an earlier export
// (UserError otherwise). A proof that fails is a SystemError, and no directory is left.
Json export_model(const ExportSource& source, const ExportOptions& options);

}  // namespace temper
