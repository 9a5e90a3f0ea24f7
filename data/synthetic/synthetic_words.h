// Word lists of the synthetic corpora. The specialist facts are made of everyday words, which the
// general corpus uses too: what a fine-tune has to learn is which word belongs to which name.
#pragma once

#include <string>
#include <vector>

namespace temper {

using Words = std::vector<std::string>;

struct SyntheticWords {
  // Pairs of these are answers of the specialist corpus.
  Words plant_kinds, plants;
  Words illness_kinds, illnesses;
  Words feelings, body_parts;
  Words materials, containers;
  Words tastes, drinks;
  // These words occur in stories only.
  Words girls, boys, surnames, places, things, colours, animals, foods, jobs, weathers, times,
      manners, rooms, tools, months, moods;
};

const SyntheticWords& synthetic_words();

}  // namespace temper
