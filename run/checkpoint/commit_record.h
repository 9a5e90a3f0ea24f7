// What makes a checkpoint directory a checkpoint: `commit.json`, written last. One rule everywhere:
// a checkpoint is complete when its directory's name has no suffix ("step-120"), its record is
// valid (its own checksum included), and every listed file has exactly the listed size.
// docs/formats/checkpoint.md is the format's prose.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/hash.h"

namespace temper {

inline constexpr int64_t kCheckpointFormatVersion = 2;

struct CommittedFile {
  std::string name;  // "rank-00000-of-00002.safetensors"
  uint64_t size_bytes = 0;
  Hash128 hash;
};

// Rows [begin, end) of the run's stream.
struct RowRange {
  int64_t begin = 0;
  int64_t end = 0;
  bool operator==(const RowRange&) const = default;
};

// What the conversations of a run's data were rendered with.
struct TemplateRecord {
  std::string
      name;  // as ChatTemplate::find took it when the data was packed; a label, never opened
  std::string source;  // its Jinja text; empty in records of format version 1
  std::string kwargs;  // the variables that it was given besides, as JSON text; empty: none
  bool operator==(const TemplateRecord&) const = default;
};

struct CommitRecord {
  int64_t format_version = kCheckpointFormatVersion;
  int64_t step = 0;
  int64_t world_size = 0;
  int64_t rows_consumed = 0;  // the global cursor
  Hash128 state_hash;  // over names, fp32 weights, optimizer state and cursor; sharding-independent
  Hash128 base_hash;   // of the base model's weights
  Hash128 tokenizer_hash;
  Hash128 dataset_hash;
  std::string run_id;
  std::string adapter;           // "lora" or empty
  std::string adapter_config;    // PEFT's adapter_config.json; empty without an adapter
  Hash128 initial_adapter_hash;  // of the adapter that the run went on with; zero: a fresh one
  // Nothing: the data were raw texts, if knows_template().
  std::optional<TemplateRecord> chat_template;
  std::string config_yaml;  // resolved
  std::string cpu_kernels;  // CPU model and kernel level that the same-bits promise holds for
  int64_t eval_best_step = -1;
  std::vector<RowRange> rows_left_out;  // past which the cursor goes, in order (on_non_finite)
  std::string guard_state;              // the anomaly guard's memory, as JSON text: "step_guard"
  std::vector<CommittedFile> files;

  // Records of format version 1 may lack the template of runs on more than one rank.
  bool knows_template() const { return format_version >= 2 || chat_template.has_value(); }

  std::string to_json() const;  // self-checksummed
  static CommitRecord from_json(const std::string& text, const std::string& place);  // UserError
};

struct CheckpointStatus {
  std::filesystem::path path;
  int64_t step = -1;
  bool complete = false;
  std::string problem;  // why it is not complete
  std::optional<CommitRecord> record;
};

// Judges one directory by the rule above.
CheckpointStatus inspect_checkpoint(const std::filesystem::path& directory);

}  // namespace temper
