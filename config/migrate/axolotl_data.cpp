#include <map>

#include "common/error.h"
#include "config/migrate/dataset_commands.h"

namespace temper {
namespace {

// axolotl's name of a chat template -> pack's.
std::string template_named(const std::string& name, Migration& migration) {
  static const std::map<std::string, std::string> kNames = {
      {"alpaca", "alpaca"}, {"chatml", "chatml"},      {"gemma", "gemma"},  {"llama3", "llama3"},
      {"phi_3", "phi3"},    {"mistral_v1", "mistral"}, {"inst", "mistral"}, {"qwen_25", "qwen"}};
  const auto found = kNames.find(name);
  if (found != kNames.end()) return found->second;
  if (name.find("tokenizer_default") == std::string::npos) {
    migration.remark(
        fmt::format("chat_template {} has no equal here: the model's own is used. `temper render` "
                    "shows what it "
                    "writes; a Jinja file can be given to --chat-template instead.",
                    name));
  }
  return "model";
}

// The entries of one dataset, each of which is used or named among what is left out.
class DatasetEntryReader {
 public:
  DatasetEntryReader(const YamlNode& node, std::string place, Migration& migration)
      : file_(Trainer::kAxolotl, node), place_(std::move(place)), migration_(migration) {}

  std::string text(const std::string& key) { return file_.take_text(key).value_or(""); }
  const YamlNode* node(const std::string& key) { return file_.take(key); }
  void finish() {
    for (const YamlEntry* entry : file_.rest()) {
      const std::string name = place_ + "." + entry->key;
      if (says_off(entry->value)) {
        migration_.off.push_back(name);
      } else {
        migration_.leave_out(name, "`temper pack` has nothing like it");
      }
    }
  }

 private:
  ForeignFile file_;
  std::string place_;
  Migration& migration_;
};

std::string joined(const YamlNode* node, const std::string& key) {
  return node == nullptr ? "" : fmt::format("{}", fmt::join(listed_texts(*node, key), ","));
}

// Roles as they are called once the records are read: ShareGPT's have names of their own.
std::string roles_of(const YamlNode* node) {
  static const std::map<std::string, std::string> kRoles = {{"gpt", "assistant"},
                                                            {"human", "user"}};
  if (node == nullptr) return "";
  std::vector<std::string> roles = listed_texts(*node, "roles_to_train");
  for (std::string& role : roles) {
    if (const auto found = kRoles.find(role); found != kRoles.end()) role = found->second;
  }
  return fmt::format("{}", fmt::join(roles, ","));
}

void add_column(MigratedCorpus& corpus, const std::string& key, const std::string& name) {
  if (!name.empty() && name != key) corpus.columns.push_back(key + "=" + name);
}

// type: {field_instruction: ..., format: ...}
void read_own_type(const YamlNode& type, MigratedCorpus& corpus, Migration& migration,
                   const std::string& place) {
  DatasetEntryReader fields(type, place + ".type", migration);
  corpus.format = "alpaca";
  add_column(corpus, "instruction", fields.text("field_instruction"));
  add_column(corpus, "input", fields.text("field_input"));
  add_column(corpus, "output", fields.text("field_output"));
  add_column(corpus, "system", fields.text("field_system"));
  for (const char* key : {"format", "no_input_format", "system_prompt", "system_format"}) {
    if (fields.node(key) == nullptr) continue;
    migration.leave_out(place + ".type." + key,
                        "write it as a Jinja file over messages for --chat-template; `temper "
                        "render` shows what comes out");
  }
  fields.finish();
}

void read_messages(DatasetEntryReader& entry, MigratedCorpus& corpus, Migration& migration,
                   const std::string& place) {
  std::string role = entry.text("message_field_role");
  std::string content = entry.text("message_field_content");
  if (const YamlNode* names = entry.node("message_property_mappings")) {
    DatasetEntryReader fields(*names, place + ".message_property_mappings", migration);
    role = fields.text("role");
    content = fields.text("content");
    fields.finish();
  }
  const bool is_sharegpt = role == "from" && content == "value";
  if (!is_sharegpt &&
      !((role.empty() || role == "role") && (content.empty() || content == "content"))) {
    migration.leave_out(place + ".message_property_mappings",
                        "a message has the keys role and content, or from and value");
  }
  corpus.format = is_sharegpt ? "sharegpt" : "chat";
  add_column(corpus, is_sharegpt ? "conversations" : "messages", entry.text("field_messages"));
}

void read_type(const std::string& type, DatasetEntryReader& entry, MigratedCorpus& corpus,
               Migration& migration, const std::string& place) {
  if (type == "chat_template" || type.empty()) {
    read_messages(entry, corpus, migration, place);
  } else if (type == "sharegpt") {
    corpus.format = "sharegpt";
    add_column(corpus, "conversations", entry.text("field_messages"));
  } else if (type == "completion" || type == "pretrain") {
    corpus.format = "text";
    corpus.chat_template.clear();
    add_column(corpus, "text", entry.text("field"));
  } else if (type == "alpaca") {
    corpus.format = "alpaca";
    corpus.chat_template = "alpaca";
    migration.remark(
        "Their alpaca prompt begins with a sentence about the task; the "
        "template alpaca has the headings alone. The template of the model "
        "(--chat-template model) is often the better choice.");
  } else {
    migration.leave_out(place + ".type",
                        fmt::format("{} is no format of `temper pack`; the keys of the records "
                                    "decide, or --format and --column",
                                    type));
  }
}

MigratedCorpus read_corpus(const YamlNode& node, const std::string& place,
                           const MigratedCorpus& defaults, Migration& migration) {
  DatasetEntryReader entry(node, place, migration);
  MigratedCorpus corpus = defaults;
  corpus.name = entry.text("path");
  const std::string files = joined(entry.node("data_files"), "data_files");
  const std::string kind = entry.text("ds_type");
  // Only a loader's name stands before data_files of this machine.
  if (!files.empty() && (corpus.name == "json" || corpus.name == "csv" || corpus.name == "text" ||
                         corpus.name == "parquet")) {
    corpus.name = files;
  } else if (!files.empty()) {
    migration.leave_out(place + ".data_files", "name the files as the inputs of `temper pack`");
  }
  corpus.is_remote = kind.empty() && is_hub_dataset(corpus.name);
  corpus.subset = entry.text("name");
  corpus.split = entry.text("split");
  const std::string own_template = entry.text("chat_template");
  if (!own_template.empty()) corpus.chat_template = template_named(own_template, migration);
  const std::string roles = roles_of(entry.node("roles_to_train"));
  if (!roles.empty()) corpus.roles_to_train = roles;
  const std::string eos = entry.text("train_on_eos");
  if (!eos.empty()) corpus.train_on_eos = eos;
  const YamlNode* type = entry.node("type");
  if (type != nullptr && type->kind == YamlNode::Kind::kMap) {
    read_own_type(*type, corpus, migration, place);
  } else {
    read_type(type == nullptr ? "" : type->text, entry, corpus, migration, place);
  }
  entry.finish();
  return corpus;
}

std::vector<MigratedCorpus> read_list(ForeignFile& file, const std::string& key,
                                      const MigratedCorpus& defaults, Migration& migration) {
  std::vector<MigratedCorpus> corpora;
  const YamlNode* list = file.take(key);
  if (list == nullptr) return corpora;
  if (list->kind != YamlNode::Kind::kSequence) {
    throw UserError("{}: {} is {}; expected a list of datasets", list->place, key,
                    list->described());
  }
  for (size_t i = 0; i < list->items.size(); ++i) {
    const YamlNode& item = list->items[i];
    if (item.kind != YamlNode::Kind::kMap) {
      throw UserError("{}: {}[{}] is {}; expected path: and type:", item.place, key, i,
                      item.described());
    }
    corpora.push_back(read_corpus(item, fmt::format("{}[{}]", key, i), defaults, migration));
  }
  return corpora;
}

}  // namespace

MigratedCorpora axolotl_corpora(ForeignFile& file, Migration& migration) {
  MigratedCorpus defaults;
  const auto name = file.take_text("chat_template");
  if (file.take("chat_template_jinja") != nullptr) {
    migration.leave_out("chat_template_jinja", "write it to a file, for --chat-template FILE");
  }
  defaults.chat_template = name ? template_named(*name, migration) : "model";
  defaults.overlong = file.take_text("excess_length_strategy") == "truncate" ? "truncate" : "drop";
  if (file.take_switch("train_on_inputs")) defaults.roles_to_train = "system,user,assistant";
  defaults.val_split = validation_share(file, migration, "val_set_size");
  MigratedCorpora corpora;
  corpora.train = read_list(file, "datasets", defaults, migration);
  defaults.val_split = 0.0;
  corpora.test = read_list(file, "test_datasets", defaults, migration);
  return corpora;
}

}  // namespace temper
