// Who starts the ranks inside a Slurm allocation: srun where it can, with what it needs. The srun
// here only notes how it was called; a real one is not needed.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "run/status.h"
#include "temper_fixture.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SlurmAllocationTest : public TemperFixture {
 protected:
  SlurmAllocationTest() {
    write_model_config();
    write_dataset(20);
    write_run_yaml("global_batch_size: 4\n");
    program("rank", "exit 75");
  }

  std::string program(const std::string& name, const std::string& body) {
    const std::filesystem::path path = write("bin/" + name, "#!/bin/sh\n" + body + "\n");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path.string();
  }
  void fake_srun(const std::string& plugins) {
    program("srun", "if [ \"$1\" = --mpi=list ]; then echo " + plugins +
                        " >&2; exit; fi\n"
                        "echo \"srun $*\" >> calls\n"
                        "while [ \"${1#-}\" != \"$1\" ]; do shift; done\nexec \"$@\"");
  }
  ProgramRun train(const std::vector<std::string>& more = {},
                   std::map<std::string, std::string> variables = {}) {
    std::vector<std::string> arguments = {"train", "run.yaml"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    variables.merge(
        std::map<std::string, std::string>{{"PATH", (folder() / "bin").string() + ":/usr/bin:/bin"},
                                           {"TEMPER_RANK", (folder() / "bin/rank").string()},
                                           {"SLURM_JOB_ID", "7"},
                                           {"SLURM_NTASKS", "4"},
                                           {"SLURM_CPUS_PER_TASK", "2"}});
    return temper(arguments, "", variables);
  }
};

TEST_F(SlurmAllocationTest, srun_starts_as_many_ranks_as_there_are_tasks) {
  fake_srun("none pmi2 pmix_v4");
  const ProgramRun run = train();
  EXPECT_EQ(run.exit_code, 75) << run.err;
  EXPECT_EQ(read("calls"), fmt::format("srun --quiet --mpi=pmix_v4 --ntasks=4 --kill-on-bad-exit=1 "
                                       "--cpus-per-task=2 {} train run.yaml --resume auto\n",
                                       (folder() / "bin/rank").string()));
}

TEST_F(SlurmAllocationTest, mpirun_where_srun_has_no_pmix_or_is_not_wanted) {
  fake_srun("none pmi2");
  program("mpirun", "echo \"mpirun $*\" >> calls; exit 75");
  EXPECT_EQ(train().exit_code, 75);
  fake_srun("pmix");
  EXPECT_EQ(train({"--launcher", "mpirun", "--nproc", "2"}).exit_code, 75);
  const std::string calls = read("calls");
  EXPECT_THAT(calls, HasSubstr("-n 4 "));
  EXPECT_THAT(calls, HasSubstr("-n 2 "));
  EXPECT_EQ(calls.find("srun"), std::string::npos);
}

TEST_F(SlurmAllocationTest, srun_that_was_asked_for_starts_a_single_rank_too) {
  fake_srun("pmix");
  EXPECT_EQ(train({"--nproc", "1", "--launcher", "srun"}).exit_code, 75);
  EXPECT_THAT(read("calls"), HasSubstr("--ntasks=1 "));
}

TEST_F(SlurmAllocationTest, starter_and_its_reason_are_told) {
  fake_srun("none pmi2");
  program("mpirun", "exit 75");
  EXPECT_THAT(train().err, names("4 ranks", "mpirun", "PMIx"));
  fake_srun("pmix_v4");
  EXPECT_THAT(train().err, names("4 ranks", "srun", "pmix_v4"));
}

TEST_F(SlurmAllocationTest, stop_puts_the_job_back_into_the_queue) {
  fake_srun("pmix");
  program("scontrol", "echo \"scontrol $*\" >> calls");
  EXPECT_EQ(train({"--requeue"}).exit_code, 75);
  EXPECT_THAT(read("calls"), HasSubstr("scontrol requeue 7\n"));
  const Json record = parse_json(read("out/job.json"), "job.json");
  EXPECT_EQ(record["total_requeues"], 1);
  EXPECT_EQ(record["job_id"], "7");
}

TEST_F(SlurmAllocationTest, task_of_an_array_goes_back_alone) {
  fake_srun("pmix");
  program("scontrol", "echo \"scontrol $*\" >> calls");
  train({"--requeue"}, {{"SLURM_ARRAY_JOB_ID", "7"}, {"SLURM_ARRAY_TASK_ID", "3"}});
  EXPECT_THAT(read("calls"), HasSubstr("scontrol requeue 7_3\n"));
}

TEST_F(SlurmAllocationTest, requeues_without_progress_end) {
  fake_srun("pmix");
  program("scontrol", "echo \"scontrol $*\" >> calls");
  for (int i = 0; i < 3; ++i) train({"--requeue"});
  const ProgramRun last = train({"--requeue"});
  EXPECT_EQ(last.exit_code, 75);
  EXPECT_THAT(last.err, names("max_requeues"));
  const std::string calls = read("calls");
  EXPECT_EQ(std::count(calls.begin(), calls.end(), '\n'), 4 + 3);
}

TEST_F(SlurmAllocationTest, further_job_where_requeueing_is_refused) {
  fake_srun("pmix");
  program("scontrol", "echo 'Requested operation is presently disabled' >&2; exit 1");
  program("sbatch", "echo \"sbatch $*\" >> calls; echo 8");
  write("out/job.sbatch", "#!/bin/sh\n");
  const ProgramRun run = train({"--requeue"});
  EXPECT_THAT(run.err, names("Requested operation is presently disabled"));
  EXPECT_THAT(read("calls"), HasSubstr("sbatch --parsable --dependency=afterany:7 " +
                                       (folder() / "out/job.sbatch").string() + "\n"));
  EXPECT_EQ(parse_json(read("out/job.json"), "job.json")["job_id"], "8");
}

// The request may have been heard all the same: a further job would be a second one.
TEST_F(SlurmAllocationTest, requeue_without_an_answer_is_not_followed_by_a_second_job) {
  fake_srun("pmix");
  program("scontrol",
          "echo \"scontrol $*\" >> calls\n"
          "echo 'Socket timed out on send/recv operation' >&2; exit 1");
  program("sbatch", "echo \"sbatch $*\" >> calls; echo 8");
  program("squeue", "echo '7|RUNNING|None|1:00|1:00|N/A|node1|'");
  write("out/job.sbatch", "#!/bin/sh\n");
  ProgramRun run = train({"--requeue"});
  EXPECT_EQ(run.exit_code, 75);
  EXPECT_THAT(run.err, names("Socket timed out", "squeue --me"));
  EXPECT_THAT(read("calls"), Not(HasSubstr("sbatch")));
  EXPECT_EQ(parse_json(read("out/job.json"), "job.json")["job_id"], "7");
  // squeue shows that it was heard.
  program("squeue", "echo '7|PENDING|BeginTime|1:00|1:00|N/A||'");
  run = train({"--requeue"});
  EXPECT_THAT(run.err, Not(names("squeue --me")));
  EXPECT_THAT(read("calls"), Not(HasSubstr("sbatch")));
}

// An srun whose task on node2 ends like this after the run has begun.
class LostNodeTest : public SlurmAllocationTest {
 protected:
  ProgramRun lose_node2(const std::string& how, const std::string& exit_code,
                        const std::string& sbatch = "echo \"sbatch $*\" >> calls; echo 8") {
    RunStatus status;
    status.state = RunState::kTraining;
    status.attempt = "ATTEMPT";
    write_run_status(folder() / "status", status);
    program("sbatch", sbatch);
    write("out/job.sbatch", "#!/bin/sh\n");
    fake_srun("pmix");
    program("rank",
            "sed s/ATTEMPT/$$/ status > out/status.json\n"
            "echo 'srun: error: node2: task 3: " +
                how + "' >&2; exit " + exit_code);
    return train({"--requeue", "--set", "slurm.exclude_failed_nodes=true"});
  }
};

TEST_F(LostNodeTest, node_of_a_crash_is_left_out_on_request) {
  const ProgramRun run = lose_node2("Killed", "137");
  EXPECT_EQ(run.exit_code, 1) << run.err;
  EXPECT_THAT(run.err, names("further job", "without node2"));
  EXPECT_THAT(read("calls"),
              HasSubstr("sbatch --parsable --dependency=afterany:7 --exclude=node2 " +
                        (folder() / "out/job.sbatch").string() + "\n"));
  const Json record = parse_json(read("out/job.json"), "job.json");
  EXPECT_EQ(record["job_id"], "8");
  EXPECT_EQ(record["failed_nodes"], Json::array({"node2"}));
}

TEST_F(LostNodeTest, ranks_start_again_where_a_further_job_is_refused) {
  const ProgramRun run = lose_node2("Killed", "137", "echo 'invalid node name' >&2; exit 1");
  EXPECT_EQ(run.exit_code, 1) << run.err;
  EXPECT_THAT(run.err, names("invalid node name"));
  EXPECT_THAT(run.err, names("this job", "node2"));
  EXPECT_THAT(run.err, names("max_restarts"));
  const Json record = parse_json(read("out/job.json"), "job.json");
  EXPECT_EQ(record["job_id"], "7");
  EXPECT_EQ(record["failed_nodes"], Json::array());
}

TEST_F(LostNodeTest, ranks_do_not_start_again_beside_a_job_that_may_be_there) {
  program("squeue", "exit 1");
  const ProgramRun run =
      lose_node2("Killed", "137", "echo 'Socket timed out on send/recv operation' >&2; exit 1");
  EXPECT_EQ(run.exit_code, 1) << run.err;
  EXPECT_THAT(run.err, names("further job", "squeue --me"));
  EXPECT_THAT(run.err, Not(names("this job")));
  EXPECT_EQ(parse_json(read("out/job.json"), "job.json")["is_unanswered"], true);
}

TEST_F(LostNodeTest, node_that_reports_a_stall_is_not) {
  const ProgramRun run = lose_node2("Exited with exit code 76", "76");
  EXPECT_EQ(run.exit_code, 76) << run.err;
  EXPECT_THAT(run.err, names("max_restarts"));
  EXPECT_THAT(read("calls"), Not(HasSubstr("sbatch")));
  EXPECT_EQ(parse_json(read("out/job.json"), "job.json")["total_restarts"], 2);
}

TEST_F(SlurmAllocationTest, requeue_outside_of_a_job_is_refused) {
  const ProgramRun run = temper({"train", "run.yaml", "--requeue"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("SLURM_JOB_ID"));
}

TEST_F(SlurmAllocationTest, ranks_run_in_the_container) {
  fake_srun("pmix");
  program("apptainer", "echo \"apptainer $*\" >> calls; exit 75");
  EXPECT_EQ(train({"--set", "slurm.container=/images/temper.sif"}).exit_code, 75);
  EXPECT_THAT(read("calls"), HasSubstr("apptainer exec /images/temper.sif temper-rank train"));
}

}  // namespace
}  // namespace temper
