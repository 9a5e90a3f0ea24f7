// The baseline that a trained model must beat: answer a question with the answer of the most
// similar question seen in training.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace temper {

struct QuestionAnswer {
  std::string question, answer;
};

struct NearestNeighbourScore {
  int64_t num_questions = 0;
  int64_t num_exact = 0;  // answered with exactly the right text

  double exact_share() const {
    return num_questions == 0 ? 0.0
                              : static_cast<double>(num_exact) / static_cast<double>(num_questions);
  }
};

// Similar: the largest Jaccard overlap of the sets of lower-case words (letters and digits); the
// earliest training question wins a tie.
NearestNeighbourScore score_nearest_neighbour(const std::vector<QuestionAnswer>& train,
                                              const std::vector<QuestionAnswer>& test);

// Questions and answers of a corpus of prompt-completion records. UserError as CorpusReader.
std::vector<QuestionAnswer> read_questions(const std::string& path);

}  // namespace temper
