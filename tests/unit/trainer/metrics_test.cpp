#include "trainer/metrics.h"

#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

class MetricsTest : public ::testing::Test {
 protected:
  std::vector<Json> events() const {
    std::vector<Json> found;
    std::ifstream lines(path_);
    for (std::string line; std::getline(lines, line);) {
      const Json event = Json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (event.is_object()) found.push_back(event);
    }
    return found;
  }

  TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_.path() / "metrics.jsonl";
};

TEST_F(MetricsTest, every_line_says_what_and_when) {
  const double before = static_cast<double>(std::time(nullptr)) - 1.0;
  Metrics metrics(path_);
  metrics.event("start", {{"step", 0}});
  metrics.step({.step = 1,
                .max_steps = 4,
                .loss = 2.5,
                .num_tokens = 64,
                .seconds = 0.5,
                .data_wait_seconds = 0.25});
  const std::vector<Json> found = events();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0]["event"], "start");
  EXPECT_EQ(found[1]["event"], "step");
  EXPECT_EQ(found[1]["loss"], 2.5);
  EXPECT_EQ(found[1]["data_wait_seconds"], 0.25);
  EXPECT_GT(found[0]["time"].get<double>(), before);
  EXPECT_GE(found[1]["time"].get<double>(), found[0]["time"].get<double>());
}

TEST_F(MetricsTest, a_loss_that_is_no_number_is_null) {
  Metrics(path_).step({.step = 1, .loss = std::numeric_limits<double>::quiet_NaN()});
  EXPECT_TRUE(events().at(0)["loss"].is_null());
}

TEST_F(MetricsTest, step_without_targets_has_no_loss) {
  Metrics(path_).step({.step = 1, .max_steps = 4});
  EXPECT_TRUE(events().at(0)["loss"].is_null());
  EXPECT_TRUE(events().at(0)["grad_norm"].is_null());
}

TEST_F(MetricsTest, goes_on_after_half_a_line) {
  std::ofstream(path_) << "{\"event\": \"st";
  Metrics(path_).event("resume", {});
  ASSERT_EQ(events().size(), 1u);
  EXPECT_EQ(events()[0]["event"], "resume");
}

}  // namespace
}  // namespace temper
