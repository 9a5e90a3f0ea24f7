#include "eval/evaluation.h"

#include <chrono>

#include "common/error.h"
#include "eval/memorisation.h"

namespace temper {

HeldOutSet open_held_out_set(const ModelLoader& loader, const std::string& name,
                             const std::filesystem::path& path) {
  PackedDataset dataset(path);
  if (dataset.info().tokenizer_hash != loader.tokenizer().hash()) {
    throw UserError("{}: packed with another tokenizer than {} has; pack it again with this model",
                    path.string(), loader.base_directory().string());
  }
  check_row_length(dataset.path().string(), dataset.info().sequence_len,
                   loader.config().max_position_embeddings);
  return {name, std::move(dataset)};
}

std::vector<HeldOutSet> open_held_out_sets_of_run(const ModelLoader& loader) {
  std::vector<HeldOutSet> sets;
  if (loader.fine_tuned() == nullptr) return sets;
  const auto add = [&](const std::string& kind, const std::vector<DatasetEntry>& entries) {
    const std::vector<std::string> names = held_out_names(entries, kind);
    for (size_t i = 0; i < entries.size(); ++i) {
      sets.push_back(open_held_out_set(loader, names[i], entries[i].path));
    }
  };
  add("test", loader.fine_tuned()->run_config().test_datasets);
  add("general", loader.fine_tuned()->run_config().general_datasets);
  return sets;
}

namespace {

Json audit_memorisation(const ResidentModel& model, const ModelLoader& loader,
                        const EvaluationTask& task, const Generator& generator,
                        const std::vector<Answer>& held_out, ProcessGroup& group) {
  Json audit = Json::object();
  if (!task.training_questions.empty()) {
    const std::vector<Answer> answers = answer_questions(task.training_questions, loader.prompts(),
                                                         generator, task.max_new_tokens, group);
    audit["train"] = score_verbatim(task.training_questions, answers);
    if (!held_out.empty()) audit["held_out"] = score_verbatim(task.questions, held_out);
  }
  if (!task.canaries.empty()) {
    audit["canaries"] =
        score_canaries(task.canaries, model, loader.prompts(), loader.tokenizer(), group);
  }
  if (audit.empty()) return nullptr;
  judge_memorisation(audit);
  return audit;
}

}  // namespace

Evaluation evaluate_model(const std::string& name, const ResidentModel& model,
                          const ModelLoader& loader, const EvaluationTask& task,
                          ProcessGroup& group) {
  Evaluation evaluation;
  evaluation.model = name;
  const auto began = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  };
  for (const HeldOutSet& set : task.held_out) {
    evaluation.sets.push_back(
        {set.name, held_out_figures(model, loader.tokenizer(), group, set.dataset, task.limit)});
    evaluation.held_out_tokens += evaluation.sets.back().figures.num_tokens;
  }
  evaluation.held_out_seconds = seconds();
  const Generator generator(model, loader.tokenizer(), loader.stop_conditions());
  if (!task.questions.empty()) {
    evaluation.answers =
        answer_questions(task.questions, loader.prompts(), generator, task.max_new_tokens, group);
  }
  evaluation.answer_seconds = seconds() - evaluation.held_out_seconds;
  for (const Answer& answer : evaluation.answers) {
    evaluation.generated_tokens += answer.num_new_tokens;
  }
  if (!task.choices.empty()) {
    evaluation.choices =
        score_choices(task.choices, model, loader.prompts(), loader.tokenizer(), group);
  }
  evaluation.memorisation =
      audit_memorisation(model, loader, task, generator, evaluation.answers, group);
  return evaluation;
}

}  // namespace temper
