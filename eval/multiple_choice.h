// Multiple choice by likelihood: the answer is the choice that the model finds likeliest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "eval/prompt_encoder.h"
#include "io/json.h"
#include "model/resident_model.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {

struct ChoiceQuestion {
  std::string place;
  std::vector<Message> messages;
  std::vector<std::string> choices;  // at least two
  size_t answer = 0;                 // index into choices
};

// JSON lines {"prompt": text or "messages": [...], "choices": [texts], "answer": its index from 0}.
// The first `limit` (0: all). UserError naming file and line.
std::vector<ChoiceQuestion> read_choice_questions(const std::filesystem::path& path, int64_t limit);

// {questions, accuracy: {value, low, high}, accuracy_per_byte: ...}: the share of questions whose
// right choice has the highest likelihood, in all and divided by its bytes, with Wilson's 95 %.
// Question q is scored by rank q mod size. Collective: all ranks of the group call this in the same
// order; an error of one rank is thrown on all.
Json score_choices(const std::vector<ChoiceQuestion>& questions, const ResidentModel& model,
                   const PromptEncoder& encoder, const Tokenizer& tokenizer, ProcessGroup& group);

}  // namespace temper
