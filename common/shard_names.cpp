#include "common/shard_names.h"

#include <fmt/format.h>

#include <string>

namespace temper {
namespace {

constexpr size_t kDigits = 5;

bool are_digits(const std::string& text) {
  return text.size() == kDigits && text.find_first_not_of("0123456789") == text.npos;
}

}  // namespace

std::filesystem::path shard_path(const std::filesystem::path& path, int64_t index, int64_t count) {
  return path.parent_path() / fmt::format("{}-{:05}-of-{:05}{}", path.stem().native(), index, count,
                                          path.extension().native());
}

std::map<int64_t, int64_t> find_shards(const std::filesystem::path& path) {
  const std::string before = path.stem().native() + "-", after = path.extension().native();
  const size_t count_begin = before.size() + kDigits + 4;  // behind "-of-"
  const std::filesystem::path directory = path.parent_path().empty() ? "." : path.parent_path();
  std::map<int64_t, int64_t> shards;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    const std::string name = entry.path().filename().native();
    if (name.size() != count_begin + kDigits + after.size() || !name.starts_with(before)) continue;
    const std::string index = name.substr(before.size(), kDigits);
    const std::string count = name.substr(count_begin, kDigits);
    if (are_digits(index) && are_digits(count) && name.compare(count_begin - 4, 4, "-of-") == 0 &&
        name.ends_with(after)) {
      ++shards[std::stoll(count)];
    }
  }
  return shards;
}

}  // namespace temper
