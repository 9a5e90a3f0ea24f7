// The making of the table of keys: a line reads as type, name, field, meaning and what else is
// known of the key. config_keys() alone uses it.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "config/config_keys.h"
#include "config/config_values.h"
#include "config/dataset_keys.h"
#include "config/run_config.h"

namespace temper {

// The key that was added last, while more is said of it.
class KeyDraft {
 public:
  explicit KeyDraft(ConfigKey& key) : key_(key) {}

  KeyDraft& example(const char* text) { return set(key_.example, text); }
  KeyDraft& unit(const char* text) { return set(key_.unit, text); }
  KeyDraft& default_note(const char* text) { return set(key_.default_note, text); }
  KeyDraft& also(std::vector<std::string> names) { return set(key_.aliases, std::move(names)); }
  KeyDraft& at_least(double bound) { return set(key_.range.at_least, bound); }
  KeyDraft& above(double bound) { return set(key_.range.above, bound); }
  KeyDraft& at_most(double bound) { return set(key_.range.at_most, bound); }
  KeyDraft& below(double bound) { return set(key_.range.below, bound); }
  KeyDraft& or_zero() { return set(key_.range.or_zero, true); }
  // A whole number of things, from `lowest` on.
  KeyDraft& count(double lowest = 0) { return at_least(lowest).at_most(kMaxCount); }
  KeyDraft& required() { return set(key_.is_required, true); }
  KeyDraft& needs_item() { return set(key_.needs_item, true); }
  // The resolved copy leaves it out.
  KeyDraft& unwritten() {
    return set(key_.write, [](const RunConfig&) { return std::string(); });
  }

 private:
  template <typename Field, typename Value>
  KeyDraft& set(Field& field, Value&& value) {
    field = std::forward<Value>(value);
    return *this;
  }

  ConfigKey& key_;
};

// `Owner` is RunConfig, or SlurmConfig for the fields of its group.
class KeyTable {
 public:
  void section(const std::string& name, const std::string& prefix = "") {
    section_ = name;
    prefix_ = prefix;
  }

  template <typename Owner>
  KeyDraft integer(const char* name, int64_t Owner::*field, const char* meaning) {
    return add(ValueType::kInteger, name, field, meaning, read_integer,
               [](int64_t value) { return std::to_string(value); });
  }
  template <typename Owner>
  KeyDraft unsigned_integer(const char* name, uint64_t Owner::*field, const char* meaning) {
    return add(ValueType::kInteger, name, field, meaning, read_unsigned,
               [](uint64_t value) { return std::to_string(value); });
  }
  template <typename Owner>
  KeyDraft number(const char* name, double Owner::*field, const char* meaning) {
    return add(ValueType::kNumber, name, field, meaning, read_number,
               [](double value) { return fmt::format("{}", value); });
  }
  template <typename Owner>
  KeyDraft boolean(const char* name, bool Owner::*field, const char* meaning) {
    return add(ValueType::kBoolean, name, field, meaning, read_boolean,
               [](bool value) { return std::string(value ? "true" : "false"); });
  }
  template <typename Owner>
  KeyDraft duration(const char* name, int64_t Owner::*field, const char* meaning) {
    return add(ValueType::kDuration, name, field, meaning, read_duration,
               [](int64_t value) { return std::to_string(value); })
        .at_least(0)
        .unit("seconds");
  }
  template <typename Owner>
  KeyDraft path(const char* name, std::filesystem::path Owner::*field, const char* meaning) {
    return add(ValueType::kPath, name, field, meaning, read_path, yaml_path);
  }
  template <typename Owner>
  KeyDraft optional_path(const char* name, std::filesystem::path Owner::*field,
                         const char* meaning) {
    return add(ValueType::kPath, name, field, meaning, read_optional_path, yaml_path);
  }
  template <typename Owner>
  KeyDraft text(const char* name, std::string Owner::*field, const char* meaning) {
    return add(ValueType::kText, name, field, meaning, read_printable, yaml_text);
  }
  template <typename Owner>
  KeyDraft word(const char* name, std::string Owner::*field, const char* meaning) {
    return add(ValueType::kWord, name, field, meaning, read_word, yaml_text);
  }
  // `type` is one of those with several texts, and `read` its reader.
  template <typename Owner>
  KeyDraft list(ValueType type, const char* name, std::vector<std::string> Owner::*field,
                std::vector<std::string> (*read)(const ConfigValue&), const char* meaning) {
    return add(type, name, field, meaning, read, yaml_texts);
  }
  KeyDraft datasets(const char* name, std::vector<DatasetEntry> RunConfig::*field,
                    const char* meaning) {
    return add(ValueType::kDatasets, name, field, meaning, read_dataset_entries,
               yaml_dataset_entries);
  }
  KeyDraft sweep(const char* name, std::vector<SweepKey> RunConfig::*field, const char* meaning) {
    return add(ValueType::kSweep, name, field, meaning, read_sweep, yaml_sweep);
  }
  // `choices` outlive the table.
  template <typename Owner, typename Choice>
  KeyDraft choice(const char* name, Choice Owner::*field, const Choices<Choice>& choices,
                  const char* meaning) {
    KeyDraft draft = add(
        ValueType::kChoice, name, field, meaning,
        [&choices](const ConfigValue& value) { return read_choice(value, choices); },
        [&choices](const Choice& value) { return choice_name(value, choices); });
    for (const auto& [word, meant] : choices) keys.back().choices.push_back(word);
    return draft;
  }

  std::vector<ConfigKey> keys;

 private:
  template <typename Value>
  static Value& at(RunConfig& config, Value RunConfig::*field) {
    return config.*field;
  }
  template <typename Value>
  static Value& at(RunConfig& config, Value SlurmConfig::*field) {
    return config.slurm.*field;
  }
  template <typename Value>
  static const Value& at(const RunConfig& config, Value RunConfig::*field) {
    return config.*field;
  }
  template <typename Value>
  static const Value& at(const RunConfig& config, Value SlurmConfig::*field) {
    return config.slurm.*field;
  }

  template <typename Field, typename Read, typename Write>
  KeyDraft add(ValueType type, const char* name, Field field, const char* meaning, Read read,
               Write write) {
    ConfigKey key;
    key.name = prefix_ + name;
    key.section = section_;
    key.meaning = meaning;
    key.type = type;
    key.read = [field, read](const ConfigValue& v, RunConfig& c) { at(c, field) = read(v); };
    key.write = [field, write](const RunConfig& c) { return write(at(c, field)); };
    keys.push_back(std::move(key));
    return KeyDraft(keys.back());
  }

  std::string section_;
  std::string prefix_;
};

// The parts of the table, in the order in which they are written.
void add_model_keys(KeyTable& table);
void add_data_keys(KeyTable& table);
void add_optimisation_keys(KeyTable& table);
void add_progress_keys(KeyTable& table);
void add_sharding_keys(KeyTable& table);
void add_sweep_key(KeyTable& table);
void add_machine_keys(KeyTable& table);
void add_slurm_keys(KeyTable& table);

}  // namespace temper
