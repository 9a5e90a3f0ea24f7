// Presents an evaluation to people and to programs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "eval/evaluation.h"
#include "io/json.h"

namespace temper {

// {"sets": [{"name", "loss", "loss_sum", "targets", "perplexity", "bytes", "bits_per_byte",
// "topics": [{"topic", "loss", "targets"}]}], "answers": {"questions", "exact_match", "f1",
// "scores": [{"name", "value", "low", "high"}]}, "choices": {...}, "memorisation": {...}, "speed":
// {"held_out_tokens_per_second", "generated_tokens_per_second"}}; each only when it was asked for.
Json evaluation_json(const Evaluation& evaluation);

// One column per evaluation; all are of the same task. `comparison`: what compare_answers says of
// the first two, or null.
std::string evaluation_table(const std::vector<Evaluation>& evaluations, const Json& comparison);

// One object per question and evaluation, with the records' text.
std::vector<Json> evaluation_records(const std::vector<Question>& questions,
                                     const std::vector<Evaluation>& evaluations);
// Tells whether a file's first line is such an object.
bool is_records_file(const std::filesystem::path& path);

}  // namespace temper
