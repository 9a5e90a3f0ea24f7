// The `temper pack` commands of a migration.
#pragma once

#include <string>
#include <vector>

#include "config/migrate/migration.h"

namespace temper {

// One corpus, as its trainer describes it.
struct MigratedCorpus {
  std::string name;                  // a hub's name, or a path
  bool is_remote = false;            // of the hub
  std::string subset, split;         // of the hub; empty: its default, train
  std::string format;                // pack's --format; empty: auto
  std::vector<std::string> columns;  // pack's --column
  std::string chat_template;         // pack's --chat-template; empty: its default
  std::string roles_to_train, train_on_eos;
  std::string overlong;    // pack's --overlong
  double val_split = 0.0;  // pack's --val-split
};

// How the three say where records come from and what they look like. Each takes its trainer's
// keys, remarks on what differs, and gives the corpora to train on and those that are held out.
struct MigratedCorpora {
  std::vector<MigratedCorpus> train, test;
};
MigratedCorpora axolotl_corpora(ForeignFile& file, Migration& migration);
MigratedCorpora llama_factory_corpora(ForeignFile& file, Migration& migration);
MigratedCorpora trl_corpora(ForeignFile& file, Migration& migration);

// Whether the text is a name of the hub rather than a path or a file's name.
bool is_hub_dataset(const std::string& name);

// The share of records that val_set_size or val_size hold out; 0, with the key left out, for a
// number of records.
double validation_share(ForeignFile& file, Migration& migration, const std::string& key);

}  // namespace temper
