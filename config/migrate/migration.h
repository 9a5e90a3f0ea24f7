// What a configuration of another trainer becomes: keys of run.yaml, commands that make its
// datasets, and a word about everything that differs or is left out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "config/migrate/foreign_file.h"

namespace temper {

struct MigratedValue {
  std::string yaml;    // the value as it stands in run.yaml
  std::string remark;  // a few words behind it; empty: none
};

struct LeftOutKey {
  std::string key;
  std::string reason;  // why, or what to do
};

// The rows of an optimizer step.
struct MigratedBatch {
  int64_t micro = 1;          // rows of a process at once
  int64_t accumulation = 1;   // micro-batches of each process
  int64_t processes = 1;      // as given
  int64_t data_parallel = 1;  // those that see rows of their own
  bool packed_there = false;  // a row is a full sequence there, too
  int64_t rows() const { return micro * accumulation * data_parallel; }
};

struct Migration {
  Trainer trainer = Trainer::kAxolotl;
  std::filesystem::path folder;  // of the file
  MigratedBatch batch;
  std::string model;                          // the base's directory
  std::map<std::string, MigratedValue> keys;  // by the name that run.yaml has for them
  std::vector<std::string> preparation;       // shell commands, in order: model, datasets
  std::vector<std::string> remarks;           // what differs, a sentence or two each
  std::vector<LeftOutKey> left_out;
  std::vector<std::string> off;        // keys that were switched off there
  std::vector<std::string> elsewhere;  // keys that became part of commands or of other keys

  void set(const std::string& key, const std::string& yaml, const std::string& remark = "") {
    keys[key] = {yaml, remark};
  }
  bool has(const std::string& key) const { return keys.count(key) != 0; }
  // Once, however many datasets it holds for.
  void remark(const std::string& text) {
    if (std::find(remarks.begin(), remarks.end(), text) == remarks.end()) remarks.push_back(text);
  }
  void leave_out(const std::string& key, const std::string& reason) {
    left_out.push_back({key, reason});
  }
};

// Sets `key` where its reader takes the value, else leaves `name` out with what the reader says.
void carry_over(Migration& migration, const std::string& key, const std::string& name,
                const YamlNode& node);

// "models/Llama-3.2-1B" for the hub's "meta-llama/Llama-3.2-1B"; a path stays what it is.
// `is_remote` tells which it was.
std::string local_model(const std::string& name, bool& is_remote);

// A word of a POSIX shell, quoted where it has to be.
std::string shell_word(const std::string& text);

// The whole file: the comments first, then the keys in the order of `temper init`'s.
std::string migration_text(const Migration& migration, const std::string& file);

}  // namespace temper
