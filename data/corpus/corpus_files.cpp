#include "data/corpus/corpus_files.h"

#include <glob.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "common/error.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 8> kExtensions = {".jsonl", ".ndjson", ".json", ".csv",
                                                         ".tsv",   ".txt",    ".md",   ".parquet"};

std::string lower_case(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

bool is_hidden(const fs::path& path) {
  return path.filename().native().front() == '.';
}

void add_directory(const fs::path& directory, std::vector<fs::path>& files) {
  std::vector<fs::path> found;
  try {
    for (auto entry = fs::recursive_directory_iterator(directory);
         entry != fs::recursive_directory_iterator(); ++entry) {
      if (is_hidden(entry->path())) {
        if (entry->is_directory()) entry.disable_recursion_pending();
        continue;
      }
      const std::string extension = content_extension(entry->path());
      if (entry->is_regular_file() &&
          std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end()) {
        found.push_back(entry->path());
      }
    }
  } catch (const fs::filesystem_error& error) {
    throw UserError("{}: cannot be listed: {}", directory.native(), error.code().message());
  }
  if (found.empty()) {
    throw UserError(
        "{}: no corpus file in this directory; looked for {}, also compressed (.gz, .zst)",
        directory.native(), fmt::join(kExtensions, " "));
  }
  std::sort(found.begin(), found.end());
  files.insert(files.end(), found.begin(), found.end());
}

bool is_pattern(const fs::path& path) {
  return path.native().find_first_of("*?[") != std::string::npos;
}

void add_matches(const fs::path& pattern, std::vector<fs::path>& files) {
  glob_t matches{};
  const int result = glob(pattern.c_str(), 0, nullptr, &matches);
  std::vector<fs::path> found;
  for (size_t i = 0; result == 0 && i < matches.gl_pathc; ++i) {
    found.emplace_back(matches.gl_pathv[i]);
  }
  globfree(&matches);
  std::erase_if(found, [](const fs::path& path) { return fs::is_directory(path); });
  if (found.empty()) throw UserError("{}: no file matches this pattern", pattern.native());
  files.insert(files.end(), found.begin(), found.end());
}

}  // namespace

std::string content_extension(const fs::path& path) {
  std::string extension = lower_case(path.extension().native());
  if (extension == ".gz" || extension == ".zst") {
    extension = lower_case(path.stem().extension().native());
  }
  return extension;
}

std::vector<fs::path> find_corpus_files(const std::vector<fs::path>& inputs) {
  std::vector<fs::path> files;
  for (const fs::path& input : inputs) {
    std::error_code ignored;
    if (fs::is_directory(input, ignored)) {
      add_directory(input, files);
    } else if (input != "-" && is_pattern(input) && !fs::exists(input, ignored)) {
      add_matches(input, files);
    } else {
      files.push_back(input);
    }
  }
  return files;
}

}  // namespace temper
