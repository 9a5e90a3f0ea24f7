#include "common/cli/commands.h"
#include "common/cli/shared_options.h"

namespace temper {
namespace {

constexpr const char* kModelArgument = "MODEL";

constexpr const char* kAboutModel =
    "\n\nMODEL is a run (the checkpoint that its report recommends), RUN@newest, RUN@step-N, a "
    "checkpoint's directory, or an exported model or adapter.";

OptionSpec threads_option(const char* text) {
  return integer_option("threads", "N", text);
}

CommandSpec eval() {
  return {
      .name = "eval",
      .group = CommandGroup::kEveryDay,
      .summary = "Measure a model on held-out data and questions, beside its base",
      .usage = "temper eval (MODEL | --model DIR [--adapter DIR]) [options]",
      .about = std::string("Measures held-out loss, answers to questions, multiple choice and "
                           "memorisation, for a fine-tuned model and, with --base, its base.") +
               kAboutModel,
      .arguments = {{kModelArgument, 0, 1}},
      .options = joined(
          {model_options(),
           {texts_option("data", "NAME=FILE",
                         "Measures the held-out loss of a packed dataset (NAME=FILE.h5). Without "
                         "it the run's test_datasets and general_datasets."),
            text_option("questions", "FILE",
                        "JSON lines with prompt and completion, or messages: they are answered "
                        "greedily and compared."),
            text_option("choices", "FILE",
                        "JSON lines with prompt or messages, choices and answer (the index of the "
                        "right one, from 0): the likeliest choice counts."),
            text_option("memorisation", "FILE",
                        "Records that were trained on: counts how many answers come back word by "
                        "word, beside those of --questions."),
            text_option("canaries", "FILE",
                        "Planted records (temper synth --canaries): tells whether the model knows "
                        "their numbers."),
            integer_option("max-new-tokens", "N", "Number of tokens of the longest answer.")
                .or_else("128"),
            integer_option("limit", "N",
                           "Takes only the first N questions (of --memorisation N different ones, "
                           "counted over all of it) and the first N rows of each dataset; 0: all.")
                .or_else("0"),
            flag("base", "Evaluates the base model, too."), json_option(),
            text_option("output,o", "FILE",
                        "Writes question, expected and given answers as JSON lines. Without it, "
                        "for a run, RUN_DIR/eval/step-N.jsonl, beside the figures in step-N.json."),
            flag("with-records", "Prints questions and answers as well."),
            threads_option("Number of CPU threads of each rank.").or_else("1"), device_option()},
           start_options()}),
      .runs_in_temper_rank = true};
}

CommandSpec export_model() {
  return {
      .name = "export",
      .group = CommandGroup::kEveryDay,
      .summary = "Write a checkpoint as a Hugging Face model or PEFT adapter",
      .usage = "temper export RUN[@newest|@step-N] -o DIR [options]",
      .about =
          "Writes a checkpoint as a directory that other software loads, and proves that it "
          "computes what the checkpoint does. RUN is a run (the checkpoint that its report "
          "recommends), RUN@newest, RUN@step-N, or a checkpoint's directory.",
      .arguments = {{"RUN"}},
      .options = joined(
          {{text_option("output,o", "DIR", "The directory to make."),
            flag("merge", "Adds a LoRA adapter into its base and writes a full model."),
            text_option("dtype", "NAME",
                        "Number format of the weights. Without it the base's, and float32 for an "
                        "adapter.")
                .one_of({"float32", "bfloat16", "float16"}),
            text_option("max-shard-size", "SIZE",
                        "Size of the largest file of weights; K, M, G and T are powers of 1024.")
                .or_else("5G"),
            text_option("lora-scale", "SCALE",
                        "Ships a share of the adapter, 0 to 1; auto: the best within the run's "
                        "max_forgetting."),
            flag("allow-forgetting",
                 "Exports what is over the run's max_forgetting, or was not measured."),
            text_option("model", "DIR", "Where the run's base is now, if it has moved.")},
           template_options(),
           {threads_option("Number of CPU threads; an export computes on the CPU, in fp32. Without "
                           "it all cores."),
            json_option("Prints the export report.")}}),
      .runs_in_temper_rank = true};
}

CommandSpec report() {
  return {
      .name = "report",
      .group = CommandGroup::kAfter,
      .summary = "Write a page that shows what a run learned and forgot",
      .usage = "temper report RUN_DIR [OTHER_RUN_DIR...] [-o report.html] [options]",
      .about =
          "Writes what a run learned and forgot, which checkpoint to use, and how it went, as "
          "one page that needs nothing else (RUN_DIR/report.html). Further runs are compared "
          "with the first.",
      .arguments = {{"RUN_DIR", 1, kAnyNumber}},
      .options = {text_option("output,o", "FILE",
                              "The page; - for standard output. Without it RUN_DIR/report.html."),
                  json_option("Prints the figures as JSON instead."),
                  flag("markdown", "Prints verdict and tables as Markdown instead."),
                  flag("follow", "Writes the page again whenever the run has news, until it ends."),
                  flag("with-records", "Shows sample answers, with the records' text.")}};
}

CommandSpec generate() {
  return {
      .name = "generate",
      .group = CommandGroup::kAfter,
      .summary = "Answer a prompt with a model",
      .usage = "temper generate (MODEL | --model DIR [--adapter DIR]) --prompt TEXT",
      .about = std::string("Prints one answer of a model as it comes.") + kAboutModel,
      .arguments = {{kModelArgument, 0, 1}, {"PROMPT", 0, 1}},
      .options = joined(
          {model_options(),
           {text_option(
                "prompt,p", "TEXT",
                "What to answer; - reads it from standard input. It may also follow MODEL."),
            integer_option("max-new-tokens", "N", "Number of tokens of the longest answer.")
                .or_else("256"),
            number_option("temperature", "X",
                          "Spreads the choice of tokens; 0 takes the likeliest every time.")
                .or_else("0"),
            number_option("top-p", "P",
                          "Samples among the likeliest tokens that together reach this "
                          "probability.")
                .or_else("1"),
            integer_option("top-k", "N", "Samples among this many of the likeliest tokens; 0: all.")
                .or_else("0"),
            integer_option("seed", "N", "Seed of the choice: the same seed gives the same answer.")
                .or_else("0"),
            threads_option("Number of CPU threads. Without it all cores."), device_option()}}),
      .runs_in_temper_rank = true};
}

CommandSpec score() {
  return {
      .name = "score",
      .group = CommandGroup::kAfter,
      .summary = "Compute logits, loss and gradients of given tokens",
      .usage = "temper score --model DIR [--adapter DIR] --input X.safetensors -o Y.safetensors",
      .about =
          "Computes what a model makes of given tokens and labels, to compare it with another "
          "implementation to the last digit.",
      .arguments = {},
      .options = {text_option("model", "DIR", "A Hugging Face model directory."),
                  text_option("adapter", "DIR", "A PEFT adapter directory."),
                  text_option(
                      "input", "FILE",
                      "A safetensors file with input_ids [B,S], labels [B,S] (-100 ignored) and, "
                      "with B = 1, cu_seqlens where rows hold several documents."),
                  text_option("output,o", "FILE",
                              "The safetensors file to write: logits, loss and, with --grads, "
                              "grad.NAME."),
                  flag("grads",
                       "Writes gradients of the mean loss, of the adapter only when there is one."),
                  flag("merged", "Merges the adapter into the base first."), device_option()},
      .runs_in_temper_rank = true};
}

CommandSpec new_model() {
  return {
      .name = "new-model",
      .group = CommandGroup::kTools,
      .summary = "Make a base model with random weights",
      .usage = "temper new-model --config CONFIG.json --tokenizer FILE -o DIR",
      .about =
          "Makes a Hugging Face model directory with random weights, to pretrain a small "
          "base from nothing.",
      .arguments = {},
      .options = {text_option("config", "FILE", "A Hugging Face config.json of the Llama family."),
                  text_option("tokenizer", "FILE",
                              "A tokenizer.json, tokenizer.model or .tiktoken file, or a "
                              "directory that holds one."),
                  text_option("output,o", "DIR", "The directory to make."),
                  integer_option("seed", "N", "Seed of the random weights.").or_else("0")},
      .runs_in_temper_rank = true};
}

}  // namespace

std::vector<CommandSpec> model_commands() {
  return {eval(), export_model(), report(), generate(), score(), new_model()};
}

}  // namespace temper
