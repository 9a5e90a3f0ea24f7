#include <cmath>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "comm/agreement.h"
#include "common/error.h"
#include "common/log.h"
#include "eval/evaluation.h"
#include "eval/evaluation_report.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "io/output_guard.h"
#include "trainer/commands/commands.h"
#include "trainer/commands/model_options.h"
#include "trainer/startup/process_setup.h"

namespace temper {
namespace {

// What the command works with.
struct EvalJob {
  std::unique_ptr<ModelLoader> loader;
  EvaluationTask task;
  // Rank 0: where answers and figures go; null where they are not kept.
  std::unique_ptr<AtomicFile> records, figures;
  ComputeDevice device;
  bool with_base = false;
  bool with_records = false;
  bool json = false;
};

HeldOutSet open_named_dataset(const std::string& text, const ModelLoader& loader) {
  const size_t equals = text.find('=');
  const std::filesystem::path path = equals == text.npos ? text : text.substr(equals + 1);
  const std::string name = equals == text.npos ? path.stem().string() : text.substr(0, equals);
  if (name.empty() || path.empty()) throw UserError("--data {}: expected NAME=FILE.h5", text);
  return open_held_out_set(loader, name, path);
}

// Whether anything of the task is put to the model as a conversation.
bool asks(const EvaluationTask& task) {
  return !task.questions.empty() || !task.choices.empty() || !task.training_questions.empty() ||
         !task.canaries.empty();
}

// Their figures could not be told apart.
void refuse_second_of_its_name(const std::vector<HeldOutSet>& datasets, const std::string& text) {
  for (size_t i = 0; i + 1 < datasets.size(); ++i) {
    if (datasets[i].name != datasets.back().name) continue;
    throw UserError("--data {}: {} is called {} as well; write NAME=FILE.h5", text,
                    datasets[i].dataset.path().string(), datasets[i].name);
  }
}

EvaluationTask prepare_task(const CommandLine& line, const ModelLoader& loader, int num_ranks) {
  EvaluationTask task;
  const int64_t limit = line.get<int64_t>("limit");
  if (limit < 0) throw UserError("--limit {}: expected 0 (all) or more", limit);
  task.limit = limit;
  task.max_new_tokens = line.get<int64_t>("max-new-tokens");
  if (task.max_new_tokens < 1) {
    throw UserError("--max-new-tokens {}: expected 1 or more", task.max_new_tokens);
  }
  if (line.has("data")) {
    for (const std::string& text : line.texts("data")) {
      task.held_out.push_back(open_named_dataset(text, loader));
      refuse_second_of_its_name(task.held_out, text);
    }
  } else {
    task.held_out = open_held_out_sets_of_run(loader);
  }
  if (line.has("questions")) {
    const std::string path = line.get("questions");
    if (path == "-" && num_ranks > 1) {
      throw UserError("--questions -: standard input reaches one rank only; give a file");
    }
    task.questions = read_questions(path, limit);
    // A missing or unfit template is found before any work is done.
    const Question& first = task.questions.front();
    (void)loader.prompts().encode(first.messages, first.tools);
  }
  if (line.has("memorisation")) {
    task.training_questions = read_distinct_questions(line.get("memorisation"), limit);
  }
  if (line.has("canaries")) {
    task.canaries = read_questions(line.get("canaries"), limit);
  }
  if (line.has("choices")) {
    task.choices = read_choice_questions(line.get("choices"), limit);
  }
  if (task.held_out.empty() && !asks(task)) {
    throw UserError("eval: nothing to evaluate on: give --data NAME=FILE.h5 or --questions FILE");
  }
  return task;
}

// A run that this user may only read is evaluated without keeping the result there.
void open_kept_files(const RunDirectory& run, bool has_output, EvalJob& job) {
  const int64_t step = job.loader->fine_tuned()->record().step;
  try {
    make_directories(run.evaluation_path(step).parent_path());
    job.figures = std::make_unique<AtomicFile>(run.evaluation_path(step));
    if (!job.task.questions.empty() && !has_output) {
      job.records = std::make_unique<AtomicFile>(run.answers_path(step));
    }
  } catch (const SystemError& error) {
    log::warning("the evaluation is not kept with the run: {}", error.what());
  }
}

EvalJob prepare_job(const CommandLine& line, const ModelRequest& request,
                    const ProcessGroup& group) {
  EvalJob job;
  job.with_base = line.has("base");
  job.with_records = line.has("with-records");
  job.json = line.has("json");
  job.device = compute_device(line, group.node_rank());
  job.loader = std::make_unique<ModelLoader>(request);
  if (job.with_base && !job.loader->has_base()) {
    throw UserError("--base: {} is a whole model, there is no base beside it", job.loader->name());
  }
  // A damaged checkpoint has no figures. One rank looks for all.
  if (job.loader->fine_tuned() != nullptr && group.rank() == 0) {
    job.loader->fine_tuned()->reader().verify_files();
  }
  job.task = prepare_task(line, *job.loader, group.size());
  if (job.loader->fine_tuned() != nullptr && group.rank() == 0) {
    if (const auto run = run_of(*job.loader->fine_tuned())) {
      open_kept_files(*run, line.has("output"), job);
    }
  }
  if (line.has("output")) {
    if (job.task.questions.empty()) throw UserError("--output: there are no --questions");
    const std::filesystem::path output = line.get("output");
    std::error_code absent;
    if (std::filesystem::equivalent(output, line.get("questions"), absent)) {
      throw UserError("--output {}: the --questions are read from it; name another file",
                      output.string());
    }
    refuse_to_overwrite_foreign(output, "an earlier output of temper eval",
                                [&] { return is_records_file(output); });
    // Opened now: a place that can't be written is found before the work.
    if (group.rank() == 0) {
      make_output_folder(output);
      job.records = std::make_unique<AtomicFile>(output);
    }
  }
  if (asks(job.task)) log::info("chat template: {}", job.loader->chat_template().description());
  return job;
}

std::vector<Evaluation> evaluate_all(const EvalJob& job, ProcessGroup& group) {
  std::vector<Evaluation> evaluations;
  // One model in memory at a time.
  const auto add = [&](const std::string& name,
                       ResidentModel (ModelLoader::*load)(const ComputeDevice&) const) {
    std::optional<ResidentModel> model;
    run_agreed(group, [&] { model.emplace((job.loader.get()->*load)(job.device)); });
    evaluations.push_back(evaluate_model(name, *model, *job.loader, job.task, group));
  };
  add(job.loader->has_base() ? "tuned" : "model", &ModelLoader::load);
  if (job.with_base) add("base", &ModelLoader::load_base);
  return evaluations;
}

// A model that has diverged has no figures to show.
void check_losses(const std::vector<Evaluation>& evaluations) {
  for (const Evaluation& evaluation : evaluations) {
    for (const SetLoss& set : evaluation.sets) {
      if (!std::isfinite(set.figures.loss.sum)) {
        throw SystemError(
            "the loss of the {} model over {} is not finite: its weights are unusable",
            evaluation.model, set.name);
      }
    }
  }
}

Json result_json(const EvalJob& job, const std::vector<Evaluation>& evaluations) {
  Json json = evaluation_json(evaluations.front());
  json["model"] = job.loader->name();
  if (job.task.limit > 0) json["limit"] = job.task.limit;
  if (asks(job.task)) {
    const ModelTemplate& its = job.loader->chat_template();
    json["chat_template"] = {{"name", its.name()}, {"from", its.origin}};
  }
  if (job.loader->fine_tuned() != nullptr) json["step"] = job.loader->fine_tuned()->record().step;
  if (job.with_base) {
    json["base"] = evaluation_json(evaluations.back());
    json["base"]["model"] = job.loader->base_directory().string();
    if (!job.task.questions.empty()) {
      json["comparison"] = compare_answers(evaluations.front().answers, evaluations.back().answers);
    }
  }
  return json;
}

void report(EvalJob& job, const std::vector<Evaluation>& evaluations) {
  const std::vector<Json> records = evaluation_records(job.task.questions, evaluations);
  if (job.records) {
    for (const Json& record : records) job.records->append(record.dump() + "\n");
    job.records->commit();
  }
  Json json = result_json(job, evaluations);
  if (job.figures) {
    job.figures->append(json.dump(2) + "\n");
    job.figures->commit();
  }
  if (job.json) {
    if (job.with_records) json["records"] = records;
    std::cout << json.dump(2) << "\n";
    return;
  }
  std::cout << job.loader->name() << "\n"
            << evaluation_table(evaluations, json.value("comparison", Json()));
  if (!job.with_records) return;
  for (const Json& record : records) std::cout << record.dump() << "\n";
}

}  // namespace

int eval_command(const CommandLine& line, CommEnvironment& environment) {
  ProcessGroup& group = environment.world();
  EvalJob job;
  ModelRequest request;
  std::optional<FoundCheckpoint> found;
  run_agreed(group, [&] {
    prepare_process(thread_count(line));
    request = model_request(line);
    if (group.rank() == 0) found = resolve_checkpoint(request);
  });
  // A run that goes on may have another best checkpoint by the time that another rank looks.
  request.path = group.all_gather_text(request.path.string()).front();
  run_agreed(group, [&] { job = prepare_job(line, request, group); });
  if (found) log::info("{}", found->text);
  const std::vector<Evaluation> evaluations = evaluate_all(job, group);
  run_agreed(group, [&] {
    if (group.rank() != 0) return;
    check_losses(evaluations);
    report(job, evaluations);
  });
  return kExitDone;
}

}  // namespace temper
