#include "common/memory_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <vector>

#include "tests/fixtures/names.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

class HostMemoryTest : public testing::Test {
 protected:
  HostMemoryTest() {
    forget_slurm();
    write("proc/meminfo", "MemTotal:  4000 kB\nMemAvailable:    2000 kB\nSwapFree:  500 kB\n");
    write("proc/self/cgroup", "0::/\n");
  }
  ~HostMemoryTest() override { forget_slurm(); }
  static void forget_slurm() {
    for (const char* name : {"SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU", "SLURM_CPUS_ON_NODE"}) {
      unsetenv(name);
    }
  }
  void write(const std::string& name, const std::string& text) {
    const auto path = root_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  HostMemory memory() { return available_memory(root_.path()); }

  TemporaryDirectory root_;
};

TEST_F(HostMemoryTest, is_what_the_kernel_says_with_free_swap) {
  EXPECT_EQ(memory().bytes, 2500 * 1024);
  EXPECT_EQ(memory().source, "MemAvailable");
}

TEST_F(HostMemoryTest, is_unknown_where_nobody_says) {
  EXPECT_EQ(available_memory(root_.path() / "nothing").bytes, 0);
}

TEST_F(HostMemoryTest, every_group_above_counts_in_version_2) {
  write("proc/self/cgroup", "0::/job/step\n");
  write("sys/fs/cgroup/job/step/memory.max", "max\n");
  write("sys/fs/cgroup/job/memory.max", "1500000\n");
  write("sys/fs/cgroup/job/memory.current", "400000\n");
  write("sys/fs/cgroup/job/memory.stat", "anon 100000\ninactive_file 250000\nactive_file 50000\n");
  EXPECT_EQ(memory().bytes, 1500000 - 100000);
  EXPECT_THAT(memory().source, names("control group"));
}

TEST_F(HostMemoryTest, version_1_has_a_hierarchy_of_its_own) {
  write("proc/self/cgroup", "5:cpu,cpuacct:/\n4:memory:/slurm/job_7\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes", "1000000\n");
  write("sys/fs/cgroup/memory/slurm/job_7/memory.usage_in_bytes", "300000\n");
  write("sys/fs/cgroup/memory/slurm/job_7/memory.stat",
        "inactive_file 7\ntotal_inactive_file 100000\ntotal_active_file 0\n");
  EXPECT_EQ(memory().bytes, 800000);
}

TEST_F(HostMemoryTest, the_allocation_of_slurm_counts) {
  setenv("SLURM_MEM_PER_NODE", "2", 1);
  EXPECT_EQ(memory().bytes, 2 << 20);
  EXPECT_EQ(memory().source, "SLURM_MEM_PER_NODE");
  setenv("SLURM_MEM_PER_NODE", "0", 1);  // all of it
  EXPECT_EQ(memory().source, "MemAvailable");
  setenv("SLURM_MEM_PER_CPU", "1", 1);
  setenv("SLURM_CPUS_ON_NODE", "2", 1);
  EXPECT_EQ(memory().bytes, 2 << 20);
}

TEST_F(HostMemoryTest, of_this_machine_is_known) {
  EXPECT_GT(available_memory().bytes, int64_t{64} << 20);
}

TEST(ProcessMemoryTest, sees_what_is_touched) {
  const ProcessMemory before = read_process_memory();
  EXPECT_GT(before.rss_bytes, 0);
  EXPECT_GT(before.pss_bytes, 0);
  EXPECT_LE(before.pss_bytes, before.rss_bytes);
  EXPECT_GE(read_peak_rss(), before.peak_rss_bytes);

  constexpr int64_t kBytes = int64_t{64} << 20;
  const std::vector<char> touched(kBytes, 'x');
  const ProcessMemory after = read_process_memory();
  EXPECT_EQ(touched.back(), 'x');
  EXPECT_GE(after.rss_bytes - before.rss_bytes, kBytes * 9 / 10);
  EXPECT_GE(after.peak_rss_bytes, after.rss_bytes * 9 / 10);
}

}  // namespace
}  // namespace temper
