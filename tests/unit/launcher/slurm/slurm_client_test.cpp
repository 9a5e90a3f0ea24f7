#include "launcher/slurm/slurm_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>

#include "common/error.h"
#include "io/atomic_file.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// Slurm's programs as shell scripts; each notes how it was called in "calls".
class SlurmClientTest : public ::testing::Test {
 protected:
  SlurmClientTest() {
    const char* path = std::getenv("PATH");
    if (path != nullptr) path_ = path;
    set_path(directory_.path().string());
  }
  ~SlurmClientTest() override { set_path(path_); }

  static void set_path(const std::string& path) { setenv("PATH", path.c_str(), 1); }
  void program(const std::string& name, const std::string& body) {
    const std::filesystem::path file = directory_.path() / name;
    std::ofstream(file) << "#!/bin/sh\necho \"" << name << " $*\" >> " << calls().string() << "\n"
                        << body << "\n";
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }
  std::filesystem::path calls() const { return directory_.path() / "calls"; }

  TemporaryDirectory directory_;
  std::string path_;
};

TEST_F(SlurmClientTest, submits_and_returns_the_number) {
  program("sbatch", "echo '123;cluster'");
  EXPECT_EQ(submitted_job(ask_sbatch("/run/job.sbatch", {"--array=3"})), "123");
  EXPECT_EQ(read_file(calls()), "sbatch --parsable --array=3 /run/job.sbatch\n");
}

TEST_F(SlurmClientTest, shows_the_words_of_a_refusal) {
  program(
      "sbatch",
      "echo 'sbatch: error: invalid partition specified: nowhere' >&2\n"
      "echo 'sbatch: error: Batch job submission failed: Invalid partition name specified' >&2\n"
      "exit 1");
  const std::string text =
      error_text<UserError>([] { submitted_job(ask_sbatch("/run/job.sbatch")); });
  EXPECT_EQ(text,
            "sbatch refused, nothing was submitted: invalid partition specified: nowhere; Batch "
            "job submission failed: Invalid partition name specified");
}

TEST_F(SlurmClientTest, missing_sbatch_says_how_to_run_without) {
  const std::string text = error_text<SystemError>([] { require_sbatch(); });
  EXPECT_THAT(text, names("sbatch", "temper train RUN.yaml --nproc N"));
}

TEST_F(SlurmClientTest, answer_without_a_number_is_an_error) {
  program("sbatch", "echo 'Submitted batch job 7'");
  EXPECT_THROW(submitted_job(ask_sbatch("/run/job.sbatch")), SystemError);
}

// The controller may have made a job of it.
TEST_F(SlurmClientTest, submission_without_an_answer_is_no_refusal) {
  for (const char* silence : {"exec /bin/sleep 60",
                              "echo 'sbatch: error: Batch job submission failed: Socket timed out "
                              "on send/recv operation' "
                              ">&2; exit 1"}) {
    program("sbatch", silence);
    program("squeue", "echo '44|PENDING|Priority|1:00|1:00|N/A||/other/job.sbatch'");
    SlurmReply reply = ask_sbatch("/run/job.sbatch", {}, "", 200ms);
    EXPECT_EQ(reply.answer, SlurmAnswer::kNone);
    EXPECT_THAT(error_text<SystemError>([&] { submitted_job(reply); }),
                names("squeue --me", "no job"));
    program("squeue", "exit 1");
    reply = ask_sbatch("/run/job.sbatch", {}, "", 200ms);
    EXPECT_THAT(error_text<SystemError>([&] { submitted_job(reply); }),
                names("squeue --me", "none"));
    program("squeue", "echo '45|PENDING|Priority|1:00|1:00|N/A||/run/job.sbatch'");
    EXPECT_EQ(submitted_job(ask_sbatch("/run/job.sbatch", {}, "", 200ms)), "45");
  }
  EXPECT_THAT(read_file(calls()), HasSubstr(fmt::format("--user={}", getuid())));
}

TEST_F(SlurmClientTest, job_that_goes_on_is_told_from_the_one_before_and_from_other_tasks) {
  program("sbatch", "exec /bin/sleep 60");
  const std::string queue =
      "echo '41_2|RUNNING|None|1:00|1:00|N/A|node1|/run/job.sbatch'\n"
      "echo '46_3|PENDING|Dependency|1:00|1:00|N/A||/run/job.sbatch'\n";
  program("squeue", queue);
  EXPECT_EQ(ask_sbatch("/run/job.sbatch", {"--array=2"}, "41_2", 200ms).answer, SlurmAnswer::kNone);
  program("squeue", queue + "echo '47_2|PENDING|Dependency|1:00|1:00|N/A||/run/job.sbatch'");
  EXPECT_EQ(ask_sbatch("/run/job.sbatch", {"--array=2"}, "41_2", 200ms).job_id, "47");
}

TEST_F(SlurmClientTest, queued_job) {
  program("squeue", "echo '12_3|PENDING|Resources|10:00|1-00:00:00|2026-01-02T03:04:05||/a|b'");
  const std::vector<SlurmJob> jobs = find_queued_jobs({"12_3"});
  const SlurmJob* job = find_job(jobs, "12_3");
  ASSERT_NE(job, nullptr);
  EXPECT_TRUE(job->is_pending());
  EXPECT_EQ(job->reason, "Resources");
  EXPECT_EQ(job->seconds_left, 600);
  EXPECT_EQ(job->seconds_of_limit, 86400);
  EXPECT_EQ(job->start, "2026-01-02T03:04:05");
  EXPECT_EQ(job->script, "/a|b");
  EXPECT_THAT(read_file(calls()), HasSubstr("--jobs=12_3 "));
}

TEST_F(SlurmClientTest, many_jobs_are_one_question) {
  program("squeue",
          "echo '12_0|RUNNING|None|1:00|1:00|N/A|n'; echo '12_1|PENDING|None|1:00|1:00|N/A|'");
  const std::vector<SlurmJob> jobs = find_queued_jobs({"12_0", "12_1", "12_10", "9"});
  EXPECT_EQ(read_file(calls()),
            "squeue --noheader --array --jobs=12,9 --format %i|%T|%r|%L|%l|%S|%N|%o\n");
  EXPECT_EQ(find_job(jobs, "12_1")->state, "PENDING");
  EXPECT_EQ(find_job(jobs, "12")->id, "12_0");  // an array's number stands for its first task
  EXPECT_EQ(find_job(jobs, "12_10"), nullptr);
  EXPECT_EQ(find_job(jobs, "1"), nullptr);
}

TEST_F(SlurmClientTest, job_that_squeue_does_not_know) {
  program("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1");
  EXPECT_TRUE(find_queued_jobs({"12"}).empty());
  program("squeue", "exit 0");
  EXPECT_TRUE(find_queued_jobs({"12"}).empty());
  EXPECT_TRUE(find_past_jobs({"12"}).empty());  // no sacct at all
}

TEST_F(SlurmClientTest, past_job) {
  program("sacct", "echo '12|CANCELLED by 1000|0:15|2026-01-02T03:04:05|node[1-2]'");
  const std::vector<SlurmJob> jobs = find_past_jobs({"12"});
  const SlurmJob* job = find_job(jobs, "12");
  ASSERT_NE(job, nullptr);
  EXPECT_EQ(job->state, "CANCELLED");
  EXPECT_EQ(job->exit_code, "0:15");
  EXPECT_EQ(job->nodes, "node[1-2]");
}

TEST_F(SlurmClientTest, requeue) {
  program("scontrol", "exit 0");
  EXPECT_EQ(requeue_job("12_3").answer, SlurmAnswer::kDone);
  EXPECT_EQ(read_file(calls()), "scontrol requeue 12_3\n");
  program("scontrol", "echo 'Requested operation is presently disabled for job 12' >&2; exit 1");
  const SlurmReply reply = requeue_job("12");
  EXPECT_EQ(reply.answer, SlurmAnswer::kRefused);
  EXPECT_EQ(reply.words, "Requested operation is presently disabled for job 12");
}

TEST_F(SlurmClientTest, requeue_without_an_answer_is_looked_for_and_tried_again) {
  const auto attempts = [&] {
    const std::string text = read_file(calls());
    int count = 0;
    for (size_t at = 0; (at = text.find("scontrol", at)) != text.npos; ++at) ++count;
    std::filesystem::remove(calls());
    return count;
  };
  program("scontrol", "exec /bin/sleep 60");
  program("squeue", "echo '12|COMPLETING|None|1:00|1:00|N/A|node1|'");
  EXPECT_EQ(requeue_job("12", 200ms).answer, SlurmAnswer::kDone);
  EXPECT_EQ(attempts(), 1);
  program("squeue", "echo '12|RUNNING|None|1:00|1:00|N/A|node1|'");
  EXPECT_EQ(requeue_job("12", 200ms).answer, SlurmAnswer::kNone);
  EXPECT_EQ(attempts(), 3);
  program("squeue", "exit 1");
  EXPECT_EQ(requeue_job("12", 200ms).answer, SlurmAnswer::kNone);
  // The second request finds that the first was heard.
  const std::string asked = (directory_ / "asked").string();
  program("scontrol", "[ -e " + asked +
                          " ] && { echo 'Job is pending execution' >&2; exit 1; }; : > " + asked +
                          "; echo 'Socket timed out on send/recv operation' >&2; exit 1");
  const std::string looked = (directory_ / "looked").string();
  program("squeue",
          "[ -e " + looked + " ] && echo '12|PENDING|None|1:00|1:00|N/A||'; : > " + looked);
  EXPECT_EQ(requeue_job("12", 200ms).answer, SlurmAnswer::kDone);
}

}  // namespace
}  // namespace temper
