#include "eval/questions.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <numeric>
#include <utility>

#include "comm/agreement.h"
#include "common/cli/work_bar.h"
#include "common/error.h"
#include "common/hash.h"
#include "data/corpus/corpus_reader.h"
#include "eval/scoring/answer_scoring.h"
#include "eval/scoring/score_statistics.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

// Until `take` returns false. UserError when there is none.
void for_each_question(const std::filesystem::path& path,
                       const std::function<bool(Question&&)>& take) {
  CorpusReader reader({path}, CorpusFormat::kAuto);
  CorpusLine line;
  bool is_empty = true;
  while (reader.next(line)) {
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
    is_empty = false;
    if (!take(std::move(question))) return;
  }
  if (is_empty) throw UserError("{}: there is no question in it", path.string());
}

std::string hash_of(const Question& question) {
  Json texts = Json::array({question.expected, question.tools.dump()});
  for (const Message& message : question.messages) {
    texts.push_back({message.role, message.content, message.json});
  }
  const std::string dumped = texts.dump();
  return hash_bytes(dumped.data(), dumped.size()).hex();
}

Answer score(const Generation& generation, const std::string& expected) {
  Answer answer;
  answer.num_new_tokens = static_cast<int64_t>(generation.ids.size());
  answer.stopped = generation.stopped;
  answer.exact_match = is_exact_match(generation.text, expected);
  answer.f1 = word_f1(generation.text, expected);
  answer.rouge_l = rouge_l(generation.text, expected);
  answer.chrf = chrf(generation.text, expected);
  answer.refused = is_refusal(generation.text);
  answer.empty = is_exact_match(generation.text, "");
  answer.text = replace_invalid_utf8(generation.text);  // JSON takes nothing else
  return answer;
}

Json to_json(const Answer& a) {
  return Json::array({a.text, a.num_new_tokens, a.stopped, a.exact_match, a.f1, a.rouge_l, a.chrf,
                      a.refused, a.empty});
}

Answer from_json(const Json& json) {
  return {json.at(0), json.at(1), json.at(2), json.at(3), json.at(4),
          json.at(5), json.at(6), json.at(7), json.at(8)};
}

// Questions by the length of their prompts, so that those of a batch take about as long.
std::vector<size_t> order_by_length(const std::vector<std::vector<int64_t>>& prompts) {
  std::vector<size_t> order(prompts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return prompts[a].size() < prompts[b].size(); });
  return order;
}

// What a rank answers, in lists of those that go together. Where they matter to each other's bits,
// which do so does not depend on the number of ranks.
std::vector<std::vector<size_t>> lists_of_rank(const std::vector<size_t>& order, bool together,
                                               size_t rank, size_t size) {
  const size_t length = together ? kAnswersAtOnce : 1;
  std::vector<std::vector<size_t>> lists;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i / length % size != rank) continue;
    if (lists.empty() || (together && i % length == 0)) lists.emplace_back();
    lists.back().push_back(order[i]);
  }
  return lists;
}

struct Score {
  const char* name;
  double (*of)(const Answer&);
  bool is_share;  // each answer's is 0 or 1
};
constexpr std::array<Score, 7> kScores = {{
    {"exact match", [](const Answer& a) { return a.exact_match ? 1.0 : 0.0; }, true},
    {"token F1", [](const Answer& a) { return a.f1; }, false},
    {"ROUGE-L", [](const Answer& a) { return a.rouge_l; }, false},
    {"chrF", [](const Answer& a) { return a.chrf; }, false},
    {"refused", [](const Answer& a) { return a.refused ? 1.0 : 0.0; }, true},
    {"empty", [](const Answer& a) { return a.empty ? 1.0 : 0.0; }, true},
    {"never stops", [](const Answer& a) { return a.stopped ? 0.0 : 1.0; }, true},
}};
constexpr size_t kNumQualities = 4;  // of them, the first, where more is better

std::vector<double> values_of(const Score& score, const std::vector<Answer>& answers) {
  std::vector<double> values;
  for (const Answer& answer : answers) values.push_back(score.of(answer));
  return values;
}

}  // namespace

std::vector<Question> read_questions(const std::filesystem::path& path, int64_t limit) {
  std::vector<Question> questions;
  for_each_question(path, [&](Question&& question) {
    questions.push_back(std::move(question));
    return limit <= 0 || std::ssize(questions) < limit;
  });
  return questions;
}

std::vector<Question> read_distinct_questions(const std::filesystem::path& path, int64_t limit) {
  std::vector<Question> questions;
  std::map<std::string, size_t> index_of;  // of those kept, by hash
  for_each_question(path, [&](Question&& question) {
    const std::string hash = hash_of(question);
    if (const auto found = index_of.find(hash); found != index_of.end()) {
      ++questions[found->second].occurrences;
    } else if (limit <= 0 || std::ssize(questions) < limit) {
      index_of[hash] = questions.size();
      questions.push_back(std::move(question));
    }
    return true;
  });
  return questions;
}

std::vector<Answer> answer_questions(const std::vector<Question>& questions,
                                     const PromptEncoder& encoder, const Generator& generator,
                                     int64_t max_new_tokens, ProcessGroup& group) {
  const auto rank = static_cast<size_t>(group.rank()), size = static_cast<size_t>(group.size());
  GenerationOptions options;
  options.max_new_tokens = max_new_tokens;
  Json mine = Json::array();  // [question, answer] pairs
  run_agreed(group, [&] {
    std::vector<std::vector<int64_t>> prompts;
    for (const Question& question : questions) {
      try {
        prompts.push_back(encoder.encode(question.messages, question.tools).ids);
        generator.check_prompt(prompts.back());
      } catch (const UserError& error) {
        throw UserError("{}: {}", question.place, error.what());
      }
    }
    const std::vector<std::vector<size_t>> lists =
        lists_of_rank(order_by_length(prompts), generator.bits_depend_on_batch(), rank, size);
    int64_t num_mine = 0;
    for (const std::vector<size_t>& list : lists) num_mine += std::ssize(list);
    WorkBar bar("answers", num_mine, rank == 0);
    for (const std::vector<size_t>& list : lists) {
      std::vector<std::vector<int64_t>> together;
      for (const size_t q : list) together.push_back(prompts[q]);
      const std::vector<Generation> generations =
          generator.generate_all(together, options, [&] { bar.advance(); });
      for (size_t i = 0; i < list.size(); ++i) {
        const Answer answer = score(generations[i], questions[list[i]].expected);
        mine.push_back(Json::array({list[i], to_json(answer)}));
      }
    }
  });
  std::vector<Answer> answers(questions.size());
  for (const std::string& text : group.all_gather_text(mine.dump())) {
    for (const Json& entry : parse_json(text, "answers")) {
      answers.at(entry.at(0).get<size_t>()) = from_json(entry.at(1));
    }
  }
  return answers;
}

Json score_answers(const std::vector<Answer>& answers) {
  Json scores = Json::array();
  for (const Score& score : kScores) {
    const std::vector<double> values = values_of(score, answers);
    if (values.empty()) break;
    const double sum = std::accumulate(values.begin(), values.end(), 0.0);
    const Interval interval = score.is_share
                                  ? wilson_interval(static_cast<int64_t>(sum), std::ssize(values))
                                  : bootstrap_interval(values);
    scores.push_back({{"name", score.name},
                      {"value", sum / static_cast<double>(values.size())},
                      {"low", interval.low},
                      {"high", interval.high}});
  }
  return {{"questions", answers.size()}, {"scores", scores}};
}

Json compare_answers(const std::vector<Answer>& a, const std::vector<Answer>& b) {
  Json comparisons = Json::array();
  for (size_t i = 0; i < kNumQualities && !a.empty(); ++i) {
    const PairedComparison paired =
        paired_bootstrap(values_of(kScores[i], a), values_of(kScores[i], b));
    comparisons.push_back({{"name", kScores[i].name},
                           {"difference", paired.difference},
                           {"low", paired.interval.low},
                           {"high", paired.interval.high},
                           {"p_not_better", paired.p_not_better}});
  }
  return comparisons;
}

}  // namespace temper
