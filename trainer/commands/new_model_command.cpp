#include "trainer/commands/new_model_command.h"
#include "comm/mpi/comm_environment.h"

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
#include "trainer/commands/command_line.h"

namespace temper {
namespace {

namespace po = boost::program_options;

constexpr const char* kUsage = "temper new-model --config CONFIG.json --tokenizer FILE -o DIR";

po::options_description make_options() {
  po::options_description options("Options", kHelpWidth, kHelpTextWidth);
  options.add_options()("help,h", "this text")("config",
                                               po::value<std::string>()->value_name("FILE"),
                                               "a Hugging Face config.json of the Llama family")(
      "tokenizer", po::value<std::string>()->value_name("FILE"),
      "tokenizer.json, tokenizer.model or .tiktoken file, or a directory that holds one")(
      "output,o", po::value<std::string>()->value_name("DIR"), "directory to make")(
      "seed", po::value<uint64_t>()->value_name("N")->default_value(0), "of the random weights");
  return options;
}

void make_model(const po::variables_map& values) {
  for (const char* required : {"config", "tokenizer", "output"}) {
    if (values.count(required) == 0) throw UserError("new-model: --{} is missing", required);
  }
  const std::filesystem::path config_path = values["config"].as<std::string>();
  std::filesystem::path tokenizer_path = values["tokenizer"].as<std::string>();
  const std::filesystem::path output = values["output"].as<std::string>();
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
                     InitialBaseWeights(config, values["seed"].as<uint64_t>()), DType::kF32);
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

int new_model_command(const std::vector<std::string>& arguments, CommEnvironment& environment) {
  run_on_rank_0(environment.world(), arguments, kUsage, make_options(), make_model);
  return kExitDone;
}

}  // namespace temper
