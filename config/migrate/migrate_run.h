// `temper migrate`: a configuration of axolotl, LLaMA-Factory or TRL as a run.yaml.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "config/migrate/migration.h"

namespace temper {

struct MigrateOptions {
  int64_t num_processes = 1;       // that the file was used with
  std::optional<Trainer> trainer;  // none: told by the file's keys
};

// Reads the file; of LLaMA-Factory also dataset_info.json of its dataset_dir, where that is there.
// UserError naming file and line: no YAML, a file of none of them, a method that temper has not
// (preference training, adapters other than LoRA), a batch size that is no number.
Migration migrate_run(const std::filesystem::path& file, const MigrateOptions& options);

}  // namespace temper
