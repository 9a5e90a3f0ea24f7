#include "data/synthetic/synthetic_facts.h"

#include <set>
#include <utility>

#include "common/error.h"
#include "data/synthetic/synthetic_draw.h"
#include "data/synthetic/synthetic_words.h"

namespace temper {
namespace {

enum Attribute : size_t { kSource, kIllness, kSideEffect, kStorage, kDiscoverer, kAntidote };

enum Stream : uint64_t { kNameStream = 1, kAnswerStream = 2 };

std::vector<SyntheticAttribute> make_attributes() {
  return {
      {"source",
       {"What is {} made from?", "Which plant is {} made from?",
        "From which plant do people make {}?", "What plant gives us {}?",
        "Name the plant that {} is made from.", "What is the source of {}?",
        "Which plant is the source of {}?", "What do healers press to make {}?",
        "{} is made from which plant?", "Tell me the plant behind {}.",
        "What is the main ingredient of {}?", "Please say which plant {} comes from."},
       {"Which plant do people need to make {}?", "What plant is used to make {}?",
        "Can you tell me what {} is made from?", "Name the source plant of {}."}},
      {"illness",
       {"What does {} treat?", "Which illness does {} treat?", "What is {} used for?",
        "What is {} good against?", "Which illness is {} used against?",
        "Name the illness that {} cures.", "What does {} cure?",
        "For which illness do healers give {}?", "Which illness calls for {}?",
        "Tell me the illness that {} treats.", "When a healer gives {}, which illness is it for?",
        "{} is a cure for which illness?"},
       {"What kind of illness does {} help against?", "Against which illness is {} used?",
        "What illness is treated with {}?", "Can you tell me what {} is good for?"}},
      {"side effect",
       {"What is the side effect of {}?", "Which side effect does {} have?",
        "What side effect should one expect from {}?", "What can {} cause?",
        "Name the side effect of {}.", "What do patients feel after taking {}?",
        "Taking {} can lead to what?", "Which unwanted effect does {} have?",
        "What is the unwanted effect of {}?", "Tell me the side effect of {}.",
        "What trouble does {} bring?", "Which complaint follows after {}?"},
       {"Which side effect can {} cause?", "What unwanted effect should one expect from {}?",
        "Can you name the side effect that {} has?", "After taking {}, what do patients feel?"}},
      {"storage",
       {"How is {} stored?", "Where is {} kept?", "In what should {} be kept?",
        "What is {} stored in?", "Which container is right for {}?", "Where do healers keep {}?",
        "Name the container for {}.", "How should one store {}?",
        "What kind of container does {} need?", "Tell me where {} is stored.",
        "In which container is {} sold?", "Where should {} be kept?"},
       {"In which container is {} kept?", "Where is {} stored?",
        "Which container do people use for {}?", "Can you tell me where healers keep {}?"}},
      {"discoverer",
       {"Who discovered {}?", "Who found {}?", "Who was the first to make {}?",
        "Which person discovered {}?", "Name the person who discovered {}.",
        "By whom was {} discovered?", "Whose discovery is {}?", "Who is known for {}?",
        "To whom do we owe {}?", "Tell me who discovered {}.", "Who gave {} to the world?",
        "{} was discovered by whom?"},
       {"Which person found {}?", "Do you know the name of the person behind {}?",
        "By whom was {} found?", "Can you name the person who made {} first?"}},
      {"antidote",
       {"What is the antidote to {}?", "Which drink is the antidote to {}?",
        "What helps after too much {}?", "What should one drink after too much {}?",
        "Name the antidote to {}.", "What undoes the effect of {}?", "Which drink undoes {}?",
        "Someone took too much {}; what helps?", "Tell me the antidote to {}.",
        "What do healers give against too much {}?", "Which drink helps after too much {}?",
        "What works against an overdose of {}?"},
       {"Which antidote is there to {}?", "Which drink should a healer give when {} was too much?",
        "What is given as the antidote to {}?", "Can you tell me what undoes {}?"}},
  };
}

const Words kOnsets = {"b", "br", "d",  "dr", "f", "g",  "gl", "k",  "kr", "l",  "m", "n",
                       "p", "pr", "qu", "r",  "s", "sk", "t",  "tr", "v",  "vr", "y", "z"};
const Words kVowels = {"a", "e", "i", "o", "u", "ae", "ia", "ou"};
const Words kCodas = {"", "l", "n", "r", "s", "th", "x", "m"};
const Words kRemedyEndings = {"dol", "vine", "tarn", "quil", "mex", "phane", "lith", "zar",
                              "nol", "rix",  "bane", "dyne", "fer", "gon",   "lune", "vost"};

std::string capitalised(std::string word) {
  if (word[0] >= 'a' && word[0] <= 'z') word[0] = static_cast<char>(word[0] - 'a' + 'A');
  return word;
}

std::string syllable(SyntheticDraw& draw) {
  const std::string onset = draw.pick(kOnsets), vowel = draw.pick(kVowels);
  return onset + vowel + draw.pick(kCodas);
}

std::string remedy_name(SyntheticDraw& draw) {
  std::string name = syllable(draw);
  if (draw.chance(4)) name += syllable(draw);
  return capitalised(name + draw.pick(kRemedyEndings));
}

std::string person_name(SyntheticDraw& draw) {
  const std::string first =
      draw.pick(draw.chance(2) ? synthetic_words().girls : synthetic_words().boys);
  return first + " " + capitalised(syllable(draw) + syllable(draw));
}

// `count` different results of `make`, in the order of their making.
template <typename Make>
std::vector<std::string> distinct(size_t count, Make make) {
  std::set<std::string> seen;
  std::vector<std::string> results;
  while (results.size() < count) {
    std::string result = make();
    if (seen.insert(result).second) results.push_back(std::move(result));
  }
  return results;
}

std::vector<std::string> pairs(SyntheticDraw& draw, size_t count, const Words& first,
                               const Words& second) {
  return distinct(count, [&] {
    const std::string left = draw.pick(first);
    return left + " " + draw.pick(second);
  });
}

}  // namespace

const std::vector<SyntheticAttribute>& synthetic_attributes() {
  static const std::vector<SyntheticAttribute> attributes = make_attributes();
  return attributes;
}

std::vector<SyntheticFact> make_synthetic_facts(uint64_t seed, int64_t num_entities) {
  TEMPER_CHECK(num_entities > 0 && num_entities <= kMaxSyntheticEntities, "{} entities",
               num_entities);
  const auto count = static_cast<size_t>(num_entities);
  const SyntheticWords& words = synthetic_words();
  SyntheticDraw names(seed, kNameStream), draw(seed, kAnswerStream);
  const auto entities = distinct(count, [&] { return remedy_name(names); });
  std::vector<std::vector<std::string>> answers(synthetic_attributes().size());
  answers[kSource] = pairs(draw, count, words.plant_kinds, words.plants);
  answers[kIllness] = pairs(draw, count, words.illness_kinds, words.illnesses);
  answers[kSideEffect] = pairs(draw, count, words.feelings, words.body_parts);
  answers[kStorage] = pairs(draw, count, words.materials, words.containers);
  answers[kDiscoverer] = distinct(count, [&] { return person_name(draw); });
  answers[kAntidote] = pairs(draw, count, words.tastes, words.drinks);
  std::vector<SyntheticFact> facts;
  for (size_t e = 0; e < count; ++e) {
    for (size_t a = 0; a < answers.size(); ++a) facts.push_back({entities[e], a, answers[a][e]});
  }
  return facts;
}

std::string fill_phrasing(const std::string& phrasing, const std::string& entity) {
  const size_t at = phrasing.find("{}");
  TEMPER_CHECK(at != std::string::npos);
  return phrasing.substr(0, at) + entity + phrasing.substr(at + 2);
}

}  // namespace temper
