#include "eval/questions.h"

#include "comm/agreement.h"
#include "common/error.h"
#include "data/corpus_reader.h"
#include "eval/answer_scoring.h"
#include "io/json.h"
#include "text/utf8.h"

namespace temper {
namespace {

Answer answer_one(const Question& question, const PromptEncoder& encoder,
                  const Generator& generator, int64_t max_new_tokens) {
  GenerationOptions options;
  options.max_new_tokens = max_new_tokens;
  Generation generation;
  try {
    generation = generator.generate(encoder.encode(question.messages, question.tools).ids, options);
  } catch (const UserError& error) {
    throw UserError("{}: {}", question.place, error.what());
  }
  Answer answer;
  answer.num_new_tokens = static_cast<int64_t>(generation.ids.size());
  answer.stopped = generation.stopped;
  answer.exact_match = is_exact_match(generation.text, question.expected);
  answer.f1 = word_f1(generation.text, question.expected);
  answer.text = replace_invalid_utf8(generation.text);  // JSON takes nothing else
  return answer;
}

Json to_json(const Answer& answer) {
  return Json{{"text", answer.text},
              {"num_new_tokens", answer.num_new_tokens},
              {"stopped", answer.stopped},
              {"exact_match", answer.exact_match},
              {"f1", answer.f1}};
}

Answer from_json(const Json& json) {
  return {json.at("text"), json.at("num_new_tokens"), json.at("stopped"), json.at("exact_match"),
          json.at("f1")};
}

}  // namespace

std::vector<Question> read_questions(const std::filesystem::path& path, int64_t limit) {
  CorpusReader reader({path}, CorpusFormat::kAuto);
  std::vector<Question> questions;
  CorpusLine line;
  while ((limit <= 0 || static_cast<int64_t>(questions.size()) < limit) && reader.next(line)) {
    Question question;
    question.place =
        corpus_place(reader.sources()[static_cast<size_t>(line.source)], line.line_number);
    Record record = parse_record(line.json, line.format, question.place);
    if (record.is_text || record.messages.size() < 2 ||
        record.messages.back().role != "assistant") {
      throw UserError("{}: a question needs a prompt and, last, the assistant's answer",
                      question.place);
    }
    question.expected = std::move(record.messages.back().content);
    record.messages.pop_back();
    question.messages = std::move(record.messages);
    question.tools = std::move(record.tools);
    questions.push_back(std::move(question));
  }
  if (questions.empty()) throw UserError("{}: there is no question in it", path.string());
  return questions;
}

std::vector<Answer> answer_questions(const std::vector<Question>& questions,
                                     const PromptEncoder& encoder, const Generator& generator,
                                     int64_t max_new_tokens, ProcessGroup& group) {
  const auto size = static_cast<size_t>(group.size());
  Json mine = Json::array();
  run_agreed(group, [&] {
    for (size_t q = static_cast<size_t>(group.rank()); q < questions.size(); q += size) {
      mine.push_back(to_json(answer_one(questions[q], encoder, generator, max_new_tokens)));
    }
  });
  std::vector<Json> by_rank;
  for (const std::string& text : group.all_gather_text(mine.dump())) {
    by_rank.push_back(parse_json(text, "answers"));
  }
  std::vector<Answer> answers;
  for (size_t q = 0; q < questions.size(); ++q) {
    answers.push_back(from_json(by_rank[q % size].at(q / size)));
  }
  return answers;
}

AnswerScores score_answers(const std::vector<Answer>& answers) {
  AnswerScores scores;
  scores.num_questions = static_cast<int64_t>(answers.size());
  int64_t num_exact = 0;
  double f1 = 0.0;
  for (const Answer& answer : answers) {
    num_exact += answer.exact_match ? 1 : 0;
    f1 += answer.f1;
  }
  if (answers.empty()) return scores;
  scores.exact_match = static_cast<double>(num_exact) / static_cast<double>(answers.size());
  scores.f1 = f1 / static_cast<double>(answers.size());
  return scores;
}

}  // namespace temper
