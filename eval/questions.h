// Questions with their expected answers, put to a model and scored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "eval/generator.h"
#include "eval/prompt_encoder.h"
#include "text/chat_template.h"

namespace temper {

struct Question {
  std::string place;              // "questions.jsonl:17"
  std::vector<Message> messages;  // up to the last assistant message
  OrderedJson tools = nullptr;    // those of the record, or null
  std::string expected;           // that message
};

// JSON lines as `temper pack` reads them (data/corpus_reader.h) whose last message is the
// assistant's; "-" is standard input. The first `limit` (0: all). UserError naming file and line.
std::vector<Question> read_questions(const std::filesystem::path& path, int64_t limit);

struct Answer {
  std::string text;
  int64_t num_new_tokens = 0;
  bool stopped = false;
  bool exact_match = false;
  double f1 = 0.0;
};

struct AnswerScores {
  int64_t num_questions = 0;
  double exact_match = 0.0;  // share of the questions
  double f1 = 0.0;           // mean
};

// Question q is answered greedily by rank q mod size; every rank gets all answers, in order.
// Collective: all ranks of the group call this in the same order; an error of one rank is thrown
// on all.
std::vector<Answer> answer_questions(const std::vector<Question>& questions,
                                     const PromptEncoder& encoder, const Generator& generator,
                                     int64_t max_new_tokens, ProcessGroup& group);

AnswerScores score_answers(const std::vector<Answer>& answers);

}  // namespace temper
