#include "trainer/early_stopping.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <limits>

namespace temper {
namespace {

TEST(EarlyStopping, stops_after_patience_evaluations_without_improvement) {
  EarlyStopping stopping(2);
  for (const double loss : {3.0, 2.0, 2.5}) stopping.update(loss);
  EXPECT_FALSE(stopping.should_stop());
  stopping.update(2.0);  // equal is no improvement
  EXPECT_TRUE(stopping.should_stop());
  EXPECT_EQ(stopping.best_loss(), 2.0);
}

TEST(EarlyStopping, an_improvement_starts_the_count_again) {
  EarlyStopping stopping(2);
  for (const double loss : {3.0, 3.5, 2.9, 3.1}) stopping.update(loss);
  EXPECT_FALSE(stopping.should_stop());
}

TEST(EarlyStopping, nan_is_no_improvement_and_zero_patience_never_stops) {
  EarlyStopping stopping(1);
  stopping.update(1.0);
  stopping.update(std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(stopping.should_stop());
  EarlyStopping off(0);
  for (int i = 0; i < 10; ++i) off.update(1.0);
  EXPECT_FALSE(off.should_stop());
}

TEST(EarlyStopping, recalls_the_losses_before_the_resumed_step) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("temper-early-stopping-" + std::to_string(getpid()));
  std::ofstream(path) << R"({"event":"test_loss","step":10,"loss":3.0})"
                         "\n"
                      << R"({"event":"step","step":10,"loss":9.0})"
                         "\n"
                      << R"({"event":"test_loss","step":20,"loss":2.0})"
                         "\n"
                      << R"({"event":"test_loss","step":30,"lo)"
                         "\n"
                      << R"({"event":"test_loss","step":20,"loss":1.5})"
                         "\n"
                      << R"({"event":"test_loss","step":40,"loss":1.0})"
                         "\n";
  EXPECT_EQ(recorded_test_losses(path, 30), (std::vector<double>{3.0, 1.5}));
  std::filesystem::remove(path);
  EXPECT_TRUE(recorded_test_losses(path, 30).empty());
}

}  // namespace
}  // namespace temper
