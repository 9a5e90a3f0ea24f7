#include "common/error.h"
#include "config/migrate/dataset_commands.h"

namespace temper {
namespace {

void describe_loss(ForeignFile& file, Migration& migration, MigratedCorpus& corpus) {
  const bool assistant_only = file.take_switch("assistant_only_loss");
  const YamlNode* completion_only = file.take("completion_only_loss");
  if (completion_only != nullptr && says_off(*completion_only)) {
    corpus.roles_to_train = "system,user,assistant";
  } else if (!assistant_only) {
    migration.remark(
        "Without assistant_only_loss TRL learns every token of records with "
        "messages; `temper pack` learns the answers. For theirs add "
        "--roles-to-train system,user,assistant.");
  }
}

MigratedCorpus corpus_named(const std::string& name, const MigratedCorpus& defaults) {
  MigratedCorpus corpus = defaults;
  corpus.name = name;
  corpus.is_remote = is_hub_dataset(name);
  return corpus;
}

// datasets: [{path, name, split, ...}], TRL's mixture.
void read_mixture(const YamlNode& list, const MigratedCorpus& defaults, Migration& migration,
                  MigratedCorpora& corpora) {
  for (size_t i = 0; i < list.items.size(); ++i) {
    ForeignFile entry(Trainer::kTrl, list.items[i]);
    MigratedCorpus corpus =
        corpus_named(entry.take_any_text({"path", "id"}).value_or(""), defaults);
    corpus.subset = entry.take_any_text({"name", "config"}).value_or("");
    corpus.split = entry.take_text("split").value_or("");
    for (const YamlEntry* rest : entry.rest()) {
      migration.leave_out(fmt::format("datasets[{}].{}", i, rest->key),
                          "`temper pack` has nothing like it");
    }
    corpora.train.push_back(corpus);
  }
}

}  // namespace

MigratedCorpora trl_corpora(ForeignFile& file, Migration& migration) {
  MigratedCorpus defaults;
  defaults.overlong = "truncate";
  describe_loss(file, migration, defaults);
  if (const auto path = file.take_text("chat_template_path")) defaults.chat_template = *path;
  const auto text_field = file.take_text("dataset_text_field");
  if (text_field && *text_field != "text") {
    defaults.format = "text";
    defaults.columns.push_back("text=" + *text_field);
  }
  MigratedCorpora corpora;
  const auto subset = file.take_text("dataset_config");
  const auto split = file.take_text("dataset_train_split");
  const auto test_split = file.take_text("dataset_test_split");
  const YamlNode* strategy = file.look("eval_strategy");
  const bool evaluates = strategy != nullptr && !says_off(*strategy);
  if (const auto name = file.take_text("dataset_name")) {
    MigratedCorpus corpus = corpus_named(*name, defaults);
    corpus.subset = subset.value_or("");
    corpus.split = split.value_or("");
    corpora.train.push_back(corpus);
    if (evaluates) {
      corpus.split = test_split.value_or("test");
      corpora.test.push_back(corpus);
    }
  }
  if (const YamlNode* mixture = file.take("datasets")) {
    read_mixture(*mixture, defaults, migration, corpora);
  }
  return corpora;
}

}  // namespace temper
