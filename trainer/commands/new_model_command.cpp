#include <filesystem>
#include <iostream>

#include "arch/model_config.h"
#include "arch/parameters.h"
#include "common/error.h"
#include "common/log.h"
#include "export/export_files.h"
#include "export/model_writer.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "io/safetensors/tensor_info.h"
#include "model/hf_weights.h"
#include "text/tokenizer/files/tokenizer_files.h"
#include "text/tokenizer/tokenizer.h"
#include "trainer/commands/commands.h"

namespace temper {
namespace {

void make_model(const CommandLine& line) {
  const std::filesystem::path config_path = line.get("config");
  std::filesystem::path tokenizer_path = line.get("tokenizer");
  const std::filesystem::path output = line.get("output");
  if (std::filesystem::is_directory(tokenizer_path)) {
    tokenizer_path =
        find_tokenizer_file(tokenizer_path).value_or(tokenizer_path / "tokenizer.json");
  }
  if (std::filesystem::exists(output)) {
    throw UserError("{} exists already; new-model makes a new directory", output.string());
  }
  const ModelConfig config =
      ModelConfig::from_json(read_json_file(config_path), config_path.string());
  const Tokenizer tokenizer = Tokenizer::from_file(tokenizer_path);
  if (tokenizer.vocab_size() > config.vocab_size) {
    throw UserError("{}: \"vocab_size\" is {}, but the tokenizer has {} tokens",
                    config_path.string(), config.vocab_size, tokenizer.vocab_size());
  }

  AtomicDirectory directory(output);
  const auto& partial = directory.partial_path();
  write_weights_file(partial / "model.safetensors", base_parameters(config),
                     InitialBaseWeights(config, line.get<uint64_t>("seed")), DType::kF32);
  write_file_atomically(partial / "config.json", config.json.dump(2) + "\n");
  write_file_atomically(partial / "generation_config.json",
                        default_generation_config(config).dump(2) + "\n");
  const bool is_tiktoken = tokenizer_path.extension() == ".tiktoken";
  const bool is_json = tokenizer_path.extension() != ".model" && !is_tiktoken;
  write_file_atomically(partial / (is_tiktoken ? tokenizer_path.filename().native()
                                   : is_json   ? "tokenizer.json"
                                               : "tokenizer.model"),
                        read_file(tokenizer_path));
  for (const char* name :
       {"tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"}) {
    const auto beside = tokenizer_path.parent_path() / name;
    if (std::filesystem::exists(beside)) write_file_atomically(partial / name, read_file(beside));
  }
  directory.commit();
  log::info("{}: {} parameters", output.string(), count_elements(base_parameters(config)));
}

}  // namespace

int new_model_command(const CommandLine& line, CommEnvironment& environment) {
  return run_on_rank_0(environment.world(), [&] { make_model(line); });
}

}  // namespace temper
