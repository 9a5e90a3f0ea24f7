#include "launcher/pack_options.h"

#include <charconv>
#include <sstream>
#include <string>
#include <string_view>

#include "launcher/corpus_options.h"

namespace temper {
namespace {

namespace po = boost::program_options;

constexpr const char* kAbout =
    "Packs a corpus into rows of exactly --sequence-len tokens, for `datasets` in run.yaml. "
    "Inputs\n"
    "are files of JSON lines or arrays, CSV, TSV or text (plain, gzip or zstd), Parquet where "
    "built\n"
    "with Arrow, directories, \"patterns*\", or - for standard input. Records are one of\n"
    "  {\"messages\": [{\"role\", \"content\"}], [\"tools\"]}    chat\n"
    "  {\"conversations\": [{\"from\", \"value\"}], [\"tools\"]} sharegpt\n"
    "  {\"prompt\", \"completion\"}                          prompt-completion\n"
    "  {\"instruction\", \"input\", \"output\"}                alpaca\n"
    "  {\"text\"}                                          text\n"
    "Answers are supervised, prompts are context; of a text every token is supervised. What the\n"
    "corpus holds twice, or should not hold, is reported; nothing is dropped unless you say so.";

void declare(CommandLine& line) {
  line.options()("output,o", po::value<std::string>()->value_name("FILE"),
                 "the packed dataset to write (OUT.h5)")(
      "model", po::value<std::string>()->value_name("DIR"),
      "model directory whose tokenizer is used")(
      "tokenizer", po::value<std::string>()->value_name("FILE"),
      "tokenizer.json, tokenizer.model or .tiktoken file instead of --model")(
      "chat-template", po::value<std::string>()->value_name("NAME"),
      fmt::format("how messages become text: {}, a Jinja file, or \"model\"; default: the model's "
                  "own when it has one, else plain",
                  fmt::join(ChatTemplate::names(), ", "))
          .c_str())(
      "chat-template-kwargs", po::value<std::string>()->value_name("JSON"),
      "more variables for the template: {\"enable_thinking\": false}; eval, generate and "
      "export give them, too")(
      "date", po::value<std::string>()->value_name("YYYY-MM-DD"),
      "the day that a template which asks for it is told; default: today. All shards need the same "
      "one")("train-on-eos", po::value<std::string>()->value_name("WHICH")->default_value("turn"),
             "learn the end-of-turn marker of: turn (every learnt turn), all, last, none")(
      "roles-to-train", po::value<std::string>()->value_name("ROLES")->default_value("assistant"),
      "roles whose messages are learnt, with commas between")(
      "sequence-len", po::value<int64_t>()->value_name("N"), "tokens of a row")(
      "overlong", po::value<std::string>()->value_name("HOW")->default_value("error"),
      "records longer than a row: error, truncate (cut the end off) or drop")(
      "bos", po::value<std::string>()->value_name("TEXT"),
      "text of the beginning-of-sequence token; empty: none")(
      "eos", po::value<std::string>()->value_name("TEXT"),
      "text of the end-of-sequence token; empty: none");
  declare_corpus_options(line);
  declare_hygiene_options(line);
  line.options()("no-hygiene", "don't look for any of that")(
      "val-output", po::value<std::string>()->value_name("FILE"),
      "the packed validation set; default OUT-val.h5")(
      "decisions", po::value<std::string>()->value_name("FILE"),
      "what `temper check` decided for this corpus")(
      "topic", po::value<std::string>()->value_name("KEY"),
      "key of the records whose value is their topic: evaluation tells losses by topic")(
      "shard", po::value<std::string>()->value_name("I/N"),
      "pack part I (from 0) of N as OUT-0000I-of-0000N.h5; the parts train as OUT.h5")(
      "json", "the account of records and tokens as JSON");
}

int64_t number_of(std::string_view text) {
  int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

void read_shard(const CommandLine& line, PackOptions& options) {
  const auto text = line.find<std::string>("shard");
  if (!text) return;
  const size_t slash = text->find('/');
  if (slash == text->npos) line.refuse("--shard is I/N, for example 0/8");
  options.shard_index = number_of(std::string_view(*text).substr(0, slash));
  options.num_shards = number_of(std::string_view(*text).substr(slash + 1));
}

void read_supervision(const CommandLine& line, PackOptions& options) {
  if (const auto variables = line.find<std::string>("chat-template-kwargs")) {
    options.template_variables =
        ChatTemplate::parse_variables(*variables, "--chat-template-kwargs");
  }
  options.supervision.train_on_eos = train_on_eos_named(line.get<std::string>("train-on-eos"));
  options.supervision.roles_to_train.clear();
  std::istringstream roles(line.get<std::string>("roles-to-train"));
  for (std::string role; std::getline(roles, role, ',');) {
    options.supervision.roles_to_train.push_back(role);
  }
}

}  // namespace

CommandLine pack_command_line() {
  CommandLine line(
      "temper pack INPUT... -o OUT.h5 (--model DIR | --tokenizer FILE) --sequence-len N", kAbout);
  declare(line);
  return line;
}

PackOptions read_pack_options(const CommandLine& line) {
  PackOptions options;
  options.corpus = read_corpus_options(line);
  options.corpus.columns.topic = line.find<std::string>("topic").value_or("");
  options.output = line.get<std::string>("output");
  if (line.has("model") == line.has("tokenizer")) {
    line.refuse("give either --model or --tokenizer");
  }
  options.tokenizer = line.get<std::string>(line.has("model") ? "model" : "tokenizer");
  options.chat_template = line.find<std::string>("chat-template").value_or("");
  options.date = line.find<std::string>("date").value_or("");
  read_supervision(line, options);
  options.sequence_len = line.get<int64_t>("sequence-len");
  options.overlong = overlong_policy_named(line.get<std::string>("overlong"));
  options.special_tokens.bos = line.find<std::string>("bos");
  options.special_tokens.eos = line.find<std::string>("eos");
  options.check_hygiene = !line.has("no-hygiene");
  options.hygiene = read_hygiene_options(line);
  options.decisions = line.find<std::string>("decisions").value_or("");
  options.validation_output = line.find<std::string>("val-output").value_or("");
  read_shard(line, options);
  return options;
}

}  // namespace temper
