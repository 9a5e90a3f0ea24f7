// Questions with their expected answers, put to a model and scored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "eval/generator.h"
#include "eval/prompt_encoder.h"
#include "io/json.h"
#include "text/chat/chat_template.h"

namespace temper {

struct Question {
  std::string place;                   // "questions.jsonl:17"
  std::vector<Message> messages = {};  // up to the last assistant message
  OrderedJson tools = nullptr;         // those of the record, or null
  std::string expected = {};           // that message
  int64_t occurrences = 1;             // of the same record in the file, where they were counted
};

// JSON lines as `temper pack` reads them (data/corpus/corpus_reader.h) whose last message is the
// assistant's; "-" is standard input. The first `limit` (0: all). UserError naming file and line.
std::vector<Question> read_questions(const std::filesystem::path& path, int64_t limit);

// The first `limit` (0: all) different ones, each with how often the whole file has it.
std::vector<Question> read_distinct_questions(const std::filesystem::path& path, int64_t limit);

struct Answer {
  std::string text;
  int64_t num_new_tokens = 0;
  bool stopped = false;
  bool exact_match = false;
  double f1 = 0.0;
  double rouge_l = 0.0;
  double chrf = 0.0;
  bool refused = false;
  bool empty = false;
};

// Answers greedily, each rank its share; every rank gets all answers, in the order of the
// questions, with the same bits on any number of ranks.
// Collective: all ranks of the group call this in the same order; an error of one rank is thrown on
// all.
std::vector<Answer> answer_questions(const std::vector<Question>& questions,
                                     const PromptEncoder& encoder, const Generator& generator,
                                     int64_t max_new_tokens, ProcessGroup& group);

// {questions, scores: [{name, value, low, high}]}: means over the questions with 95 % intervals,
// Wilson's for shares and bootstrapped for the others.
Json score_answers(const std::vector<Answer>& answers);

// [{name, difference, low, high, p_not_better}]: a against b on the same questions, paired.
Json compare_answers(const std::vector<Answer>& a, const std::vector<Answer>& b);

}  // namespace temper
