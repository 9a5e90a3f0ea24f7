// How alike two texts are: the share of word triples that they have in common (Jaccard), estimated
// from small signatures. One-permutation hashing with optimal densification (Shrivastava, "Optimal
// densification for fast and accurate minwise hashing", ICML 2017).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace temper {

// The standard error of an estimate is at most 0.044.
inline constexpr size_t kMinHashSize = 128;

struct MinHash {
  std::array<uint32_t, kMinHashSize> values{};
  bool empty = true;  // no words: like nothing

  double similarity(const MinHash& other) const;
};

// Adds the words of texts, in any number of calls; words of different calls form no triple.
// A word: letters and digits, ASCII letters without their case; every character of Chinese,
// Japanese and Korean is one. Fewer than three words count as one shingle.
class MinHasher {
 public:
  MinHasher();
  void add(std::string_view text);
  MinHash finish() const;

 private:
  std::array<uint32_t, kMinHashSize> smallest_;
  std::vector<uint64_t> words_;  // hashes of the words of one text
};

// A partition of the signature into bands of equal width: texts that agree in all values of a band
// are compared. Chosen so that texts just as alike as `threshold` are found with a probability of
// at least 0.99.
struct MinHashBands {
  size_t num_bands = 0;
  size_t values_per_band = 0;

  static MinHashBands for_threshold(double threshold);
  uint64_t key(const MinHash& hash, size_t band) const;
};

}  // namespace temper
