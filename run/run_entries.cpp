#include "run/run_entries.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <system_error>

#include "common/error.h"
#include "io/temporary_name.h"

namespace temper {

namespace fs = std::filesystem;

std::vector<RunEntry> list_entries(const fs::path& directory) {
  std::vector<RunEntry> list;
  std::error_code error;
  if (!fs::exists(directory, error)) return list;
  fs::directory_iterator entries(directory, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    std::error_code gone;  // removed since it was listed
    list.push_back({entries->path().filename().native(), entries->symlink_status(gone).type()});
  }
  if (error) throw SystemError("cannot list {}: {}", directory.native(), error.message());
  return list;
}

const RunName* find_run_name(const RunEntry& entry) {
  for (const RunName& known : kRunNames) {
    if (entry.name == known.name) return &known;
  }
  return nullptr;
}

bool is_half_written(const RunEntry& entry) {
  const std::optional<std::string_view> file = name_being_written(entry.name);
  return file && std::any_of(std::begin(kRunNames), std::end(kRunNames), [&](const RunName& known) {
           return known.type != fs::file_type::directory && entry.type == known.type &&
                  *file == known.name;
         });
}

bool is_removed_on_nfs(const RunEntry& entry) {
  std::string_view digits = entry.name;
  if (!digits.starts_with(".nfs")) return false;
  digits.remove_prefix(4);
  return !digits.empty() && digits.find_first_not_of("0123456789abcdef") == digits.npos;
}

}  // namespace temper
