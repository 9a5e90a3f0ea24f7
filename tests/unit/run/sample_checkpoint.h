// A commit record with every field set, and checkpoints made of it.
#pragma once

#include <filesystem>
#include <string>

#include "common/hash.h"
#include "io/atomic_file.h"
#include "run/checkpoint/commit_record.h"

namespace temper {

inline CommitRecord sample_record(int64_t step) {
  CommitRecord record;
  record.step = step;
  record.world_size = 2;
  record.rows_consumed = 64 * step;
  record.state_hash = hash_text("state");
  record.base_hash = hash_text("base");
  record.tokenizer_hash = hash_text("tokenizer");
  record.dataset_hash = hash_text("dataset");
  record.run_id = "run-1";
  record.adapter = "lora";
  record.adapter_config = "{\"r\": 4}";
  record.initial_adapter_hash = hash_text("adapter");
  record.chat_template = {"chatml", "{{ messages }}", R"({"b":1,"a":2})"};
  record.config_yaml = "learning_rate: 1e-4\n# ü\n";
  record.cpu_kernels = "EPYC avx2";
  record.eval_best_step = 40;
  record.rows_left_out = {{8, 12}, {40, 48}};
  record.guard_state = R"({"rollbacks":2})";
  record.files = {{"rank-00000-of-00002.safetensors", 100, hash_text("a")},
                  {"rank-00001-of-00002.safetensors", 0, hash_text("b")}};
  return record;
}

// Makes `directory` a complete checkpoint of that step.
inline void write_checkpoint(const std::filesystem::path& directory, int64_t step,
                             const std::string& config_yaml = "") {
  CommitRecord record = sample_record(step);
  if (!config_yaml.empty()) record.config_yaml = config_yaml;
  make_directories(directory);
  for (const CommittedFile& file : record.files) {
    write_file_atomically(directory / file.name, std::string(file.size_bytes, 'x'));
  }
  write_file_atomically(directory / "commit.json", record.to_json());
}

}  // namespace temper
