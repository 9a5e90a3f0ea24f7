#include "launcher/ranks/hostfile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using ::testing::ElementsAre;

constexpr int kCores = 16;  // of a host that does not say

std::vector<std::string> shown(const std::string& text) {
  const TemporaryDirectory directory;
  std::vector<std::string> hosts;
  for (const HostSlots& host : read_hostfile(directory.write("hosts", text), kCores)) {
    hosts.push_back(fmt::format("{} {}", host.host, host.slots));
  }
  return hosts;
}

std::string refusal_of(const std::string& text) {
  return error_text<UserError>([&] { shown(text); });
}

TEST(Hostfile, hosts_with_slots) {
  EXPECT_THAT(shown("# ours\nnode1 slots=4\nnode2 slots=2 max_slots=8 # two\n\nnode3 cpu=1\n"),
              ElementsAre("node1 4", "node2 2", "node3 1"));
}

// Open MPI asks the host itself how many cores it has.
TEST(Hostfile, a_host_without_slots_has_as_many_as_cores) {
  EXPECT_THAT(shown("node1\nnode2 slots=2\n"), ElementsAre("node1 16", "node2 2"));
  EXPECT_THAT(shown("node1 max_slots=3\n"), ElementsAre("node1 3"));
}

TEST(Hostfile, a_host_that_stands_there_twice_has_two_slots) {
  EXPECT_THAT(shown("node1\nnode2\nnode1\nnode1\n"), ElementsAre("node1 3", "node2 16"));
}

TEST(Hostfile, users_domains_and_hosts_left_out) {
  EXPECT_THAT(shown("ada@node1.cluster.example slots=2\n^node2\nnode2 slots=9\n10.0.0.7 slots=1\n"),
              ElementsAre("node1 2", "10.0.0.7 1"));
}

TEST(Hostfile, what_is_none_is_refused_with_its_line) {
  EXPECT_THAT(refusal_of("node1\nnode2 slots=0\n"), names("hosts:2", "\"slots=0\""));
  EXPECT_THAT(refusal_of("node1 slots=x\n"), names("hosts:1", "\"slots=x\""));
  EXPECT_THAT(refusal_of("node1 4\n"), names("hosts:1", "\"4\""));
  EXPECT_THAT(refusal_of("node1 slots=99999999999\n"), names("hosts:1", "99999999999"));
  EXPECT_THAT(refusal_of("node1 slots=4 max_slots=2\n"), names("hosts:1", "node1"));
  EXPECT_THAT(refusal_of("node1 slots=4\nnode1 slots=4\n"), names("hosts:2", "node1"));
  EXPECT_THAT(refusal_of("+n0\n"), names("hosts:1", "\"+n0\""));
  for (const char* text : {"", "# nothing\n", "^node1\nnode1\n"}) {
    EXPECT_THAT(refusal_of(text), names("hosts")) << text;
  }
  const TemporaryDirectory directory;
  EXPECT_THROW(read_hostfile(directory / "missing", kCores), UserError);
}

TEST(Hostfile, this_machine_has_a_core) {
  EXPECT_GE(num_physical_cores(), 1);
}

}  // namespace
}  // namespace temper
