#include "eval/multiple_choice.h"

#include <algorithm>

#include "comm/agreement.h"
#include "comm/round_robin.h"
#include "common/cli/work_bar.h"
#include "common/error.h"
#include "eval/scoring/likelihood.h"
#include "eval/scoring/score_statistics.h"
#include "io/input/text_input.h"

namespace temper {
namespace {

ChoiceQuestion parse_question(const std::string& line, const std::string& place) {
  const Json json = parse_json(line, place);
  ChoiceQuestion question;
  question.place = place;
  try {
    if (json.contains("messages")) {
      for (const Json& message : json.at("messages")) {
        question.messages.push_back(
            {message.at("role").get<std::string>(), message.at("content").get<std::string>()});
      }
    } else {
      question.messages = {{"user", json.at("prompt").get<std::string>()}};
    }
    question.choices = json.at("choices").get<std::vector<std::string>>();
    question.answer = json.at("answer").get<size_t>();
  } catch (const Json::exception&) {
    throw UserError(
        "{}: expected \"prompt\" or \"messages\", \"choices\" (a list of texts) and \"answer\" "
        "(the index of the right one, from 0)",
        place);
  }
  const bool any_empty = std::any_of(question.choices.begin(), question.choices.end(),
                                     [](const std::string& choice) { return choice.empty(); });
  if (question.choices.size() < 2 || any_empty || question.answer >= question.choices.size()) {
    throw UserError("{}: needs at least two choices, none empty, and the index of one of them",
                    place);
  }
  return question;
}

struct Outcome {
  bool is_right = false, is_right_per_byte = false;
};

Outcome answer(const ChoiceQuestion& question, const ResidentModel& model,
               const PromptEncoder& encoder, const Tokenizer& tokenizer) {
  const EncodedPrompt prompt = encoder.encode(question.messages);
  std::vector<Continuation> continuations;
  for (const std::string& choice : question.choices) {
    const Encoding encoding = tokenizer.encode(choice, false);
    continuations.push_back({prompt.ids, {encoding.ids.begin(), encoding.ids.end()}});
  }
  std::vector<double> likelihoods = log_likelihoods(model, continuations);
  const auto likeliest = [&] {
    return static_cast<size_t>(std::max_element(likelihoods.begin(), likelihoods.end()) -
                               likelihoods.begin());
  };
  Outcome outcome;
  outcome.is_right = likeliest() == question.answer;
  for (size_t i = 0; i < likelihoods.size(); ++i) {
    likelihoods[i] /= static_cast<double>(question.choices[i].size());
  }
  outcome.is_right_per_byte = likeliest() == question.answer;
  return outcome;
}

Json share_json(const std::vector<double>& hits) {
  const int64_t num_hits = std::count(hits.begin(), hits.end(), 1.0);
  const Interval interval = wilson_interval(num_hits, std::ssize(hits));
  return {{"value", static_cast<double>(num_hits) / static_cast<double>(hits.size())},
          {"low", interval.low},
          {"high", interval.high}};
}

}  // namespace

std::vector<ChoiceQuestion> read_choice_questions(const std::filesystem::path& path,
                                                  int64_t limit) {
  std::vector<ChoiceQuestion> questions;
  LineReader lines(path);
  for (std::string line; lines.next(line);) {
    if (line.empty()) continue;
    if (limit > 0 && std::ssize(questions) == limit) break;
    questions.push_back(
        parse_question(line, fmt::format("{}:{}", path.string(), lines.line_number())));
  }
  if (questions.empty()) throw UserError("{}: there is no question in it", path.string());
  return questions;
}

Json score_choices(const std::vector<ChoiceQuestion>& questions, const ResidentModel& model,
                   const PromptEncoder& encoder, const Tokenizer& tokenizer, ProcessGroup& group) {
  const auto size = static_cast<size_t>(group.size());
  std::vector<double> right, right_per_byte;
  run_agreed(group, [&] {
    WorkBar bar("multiple choice", (std::ssize(questions) + group.size() - 1) / group.size(),
                group.rank() == 0);
    for (size_t first = 0; first < questions.size(); first += size) {
      const size_t q = first + static_cast<size_t>(group.rank());
      Outcome outcome;
      if (q < questions.size()) {
        try {
          outcome = answer(questions[q], model, encoder, tokenizer);
        } catch (const UserError& error) {
          throw UserError("{}: {}", questions[q].place, error.what());
        }
      }
      right.push_back(outcome.is_right ? 1.0 : 0.0);
      right_per_byte.push_back(outcome.is_right_per_byte ? 1.0 : 0.0);
      bar.advance();
    }
  });
  const int64_t count = std::ssize(questions);
  return {{"questions", count},
          {"accuracy", share_json(gather_round_robin(group, right, count))},
          {"accuracy_per_byte", share_json(gather_round_robin(group, right_per_byte, count))}};
}

}  // namespace temper
