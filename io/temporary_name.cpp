#include "io/temporary_name.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <string>

#include "common/error.h"
#include "io/system_calls.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFileMode = 0600;
constexpr size_t kMaxHostBytes = 24;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter_or_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The first part of the host's name, in letters and digits.
std::string host_part() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "host";
  std::string host = name.data();
  host = host.substr(0, std::min(host.find('.'), kMaxHostBytes));
  std::erase_if(host, [](char c) { return !is_letter_or_digit(c); });
  return host.empty() ? "host" : host;
}

// Takes the digits at the end; false when there are none.
bool remove_number(std::string_view& text) {
  const size_t before = text.size();
  while (!text.empty() && is_digit(text.back())) text.remove_suffix(1);
  return text.size() < before;
}

bool remove_end(std::string_view& text, std::string_view end) {
  if (!text.ends_with(end)) return false;
  text.remove_suffix(end.size());
  return true;
}

}  // namespace

fs::path make_temporary(const fs::path& path, std::string_view suffix,
                        const std::function<bool(const fs::path& name)>& make) {
  static const std::string host = host_part();
  static std::atomic<uint64_t> next_number{0};
  while (true) {
    const fs::path name =
        fmt::format("{}.{}-{}-{}.{}", path.native(), host, getpid(), next_number++, suffix);
    if (make(name)) return name;
    if (errno != EEXIST && errno != ENOTEMPTY) {
      throw SystemError("cannot create {}: {}", name.native(), errno_text(errno));
    }
  }
}

fs::path create_temporary(const fs::path& path, std::string_view suffix, int& fd) {
  return make_temporary(path, suffix, [&](const fs::path& name) {
    fd = sys::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, kFileMode);
    return fd >= 0;
  });
}

std::optional<std::string_view> name_being_written(std::string_view temporary) {
  if (!remove_end(temporary, ".partial") || !remove_number(temporary)) return std::nullopt;
  if (remove_end(temporary, "-")) {
    if (!remove_number(temporary) || !remove_end(temporary, "-")) return std::nullopt;
    const size_t before = temporary.size();
    while (!temporary.empty() && is_letter_or_digit(temporary.back())) temporary.remove_suffix(1);
    if (temporary.size() == before) return std::nullopt;
  }
  if (!remove_end(temporary, ".") || temporary.empty()) return std::nullopt;
  return temporary;
}

}  // namespace temper
