// Who starts the ranks inside a Slurm allocation: srun where it can, with what it needs. The srun
// here only notes how it was called; a real one is not needed.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "workshop.h"

namespace temper {
namespace {

using ::testing::HasSubstr;

class SlurmAllocationTest : public Workshop {
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
  ProgramRun train(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"train", "run.yaml"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return temper(arguments, "",
                  {{"PATH", (folder() / "bin").string() + ":/usr/bin:/bin"},
                   {"TEMPER_RANK", (folder() / "bin/rank").string()},
                   {"SLURM_JOB_ID", "7"},
                   {"SLURM_NTASKS", "4"},
                   {"SLURM_CPUS_PER_TASK", "2"}});
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

}  // namespace
}  // namespace temper
