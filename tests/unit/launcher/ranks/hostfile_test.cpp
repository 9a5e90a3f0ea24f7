#include "launcher/ranks/hostfile.h"

#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

TEST(Hostfile, slots_of_all_hosts) {
  const TemporaryDirectory directory;
  const auto path =
      directory.write("hosts", "# ours\nnode1 slots=4\nnode2 slots=2 max_slots=8 # two\n\nnode3\n");
  EXPECT_EQ(count_slots(path), 7);
}

TEST(Hostfile, what_is_none_is_refused) {
  const TemporaryDirectory directory;
  for (const char* text : {"", "# nothing\n", "node1 slots=0\n", "node1 slots=x\n", "node1 4\n",
                           "node1 slots=99999999999\n"}) {
    EXPECT_THROW(count_slots(directory.write("hosts", text)), UserError) << text;
  }
  EXPECT_THROW(count_slots(directory / "missing"), UserError);
}

}  // namespace
}  // namespace temper
