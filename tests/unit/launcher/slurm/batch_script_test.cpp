#include "launcher/slurm/batch_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/error.h"
#include "io/atomic_file.h"
#include "launcher/ranks/process.h"
#include "tests/unit/error_text.h"

namespace temper {
namespace {

using ::testing::HasSubstr;

std::string golden(const std::string& name) {
  return read_file(std::filesystem::path(TEMPER_GOLDEN_DIR) / name);
}

BatchJob small_job() {
  BatchJob job;
  job.name = "temper-first";
  job.directory = "/work";
  job.log_directory = "/work/runs/first/logs";
  job.command = {"/opt/temper", "train", "/work/run.yaml", "--requeue"};
  return job;
}

BatchJob full_job() {
  BatchJob job = small_job();
  job.slurm.nodes = 2;
  job.slurm.ntasks_per_node = job.slurm.gpus_per_node = 4;
  job.slurm.cpus_per_task = 8;
  job.slurm.time = "1-00:00:00";
  job.slurm.partition = "gpu";
  job.slurm.account = "med";
  job.slurm.qos = "long";
  job.slurm.constraint = "a100&ib";
  job.slurm.mem = "64G";
  job.slurm.modules = {"gcc/12", "openmpi"};
  job.slurm.env = {"NAME=it's $(rm -rf /) \"quoted\"", "EMPTY="};
  job.slurm.extra = {"--reservation=maint", "--gres=nvme:1"};
  job.slurm.signal_seconds = 600;
  job.directory = "/my work";
  job.log_directory = "/my work/first/logs";
  job.array_size = 6;
  job.command = {"/opt/temper", "train", "/my work/run @SETUP@.yaml",
                 "--requeue",   "--set", "output_dir=$(date)"};
  job.command_tail = "--sweep-run \"$SLURM_ARRAY_TASK_ID\"";
  return job;
}

TEST(BatchScript, golden_files) {
  EXPECT_EQ(render_batch_script(small_job()), golden("small.sbatch"));
  EXPECT_EQ(render_batch_script(full_job()), golden("full.sbatch"));
}

TEST(BatchScript, values_reach_the_command_as_they_are) {
  BatchJob job = small_job();
  job.slurm.env = {"VALUE=a'b\"c $(id) `id` \\ *"};
  job.command = {"/bin/sh", "-c", "printf '%s|%s' \"$VALUE\" \"$1\"", "name", "x;y $HOME 'z'"};
  const CapturedProcess run = run_captured({"bash", "-c", render_batch_script(job)});
  EXPECT_EQ(run.standard_output, "a'b\"c $(id) `id` \\ *|x;y $HOME 'z'") << run.standard_error;
}

TEST(BatchScript, signal_to_the_batch_shell_reaches_temper) {
  BatchJob job = small_job();
  job.command = {"/bin/sh", "-c", "echo $PPID"};
  // Its parent is this process: no shell is left in between.
  EXPECT_EQ(run_captured({"bash", "-c", render_batch_script(job)}).standard_output,
            fmt::format("{}\n", getpid()));
}

TEST(BatchScript, path_that_sbatch_would_misread_is_refused) {
  for (const char* path : {"/a\nb", "/a%jb", "/a\"b", "/a\\b", "/a'b"}) {
    BatchJob job = small_job();
    job.log_directory = path;
    EXPECT_THROW(render_batch_script(job), UserError) << path;
  }
}

TEST(BatchScript, job_name) {
  EXPECT_EQ(batch_job_name("/runs/first"), "temper-first");
  EXPECT_EQ(batch_job_name("/runs/a b\n#c"), "temper-a_b__c");
}

}  // namespace
}  // namespace temper
