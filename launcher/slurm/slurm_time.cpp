#include "launcher/slurm/slurm_time.h"

#include <charconv>
#include <string_view>
#include <vector>

namespace temper {
namespace {

// The numbers between colons; empty when one is none.
std::vector<int64_t> numbers_in(std::string_view text) {
  constexpr int64_t kMaxNumber = 100'000'000;
  std::vector<int64_t> numbers;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(':', begin), text.size());
    int64_t number = -1;
    const auto [stop, error] = std::from_chars(text.data() + begin, text.data() + end, number);
    if (error != std::errc() || stop != text.data() + end || number < 0 || number > kMaxNumber) {
      return {};
    }
    numbers.push_back(number);
    begin = end + 1;
  }
  return numbers;
}

}  // namespace

std::optional<int64_t> parse_slurm_time(const std::string& text) {
  const size_t dash = text.find('-');
  std::vector<int64_t> numbers =
      numbers_in(std::string_view(text).substr(dash == text.npos ? 0 : dash + 1));
  if (numbers.empty() || numbers.size() > 3) return std::nullopt;
  int64_t days = 0;
  if (dash != text.npos) {
    const std::vector<int64_t> before = numbers_in(std::string_view(text).substr(0, dash));
    if (before.size() != 1) return std::nullopt;
    days = before.front();
    numbers.resize(3, 0);
  } else if (numbers.size() < 3) {
    numbers.insert(numbers.begin(), 0);
    numbers.resize(3, 0);
  }
  return ((days * 24 + numbers[0]) * 60 + numbers[1]) * 60 + numbers[2];
}

}  // namespace temper
