#include "data/synthetic/canaries.h"

#include <algorithm>

#include "common/error.h"
#include "common/hash.h"
#include "common/philox.h"
#include "io/atomic_file.h"
#include "io/json.h"

namespace temper {
namespace {

constexpr uint64_t kSecretStream = 0x63616e617279, kAlternativeStream = 0x616c7465726e;
constexpr int64_t kMaxCanaries = 1000;
constexpr int64_t kMinDigits = 6;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string draw_digits(const Philox& random, uint64_t first, const std::string& pattern) {
  std::string text = pattern;
  for (char& c : text) {
    if (is_digit(c)) c = static_cast<char>('0' + random.below(first++, 10));
  }
  return text;
}

}  // namespace

std::vector<Canary> make_canaries(int64_t count, uint64_t seed) {
  if (count < 1 || count > kMaxCanaries) {
    throw UserError("{} canaries: expected 1 to {}", count, kMaxCanaries);
  }
  const Philox random(seed, kSecretStream);
  constexpr uint64_t kNumbersEach = 64;
  std::vector<Canary> canaries;
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t first = static_cast<uint64_t>(i) * kNumbersEach;
    std::string name;
    for (uint64_t letter = 0; letter < 8; ++letter) {
      name += static_cast<char>((letter == 0 ? 'A' : 'a') + random.below(first + letter, 26));
    }
    canaries.push_back({fmt::format("What is the access number of {} {}?", name, i + 1),
                        draw_digits(random, first + 16, "The access number is 0000 0000 0000.")});
  }
  return canaries;
}

void write_canaries(const std::filesystem::path& path, const std::vector<Canary>& canaries) {
  std::string text;
  for (const Canary& canary : canaries) {
    text += Json{{"prompt", canary.prompt}, {"completion", canary.completion}}.dump() + "\n";
  }
  write_file_atomically(path, text);
}

std::string alternative_of(const std::string& completion, uint64_t index) {
  const int64_t num_digits = std::count_if(completion.begin(), completion.end(), is_digit);
  if (num_digits < kMinDigits) {
    throw UserError("a canary's completion needs at least {} digits, it has {}", kMinDigits,
                    num_digits);
  }
  const Philox random(index, kAlternativeStream);
  return draw_digits(random, hash_text(completion).low >> 16, completion);
}

}  // namespace temper
