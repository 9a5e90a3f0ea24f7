#include "launcher/slurm/describe_job.h"

#include <gtest/gtest.h>

#include <limits>

namespace temper {
namespace {

ObservedJob running(int64_t seconds_left) {
  ObservedJob job;
  job.record.job_id = "12";
  job.slurm = SlurmJob{};
  job.slurm->state = "RUNNING";
  job.slurm->seconds_left = seconds_left;
  job.slurm->seconds_of_limit = 3600;
  job.is_queued = true;
  job.signal_seconds = 600;
  return job;
}

TEST(DescribeJob, jobs_that_are_still_needed) {
  EXPECT_EQ(further_jobs_needed(running(1600), 1000), 0);
  // 1 s too much for this job, which a whole further one takes.
  EXPECT_EQ(further_jobs_needed(running(1600), 1001), 1);
  EXPECT_EQ(further_jobs_needed(running(1600), 1000 + 3000), 1);
  EXPECT_EQ(further_jobs_needed(running(1600), 1000 + 3001), 2);
  // Within the signal's lead nothing more is done here.
  EXPECT_EQ(further_jobs_needed(running(100), 3000), 1);
}

TEST(DescribeJob, nothing_is_claimed_that_is_not_known) {
  const double unknown = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(further_jobs_needed(running(1600), unknown), std::nullopt);
  ObservedJob unlimited = running(0);
  unlimited.slurm->seconds_left.reset();
  EXPECT_EQ(further_jobs_needed(unlimited, 10), std::nullopt);
  ObservedJob past = running(10);
  past.is_queued = false;
  EXPECT_EQ(further_jobs_needed(past, 10), std::nullopt);
}

TEST(DescribeJob, line_and_report) {
  ObservedJob job = running(1600);
  EXPECT_EQ(job_line(job, 1001), ", job 12 RUNNING, 1 more job after its time limit");
  job.slurm->state = "PENDING";
  job.slurm->reason = "Priority";
  job.slurm->start = "2026-01-02T03:04:05";
  EXPECT_EQ(job_line(job, std::numeric_limits<double>::quiet_NaN()),
            ", job 12 PENDING (Priority), expected 2026-01-02T03:04:05");
  job.record.total_requeues = 3;
  job.record.last_failure = "rank 1 on node2 ended with signal 9 (Killed)";
  const OrderedJson report = describe_job(job, 1001);
  EXPECT_EQ(report["requeues"], 3);
  EXPECT_EQ(report["further_jobs_needed"], 1);
  EXPECT_EQ(report["last_failure"], job.record.last_failure);
  job.slurm.reset();
  job.is_queued = false;
  EXPECT_TRUE(describe_job(job, 1)["state"].is_null());
  EXPECT_EQ(job_line(job, 1), "");
}

}  // namespace
}  // namespace temper
