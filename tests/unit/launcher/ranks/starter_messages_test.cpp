#include "launcher/ranks/starter_messages.h"

#include <gtest/gtest.h>

namespace temper {
namespace {

const std::string kRule(74, '-');

// mpirun 4.1.4's own words.
const std::string kKilled =
    kRule +
    "\nPrimary job  terminated normally, but 1 process returned\na non-zero exit code. Per "
    "user-direction, the job has been aborted.\n" +
    kRule + "\n" + kRule +
    "\nmpirun noticed that process rank 3 with PID 0 on node gpu-7 exited on signal 9 (Killed).\n" +
    kRule + "\n";
const std::string kAborted =
    kRule +
    "\nMPI_ABORT was invoked on rank 1 in communicator MPI_COMM_WORLD\nwith errorcode 1.\n\nNOTE: "
    "invoking MPI_ABORT causes Open MPI to kill all MPI processes.\n" +
    kRule + "\n[gpu-7:123] 1 more process has sent help message help-mpi-api.txt / mpi-abort\n";
const std::string kCode =
    kRule +
    "\nmpirun detected that one or more processes exited with non-zero status, thus causing\nthe "
    "job to be terminated. The first process to do so was:\n\n  Process name: [[60253,1],2]\n  "
    "Exit code:    1\n" +
    kRule + "\n";
const std::string kSlots =
    kRule +
    "\nThere are not enough slots available in the system to satisfy the 8\nslots that were "
    "requested by the application:\n" +
    kRule + "\n";

std::string shown(StarterMessages& messages, const std::string& stream, size_t piece) {
  std::string text;
  for (size_t at = 0; at < stream.size(); at += piece)
    text += messages.take(stream.substr(at, piece));
  return text + messages.finish();
}

TEST(StarterMessages, banners_are_dropped_and_understood_in_any_pieces) {
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{100000}}) {
    StarterMessages messages;
    EXPECT_EQ(shown(messages, "temper: a\n" + kKilled + "temper: b\n", piece),
              "temper: a\ntemper: b\n");
    ASSERT_TRUE(messages.first_failure());
    EXPECT_EQ(messages.first_failure()->text(),
              "rank 3 on gpu-7 ended first, with signal 9 (Killed)");
  }
}

TEST(StarterMessages, ranks_own_words_are_left_to_speak_for_themselves) {
  StarterMessages messages;
  EXPECT_EQ(shown(messages, "temper: error on rank 1: x\n" + kAborted, 3),
            "temper: error on rank 1: x\n");
  EXPECT_FALSE(messages.first_failure());
}

TEST(StarterMessages, forwarded_signals_are_not_shown) {
  StarterMessages messages;
  EXPECT_EQ(shown(messages, "mpirun: Forwarding signal 10 to job\nmpirun: other words\n", 5),
            "mpirun: other words\n");
}

TEST(StarterMessages, full_shared_memory_is_left_to_the_ranks) {
  StarterMessages messages;
  EXPECT_EQ(
      shown(messages,
            kRule +
                "\nIt appears as if there is not enough space for /dev/shm/vader_segment (the "
                "shared-memory backing\nfile).\n" +
                kRule +
                "\n[vm:1] [[2,0],0] ORTE_ERROR_LOG: Out of resource in file "
                "../../orte/util/show_help.c at line 501\ntemper: error: /dev/shm\n",
            5),
      "temper: error: /dev/shm\n");
}

TEST(StarterMessages, exit_code_names_the_rank) {
  StarterMessages messages;
  EXPECT_EQ(shown(messages, kCode, 5), "");
  ASSERT_TRUE(messages.first_failure());
  EXPECT_EQ(messages.first_failure()->text(), "rank 2 ended first, with code 1");
}

TEST(StarterMessages, what_is_not_known_is_shown) {
  StarterMessages messages;
  EXPECT_EQ(shown(messages, kSlots, 5), kSlots);
  EXPECT_EQ(shown(messages, kRule + "\nhalf a block\n", 5), kRule + "\nhalf a block\n");
  EXPECT_EQ(shown(messages, "[1, 2] a list\n--- x\nsrun: error: unknown\nno end", 4),
            "[1, 2] a list\n--- x\nsrun: error: unknown\nno end");
}

TEST(StarterMessages, live_bar_is_not_held_back) {
  StarterMessages messages;
  EXPECT_EQ(messages.take("\r#### step 1"), "\r#### step 1");
  EXPECT_EQ(messages.take("\r##### step 2"), "\r##### step 2");
  EXPECT_EQ(messages.take("\n"), "\n");
}

// A bar has no newline, so what mpirun says comes right behind it.
TEST(StarterMessages, words_behind_a_live_bar_are_understood) {
  StarterMessages messages;
  const std::string bar = "\r#### step 1\033[K";
  EXPECT_EQ(shown(messages, bar + "mpirun: Forwarding signal 10 to job\n", 3), bar);
  EXPECT_EQ(shown(messages, bar + kKilled, 5), bar);
  ASSERT_TRUE(messages.first_failure().has_value());
  EXPECT_EQ(messages.first_failure()->rank, 3);
}

TEST(StarterMessages, srun_names_node_and_task) {
  StarterMessages messages;
  EXPECT_EQ(shown(messages,
                  "srun: error: node2: task 1: Killed\nsrun: error: node1: task 0: "
                  "Exited with exit code 1\n",
                  6),
            "");
  ASSERT_TRUE(messages.first_failure());
  EXPECT_EQ(messages.first_failure()->text(), "rank 1 on node2 ended first, with Killed");
}

}  // namespace
}  // namespace temper
