// // Measures what a model has memorised of its training data: answers that it gives back word by
// word, and planted canaries (data/synthetic/canaries.h) that it has learnt.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "data/synthetic/canaries.h"
#include "eval/prompt_encoder.h"
#include "eval/questions.h"
#include "io/json.h"
#include "model/resident_model.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {

// An answer of fewer words may be known without having been memorised: it does not count.
inline constexpr size_t kMinVerbatimWords = 12;
// Other completions that a canary is compared with; the largest exposure is log2 of one more.
inline constexpr int64_t kNumAlternatives = 511;

// Words of `answer` that stand in `expected` in the same order without a gap: the longest such run.
size_t longest_shared_run(const std::string& answer, const std::string& expected);
// Tells whether the answer begins with the expected one's first 50 words, or all of them; false for
// an expected answer of fewer than kMinVerbatimWords.
bool is_verbatim(const std::string& answer, const std::string& expected);

// {answers, verbatim, value, low, high, longest_run_words}: of the answers that are long enough to
// tell, the share given verbatim, with Wilson's 95 %; `repeated`, the same of the records that
// occur more than once, where there are such.
Json score_verbatim(const std::vector<Question>& questions, const std::vector<Answer>& answers);

// {count, found, largest_exposure, mean_exposure, possible_exposure}, exposures in bits: log2 of
// the alternatives over the canary's rank among them. Found are those of rank 1: by chance, one in
// kNumAlternatives + 1. Canary c is scored by rank c mod size. Collective: all ranks of the group
// call this in the same order; an error of one rank is thrown on all.
Json score_canaries(const std::vector<Question>& canaries, const ResidentModel& model,
                    const PromptEncoder& encoder, const Tokenizer& tokenizer, ProcessGroup& group);

// Adds `memorises` and `verdict`, a sentence, to {train, held_out, canaries} (each may be missing):
// memorises when a canary was found, or the training answers are given verbatim more often than the
// held-out ones, beyond both intervals.
void judge_memorisation(Json& audit);

}  // namespace temper
