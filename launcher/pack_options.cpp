#include "launcher/pack_options.h"

#include <charconv>
#include <sstream>
#include <string>
#include <string_view>

#include "launcher/corpus_options.h"

namespace temper {
namespace {

int64_t number_of(std::string_view text) {
  int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

void read_shard(const CommandLine& line, PackOptions& options) {
  const auto text = line.find("shard");
  if (!text) return;
  const size_t slash = text->find('/');
  if (slash == text->npos) line.refuse("--shard is I/N, for example 0/8");
  options.shard_index = number_of(std::string_view(*text).substr(0, slash));
  options.num_shards = number_of(std::string_view(*text).substr(slash + 1));
}

void read_supervision(const CommandLine& line, PackOptions& options) {
  if (const auto variables = line.find("chat-template-kwargs")) {
    options.template_variables =
        ChatTemplate::parse_variables(*variables, "--chat-template-kwargs");
  }
  options.supervision.train_on_eos = train_on_eos_named(line.get("train-on-eos"));
  options.supervision.roles_to_train.clear();
  std::istringstream roles(line.get("roles-to-train"));
  for (std::string role; std::getline(roles, role, ',');) {
    options.supervision.roles_to_train.push_back(role);
  }
}

}  // namespace

PackOptions read_pack_options(const CommandLine& line) {
  PackOptions options;
  options.corpus = read_corpus_options(line);
  options.corpus.columns.topic = line.find("topic").value_or("");
  options.output = line.get("output");
  if (line.has("model") == line.has("tokenizer")) {
    line.refuse("give either --model or --tokenizer");
  }
  options.tokenizer = line.get(line.has("model") ? "model" : "tokenizer");
  options.chat_template = line.find("chat-template").value_or("");
  options.date = line.find("date").value_or("");
  read_supervision(line, options);
  options.sequence_len = line.get<int64_t>("sequence-len");
  options.overlong = overlong_policy_named(line.get("overlong"));
  options.special_tokens.bos = line.find("bos");
  options.special_tokens.eos = line.find("eos");
  options.check_hygiene = !line.has("no-hygiene");
  options.hygiene = read_hygiene_options(line);
  options.decisions = line.find("decisions").value_or("");
  options.validation_output = line.find("val-output").value_or("");
  read_shard(line, options);
  return options;
}

}  // namespace temper
