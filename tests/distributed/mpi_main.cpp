// The main of every distributed test: all ranks run the same tests in the same order, rank 0 prints
// as usual, the other ranks print only what failed, and all ranks fail if one did.
#include <gtest/gtest.h>
#include <mpi.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

namespace {

constexpr std::chrono::seconds kGraceAfterFailure(10);

// Makes the ranks meet after each test. A rank that failed waits a while only: the others may be
// inside a collective that it left, and would wait for ever.
class RankListener : public ::testing::EmptyTestEventListener {
 public:
  explicit RankListener(int rank) : rank_(rank) { MPI_Comm_dup(MPI_COMM_WORLD, &comm_); }

  void OnTestStart(const ::testing::TestInfo& info) override {
    test_ = std::string(info.test_suite_name()) + "." + info.name();
  }

  void OnTestPartResult(const ::testing::TestPartResult& result) override {
    if (!result.failed() || rank_ == 0) return;
    std::fprintf(stderr, "[rank %d] %s failed at %s:%d\n%s\n", rank_, test_.c_str(),
                 result.file_name() != nullptr ? result.file_name() : "?", result.line_number(),
                 result.message());
    std::fflush(stderr);
  }

  void OnTestEnd(const ::testing::TestInfo& info) override {
    const bool failed = info.result()->Failed();
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Ibarrier(comm_, &request);
    const auto deadline = std::chrono::steady_clock::now() + kGraceAfterFailure;
    int all_here = 0;
    while (MPI_Test(&request, &all_here, MPI_STATUS_IGNORE) == MPI_SUCCESS && all_here == 0) {
      if (failed && std::chrono::steady_clock::now() > deadline) end_job();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  void OnTestProgramEnd(const ::testing::UnitTest&) override { MPI_Comm_free(&comm_); }

 private:
  void end_job() {
    std::fprintf(stderr, "[rank %d] %s failed here while other ranks wait: ending the job\n", rank_,
                 test_.c_str());
    std::fflush(stderr);
    MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
  }

  int rank_;
  std::string test_ = "outside a test";
  MPI_Comm comm_ = MPI_COMM_NULL;
};

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  int provided = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided) != MPI_SUCCESS) {
    std::fprintf(stderr, "MPI_Init_thread failed\n");
    return EXIT_FAILURE;
  }
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);

  auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
  if (rank != 0) delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new RankListener(rank));

  int failed = RUN_ALL_TESTS();
  // A binary that has no tests, or whose tests were all filtered away, proves nothing.
  if (::testing::UnitTest::GetInstance()->test_to_run_count() == 0) {
    std::fprintf(stderr, "[rank %d] no test was run\n", rank);
    failed = 1;
  }
  int any_failed = 0;
  MPI_Allreduce(&failed, &any_failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  if (any_failed != 0 && failed == 0 && rank == 0) {
    std::fprintf(stderr, "[rank 0] passed here, but another rank failed: see above\n");
  }
  MPI_Finalize();
  return any_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
