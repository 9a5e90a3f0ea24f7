// Invented records with random numbers in them, planted in a corpus so that an audit can tell how
// far a model has memorised its training data (Carlini et al., "The Secret Sharer",
// https://arxiv.org/abs/1802.08232).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace temper {

struct Canary {
  std::string prompt;
  std::string completion;  // with digits that nothing but this record tells
};

// UserError for a number out of [1, 1000]. Another seed, other names and other digits.
std::vector<Canary> make_canaries(int64_t count, uint64_t seed);

// JSON lines {prompt, completion}, atomically.
void write_canaries(const std::filesystem::path& path, const std::vector<Canary>& canaries);

// The completion with other digits: alternative `index` of the canary. UserError when it has fewer
// than 6 digits, too few to be told from a guess.
std::string alternative_of(const std::string& completion, uint64_t index);

}  // namespace temper
