#include <sstream>

#include "common/error.h"
#include "config/config_keys.h"
#include "config/migrate/migration.h"

namespace temper {
namespace {

constexpr size_t kWidth = 98;

// What others wrote must not end a comment: nothing of it begins a line of its own.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

// Comment lines of at most kWidth columns; those behind the first are indented as `first` is long.
std::string wrapped(const std::string& first, const std::string& text) {
  std::istringstream words(one_line(text));
  std::string lines;
  std::string line = "# " + first;
  bool is_empty = true;
  for (std::string word; words >> word;) {
    if (!is_empty && line.size() + 1 + word.size() > kWidth) {
      lines += line + "\n";
      line = "# " + std::string(first.size(), ' ');
      is_empty = true;
    }
    line += (is_empty ? "" : " ") + word;
    is_empty = false;
  }
  return lines + line + "\n";
}

std::string batch_text(const Migration& migration) {
  const MigratedBatch& batch = migration.batch;
  const std::string indent(12, ' ');
  std::string there = fmt::format(
      "In {} a step has {} rows a process x {} accumulated x {} process{} = {} rows (--nproc {}",
      trainer_name(migration.trainer), batch.micro, batch.accumulation, batch.data_parallel,
      batch.data_parallel == 1 ? "" : "es", batch.rows(), batch.processes);
  if (batch.data_parallel != batch.processes) {
    there += fmt::format(", of which {} work on the same rows together",
                         batch.processes / batch.data_parallel);
  }
  std::string text = wrapped("Batch size. ", there + ").");
  text += wrapped(indent,
                  fmt::format("Here global_batch_size is {} rows, over all ranks and on any number "
                              "of them. gradient_accumulation_steps would count over all ranks as "
                              "well, so it is not used.",
                              batch.rows()));
  if (batch.packed_there) return text;
  return text +
         wrapped(indent,
                 "A row was one record there, padded; here it is sequence_len tokens full of "
                 "records. `temper pack` prints records and rows: divide global_batch_size "
                 "by records/rows to have as many records in a step as there.");
}

std::string listed(const std::string& what, const std::vector<std::string>& keys) {
  return keys.empty() ? "" : wrapped("", fmt::format("{} {}", what, fmt::join(keys, ", ")));
}

std::string heading(const Migration& migration, const std::string& file) {
  std::string text =
      wrapped("", fmt::format("From {} ({}), by `temper migrate`. Paths are relative "
                              "to where this file lies.",
                              file, trainer_name(migration.trainer)));
  text += "#\n" + batch_text(migration);
  text += "#\n# First, in a shell (sed -n 's/^# \\$ //p' run.yaml | sh -e does it):\n";
  for (const std::string& command : migration.preparation) {
    text += "# $ " + one_line(command) + "\n";
  }
  text += wrapped(
      "", fmt::format("Then `temper plan run.yaml -n {0}` says whether it fits, and `temper "
                      "train run.yaml -n {0}` trains.",
                      migration.batch.processes));
  if (!migration.remarks.empty()) text += "#\n# What differs:\n";
  for (const std::string& remark : migration.remarks) text += wrapped("- ", remark);
  if (!migration.left_out.empty()) text += "#\n";
  for (const LeftOutKey& key : migration.left_out) {
    text += wrapped("", fmt::format("not carried over: {} ({})", key.key, key.reason));
  }
  text += "#\n" + listed("in the commands above, or in other keys:", migration.elsewhere) +
          listed("off there, so nothing to carry over:", migration.off);
  return text;
}

}  // namespace

std::string migration_text(const Migration& migration, const std::string& file) {
  std::string text = heading(migration, file);
  std::string section;
  for (const ConfigKey& key : config_keys()) {
    const auto found = migration.keys.find(key.name);
    if (found == migration.keys.end()) continue;
    if (key.section != section) {
      section = key.section;
      text += "\n# --- " + section + "\n";
    }
    const auto& [yaml, remark] = found->second;
    text += key.name + (yaml.front() == '\n' ? ":" : ": ") + yaml;
    text += (remark.empty() ? "" : "  # " + one_line(remark)) + "\n";
  }
  return text;
}

}  // namespace temper
