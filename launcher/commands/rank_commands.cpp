// Commands that temper-rank runs alone: passed on as they are, except for their help.

#include <algorithm>
#include <iostream>
#include <string>

#include "common/error.h"
#include "launcher/command.h"
#include "launcher/rank_launch.h"

namespace temper {
namespace {

constexpr const char* kGenerateHelp =
    R"(Usage: temper generate --model DIR [--adapter DIR] [--prompt TEXT] [options]

Continues prompts: one from --prompt, or JSON lines {"prompt"} or {"messages"} on standard input.

Options:
  --model DIR            Hugging Face directory, or a run or checkpoint
  --adapter DIR          PEFT adapter directory
  --prompt TEXT          a single prompt
  --chat-template NAME   wrap the prompt as a user's message
  --max-new-tokens N     at most so many tokens
  --temperature T        0: greedy
  --top-p P              sample from the smallest set with this probability
  --top-k K              sample from the K likeliest
  --seed N               of the sampling
)";

constexpr const char* kExportHelp =
    R"(Usage: temper export RUN_DIR/CHECKPOINT -o DIR [--merge] [--dtype NAME]

Writes a checkpoint (of a run: its newest complete one) as a Hugging Face model, or a LoRA run's as
a PEFT adapter.

Options:
  -o, --output DIR       directory to make
  --merge                a LoRA run: the whole model with the adapter merged in
  --dtype NAME           of the weights: float32, bfloat16 or float16
)";

constexpr const char* kScoreHelp =
    R"(Usage: temper score --model DIR [--adapter DIR] --input X.safetensors --output Y.safetensors [options]

Reads input_ids [B,S] and labels [B,S] (int64; -100 ignored, shifted inside), optionally cu_seqlens
(int32, B = 1: a packed row); writes logits (fp32), loss (mean over supervised targets).

Options:
  --model DIR            Hugging Face directory
  --adapter DIR          PEFT adapter directory
  --input FILE           safetensors to read
  --output FILE          safetensors to write
  --grads                also grad.<name>: of every parameter, or of the adapter's
  --merged               compute with the adapter merged into the weights
)";

constexpr const char* kNewModelHelp =
    R"(Usage: temper new-model --config CONFIG.json --tokenizer FILE -o DIR [--seed N]

Makes a randomly initialised base model.

Options:
  --config FILE          config.json as Hugging Face writes it
  --tokenizer FILE       tokenizer.json, or a directory that holds one
  -o, --output DIR       directory to make
  --seed N               of the random weights
)";

int pass_on(const char* name, const char* help, const Arguments& arguments) {
  const bool wants_help = std::any_of(arguments.begin(), arguments.end(), [](const auto& argument) {
    return argument == "-h" || argument == "--help";
  });
  if (wants_help) {
    std::cout << help;
    return kExitDone;
  }
  Arguments all = {name};
  all.insert(all.end(), arguments.begin(), arguments.end());
  become_rank_program(all);
}

}  // namespace

int generate_command(const Arguments& arguments) {
  return pass_on("generate", kGenerateHelp, arguments);
}
int export_command(const Arguments& arguments) {
  return pass_on("export", kExportHelp, arguments);
}
int score_command(const Arguments& arguments) {
  return pass_on("score", kScoreHelp, arguments);
}
int new_model_command(const Arguments& arguments) {
  return pass_on("new-model", kNewModelHelp, arguments);
}

}  // namespace temper
