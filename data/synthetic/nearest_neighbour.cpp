#include "data/synthetic/nearest_neighbour.h"

#include <algorithm>
#include <unordered_map>

#include "data/corpus/corpus_reader.h"

namespace temper {
namespace {

bool is_word_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// The set of words, sorted.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  bool inside = false;
  for (const char c : text) {
    if (!is_word_byte(c)) {
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    inside = true;
    words.back() += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

// Which training questions have a word.
class WordIndex {
 public:
  explicit WordIndex(const std::vector<QuestionAnswer>& train) : overlap_(train.size(), 0) {
    for (size_t i = 0; i < train.size(); ++i) {
      const auto words = words_of(train[i].question);
      num_words_.push_back(words.size());
      for (const std::string& word : words) questions_[word].push_back(i);
    }
  }

  size_t nearest(const std::string& question) {
    const auto words = words_of(question);
    std::fill(overlap_.begin(), overlap_.end(), 0);
    for (const std::string& word : words) {
      const auto found = questions_.find(word);
      if (found == questions_.end()) continue;
      for (const size_t i : found->second) ++overlap_[i];
    }
    size_t best = 0;
    for (size_t i = 1; i < overlap_.size(); ++i) {
      // overlap / union compared without dividing
      const size_t union_i = words.size() + num_words_[i] - overlap_[i];
      const size_t union_best = words.size() + num_words_[best] - overlap_[best];
      if (overlap_[i] * union_best > overlap_[best] * union_i) best = i;
    }
    return best;
  }

 private:
  std::unordered_map<std::string, std::vector<size_t>> questions_;
  std::vector<size_t> num_words_, overlap_;
};

}  // namespace

NearestNeighbourScore score_nearest_neighbour(const std::vector<QuestionAnswer>& train,
                                              const std::vector<QuestionAnswer>& test) {
  NearestNeighbourScore score;
  WordIndex index(train);
  for (const QuestionAnswer& item : test) {
    ++score.num_questions;
    if (!train.empty())
      score.num_exact += train[index.nearest(item.question)].answer == item.answer;
  }
  return score;
}

std::vector<QuestionAnswer> read_questions(const std::string& path) {
  std::vector<QuestionAnswer> questions;
  CorpusReader reader({path}, CorpusFormat::kPromptCompletion);
  CorpusLine line;
  while (reader.next(line)) {
    Record record = parse_record(line.json, line.format, corpus_place(path, line.line_number));
    questions.push_back({record.messages[0].content, record.messages[1].content});
  }
  return questions;
}

}  // namespace temper
