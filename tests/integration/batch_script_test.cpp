// slurm/train.sbatch: whoever gets the signal before the time limit must be temper itself.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "workshop.h"

namespace temper {
namespace {

using ::testing::HasSubstr;

class BatchScriptTest : public Workshop {};

TEST_F(BatchScriptTest, becomes_temper_train) {
  const std::filesystem::path fake = write("bin/temper", "#!/bin/sh\necho \"$PPID:$*\"\nexit 75\n");
  std::filesystem::permissions(fake, std::filesystem::perms::owner_all);
  ProcessOptions options;
  options.environment = {{"PATH", (folder() / "bin").string() + ":/usr/bin:/bin"}};
  const CapturedProcess run = run_captured(
      {"bash", TEMPER_SOURCE_DIR "/slurm/train.sbatch", "run.yaml", "--set", "a b=c"}, "", options);
  EXPECT_EQ(run.status.code, 75);
  // Its parent is this process: no shell is left in between.
  EXPECT_EQ(run.standard_output, fmt::format("{}:train run.yaml --set a b=c\n", getpid()));
}

}  // namespace
}  // namespace temper
