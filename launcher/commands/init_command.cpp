#include <filesystem>
#include <iostream>
#include <string>

#include "config/reference/example_config.h"
#include "config/reference/run_schema.h"
#include "io/atomic_file.h"
#include "launcher/commands/commands.h"

namespace temper {
namespace {

constexpr const char* kReadme = R"(# A fine-tune with temper

1. Put the base model (a Hugging Face directory: config.json, safetensors, tokenizer.json) under
   `models/base`, and your records as JSON lines under `data/`.
2. Pack them, the ones to train on and the ones held out apart:

       temper pack data/train.jsonl -o data/train.h5 --model models/base --sequence-len 2048
       temper pack data/test.jsonl -o data/test.h5 --model models/base --sequence-len 2048
       temper inspect data/train.h5 --samples 2 --model models/base

3. Read `run.yaml`: every key is explained there, and editors that know YAML schemas
   complete it by `run.schema.json`. With `test_datasets: [{path: data/test.h5}]` the run
   measures what it learns, and recommends a checkpoint by that.
4. `temper train run.yaml --dry-run` shows the plan; `temper train run.yaml --nproc 2` runs it on two
   ranks. When it is stopped or killed, the same command goes on where it was.
5. `temper status runs/first` says where it stands, `temper report runs/first` writes a page of what was
   learned and forgotten. `temper eval runs/first --base --questions data/test.jsonl` compares answers with
   the base's, `temper export runs/first -o out/adapter` writes what PEFT loads (with `--merge` a whole
   model).
)";

void write_new(const std::filesystem::path& path, const std::string& content) {
  if (std::filesystem::exists(path)) {
    throw UserError("{} is there already; it is left as it is", path.string());
  }
  write_file_atomically(path, content);
  std::cout << path.string() << "\n";
}

}  // namespace

int init_command(const CommandLine& line) {
  const std::filesystem::path directory = line.has("DIR") ? line.get("DIR") : ".";
  make_directories(directory);
  write_new(directory / "run.yaml", example_run_yaml());
  write_new(directory / kSchemaFileName, run_schema().dump(2) + "\n");
  write_new(directory / "README.md", kReadme);
  return kExitDone;
}

}  // namespace temper
