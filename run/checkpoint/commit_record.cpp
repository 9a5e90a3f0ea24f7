#include "run/checkpoint/commit_record.h"

#include <sys/stat.h>

#include <cerrno>
#include <set>
#include <system_error>

#include "common/error.h"
#include "io/atomic_file.h"
#include "io/file_name.h"
#include "run/checkpoint/checkpoint_name.h"
#include "run/checkpoint/self_checksum.h"

namespace temper {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxRecordBytes = size_t{256} << 20;

int64_t counted(const JsonFields& fields, const std::string& key, int64_t minimum = 0) {
  const int64_t value = fields.integer(key);
  if (value < minimum) {
    throw UserError("{}: \"{}\" is {}, expected {} or more", fields.place(), key, value, minimum);
  }
  return value;
}

Hash128 hash_field(const JsonFields& fields, const std::string& key) {
  const std::string text = fields.text(key);
  try {
    return Hash128::from_hex(text);
  } catch (const UserError& error) {
    throw UserError("{}: \"{}\": {}", fields.place(), key, error.what());
  }
}

std::vector<CommittedFile> read_files(const Json& record, const std::string& place) {
  const auto list = record.find("files");
  if (list == record.end() || !list->is_array()) {
    throw UserError("{}: \"files\" must be a list", place);
  }
  std::vector<CommittedFile> files;
  std::set<std::string> names;
  for (const Json& entry : *list) {
    const JsonFields fields(entry, fmt::format("{}: files[{}]", place, files.size()));
    CommittedFile file;
    file.name = fields.text("name");
    if (!is_plain_file_name(file.name)) {
      throw UserError("{}: \"name\" must be a plain file name", fields.place());
    }
    if (!names.insert(file.name).second) {
      throw UserError("{}: {} is listed twice", place, file.name);
    }
    file.size_bytes = static_cast<uint64_t>(counted(fields, "size_bytes"));
    file.hash = hash_field(fields, "hash");
    files.push_back(std::move(file));
  }
  return files;
}

std::vector<RowRange> read_rows_left_out(const Json& record, const std::string& place) {
  std::vector<RowRange> ranges;
  for (const Json& entry : record.value("rows_left_out", Json::array())) {
    const bool is_range = entry.is_array() && entry.size() == 2 && entry[0].is_number_integer() &&
                          entry[1].is_number_integer();
    const RowRange range = is_range ? RowRange{entry[0], entry[1]} : RowRange{};
    if (range.begin < 0 || range.end <= range.begin) {
      throw UserError("{}: \"rows_left_out\" must be a list of [begin, end]", place);
    }
    ranges.push_back(range);
  }
  return ranges;
}

Json template_json(const std::optional<TemplateRecord>& record) {
  if (!record) return nullptr;
  return {{"name", record->name}, {"source", record->source}, {"kwargs", record->kwargs}};
}

std::optional<TemplateRecord> read_template(const Json& record, const std::string& place,
                                            int64_t format_version) {
  if (format_version == 1) {
    const JsonFields fields(record, place);
    TemplateRecord found{fields.text_or("chat_template", ""), "",
                         fields.text_or("chat_template_kwargs", "")};
    if (found.name.empty()) return std::nullopt;
    return found;
  }
  const Json found = record.value("chat_template", Json());
  if (found.is_null()) return std::nullopt;
  const JsonFields fields(found, place + ": chat_template");
  return TemplateRecord{fields.text("name"), fields.text("source"), fields.text("kwargs")};
}

// Empty when every listed file is there with exactly its size.
std::string find_file_problem(const fs::path& directory, const CommitRecord& record) {
  if (record.files.empty()) return "its commit record lists no files";
  for (const CommittedFile& file : record.files) {
    struct stat info {};
    if (stat((directory / file.name).c_str(), &info) != 0) {
      return fmt::format("{}: {}", file.name, errno_text(errno));
    }
    if (!S_ISREG(info.st_mode)) return fmt::format("{} is not a regular file", file.name);
    if (static_cast<uint64_t>(info.st_size) != file.size_bytes) {
      return fmt::format("{} has {} bytes, the commit record lists {}", file.name, info.st_size,
                         file.size_bytes);
    }
  }
  return "";
}

// The directory's own name, also when it is given as "run/latest" or "run/step-3/".
std::string resolved_name(const fs::path& directory) {
  std::error_code error;
  const fs::path resolved = fs::canonical(directory, error);
  return error ? "" : resolved.filename().native();
}

std::string find_problem(const fs::path& directory, CheckpointStatus& status) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) return "there is no such directory";
  const std::optional<int64_t> step = checkpoint_step(resolved_name(directory));
  if (!step) return "its name is not that of a checkpoint (step-N)";
  status.step = *step;
  const fs::path path = directory / kCommitRecordName;
  if (!fs::exists(path, error)) return "it has no commit record (commit.json)";
  status.record = CommitRecord::from_json(read_file(path, kMaxRecordBytes), path.native());
  if (status.record->step != *step) {
    return fmt::format("its commit record is of step {}", status.record->step);
  }
  return find_file_problem(directory, *status.record);
}

}  // namespace

std::string CommitRecord::to_json() const {
  TEMPER_CHECK(format_version == kCheckpointFormatVersion, "format version {}", format_version);
  Json file_list = Json::array();
  for (const CommittedFile& file : files) {
    TEMPER_CHECK(is_plain_file_name(file.name), "file name \"{}\"", file.name);
    file_list.push_back(
        {{"name", file.name}, {"size_bytes", file.size_bytes}, {"hash", file.hash.hex()}});
  }
  Json left_out = Json::array();
  for (const RowRange& range : rows_left_out) left_out.push_back({range.begin, range.end});
  return seal_record({{"format_version", format_version},
                      {"step", step},
                      {"world_size", world_size},
                      {"rows_consumed", rows_consumed},
                      {"state_hash", state_hash.hex()},
                      {"base_hash", base_hash.hex()},
                      {"tokenizer_hash", tokenizer_hash.hex()},
                      {"dataset_hash", dataset_hash.hex()},
                      {"run_id", run_id},
                      {"adapter", adapter},
                      {"adapter_config", adapter_config},
                      {"initial_adapter_hash", initial_adapter_hash.hex()},
                      {"chat_template", template_json(chat_template)},
                      {"config_yaml", config_yaml},
                      {"cpu_kernels", cpu_kernels},
                      {"eval_best_step", eval_best_step},
                      {"rows_left_out", left_out},
                      {"step_guard", guard_state},
                      {"files", file_list}});
}

CommitRecord CommitRecord::from_json(const std::string& text, const std::string& place) {
  const Json json = open_sealed_record(text, place, kCheckpointFormatVersion);
  const JsonFields fields(json, place);
  CommitRecord record;
  record.format_version = fields.integer("format_version");
  record.step = counted(fields, "step");
  record.world_size = counted(fields, "world_size");
  record.rows_consumed = counted(fields, "rows_consumed");
  record.state_hash = hash_field(fields, "state_hash");
  record.base_hash = hash_field(fields, "base_hash");
  record.tokenizer_hash = hash_field(fields, "tokenizer_hash");
  record.dataset_hash = hash_field(fields, "dataset_hash");
  record.run_id = fields.text("run_id");
  record.adapter = fields.text("adapter");
  record.adapter_config = fields.text_or("adapter_config", "");
  if (fields.has("initial_adapter_hash")) {
    record.initial_adapter_hash = hash_field(fields, "initial_adapter_hash");
  }
  record.chat_template = read_template(json, place, record.format_version);
  record.config_yaml = fields.text("config_yaml");
  record.cpu_kernels = fields.text("cpu_kernels");
  record.eval_best_step = counted(fields, "eval_best_step", -1);
  record.rows_left_out = read_rows_left_out(json, place);
  record.guard_state = fields.text_or("step_guard", "");
  record.files = read_files(json, place);
  return record;
}

CheckpointStatus inspect_checkpoint(const fs::path& directory) {
  CheckpointStatus status;
  status.path = directory;
  try {
    status.problem = find_problem(directory, status);
  } catch (const Error& error) {
    status.problem = error.what();
  }
  status.complete = status.problem.empty();
  return status;
}

}  // namespace temper
