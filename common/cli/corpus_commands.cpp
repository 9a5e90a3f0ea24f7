#include "common/cli/commands.h"
#include "common/cli/shared_options.h"

namespace temper {
namespace {

// Of a finding of hygiene.
OptionSpec gate(const char* name, const char* text, const char* fallback = "report") {
  return text_option(name, "DO", text).or_else(fallback);
}

std::vector<OptionSpec> corpus_options() {
  return {
      text_option("format", "NAME", "Format of the records.")
          .one_of({"auto", "chat", "sharegpt", "prompt-completion", "alpaca", "text"})
          .or_else("auto"),
      texts_option("column", "KEY=NAME",
                   "Takes the record's key or column NAME for what the format calls KEY, as in "
                   "prompt=question."),
      text_option("on-error", "HOW",
                  "What to do with records that cannot be read: stop at the first, or skip and "
                  "list them.")
          .one_of({"stop", "skip"})
          .or_else("stop"),
      integer_option("workers", "N", "Number of threads; 0: one per core.").or_else("0"),
  };
}

std::vector<OptionSpec> hygiene_options() {
  return {
      gate("duplicates",
           "What to do with records that equal an earlier one. DO is off, report, drop or error, "
           "here and below."),
      gate("near-duplicates", "What to do with records that are nearly like an earlier one."),
      number_option("near-threshold", "SHARE",
                    "Share of word triples in common from which records are nearly alike.")
          .or_else("0.8"),
      gate("conflicts",
           "What to do with questions that have different answers; drop leaves all of them out."),
      texts_option("held-out", "FILE", "A corpus that must not be trained on."),
      texts_option("general", "FILE",
                   "A corpus of general_datasets, which must not be trained on either."),
      gate("overlap",
           "What to do with records that are, or whose question is, in --held-out or --general.",
           "error"),
      gate("cut-off", "What to do with answers that seem to stop in mid-sentence."),
      gate("mojibake", "What to do with text that was read in the wrong encoding."),
      gate("pii",
           "What to do with e-mail addresses, phone, social security, medical record and card "
           "numbers and birth dates; mask replaces them. A net with holes, no promise."),
      number_option("val-split", "SHARE",
                    "Splits this share of the records off for a validation set. Near duplicates "
                    "and records with the same question stay together.")
          .or_else("0"),
      text_option("group-by", "KEY",
                  "Keeps records with the same value of this key together, too."),
      integer_option("split-seed", "N", "Seed of --val-split: another seed, another split.")
          .or_else("42"),
  };
}

CommandSpec pack() {
  return {
      .name = "pack",
      .group = CommandGroup::kEveryDay,
      .summary = "Turn a corpus into a packed dataset",
      .usage = "temper pack INPUT... -o OUT.h5 (--model DIR | --tokenizer FILE) --sequence-len N",
      .about =
          "Packs a corpus into rows of exactly --sequence-len tokens, for `datasets` in run.yaml. "
          "Inputs are files of JSON lines or arrays, CSV, TSV or text (plain, gzip or zstd), "
          "Parquet where built with Arrow, directories, \"patterns*\", or - for standard input. "
          "Records are one of\n"
          "  {\"messages\": [{\"role\", \"content\"}], [\"tools\"]}     chat\n"
          "  {\"conversations\": [{\"from\", \"value\"}], [\"tools\"]}  sharegpt\n"
          "  {\"prompt\", \"completion\"}                           prompt-completion\n"
          "  {\"instruction\", \"input\", \"output\"}                 alpaca\n"
          "  {\"text\"}                                           text\n"
          "Answers are supervised, prompts are context; of a text every token is supervised. What "
          "the corpus holds twice, or should not hold, is reported; nothing is dropped unless you "
          "say so.",
      .arguments = {{"INPUT", 1, kAnyNumber}},
      .options = joined(
          {{text_option("output,o", "FILE", "The packed dataset to write (OUT.h5)."),
            text_option("model", "DIR", "Takes the tokenizer of this model directory."),
            text_option("tokenizer", "FILE",
                        "Takes this tokenizer.json, tokenizer.model or .tiktoken file instead of "
                        "--model."),
            text_option("chat-template", "NAME",
                        "How messages become text: llama2, llama3, mistral, chatml, qwen, gemma, "
                        "phi3, alpaca or plain, a Jinja file, or \"model\". Without it the model's "
                        "own when it has one, else plain."),
            text_option("chat-template-kwargs", "JSON",
                        "Gives the template more variables, as in {\"enable_thinking\": false}; "
                        "eval, generate and export give them, too."),
            text_option("date", "YYYY-MM-DD",
                        "The day that a template which asks for it is told; without it today. All "
                        "shards need the same one."),
            text_option("train-on-eos", "WHICH",
                        "Whose end-of-turn marker is learnt: that of every learnt turn, of all "
                        "turns, of the last, or none.")
                .one_of({"turn", "all", "last", "none"})
                .or_else("turn"),
            text_option("roles-to-train", "ROLES",
                        "Roles whose messages are learnt, with commas between them.")
                .or_else("assistant"),
            integer_option("sequence-len", "N", "Number of tokens in a row."),
            text_option("overlong", "HOW",
                        "What to do with records that are longer than a row; truncate cuts their "
                        "end off.")
                .one_of({"error", "truncate", "drop"})
                .or_else("error"),
            text_option("bos", "TEXT", "The beginning-of-sequence token's text; empty: none."),
            text_option("eos", "TEXT", "The end-of-sequence token's text; empty: none.")},
           corpus_options(),
           hygiene_options(),
           {flag("no-hygiene", "Looks for none of that."),
            text_option("val-output", "FILE", "The packed validation set. Without it OUT-val.h5."),
            text_option("decisions", "FILE", "What `temper check` decided for this corpus."),
            text_option("topic", "KEY",
                        "Key of the records whose value is their topic: evaluation tells losses by "
                        "topic."),
            text_option("shard", "I/N",
                        "Packs part I (from 0) of N as OUT-0000I-of-0000N.h5; the parts train as "
                        "OUT.h5."),
            json_option("Prints the account of records and tokens as JSON.")}})};
}

CommandSpec check() {
  return {.name = "check",
          .group = CommandGroup::kData,
          .summary = "Find what a corpus holds twice, or should not hold",
          .usage = "temper check INPUT... [--held-out FILE] [--decisions OUT] [--json]",
          .about =
              "Looks through a corpus for what should not be in it twice, unseen or at all, "
              "as `temper pack` does, and writes down what becomes of every record, for "
              "`temper pack --decisions`.",
          .arguments = {{"INPUT", 1, kAnyNumber}},
          .options = joined({corpus_options(),
                             hygiene_options(),
                             {text_option("decisions", "FILE",
                                          "Writes what is dropped and split off into this file."),
                              json_option()}})};
}

CommandSpec inspect() {
  return {
      .name = "inspect",
      .group = CommandGroup::kData,
      .summary = "Say what a dataset, model, adapter, checkpoint or run is",
      .usage = "temper inspect PATH [--samples N] [--json]",
      .about =
          "Says what a packed dataset, model, adapter, checkpoint (also RUN@newest, "
          "RUN@step-N) or run directory is, and checks that it is whole.",
      .arguments = {{"PATH"}},
      .options = {
          integer_option("samples", "N",
                         "Decodes N rows of a dataset and marks what is supervised. It shows "
                         "records."),
          integers_option("row", "N",
                          "Decodes this row of a dataset and says where its documents come from."),
          flag("verify", "Reads every row of a dataset and checks it."),
          text_option("model", "DIR",
                      "For --samples: the model whose tokenizer packed it, if it is not where it "
                      "was."),
          text_option("tokenizer", "FILE", "For --samples: the tokenizer file instead of --model."),
          integer_option("lora-r", "N",
                         "Says what an adapter of this rank would train of a model. Without it, "
                         "with one of the next two, 16."),
          text_option("lora-target-modules", "NAMES",
                      "Says what an adapter on these modules, with commas between them, would "
                      "train of a model. Without it all-linear."),
          text_option("lora-modules-to-save", "NAMES",
                      "Says what an adapter would train of a model together with these modules in "
                      "full: embed_tokens,lm_head."),
          json_option()}};
}

CommandSpec trace() {
  return {.name = "trace",
          .group = CommandGroup::kData,
          .summary = "Find which rows, steps and checkpoints saw a record",
          .usage = "temper trace RECORD PATH [--json]",
          .about =
              "Says which rows of a dataset hold a record (FILE:NUMBER as in "
              "train.jsonl:17), or why none does; of a run directory also which steps and "
              "checkpoints saw it.",
          .arguments = {{"RECORD"}, {"PATH"}},
          .options = {json_option()}};
}

CommandSpec tokenize() {
  return {.name = "tokenize",
          .group = CommandGroup::kData,
          .summary = "Turn text into ids, JSON lines in and out",
          .usage = "temper tokenize --tokenizer FILE [--special] [--decode] [INPUT]",
          .about =
              "Reads JSON lines {\"text\"} from INPUT or standard input and prints "
              "{\"ids\",\"offsets\"} for each; offsets are in code points. With --decode, "
              "{\"ids\"} in and {\"text\"} out.",
          .arguments = {{"INPUT", 0, 1}},
          .options = {text_option("tokenizer", "FILE",
                                  "A tokenizer.json, tokenizer.model or .tiktoken file, or a model "
                                  "directory."),
                      flag("special", "Adds what the tokenizer puts around a text (<s>)."),
                      flag("decode", "Turns ids into text, special tokens included.")}};
}

CommandSpec render() {
  return {
      .name = "render",
      .group = CommandGroup::kData,
      .summary = "Turn messages into text by a chat template, JSON lines in and out",
      .usage = "temper render --chat-template NAME|FILE|DIR [INPUT]",
      .about =
          "Reads JSON lines {\"messages\",\"add_generation_prompt\",\"bos_token\",\"eos_token\"} "
          "from INPUT or standard input and prints {\"rendered\",\"generation_spans\"} (in code "
          "points) or {\"error\"} for each. Every other member (tools, documents, "
          "enable_thinking, ...) is a variable of the template, too.\n\n"
          "The template is a Jinja file, a tokenizer_config.json, a model directory, or one of "
          "llama2, llama3, mistral, chatml, qwen, gemma, phi3, alpaca, plain.",
      .arguments = {{"INPUT", 0, 1}},
      .options = {text_option("chat-template", "NAME",
                              "The template: a name, a file or a model directory.")}};
}

CommandSpec new_tokenizer() {
  return {
      .name = "new-tokenizer",
      .group = CommandGroup::kData,
      .summary = "Learn a byte-level BPE vocabulary from a corpus",
      .usage = "temper new-tokenizer INPUT... -o tokenizer.json [options]",
      .about =
          "Learns a byte-level BPE vocabulary from a corpus, for a base that is "
          "pretrained from nothing (temper new-model). Ids 0, 1 and 2 are <s>, </s> and "
          "<pad>.",
      .arguments = {{"INPUT", 1, kAnyNumber}},
      .options = {text_option("output,o", "FILE", "The tokenizer.json to write."),
                  integer_option("vocab-size", "N", "Number of tokens in all.").or_else("4096")}};
}

CommandSpec synth() {
  return {
      .name = "synth",
      .group = CommandGroup::kData,
      .summary = "Invent the demo's corpora: specialist facts and everyday text",
      .usage = "temper synth -o DIR [options]",
      .about =
          "Writes the demo's corpora: invented specialist facts as questions and answers, "
          "with unseen phrasings held out, and everyday text. Nothing in them is true.",
      .arguments = {},
      .options = {
          text_option("output,o", "DIR", "The directory to write into."),
          integer_option("seed", "N", "Another seed invents other names and other facts.")
              .or_else("1"),
          integer_option("entities", "N", "Number of invented remedies, six facts each.")
              .or_else("100"),
          integer_option("phrasings", "N", "Number of training questions about each fact.")
              .or_else("10"),
          integer_option("general", "N", "Number of general training records.").or_else("16000"),
          integer_option("replay", "N", "Number of general training records for replay.")
              .or_else("1000"),
          integer_option("canaries", "N",
                         "Writes canaries.jsonl, N records with random numbers, and nothing "
                         "else: mixed into the training data, they tell `temper eval "
                         "--canaries` how much is memorised."),
          json_option("Prints the counts as JSON.")}};
}

}  // namespace

std::vector<CommandSpec> corpus_commands() {
  return {pack(), check(), inspect(), trace(), tokenize(), render(), new_tokenizer(), synth()};
}

}  // namespace temper
