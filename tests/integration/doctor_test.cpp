// temper doctor on this machine.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "training_fixture.h"

namespace temper {
namespace {

using ::testing::HasSubstr;

class DoctorTest : public TrainingFixture {};

TEST_F(DoctorTest, sound_machine_is_ready) {
  write_yaml("output_dir: out\n");
  const Json report = temper_json({"doctor", "run.yaml", "--nproc", "2", "--json"});
  EXPECT_EQ(report["ready"], true) << report.dump();
  EXPECT_EQ(report["nodes"].size(), 2u);
  EXPECT_THAT(temper_output({"doctor"}), HasSubstr("ready\n"));
  EXPECT_EQ(temper({"doctor", "missing.yaml"}).exit_code, 2);
}

}  // namespace
}  // namespace temper
