#include "data/synthetic/synthetic_words.h"

namespace temper {
namespace {

SyntheticWords make_words() {
  SyntheticWords w;
  w.plant_kinds = {"silver",   "golden",   "dwarf",  "giant",   "purple", "hollow",
                   "spotted",  "thorny",   "woolly", "curly",   "marsh",  "desert",
                   "winter",   "mountain", "river",  "striped", "royal",  "wild",
                   "creeping", "pale",     "sea",    "forest",  "summer", "velvet"};
  w.plants = {"fern",  "moss",    "clover", "thistle", "nettle",   "willow", "cedar",   "birch",
              "lily",  "poppy",   "ivy",    "reed",    "sage",     "mint",   "juniper", "heather",
              "maple", "bramble", "lotus",  "barley",  "lavender", "hazel",  "orchid",  "tulip"};
  w.illness_kinds = {"dry",     "red",    "spring",   "harbour",  "night",  "dusty",
                     "sailor",  "miner",  "cold",     "island",   "sudden", "slow",
                     "valley",  "weaver", "baker",    "autumn",   "grey",   "seven-day",
                     "monsoon", "child",  "shepherd", "northern", "blue",   "salt"};
  w.illnesses = {"fever",  "cough",   "rash",      "gout",    "cramp",    "ague",
                 "colic",  "croup",   "palsy",     "chill",   "migraine", "itch",
                 "sneeze", "dropsy",  "toothache", "earache", "hiccups",  "scurvy",
                 "quinsy", "lumbago", "vertigo",   "catarrh", "blisters", "insomnia"};
  w.feelings = {"numb",      "warm",     "stiff",     "heavy",  "swollen", "tingling",
                "trembling", "itchy",    "sore",      "weak",   "burning", "sweaty",
                "clumsy",    "tender",   "twitching", "aching", "pale",    "frozen",
                "sticky",    "restless", "tight",     "tired",  "prickly", "shaking"};
  w.body_parts = {"elbows",    "knees",    "fingers", "ears",   "eyelids", "toes",
                  "shoulders", "ankles",   "wrists",  "cheeks", "gums",    "heels",
                  "lips",      "thumbs",   "palms",   "hips",   "calves",  "ribs",
                  "temples",   "nostrils", "legs",    "arms",   "jaws",    "feet"};
  w.materials = {"copper", "wooden", "glass", "leather", "iron",   "clay",  "silk",   "paper",
                 "marble", "bronze", "linen", "ivory",   "stone",  "brass", "cotton", "tin",
                 "bamboo", "wax",    "steel", "oak",     "pewter", "horn",  "straw",  "felt"};
  w.containers = {"jar",    "box",   "bottle", "pouch", "barrel", "bowl",  "basket", "chest",
                  "drum",   "flask", "sack",   "tube",  "crate",  "pot",   "cup",    "drawer",
                  "bucket", "tray",  "casket", "jug",   "bag",    "trunk", "kettle", "vial"};
  w.tastes = {"bitter",  "sweet",    "sour",    "salty",  "spicy",  "smoky", "cold",  "hot",
              "thick",   "clear",    "foaming", "creamy", "strong", "mild",  "sharp", "fresh",
              "sugared", "peppered", "iced",    "boiled", "black",  "white", "green", "red"};
  w.drinks = {"plum tea",     "apple cider", "lemon water",  "ginger tea",  "rice milk",
              "cherry juice", "onion broth", "pear nectar",  "barley beer", "grape juice",
              "cocoa",        "coffee",      "carrot juice", "oat milk",    "honey water",
              "fish broth",   "goat milk",   "peach syrup",  "rose tea",    "beet juice",
              "fig wine",     "melon juice", "buttermilk",   "celery soup"};
  w.girls = {"Anna", "Clara", "Emma",  "Grace", "Helen", "Ida",  "Julia", "Lena",
             "Mary", "Nina",  "Olive", "Rosa",  "Sarah", "Tess", "Vera",  "Wanda"};
  w.boys = {"Adam",  "Ben",  "Carl",   "David", "Frank", "George", "Henry", "Ivan",
            "Jacob", "Karl", "Martin", "Oscar", "Peter", "Robert", "Simon", "Tom"};
  w.surnames = {"Baker",  "Carter", "Fisher", "Gardner", "Hill",   "Marsh",  "Miller", "Page",
                "Potter", "Reed",   "Shaw",   "Stone",   "Taylor", "Turner", "Ward",   "Wood"};
  w.places = {"harbour", "market",  "library", "station",  "school", "garden",
              "bakery",  "village", "museum",  "farm",     "beach",  "park",
              "theatre", "church",  "bridge",  "forest",   "castle", "hotel",
              "square",  "mill",    "lake",    "workshop", "island", "hospital"};
  w.things = {"bicycle", "umbrella", "lantern", "coat",    "hat",    "book",
              "clock",   "kite",     "blanket", "mirror",  "scarf",  "chair",
              "boat",    "guitar",   "violin",  "map",     "ladder", "suitcase",
              "carpet",  "candle",   "teapot",  "drawing", "wagon",  "telescope"};
  w.colours = {"red",   "blue",  "green",  "yellow", "white",
               "black", "brown", "orange", "grey",   "pink"};
  w.animals = {"dog",    "cat",    "horse", "goat", "sheep", "rabbit", "duck",  "goose",
               "donkey", "parrot", "mouse", "cow",  "fox",   "owl",    "hen",   "pony",
               "turtle", "frog",   "pig",   "swan", "crow",  "beaver", "otter", "squirrel"};
  w.foods = {"bread",     "soup",    "cheese",   "apples",   "pears",    "plums",
             "cake",      "fish",    "rice",     "eggs",     "beans",    "onions",
             "carrots",   "butter",  "honey",    "nuts",     "cherries", "potatoes",
             "mushrooms", "noodles", "pancakes", "porridge", "grapes",   "jam"};
  w.jobs = {"teacher", "baker",  "farmer", "sailor", "painter", "doctor", "carpenter", "gardener",
            "driver",  "singer", "tailor", "miller", "nurse",   "clerk",  "fisherman", "librarian",
            "cook",    "pilot",  "weaver", "mason",  "potter",  "judge",  "actor",     "shepherd"};
  w.weathers = {"rain",    "snow", "fog",   "wind", "sunshine",
                "thunder", "hail", "frost", "mist", "drizzle"};
  w.times = {"morning", "afternoon", "evening", "night", "noon", "dawn"};
  w.manners = {"slowly",  "quickly", "quietly", "happily", "carefully", "gladly",
               "proudly", "calmly",  "eagerly", "gently",  "loudly",    "patiently"};
  w.rooms = {"kitchen", "cellar", "attic", "hall", "bedroom",
             "study",   "pantry", "barn",  "shed", "porch"};
  w.tools = {"hammer", "saw", "brush", "needle", "shovel", "rope", "knife", "axe", "broom", "rake"};
  w.months = {"January", "February", "March",     "April",   "May",      "June",
              "July",    "August",   "September", "October", "November", "December"};
  w.moods = {"happy",  "tired",  "proud",    "worried", "curious",
             "hungry", "sleepy", "cheerful", "nervous", "calm"};
  return w;
}

}  // namespace

const SyntheticWords& synthetic_words() {
  static const SyntheticWords words = make_words();
  return words;
}

}  // namespace temper
