#include "data/hygiene/min_hash.h"

#include <algorithm>
#include <cmath>

#include "common/hash.h"

namespace temper {
namespace {

constexpr uint32_t kNothing = 0xffffffff;
constexpr size_t kWordsPerShingle = 3;

uint64_t mix(uint64_t x) {  // splitmix64's finaliser
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

bool is_word_byte(unsigned char c) {
  return c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Code points from U+2E80 on, with three or four bytes: scripts that put no spaces between words.
bool begins_ideograph(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0xE2) return false;
  if (lead > 0xE2) return lead <= 0xF4;
  return at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xBA;
}

size_t ideograph_bytes(std::string_view text, size_t at) {
  const size_t length = static_cast<unsigned char>(text[at]) < 0xF0 ? 3 : 4;
  return std::min(length, text.size() - at);
}

}  // namespace

double MinHash::similarity(const MinHash& other) const {
  if (empty || other.empty) return 0.0;
  size_t equal = 0;
  for (size_t i = 0; i < kMinHashSize; ++i) equal += values[i] == other.values[i];
  return static_cast<double>(equal) / static_cast<double>(kMinHashSize);
}

MinHasher::MinHasher() {
  smallest_.fill(kNothing);
}

void MinHasher::add(std::string_view text) {
  words_.clear();
  constexpr uint64_t kBasis = 0xcbf29ce484222325, kPrime = 0x100000001b3;
  for (size_t at = 0; at < text.size();) {
    if (begins_ideograph(text, at)) {
      const size_t length = ideograph_bytes(text, at);
      words_.push_back(mix(hash_bytes(text.data() + at, length).low));
      at += length;
      continue;
    }
    if (!is_word_byte(static_cast<unsigned char>(text[at]))) {
      ++at;
      continue;
    }
    uint64_t word = kBasis;
    while (at < text.size() && is_word_byte(static_cast<unsigned char>(text[at])) &&
           !begins_ideograph(text, at)) {
      const auto c = static_cast<unsigned char>(text[at++]);
      word = (word ^ (c >= 'A' && c <= 'Z' ? c + 32U : c)) * kPrime;
    }
    words_.push_back(mix(word));
  }
  if (words_.empty()) return;
  const size_t width = std::min(words_.size(), kWordsPerShingle);
  for (size_t begin = 0; begin + width <= words_.size(); ++begin) {
    uint64_t shingle = width;
    for (size_t i = 0; i < width; ++i)
      shingle = mix(shingle * 0x9e3779b97f4a7c15 + words_[begin + i]);
    uint32_t& place = smallest_[shingle >> 57];
    place = std::min(place, std::min(static_cast<uint32_t>(shingle), kNothing - 1));
  }
}

MinHash MinHasher::finish() const {
  static_assert(kMinHashSize == 128, "a bin is the top seven bits of a shingle's hash");
  MinHash hash;
  for (const uint32_t value : smallest_) hash.empty = hash.empty && value == kNothing;
  if (hash.empty) return hash;
  for (size_t bin = 0; bin < kMinHashSize; ++bin) {
    size_t from = bin;
    // An empty bin borrows from another one, the same in every signature.
    for (uint64_t attempt = 1; smallest_[from] == kNothing; ++attempt) {
      from = mix(bin * 0x9e3779b97f4a7c15 + attempt) % kMinHashSize;
    }
    hash.values[bin] = smallest_[from];
  }
  return hash;
}

MinHashBands MinHashBands::for_threshold(double threshold) {
  for (size_t width = 16; width > 1; --width) {
    const size_t num_bands = kMinHashSize / width;
    const double all_equal = std::pow(threshold, static_cast<double>(width));
    const double missed = std::pow(1.0 - all_equal, static_cast<double>(num_bands));
    if (missed <= 0.01) return {num_bands, width};
  }
  return {kMinHashSize, 1};
}

uint64_t MinHashBands::key(const MinHash& hash, size_t band) const {
  return hash_bytes(&hash.values[band * values_per_band], values_per_band * sizeof(uint32_t), band)
      .low;
}

}  // namespace temper
