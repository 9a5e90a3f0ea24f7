// Measures a model for `temper eval`: held-out losses, answers, memorisation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "eval/held_out_loss.h"
#include "eval/held_out_sets.h"
#include "eval/model_loader.h"
#include "eval/multiple_choice.h"
#include "eval/questions.h"
#include "io/json.h"
#include "model/resident_model.h"

namespace temper {

// Opens a set for a model. UserError when it was packed with another tokenizer than the model's, or
// in longer rows than the model has positions for.
HeldOutSet open_held_out_set(const ModelLoader& loader, const std::string& name,
                             const std::filesystem::path& path);

// Opens the sets of the run's configuration under the names that they have in training; none for
// other models.
std::vector<HeldOutSet> open_held_out_sets_of_run(const ModelLoader& loader);

struct EvaluationTask {
  std::vector<HeldOutSet> held_out = {};
  std::vector<Question> questions = {};
  std::vector<ChoiceQuestion> choices = {};
  std::vector<Question> training_questions = {};  // for the audit: records that were trained on
  std::vector<Question> canaries = {};
  int64_t limit = 0;  // rows of each set; the questions are as many already. 0: all
  int64_t max_new_tokens = 128;
};

struct SetLoss {
  std::string name;
  HeldOutFigures figures;
};

struct Evaluation {
  std::string model;  // "tuned", "base" or "model"
  std::vector<SetLoss> sets;
  std::vector<Answer> answers;
  Json choices;  // of score_choices, or null
  // How fast it was, on all ranks together: tokens of rows without their padding, tokens generated.
  int64_t held_out_tokens = 0, generated_tokens = 0;
  double held_out_seconds = 0.0, answer_seconds = 0.0;
  Json memorisation;  // {train, held_out, canaries, memorises, verdict}, or null
};

// Collective: all ranks of the group call this in the same order.
Evaluation evaluate_model(const std::string& name, const ResidentModel& model,
                          const ModelLoader& loader, const EvaluationTask& task,
                          ProcessGroup& group);

}  // namespace temper
