#include <array>
#include <filesystem>
#include <map>

#include "common/error.h"
#include "config/migrate/dataset_commands.h"

namespace temper {
namespace {

constexpr const char* kRegister = "dataset_info.json";

// LLaMA-Factory's name of a template -> pack's.
std::string template_named(const std::string& name, Migration& migration) {
  static const std::map<std::string, std::string> kNames = {
      {"alpaca", "alpaca"}, {"chatml", "chatml"},   {"gemma", "gemma"}, {"llama2", "llama2"},
      {"llama3", "llama3"}, {"mistral", "mistral"}, {"phi", "phi3"},    {"qwen", "qwen"}};
  const auto found = kNames.find(name);
  if (found != kNames.end()) return found->second;
  migration.remark(fmt::format(
      "template {} has no equal here: the model's own chat template is used. `temper render` shows "
      "what it writes; a Jinja file can be given to --chat-template instead.",
      name));
  return "model";
}

// The register of datasets, JSON, of which YAML is a superset; null where it is not there.
YamlNode read_register(const std::string& directory, const std::filesystem::path& beside) {
  for (const std::filesystem::path& folder :
       {std::filesystem::path(directory), beside / directory}) {
    std::error_code error;
    if (std::filesystem::is_regular_file(folder / kRegister, error)) {
      return read_yaml_map(folder / kRegister);
    }
  }
  return {};
}

std::string text_of(const YamlNode* node, const std::string& key) {
  const YamlEntry* entry = node == nullptr ? nullptr : node->find(key);
  return entry == nullptr || entry->value.kind != YamlNode::Kind::kScalar ? "" : entry->value.text;
}

void add_columns(const YamlNode* columns, MigratedCorpus& corpus) {
  static const std::array<std::pair<const char*, const char*>, 5> kNames = {
      {{"instruction", "prompt"},
       {"input", "query"},
       {"output", "response"},
       {"system", "system"},
       {"tools", "tools"}}};
  for (const auto& [ours, theirs] : kNames) {
    const std::string name = text_of(columns, theirs);
    if (!name.empty() && name != ours) corpus.columns.push_back(fmt::format("{}={}", ours, name));
  }
}

void add_messages(const YamlNode& entry, const YamlNode* columns, MigratedCorpus& corpus,
                  Migration& migration, const std::string& name) {
  const YamlEntry* tags = entry.find("tags");
  const YamlNode* tag_node = tags == nullptr ? nullptr : &tags->value;
  const std::string role = text_of(tag_node, "role_tag");
  const std::string content = text_of(tag_node, "content_tag");
  const bool is_chat = role == "role" && content == "content";
  corpus.format = is_chat ? "chat" : "sharegpt";
  if (!is_chat && ((!role.empty() && role != "from") || (!content.empty() && content != "value"))) {
    migration.leave_out(fmt::format("{}: {}.tags", kRegister, name),
                        "a message has the keys role and content, or from and value");
  }
  const std::string ours = is_chat ? "messages" : "conversations";
  const std::string messages = text_of(columns, "messages");
  // Their default column is called conversations in either form.
  const std::string column = messages.empty() ? "conversations" : messages;
  if (column != ours) corpus.columns.push_back(ours + "=" + column);
  for (const char* key : {"system", "tools"}) {
    const std::string column_name = text_of(columns, key);
    if (!column_name.empty() && column_name != key) {
      corpus.columns.push_back(fmt::format("{}={}", key, column_name));
    }
  }
}

class Factory {
 public:
  Factory(ForeignFile& file, Migration& migration) : migration_(migration) {
    directory_ = file.take_text("dataset_dir").value_or("data");
    register_ = read_register(directory_, migration.folder);
    const auto name = file.take_text("template");
    defaults_.chat_template = name ? template_named(*name, migration) : "model";
    const YamlNode* stage = file.look("stage");
    is_pretraining_ = stage != nullptr && stage->text == "pt";
    defaults_.overlong = "truncate";
    if (file.take_switch("train_on_prompt")) defaults_.roles_to_train = "system,user,assistant";
  }

  std::vector<MigratedCorpus> read(const YamlNode* names, const std::string& key, double share) {
    std::vector<MigratedCorpus> corpora;
    if (names == nullptr) return corpora;
    for (const std::string& name : listed_texts(*names, key)) {
      corpora.push_back(corpus(name));
      corpora.back().val_split = share;
    }
    return corpora;
  }

 private:
  MigratedCorpus corpus(const std::string& name) {
    MigratedCorpus corpus = defaults_;
    const YamlEntry* found = register_.find(name);
    if (found == nullptr) {
      corpus.name = directory_ + "/" + name + ".json";
      corpus.format = is_pretraining_ ? "text" : "";
      migration_.remark(fmt::format(
          "{} is not in {}/{}, or that is not here: the file's name is a guess, and its records "
          "decide their format.",
          name, directory_, kRegister));
      return corpus;
    }
    locate(found->value, name, corpus);
    describe(found->value, name, corpus);
    return corpus;
  }

  void locate(const YamlNode& entry, const std::string& name, MigratedCorpus& corpus) const {
    const std::string file = text_of(&entry, "file_name");
    const std::string remote = text_of(&entry, "hf_hub_url");
    corpus.is_remote = !remote.empty() && file.empty();
    corpus.name = corpus.is_remote ? remote : directory_ + "/" + (file.empty() ? name : file);
    corpus.subset = text_of(&entry, "subset");
    corpus.split = text_of(&entry, "split");
  }

  void describe(const YamlNode& entry, const std::string& name, MigratedCorpus& corpus) {
    const YamlEntry* columns = entry.find("columns");
    const YamlNode* column_node = columns == nullptr ? nullptr : &columns->value;
    if (is_pretraining_) {
      corpus.format = "text";
      const std::string text = text_of(column_node, "prompt");
      if (!text.empty() && text != "text") corpus.columns.push_back("text=" + text);
    } else if (text_of(&entry, "formatting") == "sharegpt") {
      add_messages(entry, column_node, corpus, migration_, name);
    } else {
      corpus.format = "alpaca";
      add_columns(column_node, corpus);
    }
    for (const char* key : {"history", "images", "videos", "audios", "chosen", "rejected"}) {
      if (text_of(column_node, key).empty()) continue;
      migration_.leave_out(fmt::format("{}: {}.columns.{}", kRegister, name, key),
                           "`temper pack` has nothing like it");
    }
  }

  Migration& migration_;
  std::string directory_;
  YamlNode register_;
  MigratedCorpus defaults_;
  bool is_pretraining_ = false;
};

}  // namespace

MigratedCorpora llama_factory_corpora(ForeignFile& file, Migration& migration) {
  Factory factory(file, migration);
  const double share = validation_share(file, migration, "val_size");
  MigratedCorpora corpora;
  corpora.train = factory.read(file.take("dataset"), "dataset", share);
  corpora.test = factory.read(file.take("eval_dataset"), "eval_dataset", 0.0);
  return corpora;
}

}  // namespace temper
