// What `temper eval` measures of a model: held-out losses and answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "data/packed_dataset.h"
#include "eval/held_out_loss.h"
#include "eval/load_model.h"
#include "eval/questions.h"
#include "model/resident_model.h"

namespace temper {

struct NamedDataset {
  std::string name;
  PackedDataset dataset;
};

// UserError when it was packed with another tokenizer than the model's, or in longer rows than the
// model has positions for.
NamedDataset open_dataset_for(const ModelAccess& access, const std::string& name,
                              const std::filesystem::path& path);

// "test/NAME" and "general/NAME" of the run's configuration; none for other models.
std::vector<NamedDataset> open_datasets_of_run(const ModelAccess& access);

struct EvaluationTask {
  std::vector<NamedDataset> datasets;
  std::vector<Question> questions;
  int64_t max_rows = 0;  // of each dataset; 0: all
  int64_t max_new_tokens = 128;
};

struct SetLoss {
  std::string name;
  HeldOutLoss loss;
};

struct Evaluation {
  std::string model;  // "tuned", "base" or "model"
  std::vector<SetLoss> sets;
  std::vector<Answer> answers;
};

// Collective: all ranks of the group call this in the same order.
Evaluation evaluate_model(const std::string& name, const ResidentModel& model,
                          const ModelAccess& access, const EvaluationTask& task,
                          ProcessGroup& group);

}  // namespace temper
