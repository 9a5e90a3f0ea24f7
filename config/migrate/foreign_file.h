// A configuration file of another trainer, from which migration takes one key after the other.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/yaml_tree.h"

namespace temper {

// kTrl stands for transformers' TrainingArguments in general.
enum class Trainer { kAxolotl, kLlamaFactory, kTrl };

// "axolotl", "LLaMA-Factory", "TRL".
std::string trainer_name(Trainer trainer);
// From "axolotl", "llama-factory" or "trl"; UserError otherwise.
Trainer trainer_named(const std::string& name);

// Tells the trainer by the keys that only one of them has. UserError naming the place when there is
// none, when they speak for two trainers alike, and when the file is a run.yaml already.
Trainer detect_trainer(const YamlNode& root);

class ForeignFile {
 public:
  // `root` is a map and outlives this.
  ForeignFile(Trainer trainer, const YamlNode& root) : trainer_(trainer), root_(root) {}

  Trainer trainer() const { return trainer_; }

  // The value under the key, which counts as taken from now on; nullptr when it is not there or has
  // nothing behind it.
  const YamlNode* take(const std::string& key);
  // The same for the first of several names that the file has.
  const YamlNode* take_any(const std::vector<std::string>& keys);
  // The text of a scalar; none when it is not there. UserError for a list or a group.
  std::optional<std::string> take_text(const std::string& key);
  std::optional<std::string> take_any_text(const std::vector<std::string>& keys);
  // Whether it is there and says true.
  bool take_switch(const std::string& key);
  // Looks without taking.
  const YamlNode* look(const std::string& key) const;

  // What nobody has taken, and what somebody has, in the order of the file; without entries that
  // have no value.
  std::vector<const YamlEntry*> rest() const { return entries(false); }
  std::vector<const YamlEntry*> taken() const { return entries(true); }

 private:
  std::vector<const YamlEntry*> entries(bool taken) const;

  Trainer trainer_;
  const YamlNode& root_;
  std::set<std::string> taken_;
};

// "false", "no", "off", "none", "null", "0" and the empty text: what leaves a switch as it was.
bool says_off(const YamlNode& node);
bool says_true(const YamlNode& node);
// UserError naming the place, the key and what was expected.
int64_t whole_number(const YamlNode& node, const std::string& key, int64_t lowest);
double real_number(const YamlNode& node, const std::string& key);
// The texts of a list, or of one text with commas.
std::vector<std::string> listed_texts(const YamlNode& node, const std::string& key);

}  // namespace temper
