#include "eval/evaluation.h"

#include "common/error.h"

namespace temper {

NamedDataset open_dataset_for(const ModelAccess& access, const std::string& name,
                              const std::filesystem::path& path) {
  PackedDataset dataset(path);
  if (dataset.info().tokenizer_hash != access.tokenizer().hash()) {
    throw UserError("{}: packed with another tokenizer than {} has; pack it again with this model",
                    path.string(), access.base_directory().string());
  }
  check_row_length(dataset, access.config().max_position_embeddings);
  return {name, std::move(dataset)};
}

std::vector<NamedDataset> open_datasets_of_run(const ModelAccess& access) {
  std::vector<NamedDataset> datasets;
  if (access.tuned() == nullptr) return datasets;
  const auto add = [&](const std::string& kind, const std::vector<DatasetEntry>& entries) {
    for (const DatasetEntry& entry : entries) {
      const std::string name = kind + "/" + entry.path.stem().string();
      datasets.push_back(open_dataset_for(access, name, entry.path));
    }
  };
  add("test", access.tuned()->run_config().test_datasets);
  add("general", access.tuned()->run_config().general_datasets);
  return datasets;
}

Evaluation evaluate_model(const std::string& name, const ResidentModel& model,
                          const ModelAccess& access, const EvaluationTask& task,
                          ProcessGroup& group) {
  Evaluation evaluation;
  evaluation.model = name;
  for (const NamedDataset& set : task.datasets) {
    evaluation.sets.push_back({set.name, held_out_loss(model, group, set.dataset, task.max_rows)});
  }
  if (!task.questions.empty()) {
    const Generator generator(model, access.tokenizer(), access.stop_conditions());
    evaluation.answers =
        answer_questions(task.questions, access.prompts(), generator, task.max_new_tokens, group);
  }
  return evaluation;
}

}  // namespace temper
