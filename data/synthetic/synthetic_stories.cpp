#include "data/synthetic/synthetic_stories.h"

#include <map>
#include <vector>

#include "common/error.h"
#include "data/synthetic/synthetic_words.h"

namespace temper {
namespace {

// Fills templates: {word list} is a word of the list and stays the same within a story; a digit
// behind the name draws another one ({thing}, {thing2}). {a thing} puts the article before it.
class StoryTeller {
 public:
  explicit StoryTeller(SyntheticDraw& draw) : draw_(draw) {
    const SyntheticWords& w = synthetic_words();
    const bool is_girl = draw.chance(2);
    bound_["name"] = draw.pick(is_girl ? w.girls : w.boys);
    bound_["he"] = is_girl ? "she" : "he";
    bound_["He"] = is_girl ? "She" : "He";
    bound_["his"] = is_girl ? "her" : "his";
    bound_["His"] = is_girl ? "Her" : "His";
    bound_["him"] = is_girl ? "her" : "him";
    bound_["friend"] = draw.pick(is_girl ? w.boys : w.girls);
  }

  std::string fill(const std::string& text) {
    std::string filled;
    for (size_t at = 0; at < text.size();) {
      if (text[at] != '{') {
        filled += text[at++];
        continue;
      }
      const size_t end = text.find('}', at);
      TEMPER_CHECK(end != std::string::npos, "{}", text);
      std::string key = text.substr(at + 1, end - at - 1);
      const bool wants_article = key.compare(0, 2, "a ") == 0;
      if (wants_article) key.erase(0, 2);
      const std::string& word = value(key);
      if (wants_article) filled += is_vowel(word[0]) ? "an " : "a ";
      filled += word;
      at = end + 1;
    }
    return filled;
  }

 private:
  static bool is_vowel(char c) { return std::string("aeiouAEIOU").find(c) != std::string::npos; }

  const std::string& value(const std::string& key) {
    const auto found = bound_.find(key);
    if (found != bound_.end()) return found->second;
    std::string list = key;
    while (list.back() >= '0' && list.back() <= '9') list.pop_back();
    return bound_[key] = draw_.pick(words(list));
  }

  static const Words& words(const std::string& list) {
    const SyntheticWords& w = synthetic_words();
    static const std::map<std::string, const Words*> lists = {{"plant kind", &w.plant_kinds},
                                                              {"plant", &w.plants},
                                                              {"illness kind", &w.illness_kinds},
                                                              {"illness", &w.illnesses},
                                                              {"feeling", &w.feelings},
                                                              {"body part", &w.body_parts},
                                                              {"material", &w.materials},
                                                              {"container", &w.containers},
                                                              {"taste", &w.tastes},
                                                              {"drink", &w.drinks},
                                                              {"surname", &w.surnames},
                                                              {"place", &w.places},
                                                              {"thing", &w.things},
                                                              {"colour", &w.colours},
                                                              {"animal", &w.animals},
                                                              {"food", &w.foods},
                                                              {"job", &w.jobs},
                                                              {"weather", &w.weathers},
                                                              {"time", &w.times},
                                                              {"manner", &w.manners},
                                                              {"room", &w.rooms},
                                                              {"tool", &w.tools},
                                                              {"month", &w.months},
                                                              {"mood", &w.moods}};
    const auto found = lists.find(list);
    TEMPER_CHECK(found != lists.end(), "no word list {}", list);
    return *found->second;
  }

  SyntheticDraw& draw_;
  std::map<std::string, std::string> bound_;
};

struct Story {
  std::vector<Words> sentences;                                // one of each, in order
  std::vector<std::pair<std::string, std::string>> questions;  // about it, with their answers
};

const std::vector<Story>& stories() {
  static const std::vector<Story> all = {
      // Shopping.
      {{{"One {time} {name} went to the {place} to buy {a thing}.",
         "{name} wanted {a colour} {thing}, so {he} walked to the {place} in the {time}.",
         "On a day of {weather}, {name} looked for {a thing} at the {place}."},
        {"The {job} at the {place} was {mood}.", "{He} met {a mood} {job} there.",
         "There {he} talked to the {job} for a while."},
        {"{He} saw {a colour2} {thing2} and {a colour} {thing}.",
         "The {job} showed {him} {a colour} {thing} in {a material} {container}.",
         "In the window lay {a colour} {thing} beside {a material} {container}."},
        {"{name} bought the {colour} {thing}.", "In the end {name} took the {colour} {thing} home.",
         "{name} paid for the {colour} {thing} and left."},
        {"On the way home {he} ate some {food}.",
         "Then {he} {manner} walked back through the {weather}.",
         "At home {he} put it in the {room}.", "{friend} liked the {thing} very much."}},
       {{"What did {name} buy?", "{a colour} {thing}"},
        {"Where did {name} go?", "the {place}"},
        {"Who met {name} at the {place}?", "the {job}"},
        {"What colour was the {thing} that {name} bought?", "{colour}"}}},
      // A garden.
      {{{"{name} has a garden behind the {place}.", "Behind the {place} lies the garden of {name}.",
         "In {month} {name} planted a garden near the {place}."},
        {"There {he} grows {plant kind} {plant} and {plant kind2} {plant2}.",
         "Most of it is {plant kind} {plant}, and in one corner stands some {plant2}.",
         "The {plant kind} {plant} grows next to the wall."},
        {"Every {time} {he} waters the {plant}.", "{He} cuts the {plant} {manner} with {a tool}.",
         "The {weather} is good for the {plant}, says {name}."},
        {"A small {animal} sleeps under the leaves.",
         "Sometimes {a animal} comes and eats the leaves.", "{friend} keeps {a animal} there."},
        {"In {month2} the garden is full of {colour} flowers.",
         "In {month2} {he} carries the leaves home in {a material} {container}.",
         "When {month2} comes, {he} rests and drinks {taste} {drink}."}},
       {{"What does {name} grow?", "{plant kind} {plant}"},
        {"Where is the garden of {name}?", "near the {place}"},
        {"Which animal comes to the garden?", "{a animal}"}}},
      // Cooking.
      {{{"Today {name} cooks {food} for {friend}.",
         "{friend} is hungry, so {name} makes some {food}.",
         "It is {time}, and {name} stands in the {room} and cooks {food}."},
        {"First {he} cuts the {food2} with {a tool}.",
         "{He} takes {food2} out of {a material} {container}.",
         "The {food2} and the {food3} go into {a material} {container}."},
        {"Then {he} adds some {food3} and waits.", "{He} stirs it {manner}.",
         "{He} forgets the {food3}, but it does not matter."},
        {"With it they drink {taste} {drink}.", "{friend} brings {taste} {drink}.",
         "There is also {taste} {drink} on the table."},
        {"The {food} is very good.", "After the meal they are {mood}.",
         "The {animal} gets what is left."}},
       {{"What does {name} cook?", "{food}"},
        {"What do they drink with the meal?", "{taste} {drink}"},
        {"Who cooks {food}?", "{name}"}}},
      // An animal.
      {{{"{name} had {a colour} {animal}.", "The {animal} of {name} was {colour}.",
         "Once {a colour} {animal} lived with {name} near the {place}."},
        {"It slept in the {room} in {a material} {container}.",
         "At {time} it always sat on the {thing}.", "It liked {food} more than anything."},
        {"One day it ran away to the {place2}.", "One {time} it hid in the {place2}.",
         "In {month} it ran to the {place2} and was gone."},
        {"{name} looked for it in the {weather}.", "{name} and {friend} searched {manner} for it.",
         "{friend} the {job} helped to look for it."},
        {"They found it behind the {thing2}.", "It came back because it was {mood}.",
         "At last it came home with {a thing2} in its mouth."}},
       {{"Which animal did {name} have?", "{a colour} {animal}"},
        {"What colour was the {animal}?", "{colour}"},
        {"Where did the {animal} hide?", "in the {place2}"}}},
      // Work.
      {{{"{name} {surname} is {a job} at the {place}.",
         "{name} {surname} works as {a job} at the {place}.",
         "Everybody at the {place} knows {name} {surname}, the {job}."},
        {"{He} goes to work in the {time}.", "{He} begins {his} day with {taste} {drink}.",
         "On the way to the {place} {he} feeds {a animal}."},
        {"For the work {he} needs {a tool} and {a material} {container}.",
         "{He} uses {a tool} and works {manner}.",
         "{His} {tool} lies in {a material} {container}."},
        {"In {month} there is much to do.", "When there is {weather}, {he} stays at home.",
         "{friend}, {a job2}, sometimes helps {him}."},
        {"In the evening {he} is {mood}.", "{He} has done this for many years.",
         "{He} would rather be {a job2}."}},
       {{"What is the job of {name} {surname}?", "{a job}"},
        {"Which tool does {name} use?", "{a tool}"},
        {"Where does {name} {surname} work?", "at the {place}"}}},
      // Ill.
      {{{"{name} was ill and had {a illness kind} {illness}.",
         "Last {month} {name} caught the {illness kind} {illness}.",
         "{name} stayed in bed because of {a illness kind} {illness}."},
        {"{His} {body part} were {feeling}.", "{He} had {feeling} {body part} and was {mood}.",
         "In the {time} {his} {body part} became {feeling}."},
        {"The doctor told {him} to rest.", "{friend} called the doctor.",
         "The nurse looked at {him} {manner}."},
        {"{friend} brought {him} {food} and {taste} {drink}.",
         "{He} drank {taste} {drink} every {time}.",
         "{He} could eat nothing and drank {taste} {drink}."},
        {"After a week {he} was well again.", "Soon {he} could go to the {place}.",
         "In {month2} {he} felt much better."}},
       {{"Which illness did {name} have?", "{illness kind} {illness}"},
        {"What did {name} drink?", "{taste} {drink}"},
        {"How did the {body part} of {name} feel?", "{feeling}"}}},
      // A journey.
      {{{"In {month} {name} and {friend} travelled to the {place}.",
         "{name} left for the {place} in {month} with {friend}.",
         "It was {month} when {name} and {friend} set out for the {place}."},
        {"They took {a colour} {thing} and some {food} with them.",
         "{name} carried {a material} {container} full of {food}.",
         "{friend} had packed {a thing} and {taste} {drink}."},
        {"On the first day there was {weather}.", "The {weather} lasted until {time}.",
         "At {time} they saw {a animal} by the road."},
        {"They slept in the house of {a job}.", "A {mood} {job} showed them the way.",
         "Near the {place2} they met {a job}."},
        {"When they arrived, they were {mood2}.", "They stayed there until {month2}.",
         "They came home with {a colour2} {thing2}."}},
       {{"Where did {name} and {friend} travel?", "to the {place}"},
        {"Who travelled with {name}?", "{friend}"},
        {"In which month did they leave?", "{month}"}}}};
  return all;
}

struct CommonKnowledge {
  Words questions;  // with {} for the subject
  std::vector<std::pair<std::string, std::string>> facts;
};

const std::vector<CommonKnowledge>& common_knowledge() {
  static const std::vector<CommonKnowledge> all = {
      {{"What colour is {}?", "Which colour does {} have?", "Tell me the colour of {}.",
        "Can you say which colour {} has?", "Name the colour of {}."},
       {{"snow", "white"},
        {"grass", "green"},
        {"coal", "black"},
        {"a lemon", "yellow"},
        {"blood", "red"},
        {"the clear sky", "blue"},
        {"a carrot", "orange"},
        {"chocolate", "brown"},
        {"an elephant", "grey"},
        {"a flamingo", "pink"},
        {"milk", "white"},
        {"a ripe tomato", "red"}}},
      {{"What is {} made of?", "Tell me what people need to make {}.",
        "Which material is {} made of?", "Can you say what {} is made of?", "{} is made of what?"},
       {{"bread", "flour"},
        {"cheese", "milk"},
        {"a window", "glass"},
        {"wine", "grapes"},
        {"paper", "wood"},
        {"a candle", "wax"},
        {"a shoe", "leather"},
        {"a coin", "metal"},
        {"an omelette", "eggs"},
        {"a sweater", "wool"},
        {"a brick", "clay"},
        {"cider", "apples"}}},
      {{"Where does {} live?", "In which place does {} live?", "Tell me where {} lives.",
        "Can you say where {} lives?", "Name the home of {}."},
       {{"a fish", "in the water"},
        {"a bird", "in a nest"},
        {"a bee", "in a hive"},
        {"a camel", "in the desert"},
        {"a mole", "under the ground"},
        {"a king", "in a castle"},
        {"a spider", "in a web"},
        {"a wolf", "in the forest"},
        {"a cow", "on a farm"},
        {"a whale", "in the sea"},
        {"a monkey", "in the jungle"},
        {"a fox", "in a den"}}},
      {{"What does {} do?", "What is the work of {}?", "Tell me what {} does.",
        "Can you say what {} does all day?", "Name the work of {}."},
       {{"a baker", "bakes bread"},
        {"a teacher", "teaches children"},
        {"a farmer", "grows food"},
        {"a pilot", "flies planes"},
        {"a tailor", "sews clothes"},
        {"a singer", "sings songs"},
        {"a painter", "paints pictures"},
        {"a cook", "cooks meals"},
        {"a miller", "grinds grain"},
        {"a fisherman", "catches fish"},
        {"a nurse", "cares for the ill"},
        {"a mason", "builds walls"}}},
      {{"What do people use {} for?", "What does one do with {}?", "For what does one need {}?",
        "Tell me the use of {}.", "Can you say what people do with {}?"},
       {{"a knife", "cutting"},
        {"a pen", "writing"},
        {"a broom", "sweeping"},
        {"a needle", "sewing"},
        {"a bed", "sleeping"},
        {"a pot", "cooking"},
        {"a lamp", "giving light"},
        {"a boat", "sailing"},
        {"a clock", "telling the time"},
        {"an umbrella", "keeping dry"},
        {"a key", "opening doors"},
        {"a ladder", "climbing"}}},
      {{"Which month comes after {}?", "Name the month after {}.", "What month follows {}?",
        "Tell me the month that comes after {}.", "After {}, which month comes?"},
       {{"January", "February"},
        {"February", "March"},
        {"March", "April"},
        {"April", "May"},
        {"May", "June"},
        {"June", "July"},
        {"July", "August"},
        {"August", "September"},
        {"September", "October"},
        {"October", "November"},
        {"November", "December"},
        {"December", "January"}}},
      {{"Who works in {}?", "Which person works in {}?", "Tell me who works in {}.",
        "Name the person who works in {}.", "By whom is the work in {} done?"},
       {{"a school", "a teacher"},
        {"a bakery", "a baker"},
        {"a hospital", "a doctor"},
        {"a library", "a librarian"},
        {"a garden", "a gardener"},
        {"a kitchen", "a cook"},
        {"a theatre", "an actor"},
        {"a mill", "a miller"},
        {"a court", "a judge"},
        {"a workshop", "a carpenter"}}}};
  return all;
}

std::string sentence_case(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') {
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  }
  return text;
}

std::string knowledge_lines(SyntheticDraw& draw) {
  const CommonKnowledge& kind = draw.pick(common_knowledge());
  const auto& [subject, answer] = draw.pick(kind.facts);
  const std::string& question = draw.pick(kind.questions);
  const size_t at = question.find("{}");
  return sentence_case(question.substr(0, at) + subject + question.substr(at + 2)) + "\n" + answer;
}

std::string story_text(const Story& story, StoryTeller& teller, SyntheticDraw& draw) {
  std::string text;
  for (const Words& alternatives : story.sentences) {
    if (!text.empty()) text += ' ';
    text += sentence_case(teller.fill(draw.pick(alternatives)));
  }
  return text;
}

}  // namespace

std::string make_synthetic_story(SyntheticDraw& draw) {
  if (draw.chance(4)) {
    std::string text = knowledge_lines(draw);
    for (size_t more = draw.below(3); more > 0; --more) text += "\n" + knowledge_lines(draw);
    return text;
  }
  StoryTeller teller(draw);
  const Story& story = draw.pick(stories());
  std::string text = story_text(story, teller, draw);
  if (draw.chance(2)) {
    const auto& [question, answer] = draw.pick(story.questions);
    text += "\n" + teller.fill(question) + "\n" + teller.fill(answer);
  }
  return text;
}

}  // namespace temper
