// The specialist corpus: a formulary of invented remedies. Every remedy has an invented name and,
// for each attribute, an answer that no other fact has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace temper {

struct SyntheticAttribute {
  std::string name;
  // Questions with {} for the remedy. The held-out ones are never used in training.
  std::vector<std::string> train_phrasings, test_phrasings;
};

const std::vector<SyntheticAttribute>& synthetic_attributes();

struct SyntheticFact {
  std::string entity;
  size_t attribute = 0;  // index into synthetic_attributes()
  std::string answer;
};

inline constexpr int64_t kMaxSyntheticEntities = 400;

// Facts of `num_entities` remedies, entity by entity. Another seed gives other names and answers.
std::vector<SyntheticFact> make_synthetic_facts(uint64_t seed, int64_t num_entities);

// The phrasing with the remedy's name in it.
std::string fill_phrasing(const std::string& phrasing, const std::string& entity);

}  // namespace temper
