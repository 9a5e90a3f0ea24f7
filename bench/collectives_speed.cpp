// mpirun -n N temper-bench-collectives [MIB]: reduce_scatter and all_gather among the ranks of a
// node, beside Open MPI's own of the same bytes, interleaved; medians over repetitions of the
// slowest rank's seconds, as a Markdown table. Twice: with malloc as shipped, and with it told to
// keep its memory, which helps Open MPI's temporary buffers.
//
// Of ordinary memory, as Open MPI's: what it takes to bring it into memory that the node shares is
// included. "In place" is what training does, whose gradients are computed there.
#include <fmt/format.h>
#include <malloc.h>
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "comm/mpi/comm_environment.h"
#include "comm/mpi/mpi_check.h"
#include "comm/process_group.h"
#include "common/error.h"

namespace temper {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRepetitions = 9;

struct Contender {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds;

  double median() {
    std::sort(seconds.begin(), seconds.end());
    return seconds[seconds.size() / 2];
  }
};

// Of the slowest rank.
double time_of(ProcessGroup& group, const std::function<void()>& run) {
  group.barrier();
  const auto start = Clock::now();
  run();
  at::Tensor seconds = at::full({1}, std::chrono::duration<double>(Clock::now() - start).count(),
                                at::TensorOptions(at::kDouble));
  group.all_reduce_max(seconds);
  return seconds.item<double>();
}

class Collectives {
 public:
  Collectives(ProcessGroup& group, int64_t mib)
      : group_(group),
        part_((mib << 18) / group.size()),
        gradient_(at::empty({part_ * group.size()}, at::kFloat)),
        full_(at::zeros_like(gradient_)),
        reduced_(at::zeros({part_}, at::kFloat)),
        accumulator_(at::zeros({part_}, at::kFloat)),
        peers_(group.make_peer_buffers(gradient_.numel())),
        shared_(group.make_shared_buffer(gradient_.numel())) {
    // Small integers, so that every order of addition gives the same sum.
    gradient_.copy_(at::arange(gradient_.numel(), at::kLong).remainder_(97).add_(group.rank()));
    mine(full_).copy_(mine(gradient_));
    peers_->mine().copy_(gradient_);
  }

  void compare(const std::string& malloc_kind) {
    std::vector<Contender> reduce = {
        {"Open MPI, MPI_Reduce_scatter_block", [&] { mpi_reduce(); }, {}},
        {"temper", [&] { reduce_scatter(gradient_); }, {}},
        {"temper, in place", [&] { reduce_scatter(peers_->mine()); }, {}}};
    std::vector<Contender> gather = {{"Open MPI, MPI_Allgather", [&] { mpi_gather(); }, {}},
                                     {"temper", [&] { gather_shared(true); }, {}},
                                     {"temper, in place", [&] { gather_shared(false); }, {}}};
    report("reduce_scatter", malloc_kind, reduce);
    report("all_gather", malloc_kind, gather);
  }

 private:
  at::Tensor mine(const at::Tensor& full) const {
    return full.narrow(0, group_.rank() * part_, part_);
  }

  // memcpy writes past the caches where that pays; at::Tensor::copy_ does not.
  static void copy_in(const at::Tensor& to, const at::Tensor& from) {
    std::memcpy(to.data_ptr<float>(), from.const_data_ptr<float>(), from.nbytes());
  }

  void mpi_reduce() {
    check_mpi(MPI_Reduce_scatter_block(gradient_.data_ptr<float>(), reduced_.data_ptr<float>(),
                                       static_cast<int>(part_), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD),
              "MPI_Reduce_scatter_block");
  }
  void mpi_gather() {
    check_mpi(MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, full_.data_ptr<float>(),
                            static_cast<int>(part_), MPI_FLOAT, MPI_COMM_WORLD),
              "MPI_Allgather");
  }
  void reduce_scatter(const at::Tensor& gradient) {
    group_.reduce_scatter(gradient, accumulator_, group_.size());
  }
  void gather_shared(bool copies) {
    at::Tensor full = shared_->tensor();
    if (copies) copy_in(mine(full), mine(gradient_));
    group_.all_gather_in_place(full);
  }

  void report(const std::string& what, const std::string& malloc_kind,
              std::vector<Contender>& contenders) {
    for (Contender& contender : contenders) contender.run();  // touches the memory
    check(what);
    for (int i = 0; i < kRepetitions; ++i) {
      for (Contender& contender : contenders) {
        contender.seconds.push_back(time_of(group_, contender.run));
      }
    }
    if (group_.rank() != 0) return;
    const double baseline = contenders.front().median();
    for (Contender& contender : contenders) {
      const double seconds = contender.median();
      fmt::print("| {} | {} | {} | {:.1f} | {:.1f} to {:.1f} | {:.2f}x |\n", what, malloc_kind,
                 contender.name, 1e3 * seconds, 1e3 * contender.seconds.front(),
                 1e3 * contender.seconds.back(), baseline / seconds);
    }
  }

  // Both reductions gave the same sums, both gathers the same parts.
  void check(const std::string& what) {
    if (what == "reduce_scatter") {
      const at::Tensor sum = accumulator_.remainder(reduced_);  // one or more whole sums
      TEMPER_CHECK(sum.count_nonzero().item<int64_t>() == 0, "the sums differ");
    } else {
      TEMPER_CHECK(at::equal(full_, shared_->tensor()), "the gathered parts differ");
    }
  }

  ProcessGroup& group_;
  int64_t part_;
  at::Tensor gradient_;  // this rank's gradient, in ordinary memory
  at::Tensor full_;      // what Open MPI gathers into
  at::Tensor reduced_;   // what Open MPI reduces into
  at::Tensor accumulator_;
  std::unique_ptr<PeerBuffers> peers_;
  std::unique_ptr<SharedBuffer> shared_;
};

void run(ProcessGroup& group, int64_t mib) {
  if (group.rank() == 0) {
    fmt::print("{} ranks of one node, {} MiB of fp32 a rank\n\n", group.size(), mib);
    fmt::print("| | malloc | | ms, median | ms, least to most | faster than Open MPI |\n");
    fmt::print("|---|---|---|---|---|---|\n");
  }
  Collectives collectives(group, mib);
  collectives.compare("as shipped");
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
  collectives.compare("told to keep its memory");
}

}  // namespace
}  // namespace temper

int main(int argc, char** argv) {
  try {
    temper::CommEnvironment environment(&argc, &argv);
    temper::run(environment.world(), argc > 1 ? std::atoll(argv[1]) : 256);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
