// Reads the tensors of a complete checkpoint, whatever the number of ranks that wrote it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "io/safetensors/safetensors_file.h"
#include "run/checkpoint/commit_record.h"
#include "stage/weight_source.h"

namespace temper {

std::string rank_file_name(int64_t rank, int64_t world_size);

class CheckpointReader {
 public:
  // The checkpoint must be complete (run/checkpoint/commit_record.h); UserError with the problem
  // otherwise.
  explicit CheckpointReader(const std::filesystem::path& directory);

  const CommitRecord& record() const { return record_; }

  // Makes the slices in one writer rank's file readable. Opening twice is free.
  void open_rank(int64_t rank);
  void open_all();
  // Hashes every file and compares with the commit record; UserError naming a damaged one.
  void verify_files() const;

  // Parameter names of which the opened files hold slices.
  std::vector<std::string> parameter_names() const;
  bool contains(const std::string& kind, const std::string& parameter) const;
  // Elements [begin, end) of a flattened tensor; `kind` is "weight", "adam_m" or "adam_v".
  // UserError when the opened files do not hold all of them.
  void read(const std::string& kind, const std::string& parameter, int64_t begin, int64_t end,
            float* out) const;

 private:
  struct Slice {
    int64_t end = 0;
    int64_t rank = 0;
  };

  std::filesystem::path directory_;
  CommitRecord record_;
  std::map<int64_t, SafetensorsFile> files_;
  // "weight/NAME" -> begin -> slice
  std::map<std::string, std::map<int64_t, Slice>> slices_;
};

// A checkpoint's weights (all files open) for export, evaluation and scoring.
class CheckpointWeights : public WeightSource {
 public:
  explicit CheckpointWeights(const CheckpointReader& reader) : reader_(&reader) {}
  bool contains(const std::string& name) const override;
  void read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin, int64_t end,
            float* out) const override;

 private:
  const CheckpointReader* reader_;
};

}  // namespace temper
