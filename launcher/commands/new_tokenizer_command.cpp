#include <filesystem>
#include <string>
#include <vector>

#include "common/log.h"
#include "data/corpus/corpus_reader.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "io/output_guard.h"
#include "launcher/commands/commands.h"
#include "text/tokenizer/model/bpe_trainer.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {
namespace {

const std::vector<std::string> kSpecialTokens = {"<s>", "</s>", "<pad>"};

bool is_product(const std::filesystem::path& path) {
  const Json json = read_json_file(path);
  const Json added = json.is_object() ? json.value("added_tokens", Json()) : Json();
  if (!added.is_array() || added.size() != kSpecialTokens.size()) return false;
  for (size_t i = 0; i < kSpecialTokens.size(); ++i) {
    if (!added[i].is_object() || added[i].value("content", Json()) != kSpecialTokens[i] ||
        added[i].value("id", Json()) != i) {
      return false;
    }
  }
  return true;
}

// All texts of a corpus, message by message.
class CorpusTexts {
 public:
  explicit CorpusTexts(const std::vector<std::filesystem::path>& inputs)
      : reader_(inputs, CorpusFormat::kAuto) {}

  bool next(std::string& text) {
    while (pending_.empty()) {
      CorpusLine line;
      if (!reader_.next(line)) return false;
      const std::string place =
          corpus_place(reader_.sources()[static_cast<size_t>(line.source)], line.line_number);
      Record record = parse_record(line.json, line.format, place);
      if (record.is_text) pending_.push_back(std::move(record.text));
      for (Message& message : record.messages) pending_.push_back(std::move(message.content));
    }
    text = std::move(pending_.back());
    pending_.pop_back();
    return true;
  }

 private:
  CorpusReader reader_;
  std::vector<std::string> pending_;
};

}  // namespace

int new_tokenizer_command(const CommandLine& line) {
  std::vector<std::filesystem::path> inputs;
  for (const std::string& input : line.texts("INPUT")) inputs.emplace_back(input);
  const std::filesystem::path output = line.get("output");
  for (const std::filesystem::path& input : inputs) {
    std::error_code absent;
    if (std::filesystem::equivalent(input, output, absent)) {
      line.refuse(fmt::format("--output {} is an INPUT", output.string()));
    }
  }

  refuse_to_overwrite_foreign(output, "a tokenizer made by temper new-tokenizer",
                              [&] { return is_product(output); });
  make_output_folder(output);

  CorpusTexts texts(inputs);
  BpeTrainerOptions options;
  options.vocab_size = line.get<int64_t>("vocab-size");
  options.special_tokens = kSpecialTokens;
  options.bos_token = "<s>";
  const std::string json =
      train_byte_level_bpe([&](std::string& text) { return texts.next(text); }, options);
  write_file_atomically(output, json);
  log::info("{}: {} tokens", output.string(),
            Tokenizer::from_json(json, output.string()).vocab_size());
  return kExitDone;
}

}  // namespace temper
