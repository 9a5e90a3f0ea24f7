#include "launcher/ranks/mpirun_leftovers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

class MpirunLeftoversTest : public testing::Test {
 protected:
  MpirunLeftoversTest() {
    fs::create_directories(session(71));
    fs::create_directories(session(72));
    fs::create_directory(places_.shared_memory);
    // 1147207680 is 0x44610000.
    directory_.write("tmp/" + user_ + "/pid.71/contact.txt",
                     "1147207680.0;tcp://192.0.2.2:1\n71\n");
    for (const std::string& name : {segment("44610001", 0), segment("44610001", 1),
                                    segment("44620001", 0), std::string("other")}) {
      directory_.write("shm/" + name, "memory");
    }
  }
  fs::path session(int pid) const {
    return places_.temporary / user_ / ("pid." + std::to_string(pid));
  }
  static std::string segment(const std::string& job, int rank) {
    return fmt::format("vader_segment.node7.{}.{}.{}", geteuid(), job, rank);
  }
  bool has(const std::string& name) const { return fs::exists(places_.shared_memory / name); }

  const TemporaryDirectory directory_;
  const std::string user_ = fmt::format("ompi.node7.{}", geteuid());
  const MpirunPlaces places_ = {directory_ / "tmp", directory_ / "shm"};
};

TEST_F(MpirunLeftoversTest, removes_what_bears_the_jobs_names_and_nothing_else) {
  remove_mpirun_leftovers(71, places_);
  EXPECT_FALSE(fs::exists(session(71)));
  EXPECT_TRUE(fs::exists(session(72)));
  EXPECT_FALSE(has(segment("44610001", 0)));
  EXPECT_FALSE(has(segment("44610001", 1)));
  EXPECT_TRUE(has(segment("44620001", 0)));
  EXPECT_TRUE(has("other"));
}

TEST_F(MpirunLeftoversTest, unreadable_contact_leaves_shared_memory_alone) {
  directory_.write("tmp/" + user_ + "/pid.71/contact.txt", "nonsense");
  remove_mpirun_leftovers(71, places_);
  EXPECT_TRUE(has(segment("44610001", 0)));
}

TEST_F(MpirunLeftoversTest, sessions_are_looked_for_where_open_mpi_keeps_them) {
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before == nullptr ? "" : before;
  setenv("TMPDIR", (directory_ / "tmp").c_str(), 1);
  EXPECT_EQ(MpirunPlaces().temporary, directory_ / "tmp");
  setenv("TMPDIR", "", 1);
  unsetenv("TEMP");
  unsetenv("TMP");
  EXPECT_EQ(MpirunPlaces().temporary, "/tmp");
  before == nullptr ? unsetenv("TMPDIR") : setenv("TMPDIR", kept.c_str(), 1);
}

TEST_F(MpirunLeftoversTest, ended_mpiruns_of_this_machine_are_cleared_away) {
  std::string host(256, '\0');
  ASSERT_EQ(gethostname(host.data(), host.size() - 1), 0);
  host = host.substr(0, host.find_first_of(std::string(".\0", 2)));
  const fs::path here = places_.temporary / fmt::format("ompi.{}.{}", host, geteuid());
  const pid_t child = fork();
  if (child == 0) _exit(0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  const std::string ended = fmt::format("pid.{}", child), running = fmt::format("pid.{}", getpid());
  fs::create_directories(here / ended);
  fs::create_directories(here / running);
  fs::create_directories(here / "jf.1");
  fs::copy_file(session(71) / "contact.txt", here / ended / "contact.txt");
  remove_leftovers_of_ended_mpiruns(places_);
  EXPECT_FALSE(fs::exists(here / ended));
  EXPECT_TRUE(fs::exists(here / running));
  EXPECT_TRUE(fs::exists(here / "jf.1"));
  EXPECT_FALSE(has(segment("44610001", 0)));
  EXPECT_TRUE(has(segment("44620001", 0)));
  EXPECT_TRUE(fs::exists(session(71)));  // another machine's
}

TEST_F(MpirunLeftoversTest, mpirun_that_nobody_has_waited_for_is_no_more) {
  std::array<char, 256> host{};
  ASSERT_EQ(gethostname(host.data(), host.size() - 1), 0);
  const std::string name(host.data());
  const fs::path here =
      places_.temporary / fmt::format("ompi.{}.{}", name.substr(0, name.find('.')), geteuid());
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  const fs::path session_of_child = here / fmt::format("pid.{}", child);
  fs::create_directories(session_of_child);
  remove_leftovers_of_ended_mpiruns(places_);
  EXPECT_FALSE(fs::exists(session_of_child));
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
}

TEST_F(MpirunLeftoversTest, nothing_left_is_nothing_to_do) {
  remove_mpirun_leftovers(70, places_);
  remove_mpirun_leftovers(70, {directory_ / "no", directory_ / "no"});
  EXPECT_TRUE(fs::exists(session(71)));
  EXPECT_TRUE(has(segment("44610001", 0)));
}

}  // namespace
}  // namespace temper
