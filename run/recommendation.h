// // Decides which checkpoint of a run to use, and whether it is better than what the run started
// from: the one judgement that training, its report and every command that is given a run share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "io/json.h"
#include "run/held_out_history.h"
#include "run/run_directory.h"

namespace temper {

// The settings of a run's configuration that take part in it.
struct ChoiceTerms {
  double max_forgetting = 0.0;       // 0: no budget
  bool begins_with_adapter = false;  // step 0 is the adapter of lora_model_dir, else the base

  ChoiceTerms() = default;
  explicit ChoiceTerms(const RunConfig& config)
      : max_forgetting(config.max_forgetting),
        begins_with_adapter(!config.lora_model_dir.empty()) {}
};

struct Recommendation {
  enum class Action {
    kUse,      // the best of the checkpoints, better than step 0 as far as was measured
    kKeep,     // what the run started from: no checkpoint is better, or none is within the budget
    kUnknown,  // nothing was measured at the checkpoints that there are
    kNothing,  // there is no complete checkpoint
  };

  Action action = Action::kNothing;
  ChoiceTerms terms;
  // The checkpoint that the run's name stands for, whatever the action: the best, else the newest.
  int64_t step = -1;  // -1: there is none
  std::filesystem::path path;
  int64_t newest_step = -1;
  double test_loss = kNoNumber;        // at `step`
  double start_test_loss = kNoNumber;  // at step 0
  bool is_over_budget = false;         // with kKeep: no checkpoint is within the budget
  int64_t missing_step = -1;           // has a lower test loss, but no complete checkpoint

  bool is_to_use() const {
    return action == Action::kUse || (action == Action::kUnknown && terms.max_forgetting == 0.0);
  }
  // Both were measured, and what was learned is no improvement.
  bool is_no_better_than_start() const { return test_loss >= start_test_loss; }

  std::string start_name() const;  // "the base"
  // What to do and why, a sentence without its full stop: "Keep the base: no checkpoint has a lower
  // test loss (3.2000 at step 0, best 4.1700 at step 2)".
  std::string sentence() const;
  // The same where is_no_better_than_start(), whatever else there is against the checkpoints.
  std::string no_improvement() const;
  // Which checkpoint the run's name stands for, and why: "step-120, the recommended one (lowest
  // test loss within the forgetting budget); newest is step-200". There is one.
  std::string description() const;
  // {action, step, path, newest_step, test_loss, start_test_loss, text}; null for what is not
  // there.
  OrderedJson to_json() const;
};

// `checkpoints`: as RunDirectory lists them.
Recommendation recommend_checkpoint(const HeldOutHistory& history, const ChoiceTerms& terms,
                                    const std::vector<CheckpointStatus>& checkpoints);

// Judges the directory as it stands; metrics that are missing or cannot be read say nothing.
Recommendation recommend_checkpoint(const RunDirectory& run);

// Reads them from run.yaml, else from the newest checkpoint whose record can be read.
ChoiceTerms read_choice_terms(const RunDirectory& run,
                              const std::vector<CheckpointStatus>& checkpoints);

}  // namespace temper
