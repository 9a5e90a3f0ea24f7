#include "launcher/slurm_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "common/error.h"
#include "io/atomic_file.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using ::testing::HasSubstr;

// Slurm's programs as shell scripts; each notes how it was called in "calls".
class SlurmClientTest : public ::testing::Test {
 protected:
  SlurmClientTest() : path_(std::getenv("PATH")) { set_path(directory_.path().string()); }
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
  EXPECT_EQ(submit_batch_script("/run/job.sbatch", {"--array=3"}), "123");
  EXPECT_EQ(read_file(calls()), "sbatch --parsable --array=3 /run/job.sbatch\n");
}

TEST_F(SlurmClientTest, shows_the_words_of_a_refusal) {
  program(
      "sbatch",
      "echo 'sbatch: error: invalid partition specified: nowhere' >&2\n"
      "echo 'sbatch: error: Batch job submission failed: Invalid partition name specified' >&2\n"
      "exit 1");
  const std::string text = error_text<UserError>([] { submit_batch_script("/run/job.sbatch"); });
  EXPECT_EQ(text,
            "sbatch refused, nothing was submitted: invalid partition specified: nowhere; Batch "
            "job submission failed: Invalid partition name specified");
}

TEST_F(SlurmClientTest, missing_sbatch_says_how_to_run_without) {
  const std::string text = error_text<SystemError>([] { submit_batch_script("/run/job.sbatch"); });
  EXPECT_THAT(text, HasSubstr("temper train RUN.yaml --nproc N"));
}

TEST_F(SlurmClientTest, answer_without_a_number_is_an_error) {
  program("sbatch", "echo 'Submitted batch job 7'");
  EXPECT_THROW(submit_batch_script("/run/job.sbatch"), SystemError);
}

TEST_F(SlurmClientTest, queued_job) {
  program("squeue", "echo '12_3|PENDING|Resources|10:00|1-00:00:00|2026-01-02T03:04:05|'");
  const std::optional<SlurmJob> job = find_queued_job("12_3");
  ASSERT_TRUE(job);
  EXPECT_TRUE(job->is_pending());
  EXPECT_EQ(job->reason, "Resources");
  EXPECT_EQ(job->seconds_left, 600);
  EXPECT_EQ(job->seconds_of_limit, 86400);
  EXPECT_EQ(job->start, "2026-01-02T03:04:05");
  EXPECT_THAT(read_file(calls()), HasSubstr("--jobs=12_3"));
}

TEST_F(SlurmClientTest, job_that_squeue_does_not_know) {
  program("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1");
  EXPECT_FALSE(find_queued_job("12"));
  program("squeue", "exit 0");
  EXPECT_FALSE(find_queued_job("12"));
  EXPECT_FALSE(find_past_job("12"));  // no sacct at all
}

TEST_F(SlurmClientTest, past_job) {
  program("sacct", "echo '12|CANCELLED by 1000|0:15|2026-01-02T03:04:05|node[1-2]'");
  const std::optional<SlurmJob> job = find_past_job("12");
  ASSERT_TRUE(job);
  EXPECT_EQ(job->state, "CANCELLED");
  EXPECT_EQ(job->exit_code, "0:15");
  EXPECT_EQ(job->nodes, "node[1-2]");
}

TEST_F(SlurmClientTest, requeue) {
  program("scontrol", "exit 0");
  EXPECT_EQ(requeue_job("12_3"), "");
  EXPECT_EQ(read_file(calls()), "scontrol requeue 12_3\n");
  program("scontrol", "echo 'Requested operation is presently disabled for job 12' >&2; exit 1");
  EXPECT_EQ(requeue_job("12"), "Requested operation is presently disabled for job 12");
}

}  // namespace
}  // namespace temper
