// Which files a corpus consists of.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace temper {

// Files as they are ("-" is standard input), directories as the corpus files anywhere in them, by
// name (.jsonl .ndjson .json .csv .tsv .txt .md .parquet, also with .gz or .zst; hidden ones are
// passed over), and patterns (*, ?, [...]) as the files that match. Each of the last two in the
// order of their names. UserError: a directory without such a file, a pattern that matches nothing.
std::vector<std::filesystem::path> find_corpus_files(
    const std::vector<std::filesystem::path>& inputs);

// The extension that says what is in the file: ".csv" of "a.csv.gz"; lower case.
std::string content_extension(const std::filesystem::path& path);

}  // namespace temper
