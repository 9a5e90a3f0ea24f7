#include "launcher/slurm/shell_text.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "common/error.h"

namespace temper {
namespace {

bool is_plain(const std::string& word) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("_-.,:/+=@%").find(static_cast<char>(c)) != std::string_view::npos;
  };
  return !word.empty() && std::all_of(word.begin(), word.end(), plain);
}

}  // namespace

std::string shell_quoted(const std::string& word) {
  if (is_plain(word)) return word;
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string shell_command(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    text += shell_quoted(word);
  }
  return text;
}

std::string sbatch_path(const std::string& path, const std::string& what) {
  const auto misread = [](unsigned char c) {
    return c < 0x20 || c == 0x7f || c == '"' || c == '\'' || c == '\\' || c == '%';
  };
  const auto bad = std::find_if(path.begin(), path.end(), misread);
  if (bad != path.end()) {
    throw UserError(
        "{} has the character of code {} in its name, which sbatch would misread: "
        "choose another name",
        what, static_cast<int>(static_cast<unsigned char>(*bad)));
  }
  return is_plain(path) ? path : "\"" + path + "\"";
}

}  // namespace temper
