#include <algorithm>
#include <filesystem>
#include <set>

#include "common/error.h"
#include "config/dataset_keys.h"
#include "config/migrate/dataset_commands.h"
#include "config/migrate/migrate_parts.h"

namespace temper {
namespace {

constexpr int64_t kAxolotlLength = 512;
constexpr int64_t kFactoryLength = 2048;
constexpr int64_t kTrlLength = 1024;

std::string python_text(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
  return quoted + "\"";
}

int64_t take_length(ForeignFile& file, Migration& migration) {
  for (const char* key : {"sequence_len", "cutoff_len", "max_length", "max_seq_length"}) {
    const YamlNode* node = file.take(key);
    if (node != nullptr && !says_off(*node)) return whole_number(*node, key, 2);
  }
  migration.remark("No length of a row is given there; sequence_len is their default.");
  if (file.trainer() == Trainer::kAxolotl) return kAxolotlLength;
  return file.trainer() == Trainer::kTrl ? kTrlLength : kFactoryLength;
}

// Where the records of the corpus lie, and what fetches them when that is the hub.
std::string local_corpus(const MigratedCorpus& corpus, Migration& migration) {
  if (!corpus.is_remote) return corpus.name;
  const std::string subset = corpus.subset.empty() ? "" : ", " + python_text(corpus.subset);
  const std::string split = corpus.split.empty() ? "train" : corpus.split;
  const std::string part = split.substr(0, split.find('['));
  const std::string path =
      fmt::format("data/{}{}.jsonl", corpus.name.substr(corpus.name.find('/') + 1),
                  part == "train" ? "" : "-" + part);
  migration.preparation.push_back(fmt::format(
      "python3 -c {}",
      shell_word(fmt::format("from datasets import load_dataset; load_dataset({}{}, split={})"
                             ".to_json({})",
                             python_text(corpus.name), subset, python_text(split),
                             python_text(path)))));
  return path;
}

// "data/train.jsonl.gz" -> "data/train.h5"; of a name that is taken "data/train-2.h5".
std::string output_of(const std::string& input, std::set<std::string>& taken) {
  std::filesystem::path path = input;
  if (!path.has_filename()) path = path.parent_path();
  if (path.extension() == ".gz" || path.extension() == ".zst") path.replace_extension();
  path.replace_extension();
  const bool is_name = !path.empty() && input.find_first_of("*?[") == input.npos;
  const std::string stem = is_name ? path.string() : "data/train";
  std::string output = stem + ".h5";
  for (int i = 2; !taken.insert(output).second; ++i) output = fmt::format("{}-{}.h5", stem, i);
  return output;
}

std::string pack_command(const MigratedCorpus& corpus, const std::string& input,
                         const std::string& output, const std::string& model, int64_t length) {
  std::string command =
      fmt::format("temper pack {} -o {} --model {} --sequence-len {}", shell_word(input),
                  shell_word(output), shell_word(model), length);
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) command += fmt::format(" {} {}", option, shell_word(value));
  };
  add("--format", corpus.format);
  for (const std::string& column : corpus.columns) add("--column", column);
  add("--chat-template", corpus.chat_template);
  add("--roles-to-train", corpus.roles_to_train);
  add("--train-on-eos", corpus.train_on_eos);
  add("--overlong", corpus.overlong);
  if (corpus.val_split > 0.0) add("--val-split", fmt::format("{}", corpus.val_split));
  return command;
}

class DatasetWriter {
 public:
  DatasetWriter(Migration& migration, int64_t length) : migration_(migration), length_(length) {}

  void train(const MigratedCorpus& corpus) {
    const std::string output = pack(corpus);
    train_.push_back({.path = output});
    if (corpus.val_split > 0.0) {
      test_.push_back({.path = output.substr(0, output.size() - 3) + "-val.h5"});
    }
  }
  void test(const MigratedCorpus& corpus) { test_.push_back({.path = pack(corpus)}); }

  void finish() {
    if (train_.empty()) {
      train_.push_back({.path = "data/train.h5"});
      migration_.remark("No dataset is named there: pack one as data/train.h5.");
    }
    migration_.set("datasets", yaml_dataset_entries(train_));
    if (!test_.empty()) migration_.set("test_datasets", yaml_dataset_entries(test_));
    migration_.set("sequence_len", fmt::format("{}", length_));
  }

 private:
  std::string pack(const MigratedCorpus& corpus) {
    const std::string input = local_corpus(corpus, migration_);
    const std::string output = output_of(input, taken_);
    migration_.preparation.push_back(
        pack_command(corpus, input, output, migration_.model, length_));
    return output;
  }

  Migration& migration_;
  int64_t length_;
  std::set<std::string> taken_;
  std::vector<DatasetEntry> train_, test_;
};

MigratedCorpora corpora_of(ForeignFile& file, Migration& migration) {
  switch (file.trainer()) {
    case Trainer::kAxolotl:
      return axolotl_corpora(file, migration);
    case Trainer::kLlamaFactory:
      return llama_factory_corpora(file, migration);
    case Trainer::kTrl:
      break;
  }
  return trl_corpora(file, migration);
}

void migrate_evaluation(ForeignFile& file, Migration& migration) {
  const auto strategy = file.take_any_text({"eval_strategy", "evaluation_strategy"});
  if (strategy == "epoch") {
    migration.leave_out("eval_strategy",
                        "evaluation goes by steps: set eval_steps; `temper train "
                        "run.yaml --dry-run` says how many an epoch has");
  }
  if (const YamlNode* steps = file.take("eval_steps")) {
    carry_over(migration, "eval_steps", "eval_steps", *steps);
  }
  const YamlNode* patience = file.take_any({"early_stopping_patience", "early_stopping_steps"});
  if (patience == nullptr || says_off(*patience)) return;
  if (migration.has("test_datasets") && migration.has("eval_steps")) {
    carry_over(migration, "early_stopping_patience", "early_stopping_patience", *patience);
  } else {
    migration.leave_out("early_stopping_patience", "needs test_datasets and eval_steps");
  }
}

void migrate_saving(ForeignFile& file, Migration& migration) {
  const auto strategy = file.take_text("save_strategy");
  const YamlNode* steps = file.take("save_steps");
  if (strategy == "epoch" || strategy == "no" || strategy == "best") {
    migration.leave_out("save_strategy",
                        "checkpoints go by save_steps and save_minutes; without "
                        "either every 15 minutes");
    if (steps != nullptr) migration.leave_out("save_steps", "save_strategy was not steps");
  } else if (steps != nullptr) {
    carry_over(migration, "save_steps", "save_steps", *steps);
  }
  if (const YamlNode* output = file.take("output_dir")) {
    carry_over(migration, "output_dir", "output_dir", *output);
  }
  if (!migration.has("output_dir")) migration.set("output_dir", "runs/first");
}

}  // namespace

bool is_hub_dataset(const std::string& name) {
  bool is_remote = false;
  local_model(name, is_remote);
  const std::string extension = std::filesystem::path(name).extension().string();
  static const std::set<std::string> kFiles = {".jsonl",   ".json", ".csv", ".tsv", ".txt",
                                               ".parquet", ".gz",   ".zst", ".md",  ".ndjson"};
  return is_remote && kFiles.count(extension) == 0;
}

double validation_share(ForeignFile& file, Migration& migration, const std::string& key) {
  const YamlNode* node = file.take(key);
  if (node == nullptr) return 0.0;
  const double share = real_number(*node, key);
  if (share >= 1.0) {
    migration.leave_out(key,
                        "a number of records; `temper pack --val-split` takes a share of them");
    return 0.0;
  }
  if (!(share > 0.0)) return 0.0;
  migration.remark(
      "Held-out records are split off when they are packed, copies and "
      "records with the same question together; not the same records as "
      "there.");
  return share;
}

void migrate_data(ForeignFile& file, Migration& migration) {
  const int64_t length = take_length(file, migration);
  const MigratedCorpora corpora = corpora_of(file, migration);
  DatasetWriter writer(migration, length);
  for (const MigratedCorpus& corpus : corpora.train) writer.train(corpus);
  for (const MigratedCorpus& corpus : corpora.test) writer.test(corpus);
  writer.finish();
  migrate_evaluation(file, migration);
  migrate_saving(file, migration);
}

}  // namespace temper
