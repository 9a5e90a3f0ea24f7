#include "launcher/ranks/hostfile.h"

#include <charconv>
#include <sstream>
#include <string>

#include "common/error.h"
#include "io/atomic_file.h"

namespace temper {
namespace {

constexpr size_t kMaxHostfileBytes = size_t{1} << 20;
constexpr int kMaxSlots = 1 << 20;

// "slots=4", "max_slots=8" or another word of mpirun's; 0 when it says nothing of slots.
int slots_in(const std::string& word, const std::string& place) {
  if (!word.starts_with("slots=")) {
    if (word.find('=') == word.npos) throw UserError("{}: \"{}\" is no option", place, word);
    return 0;
  }
  int slots = 0;
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data() + 6, end, slots);
  if (error != std::errc() || stop != end || slots < 1 || slots > kMaxSlots) {
    throw UserError("{}: \"{}\"; expected slots=NUMBER", place, word);
  }
  return slots;
}

}  // namespace

int count_slots(const std::filesystem::path& hostfile) {
  std::istringstream lines(read_file(hostfile, kMaxHostfileBytes));
  int total = 0;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line.substr(0, line.find('#')));
    std::string word;
    if (!(words >> word)) continue;
    const std::string place = fmt::format("{}:{}", hostfile.string(), number);
    int slots = 1;
    while (words >> word) slots = std::max(slots, slots_in(word, place));
    total += slots;
    if (total > kMaxSlots) throw UserError("{}: more than {} slots", place, kMaxSlots);
  }
  if (total == 0) throw UserError("{}: names no host", hostfile.string());
  return total;
}

}  // namespace temper
