#include "run/job_record.h"

#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

TEST(JobRecord, round_trip) {
  const TemporaryDirectory directory;
  EXPECT_FALSE(read_job_record(directory / "job.json"));
  JobRecord record;
  record.job_id = "12_3";
  record.script_hash = "abc";
  record.submitted_at = "2026-01-02T03:04:05Z";
  record.is_unanswered = true;
  record.progress_step = 40;
  record.requeues = 1;
  record.restarts = 2;
  record.total_requeues = 3;
  record.total_restarts = 4;
  record.last_failure = "rank 1 ended with signal 9";
  record.failed_nodes = {"node1", "gpu-7.cluster"};
  write_job_record(directory / "job.json", record);
  const std::optional<JobRecord> read = read_job_record(directory / "job.json");
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, record);
}

TEST(JobRecord, damaged_or_hostile_is_refused) {
  const TemporaryDirectory directory;
  for (const char* text :
       {"", "{", "[]", "{}", R"({"job_id": 3})", R"({"job_id": "--user=root"})",
        R"({"job_id": "1 2"})", R"({"job_id": "1", "failed_nodes": ["a,b"]})",
        R"({"job_id": "1", "failed_nodes": ["-x"]})", R"({"job_id": "1", "failed_nodes": [1]})"}) {
    const auto path = directory.write("job.json", text);
    EXPECT_THROW(read_job_record(path), UserError) << text;
  }
}

}  // namespace
}  // namespace temper
