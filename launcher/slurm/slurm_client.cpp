#include "launcher/slurm/slurm_client.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string_view>

#include "common/error.h"
#include "common/log.h"
#include "launcher/ranks/process.h"
#include "launcher/slurm/slurm_time.h"

namespace temper {
namespace {

using std::chrono::milliseconds;

constexpr int kRequeueAttempts = 3;
// The script comes last: it alone may hold a "|".
constexpr const char* kSqueueFormat = "%i|%T|%r|%L|%l|%S|%N|%o";
constexpr size_t kFieldsBeforeScript = 7;
constexpr const char* kSacctFormat = "--format=JobID,State,ExitCode,Start,NodeList";

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \n\t");
  if (begin == text.npos) return "";
  return text.substr(begin, text.find_last_not_of(" \n\t") - begin + 1);
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// In one line, without the program's name before each.
std::string words_of(const CapturedProcess& run, const std::string& program) {
  std::string words;
  std::istringstream lines(run.standard_error + "\n" + run.standard_output);
  for (std::string line; std::getline(lines, line);) {
    for (const std::string& prefix : {program + ": ", std::string("error: ")}) {
      if (line.starts_with(prefix)) line.erase(0, prefix.size());
    }
    if (trimmed(line).empty()) continue;
    if (!words.empty()) words += "; ";
    words += trimmed(line);
  }
  return words.empty() ? fmt::format("code {} and no word", run.status.shell_code()) : words;
}

bool succeeded(const CapturedProcess& run) {
  return !run.timed_out && run.status.shell_code() == 0;
}

// Slurm's programs give up waiting by themselves, too: the controller may be at it still.
bool has_answer(const CapturedProcess& run) {
  if (run.timed_out) return false;
  const std::string& words = run.standard_error;
  const auto none_of_these = {"timed out", "Zero Bytes were transmitted or received",
                              "receive failure", "shutdown failure"};
  return std::none_of(none_of_these.begin(), none_of_these.end(),
                      [&](const char* sign) { return words.find(sign) != words.npos; });
}

SlurmReply reply_of(const CapturedProcess& run, const std::string& program, milliseconds patience) {
  if (succeeded(run)) return {};
  if (run.timed_out) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience).count();
    return {SlurmAnswer::kNone, "", fmt::format("{} had no answer within {} s", program, seconds)};
  }
  const std::string words = words_of(run, program);
  if (has_answer(run)) return {SlurmAnswer::kRefused, "", words};
  return {SlurmAnswer::kNone, "", fmt::format("{} had no answer ({})", program, words)};
}

std::vector<std::string> fields_of(const std::string& line, size_t max_fields) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; fields.size() < max_fields && std::getline(stream, field, '|');) {
    fields.push_back(trimmed(field));
  }
  if (std::string rest; std::getline(stream, rest)) fields.push_back(trimmed(rest));
  return fields;
}

// Nothing when there is no such program, or no answer.
std::optional<std::vector<SlurmJob>> jobs_listed_by(
    const std::vector<std::string>& command,
    std::optional<SlurmJob> (*parse)(const std::string& line)) {
  if (find_program(command.front()).empty()) return std::nullopt;
  const CapturedProcess run = run_captured(command, "", {}, kSlurmPatience);
  if (!succeeded(run)) return std::nullopt;
  std::vector<SlurmJob> jobs;
  std::istringstream lines(run.standard_output);
  for (std::string line; std::getline(lines, line);) {
    if (const std::optional<SlurmJob> job = parse(line)) jobs.push_back(*job);
  }
  return jobs;
}

std::string array_of(const std::string& job_id) {
  return job_id.substr(0, job_id.find('_'));
}

// "12_0" and "12_1" are "12": thousands of tasks would be too long for a command line.
std::string asked_for(const std::vector<std::string>& job_ids) {
  if (job_ids.size() == 1) return "--jobs=" + job_ids.front();
  std::set<std::string> arrays;
  for (const std::string& id : job_ids) arrays.insert(array_of(id));
  return fmt::format("--jobs={}", fmt::join(arrays, ","));
}

// "_3" where the options ask for one task of an array.
std::string task_suffix(const std::vector<std::string>& options) {
  constexpr std::string_view kArray = "--array=";
  for (const std::string& option : options) {
    if (option.starts_with(kArray)) return fmt::format("_{}", option.substr(kArray.size()));
  }
  return "";
}

// What sbatch did not say: whether there is a job now that it made.
SlurmReply look_for_job(SlurmReply unanswered, const std::filesystem::path& script,
                        const std::string& task, const std::string& follows) {
  const auto jobs = list_own_jobs();
  if (!jobs) {
    unanswered.words += ", and squeue has none either";
    return unanswered;
  }
  for (const SlurmJob& job : *jobs) {
    const bool is_other = follows.empty() || array_of(job.id) != array_of(follows);
    if (job.script != script.string() || !is_other || !job.id.ends_with(task)) continue;
    log::warning("{}, but job {} of this script is {}", unanswered.words, job.id, job.state);
    return {SlurmAnswer::kDone, array_of(job.id), ""};
  }
  unanswered.words += ", and squeue shows no job of it so far";
  return unanswered;
}

}  // namespace

void require_sbatch() {
  if (!find_program("sbatch").empty()) return;
  throw SystemError(
      "sbatch is not on the PATH, so nothing was submitted: call this on a login node of the "
      "cluster. Without Slurm: temper train RUN.yaml --nproc N, or mpirun -n N temper-rank train "
      "RUN.yaml");
}

SlurmReply ask_sbatch(const std::filesystem::path& script, const std::vector<std::string>& options,
                      const std::string& follows, milliseconds patience) {
  std::vector<std::string> command = {"sbatch", "--parsable"};
  command.insert(command.end(), options.begin(), options.end());
  command.push_back(script.string());
  const CapturedProcess run = run_captured(command, "", {}, patience);
  SlurmReply reply = reply_of(run, "sbatch", patience);
  if (reply.answer == SlurmAnswer::kDone) {
    // "123" or "123;cluster".
    reply.job_id = trimmed(run.standard_output.substr(0, run.standard_output.find(';')));
    if (is_number(reply.job_id)) return reply;
    reply = {SlurmAnswer::kNone, "", "sbatch gave no job's number: " + words_of(run, "sbatch")};
  }
  if (reply.answer == SlurmAnswer::kRefused) return reply;
  return look_for_job(reply, script, task_suffix(options), follows);
}

std::string submitted_job(const SlurmReply& reply) {
  if (reply.answer == SlurmAnswer::kRefused) {
    throw UserError("sbatch refused, nothing was submitted: {}", reply.words);
  }
  if (reply.answer == SlurmAnswer::kNone) {
    throw SystemError(
        "it is not known whether the job was submitted: {}. It may still appear: look with `squeue "
        "--me` in a while, before you submit again",
        reply.words);
  }
  return reply.job_id;
}

std::optional<SlurmJob> parse_squeue_line(const std::string& line) {
  const std::vector<std::string> fields = fields_of(line, kFieldsBeforeScript);
  if (fields.size() < 6) return std::nullopt;
  SlurmJob job;
  job.id = fields[0];
  job.state = fields[1];
  job.reason = fields[2] == "None" ? "" : fields[2];
  job.seconds_left = parse_slurm_time(fields[3]);
  job.seconds_of_limit = parse_slurm_time(fields[4]);
  job.start = fields[5] == "N/A" ? "" : fields[5];
  if (fields.size() > 6) job.nodes = fields[6];
  if (fields.size() > 7) job.script = fields[7];
  return job;
}

std::optional<SlurmJob> parse_sacct_line(const std::string& line) {
  const std::vector<std::string> fields = fields_of(line, 5);
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

std::optional<std::vector<SlurmJob>> list_own_jobs() {
  return jobs_listed_by({"squeue", "--noheader", "--array", fmt::format("--user={}", getuid()),
                         "--format", kSqueueFormat},
                        parse_squeue_line);
}

std::vector<SlurmJob> find_queued_jobs(const std::vector<std::string>& job_ids) {
  if (job_ids.empty()) return {};
  return jobs_listed_by(
             {"squeue", "--noheader", "--array", asked_for(job_ids), "--format", kSqueueFormat},
             parse_squeue_line)
      .value_or(std::vector<SlurmJob>{});
}

std::vector<SlurmJob> find_past_jobs(const std::vector<std::string>& job_ids) {
  if (job_ids.empty()) return {};
  return jobs_listed_by({"sacct", "--noheader", "--parsable2", "--allocations", asked_for(job_ids),
                         kSacctFormat},
                        parse_sacct_line)
      .value_or(std::vector<SlurmJob>{});
}

const SlurmJob* find_job(const std::vector<SlurmJob>& jobs, const std::string& job_id) {
  const auto found = std::find_if(jobs.begin(), jobs.end(), [&](const SlurmJob& job) {
    return job.id == job_id || job.id.starts_with(job_id + "_");
  });
  return found == jobs.end() ? nullptr : &*found;
}

const SlurmJob* find_job_of_script(const std::vector<SlurmJob>& jobs,
                                   const std::filesystem::path& script) {
  const auto found = std::find_if(
      jobs.begin(), jobs.end(), [&](const SlurmJob& job) { return job.script == script.string(); });
  return found == jobs.end() ? nullptr : &*found;
}

SlurmReply requeue_job(const std::string& job_id, milliseconds patience) {
  if (find_program("scontrol").empty()) {
    return {SlurmAnswer::kRefused, "", "scontrol is not on the PATH"};
  }
  SlurmReply reply;
  for (int attempt = 0; attempt < kRequeueAttempts; ++attempt) {
    const bool was_asked_before = attempt > 0;
    const CapturedProcess run = run_captured({"scontrol", "requeue", job_id}, "", {}, patience);
    reply = reply_of(run, "scontrol", patience);
    if (reply.answer == SlurmAnswer::kDone) return reply;
    if (reply.answer == SlurmAnswer::kRefused && !was_asked_before) return reply;
    const std::vector<SlurmJob> jobs = find_queued_jobs({job_id});
    const SlurmJob* job = find_job(jobs, job_id);
    // An earlier request was heard.
    if (job != nullptr && job->state != "RUNNING") return {};
    if (reply.answer == SlurmAnswer::kRefused) return reply;
    log::warning("{}", reply.words);
  }
  return reply;
}

}  // namespace temper
