#include "run/job_record.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "common/error.h"
#include "io/atomic_file.h"
#include "io/json.h"

namespace temper {
namespace {

constexpr size_t kMaxRecordBytes = size_t{1} << 20;

// These become arguments of Slurm's programs.
std::string checked_word(const std::string& word, std::string_view more, const std::string& place) {
  const auto allowed = [&](unsigned char c) {
    return std::isalnum(c) != 0 || more.find(static_cast<char>(c)) != more.npos;
  };
  if (word.size() > 255 || word.starts_with("-") ||
      !std::all_of(word.begin(), word.end(), allowed)) {
    throw UserError("{}: \"{}\" is no job or node of Slurm", place, word.substr(0, 64));
  }
  return word;
}

}  // namespace

void write_job_record(const std::filesystem::path& path, const JobRecord& record) {
  const Json json = {{"job_id", record.job_id},
                     {"script_hash", record.script_hash},
                     {"submitted_at", record.submitted_at},
                     {"is_unanswered", record.is_unanswered},
                     {"progress_step", record.progress_step},
                     {"requeues", record.requeues},
                     {"restarts", record.restarts},
                     {"total_requeues", record.total_requeues},
                     {"total_restarts", record.total_restarts},
                     {"last_failure", record.last_failure},
                     {"failed_nodes", record.failed_nodes}};
  write_file_atomically(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::optional<JobRecord> read_job_record(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  const std::string place = path.string();
  const Json json = read_json_file(path, kMaxRecordBytes);
  const JsonFields fields(json, place);
  JobRecord record;
  record.job_id = checked_word(fields.text("job_id"), "_", place);
  record.script_hash = fields.text_or("script_hash", "");
  record.submitted_at = fields.text_or("submitted_at", "");
  record.is_unanswered = fields.boolean_or("is_unanswered", false);
  record.progress_step = fields.integer_or("progress_step", -1);
  record.requeues = fields.integer_or("requeues", 0);
  record.restarts = fields.integer_or("restarts", 0);
  record.total_requeues = fields.integer_or("total_requeues", 0);
  record.total_restarts = fields.integer_or("total_restarts", 0);
  record.last_failure = fields.text_or("last_failure", "");
  if (fields.has("failed_nodes")) {
    for (const Json& node : json["failed_nodes"]) {
      if (!node.is_string()) throw UserError("{}: failed_nodes must be names", place);
      record.failed_nodes.push_back(checked_word(node.get<std::string>(), "-._", place));
    }
  }
  return record;
}

}  // namespace temper
