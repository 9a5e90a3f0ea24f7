#include "launcher/plan/replay.h"

#include <gtest/gtest.h>

#include "common/error.h"

namespace temper {
namespace {

TEST(Replay, share_is_below_one) {
  for (const char* share : {"1", "-0.1", "x", "0.1x", "nan", ""}) {
    try {
      datasets_with_replay({}, "general.h5", share);
      ADD_FAILURE() << share;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find("is no share of the rows"), std::string::npos)
          << error.what();
    }
  }
}

}  // namespace
}  // namespace temper
