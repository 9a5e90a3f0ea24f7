#include "launcher/slurm_client.h"

#include <chrono>
#include <sstream>

#include "common/error.h"
#include "launcher/process.h"
#include "launcher/slurm_time.h"

namespace temper {
namespace {

constexpr std::chrono::seconds kPatience(30);

// Of a job array's name, squeue shows the task; "%i|%T|%r|%L|%l|%S|%N".
constexpr const char* kSqueueFormat = "%i|%T|%r|%L|%l|%S|%N";
constexpr const char* kSacctFormat = "--format=JobID,State,ExitCode,Start,NodeList";

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \n\t");
  if (begin == text.npos) return "";
  return text.substr(begin, text.find_last_not_of(" \n\t") - begin + 1);
}

// In one line, without the program's name before each.
std::string words_of(const CapturedProcess& run, const std::string& program) {
  if (run.timed_out) return fmt::format("no answer within {} s", kPatience.count());
  std::string words;
  std::istringstream lines(run.standard_error + "\n" + run.standard_output);
  for (std::string line; std::getline(lines, line);) {
    for (const std::string& prefix : {program + ": ", std::string("error: ")}) {
      if (line.starts_with(prefix)) line.erase(0, prefix.size());
    }
    if (!trimmed(line).empty()) words += (words.empty() ? "" : "; ") + trimmed(line);
  }
  return words.empty() ? fmt::format("code {} and no word", run.status.shell_code()) : words;
}

bool succeeded(const CapturedProcess& run) {
  return !run.timed_out && run.status.shell_code() == 0;
}

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, '|');) fields.push_back(trimmed(field));
  return fields;
}

std::string first_line_of(const std::vector<std::string>& command) {
  if (find_program(command.front()).empty()) return "";
  const CapturedProcess run = run_captured(command, "", {}, kPatience);
  if (!succeeded(run)) return "";
  return run.standard_output.substr(0, run.standard_output.find('\n'));
}

}  // namespace

std::string submit_batch_script(const std::filesystem::path& script,
                                const std::vector<std::string>& options) {
  if (find_program("sbatch").empty()) {
    throw SystemError(
        "sbatch is not on the PATH, so nothing was submitted: call this on a login node of the "
        "cluster. Without Slurm: temper train RUN.yaml --nproc N, or mpirun -n N temper-rank train "
        "RUN.yaml");
  }
  std::vector<std::string> command = {"sbatch", "--parsable"};
  command.insert(command.end(), options.begin(), options.end());
  command.push_back(script.string());
  const CapturedProcess run = run_captured(command, "", {}, kPatience);
  if (!succeeded(run)) {
    throw UserError("sbatch refused, nothing was submitted: {}", words_of(run, "sbatch"));
  }
  // "123" or "123;cluster".
  const std::string id = trimmed(run.standard_output.substr(0, run.standard_output.find(';')));
  if (id.empty() || id.find_first_not_of("0123456789") != id.npos) {
    throw SystemError("sbatch gave no job's number: {}", words_of(run, "sbatch"));
  }
  return id;
}

std::optional<SlurmJob> parse_squeue_line(const std::string& line) {
  const std::vector<std::string> fields = fields_of(line);
  if (fields.size() < 6) return std::nullopt;
  SlurmJob job;
  job.id = fields[0];
  job.state = fields[1];
  job.reason = fields[2] == "None" ? "" : fields[2];
  job.seconds_left = parse_slurm_time(fields[3]);
  job.seconds_of_limit = parse_slurm_time(fields[4]);
  job.start = fields[5] == "N/A" ? "" : fields[5];
  if (fields.size() > 6) job.nodes = fields[6];
  return job;
}

std::optional<SlurmJob> parse_sacct_line(const std::string& line) {
  const std::vector<std::string> fields = fields_of(line);
  if (fields.size() < 4) return std::nullopt;
  SlurmJob job;
  job.id = fields[0];
  // "CANCELLED by 1000".
  job.state = fields[1].substr(0, fields[1].find(' '));
  job.exit_code = fields[2];
  job.start = fields[3];
  if (fields.size() > 4) job.nodes = fields[4];
  return job;
}

std::optional<SlurmJob> find_queued_job(const std::string& job_id) {
  return parse_squeue_line(
      first_line_of({"squeue", "--noheader", "--jobs=" + job_id, "--format", kSqueueFormat}));
}

std::optional<SlurmJob> find_past_job(const std::string& job_id) {
  return parse_sacct_line(first_line_of(
      {"sacct", "--noheader", "--parsable2", "--allocations", "--jobs=" + job_id, kSacctFormat}));
}

std::string requeue_job(const std::string& job_id) {
  if (find_program("scontrol").empty()) return "scontrol is not on the PATH";
  const CapturedProcess run = run_captured({"scontrol", "requeue", job_id}, "", {}, kPatience);
  return succeeded(run) ? "" : words_of(run, "scontrol");
}

}  // namespace temper
