#include "eval/evaluation_report.h"

#include <fmt/format.h>

#include "io/text_input.h"

namespace temper {

Json evaluation_json(const Evaluation& evaluation) {
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

std::string evaluation_table(const std::vector<Evaluation>& evaluations) {
  std::string table;
  const auto line = [&](const std::string& label, const auto& value_of) {
    table += fmt::format("  {:<36}", label);
    for (const Evaluation& evaluation : evaluations) {
      table += fmt::format(" {:>10}", value_of(evaluation));
    }
    table += "\n";
  };
  line("", [](const Evaluation& e) { return e.model; });
  for (size_t i = 0; i < evaluations.front().sets.size(); ++i) {
    const std::string& name = evaluations.front().sets[i].name;
    line(name + " loss",
         [i](const Evaluation& e) { return fmt::format("{:.4f}", e.sets[i].loss.mean()); });
    line(name + " perplexity",
         [i](const Evaluation& e) { return fmt::format("{:.2f}", e.sets[i].loss.perplexity()); });
    line(name + " targets",
         [i](const Evaluation& e) { return std::to_string(e.sets[i].loss.count); });
  }
  if (evaluations.front().answers.empty()) return table;
  line("questions", [](const Evaluation& e) { return std::to_string(e.answers.size()); });
  line("answered exactly", [](const Evaluation& e) {
    return fmt::format("{:.1f} %", 100.0 * score_answers(e.answers).exact_match);
  });
  line("word F1",
       [](const Evaluation& e) { return fmt::format("{:.3f}", score_answers(e.answers).f1); });
  return table;
}

std::vector<Json> evaluation_records(const std::vector<Question>& questions,
                                     const std::vector<Evaluation>& evaluations) {
  std::vector<Json> records;
  for (size_t q = 0; q < questions.size(); ++q) {
    Json messages = Json::array();
    for (const Message& message : questions[q].messages) {
      messages.push_back({{"role", message.role}, {"content", message.content}});
    }
    for (const Evaluation& evaluation : evaluations) {
      const Answer& answer = evaluation.answers.at(q);
      records.push_back({{"question", q + 1},
                         {"model", evaluation.model},
                         {"messages", messages},
                         {"expected", questions[q].expected},
                         {"answer", answer.text},
                         {"exact_match", answer.exact_match},
                         {"f1", answer.f1},
                         {"new_tokens", answer.num_new_tokens},
                         {"stopped", answer.stopped}});
    }
  }
  return records;
}

bool is_records_file(const std::filesystem::path& path) {
  LineReader lines(path);
  std::string line;
  if (!lines.next(line)) return false;
  const Json record = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  return record.is_object() && record.contains("question") && record.contains("expected") &&
         record.contains("answer") && record.contains("exact_match");
}

}  // namespace temper
