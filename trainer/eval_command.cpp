#include "trainer/eval_command.h"

#include <boost/program_options.hpp>

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "comm/agreement.h"
#include "common/error.h"
#include "common/log.h"
#include "data/packed_dataset.h"
#include "eval/generator.h"
#include "eval/held_out_loss.h"
#include "eval/load_model.h"
#include "eval/questions.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "trainer/command_line.h"
#include "trainer/device.h"
#include "trainer/model_options.h"

namespace temper {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

po::options_description make_options() {
  po::options_description options(
      "temper eval (RUN_OR_CHECKPOINT | --model DIR [--adapter DIR]) [options]");
  options.add_options()("help,h", "this text");
  add_model_options(options);
  options.add_options()("data", po::value<std::vector<std::string>>()->composing(),
                        "NAME=FILE.h5: held-out loss of a packed dataset (repeatable; default: the "
                        "run's test_datasets and general_datasets)")(
      "questions", po::value<std::string>(),
      "JSON lines with prompt and completion, or messages: answered greedily and compared")(
      "max-new-tokens", po::value<int64_t>()->default_value(128), "longest answer")(
      "limit", po::value<int64_t>()->default_value(0),
      "only the first N questions and the first N rows of each dataset; 0: all")(
      "base", "evaluate the base model, too")("json", "print the result as JSON")(
      "output,o", po::value<std::string>(),
      "write question, expected and given answers as JSON lines")(
      "with-records", "print questions and answers as well")(
      "threads", po::value<int64_t>()->default_value(1), "CPU threads of each rank");
  return options;
}

struct NamedDataset {
  std::string name;
  PackedDataset dataset;
};

struct SetLoss {
  std::string name;
  HeldOutLoss loss;
};

// What one model did.
struct Evaluation {
  std::string model;  // "tuned" or "base"
  std::vector<SetLoss> sets;
  std::vector<Answer> answers;
};

// Everything that is read before the ranks work together.
struct EvalTask {
  std::unique_ptr<ModelAccess> access;
  std::vector<NamedDataset> datasets;
  std::vector<Question> questions;
  int64_t limit = 0;
  int64_t max_new_tokens = 0;
  bool with_base = false;
};

NamedDataset open_dataset(const std::string& name, const fs::path& path,
                          const ModelAccess& access) {
  PackedDataset dataset(path);
  if (dataset.info().tokenizer_hash != access.tokenizer().hash()) {
    throw UserError("{}: packed with another tokenizer than {} has; pack it again with this model",
                    path.string(), access.base_directory().string());
  }
  return {name, std::move(dataset)};
}

std::vector<NamedDataset> open_datasets_of(const po::variables_map& values,
                                           const ModelAccess& access) {
  std::vector<NamedDataset> datasets;
  if (values.count("data") != 0) {
    for (const std::string& text : values["data"].as<std::vector<std::string>>()) {
      const size_t equals = text.find('=');
      const fs::path path = equals == text.npos ? text : text.substr(equals + 1);
      const std::string name = equals == text.npos ? path.stem().string() : text.substr(0, equals);
      if (name.empty() || path.empty()) throw UserError("--data {}: expected NAME=FILE.h5", text);
      datasets.push_back(open_dataset(name, path, access));
    }
  } else if (access.tuned() != nullptr) {
    const RunConfig& config = access.tuned()->run_config();
    for (const DatasetEntry& entry : config.test_datasets) {
      datasets.push_back(open_dataset("test/" + entry.path.stem().string(), entry.path, access));
    }
    for (const DatasetEntry& entry : config.general_datasets) {
      datasets.push_back(open_dataset("general/" + entry.path.stem().string(), entry.path, access));
    }
  }
  return datasets;
}

EvalTask prepare_task(const po::variables_map& values, int num_ranks) {
  EvalTask task;
  task.limit = values["limit"].as<int64_t>();
  task.max_new_tokens = values["max-new-tokens"].as<int64_t>();
  task.with_base = values.count("base") != 0;
  if (task.limit < 0) throw UserError("--limit {}: expected 0 (all) or more", task.limit);
  if (task.max_new_tokens < 1) {
    throw UserError("--max-new-tokens {}: expected 1 or more", task.max_new_tokens);
  }
  task.access = std::make_unique<ModelAccess>(model_request(values));
  if (task.with_base && !task.access->has_base()) {
    throw UserError("--base: {} is a whole model, there is no base beside it", task.access->name());
  }
  task.datasets = open_datasets_of(values, *task.access);
  if (values.count("questions") != 0) {
    const std::string path = values["questions"].as<std::string>();
    if (path == "-" && num_ranks > 1) {
      throw UserError("--questions -: standard input reaches one rank only; give a file");
    }
    task.questions = read_questions(path, task.limit);
    // Says so before any work is done.
    (void)task.access->prompts().encode(task.questions.front().messages);
  }
  if (task.datasets.empty() && task.questions.empty()) {
    throw UserError("eval: nothing to evaluate on: give --data NAME=FILE.h5 or --questions FILE");
  }
  return task;
}

Evaluation evaluate(const EvalTask& task, const ResidentModel& model, const std::string& name,
                    ProcessGroup& group) {
  Evaluation evaluation;
  evaluation.model = name;
  for (const NamedDataset& set : task.datasets) {
    evaluation.sets.push_back({set.name, held_out_loss(model, group, set.dataset, task.limit)});
  }
  if (!task.questions.empty()) {
    const Generator generator(model, task.access->tokenizer(), task.access->stop_conditions());
    evaluation.answers = answer_questions(task.questions, task.access->prompts(), generator,
                                          task.max_new_tokens, group);
  }
  return evaluation;
}

std::vector<Evaluation> evaluate_all(const EvalTask& task, ProcessGroup& group) {
  std::vector<Evaluation> evaluations;
  // One model in memory at a time.
  const auto add = [&](const std::string& name, ResidentModel (ModelAccess::*load)() const) {
    std::optional<ResidentModel> model;
    run_agreed(group, [&] { model.emplace((task.access.get()->*load)()); });
    evaluations.push_back(evaluate(task, *model, name, group));
  };
  add(task.access->has_base() ? "tuned" : "model", &ModelAccess::load);
  if (task.with_base) add("base", &ModelAccess::load_base);
  return evaluations;
}

// One line per question and model.
std::vector<Json> record_lines(const EvalTask& task, const std::vector<Evaluation>& evaluations) {
  std::vector<Json> lines;
  for (size_t q = 0; q < task.questions.size(); ++q) {
    for (const Evaluation& evaluation : evaluations) {
      const Question& question = task.questions[q];
      const Answer& answer = evaluation.answers[q];
      Json messages = Json::array();
      for (const Message& message : question.messages) {
        messages.push_back({{"role", message.role}, {"content", message.content}});
      }
      lines.push_back({{"question", q + 1},
                       {"model", evaluation.model},
                       {"messages", messages},
                       {"expected", question.expected},
                       {"answer", answer.text},
                       {"exact_match", answer.exact_match},
                       {"f1", answer.f1},
                       {"new_tokens", answer.num_new_tokens},
                       {"stopped", answer.stopped}});
    }
  }
  return lines;
}

Json to_json(const Evaluation& evaluation) {
  Json json = {{"sets", Json::array()}};
  for (const SetLoss& set : evaluation.sets) {
    json["sets"].push_back({{"name", set.name},
                            {"loss", set.loss.mean()},
                            {"perplexity", set.loss.perplexity()},
                            {"targets", set.loss.count}});
  }
  if (!evaluation.answers.empty()) {
    const AnswerScores scores = score_answers(evaluation.answers);
    json["answers"] = {{"questions", scores.num_questions},
                       {"exact_match", scores.exact_match},
                       {"f1", scores.f1}};
  }
  return json;
}

void print_json(const EvalTask& task, const std::vector<Evaluation>& evaluations,
                bool with_records) {
  Json json = to_json(evaluations.front());
  json["model"] = task.access->name();
  if (task.access->tuned() != nullptr) json["step"] = task.access->tuned()->record().step;
  if (evaluations.size() > 1) {
    json["base"] = to_json(evaluations.back());
    json["base"]["model"] = task.access->base_directory().string();
  }
  if (with_records) json["records"] = record_lines(task, evaluations);
  std::cout << json.dump(2) << "\n";
}

void print_table(const EvalTask& task, const std::vector<Evaluation>& evaluations) {
  std::cout << task.access->name() << "\n";
  const auto line = [&](const std::string& label, const auto& value_of) {
    std::string text = fmt::format("  {:<32}", label);
    for (const Evaluation& evaluation : evaluations) {
      text += fmt::format(" {:>12}", value_of(evaluation));
    }
    std::cout << text << "\n";
  };
  line("", [](const Evaluation& e) { return e.model; });
  for (size_t i = 0; i < task.datasets.size(); ++i) {
    const std::string& name = task.datasets[i].name;
    line(name + " loss",
         [i](const Evaluation& e) { return fmt::format("{:.4f}", e.sets[i].loss.mean()); });
    line(name + " perplexity",
         [i](const Evaluation& e) { return fmt::format("{:.2f}", e.sets[i].loss.perplexity()); });
    line(name + " targets",
         [i](const Evaluation& e) { return std::to_string(e.sets[i].loss.count); });
  }
  if (task.questions.empty()) return;
  line("questions", [&](const Evaluation&) { return std::to_string(task.questions.size()); });
  line("answered exactly", [](const Evaluation& e) {
    return fmt::format("{:.1f} %", 100.0 * score_answers(e.answers).exact_match);
  });
  line("word F1",
       [](const Evaluation& e) { return fmt::format("{:.3f}", score_answers(e.answers).f1); });
}

void write_records(const fs::path& path, const std::vector<Json>& lines) {
  AtomicFile file(path);
  for (const Json& line : lines) file.append(line.dump() + "\n");
  file.commit();
}

void report(const EvalTask& task, const std::vector<Evaluation>& evaluations,
            const po::variables_map& values) {
  const bool with_records = values.count("with-records") != 0;
  if (values.count("output") != 0) {
    write_records(values["output"].as<std::string>(), record_lines(task, evaluations));
  }
  if (values.count("json") != 0) {
    print_json(task, evaluations, with_records);
    return;
  }
  print_table(task, evaluations);
  if (!with_records) return;
  for (const Json& line : record_lines(task, evaluations)) std::cout << line.dump() << "\n";
}

}  // namespace

int eval_command(const std::vector<std::string>& arguments, CommEnvironment& environment) {
  const po::options_description options = make_options();
  ProcessGroup& group = environment.world();
  po::variables_map values;
  EvalTask task;
  bool help = false;
  run_agreed(group, [&] {
    values = parse_command_line(arguments, options, {"path"});
    help = values.count("help") != 0;
    if (help) return;
    prepare_cpu(values["threads"].as<int64_t>());
    task = prepare_task(values, group.size());
  });
  if (help) {
    if (group.rank() == 0) std::cout << options;
    return kExitDone;
  }
  const std::vector<Evaluation> evaluations = evaluate_all(task, group);
  run_agreed(group, [&] {
    if (group.rank() == 0) report(task, evaluations, values);
  });
  return kExitDone;
}

}  // namespace temper
