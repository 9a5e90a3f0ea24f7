#include "eval/evaluation_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "io/input/text_input.h"

namespace temper {
namespace {

Json set_json(const SetLoss& set) {
  const HeldOutFigures& figures = set.figures;
  Json json = {{"name", set.name},
               {"loss", figures.loss.mean()},
               {"loss_sum", figures.loss.sum},
               {"targets", figures.loss.count},
               {"perplexity", figures.loss.perplexity()},
               {"bytes", figures.num_bytes},
               {"bits_per_byte", figures.bits_per_byte()}};
  for (const HeldOutFigures::Topic& topic : figures.topics) {
    json["topics"].push_back(
        {{"topic", topic.name}, {"loss", topic.loss.mean()}, {"targets", topic.loss.count}});
  }
  return json;
}

std::string score_text(const Json& score) {
  return fmt::format("{:.3f} ({:.3f}-{:.3f})", score.at("value").get<double>(),
                     score.at("low").get<double>(), score.at("high").get<double>());
}

std::string comparison_lines(const Json& comparison) {
  std::string lines;
  for (const Json& entry : comparison) {
    lines += fmt::format("tuned minus base, {}: {:+.3f} ({:+.3f} to {:+.3f})\n",
                         entry["name"].get<std::string>(), entry["difference"].get<double>(),
                         entry["low"].get<double>(), entry["high"].get<double>());
  }
  return lines;
}

}  // namespace

Json evaluation_json(const Evaluation& evaluation) {
  Json json = {{"sets", Json::array()}};
  for (const SetLoss& set : evaluation.sets) json["sets"].push_back(set_json(set));
  if (!evaluation.answers.empty()) {
    json["answers"] = score_answers(evaluation.answers);
    const Json& scores = json["answers"]["scores"];
    const Json exact = scores.at(0).at("value"), f1 = scores.at(1).at("value");
    json["answers"]["exact_match"] = exact;
    json["answers"]["f1"] = f1;
  }
  const auto speed = [&](const char* key, int64_t tokens, double seconds) {
    if (tokens > 0) json["speed"][key] = static_cast<double>(tokens) / seconds;
  };
  speed("held_out_tokens_per_second", evaluation.held_out_tokens, evaluation.held_out_seconds);
  speed("generated_tokens_per_second", evaluation.generated_tokens, evaluation.answer_seconds);
  if (!evaluation.choices.is_null()) json["choices"] = evaluation.choices;
  if (!evaluation.memorisation.is_null()) json["memorisation"] = evaluation.memorisation;
  return json;
}

std::string evaluation_table(const std::vector<Evaluation>& evaluations, const Json& comparison) {
  std::string table;
  const auto line = [&](const std::string& label, const auto& value_of) {
    table += fmt::format("  {:<44}", label);
    for (const Evaluation& evaluation : evaluations) {
      table += fmt::format(" {:>20}", value_of(evaluation));
    }
    table += "\n";
  };
  const Evaluation& first = evaluations.front();
  line("", [](const Evaluation& e) { return e.model; });
  for (size_t i = 0; i < first.sets.size(); ++i) {
    const std::string& name = first.sets[i].name;
    const auto number = [&](const char* what, auto value_of, int digits) {
      line(name + what, [=](const Evaluation& e) {
        return fmt::format("{:.{}f}", value_of(e.sets[i].figures), digits);
      });
    };
    number(
        " loss", [](const HeldOutFigures& f) { return f.loss.mean(); }, 4);
    number(
        " perplexity", [](const HeldOutFigures& f) { return f.loss.perplexity(); }, 2);
    number(
        " bits per byte", [](const HeldOutFigures& f) { return f.bits_per_byte(); }, 4);
    line(name + " targets",
         [i](const Evaluation& e) { return std::to_string(e.sets[i].figures.loss.count); });
    for (size_t t = 0; t < first.sets[i].figures.topics.size(); ++t) {
      line("    " + first.sets[i].figures.topics[t].name, [i, t](const Evaluation& e) {
        return fmt::format("{:.4f}", e.sets[i].figures.topics[t].loss.mean());
      });
    }
  }
  if (!first.answers.empty()) {
    line("questions", [](const Evaluation& e) { return std::to_string(e.answers.size()); });
    line("answered exactly", [](const Evaluation& e) {
      const auto hits = std::count_if(e.answers.begin(), e.answers.end(),
                                      [](const Answer& answer) { return answer.exact_match; });
      return fmt::format("{:.1f} %",
                         100.0 * static_cast<double>(hits) / static_cast<double>(e.answers.size()));
    });
    std::map<std::string, Json> scores;  // by model
    for (const Evaluation& e : evaluations) scores[e.model] = score_answers(e.answers)["scores"];
    for (size_t i = 0; i < scores[first.model].size(); ++i) {
      line(scores[first.model][i]["name"],
           [&](const Evaluation& e) { return score_text(scores[e.model].at(i)); });
    }
  }
  if (!first.choices.is_null()) {
    line("multiple choice", [](const Evaluation& e) { return score_text(e.choices["accuracy"]); });
  }
  for (const Evaluation& evaluation : evaluations) {
    if (evaluation.memorisation.is_null()) continue;
    table += fmt::format("{}: {}\n", evaluation.model,
                         evaluation.memorisation["verdict"].get<std::string>());
  }
  return table + comparison_lines(comparison);
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
                         {"rouge_l", answer.rouge_l},
                         {"chrf", answer.chrf},
                         {"refused", answer.refused},
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
