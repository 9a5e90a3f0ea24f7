// The general corpus: little stories about everyday things, questions about them, and questions
// about things everybody knows. Nothing in it mentions the specialist corpus.
#pragma once

#include <string>

#include "data/synthetic/synthetic_draw.h"

namespace temper {

// One record: a story, a story with questions and answers about it, or a few questions and answers.
// A question and its answer are two lines.
std::string make_synthetic_story(SyntheticDraw& draw);

}  // namespace temper
