// Scores of answers, for tests/reference/compare_scores.py: JSON lines {"answer", "expected"} in,
// {"f1", "rouge_l", "chrf"} out.
#include <iostream>
#include <string>

#include "eval/scoring/answer_scoring.h"
#include "io/json.h"

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const temper::Json pair = temper::parse_json(line, "standard input");
    const std::string answer = pair.at("answer"), expected = pair.at("expected");
    std::cout << temper::Json{{"f1", temper::word_f1(answer, expected)},
                              {"rouge_l", temper::rouge_l(answer, expected)},
                              {"chrf", temper::chrf(answer, expected)}}
                     .dump()
              << "\n";
  }
}
