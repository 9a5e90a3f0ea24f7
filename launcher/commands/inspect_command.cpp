#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "common/log.h"
#include "data/dataset/describe_dataset.h"
#include "launcher/commands/commands.h"
#include "launcher/inspect/describe.h"
#include "launcher/inspect/describe_model.h"
#include "launcher/print_report.h"
#include "run/find_checkpoint.h"

namespace temper {
namespace {

// The tokenizer that was named, else the one that the dataset remembers; empty when that is gone.
std::string tokenizer_path(const CommandLine& line, const PackedDataset& dataset) {
  if (line.has("model") && line.has("tokenizer")) line.refuse("give either --model or --tokenizer");
  if (line.has("model")) return line.get("model");
  if (line.has("tokenizer")) return line.get("tokenizer");
  const Json settings = parse_json(dataset.texts().settings, dataset.path().string());
  const std::string remembered =
      JsonFields(settings, dataset.path().string()).text_or("tokenizer", "");
  return std::filesystem::exists(remembered) ? remembered : "";
}

void inspect_dataset(const CommandLine& line, const std::string& path) {
  const PackedDataset dataset(path);
  DescribeOptions options;
  options.num_samples = line.find<int64_t>("samples").value_or(0);
  options.rows = line.integers("row");
  options.verify = line.has("verify");
  options.colour = isatty(STDOUT_FILENO) != 0;
  std::optional<Tokenizer> tokenizer;
  if (options.num_samples > 0 || !options.rows.empty()) {
    const std::string file = tokenizer_path(line, dataset);
    if (!file.empty()) tokenizer = Tokenizer::from_file(file);
  }
  const Tokenizer* decoder = tokenizer ? &*tokenizer : nullptr;
  if (line.has("json")) {
    print_report(describe_dataset_json(dataset, decoder, options), true);
  } else {
    // Not through std::cout, which passes no colours on to a terminal.
    const std::string text = describe_dataset(dataset, decoder, options);
    std::cout.flush();
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout)) {
      throw SystemError("standard output cannot be written to");
    }
  }
}

std::vector<std::string> names_of(const std::string& list) {
  std::vector<std::string> names;
  std::istringstream stream(list);
  for (std::string name; std::getline(stream, name, ',');) names.push_back(name);
  return names;
}

bool asks_for_lora(const CommandLine& line) {
  return line.has("lora-r") || line.has("lora-target-modules") || line.has("lora-modules-to-save");
}

LoraConfig lora_setting(const CommandLine& line) {
  constexpr int64_t kMaxRank = int64_t{1} << 16;
  LoraConfig lora;
  lora.r = line.find<int64_t>("lora-r").value_or(lora.r);
  if (lora.r < 1 || lora.r > kMaxRank)
    line.refuse(fmt::format("--lora-r must be 1 to {}", kMaxRank));
  lora.target_modules = names_of(line.find("lora-target-modules").value_or("all-linear"));
  lora.modules_to_save = names_of(line.find("lora-modules-to-save").value_or(""));
  return lora;
}

}  // namespace

int inspect_command(const CommandLine& line) {
  std::string path = line.get("PATH");
  if (is_checkpoint_reference(path)) {
    const FoundCheckpoint found = find_checkpoint(path);
    log::info("{}", found.text);
    path = found.path.string();
  }
  if (!std::filesystem::is_directory(path)) {
    inspect_dataset(line, path);
    return kExitDone;
  }
  if (line.has("samples") || line.has("row") || line.has("verify")) {
    line.refuse("--samples, --row and --verify are for packed datasets");
  }
  OrderedJson report = describe_directory(path);
  if (asks_for_lora(line)) {
    if (report["kind"] != "model") line.refuse("--lora-... are for models");
    report["lora"] = describe_lora_setting(path, lora_setting(line));
  }
  print_report(report, line.has("json"));
  return kExitDone;
}

}  // namespace temper
