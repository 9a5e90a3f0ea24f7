#include "comm/round_robin.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "common/error.h"

namespace temper {

std::vector<double> gather_round_robin(ProcessGroup& group, const std::vector<double>& mine,
                                       int64_t num_pieces) {
  const int64_t size = group.size();
  const int64_t rounds = (num_pieces + size - 1) / size;
  TEMPER_CHECK(static_cast<int64_t>(mine.size()) == rounds, "{} values in {} rounds", mine.size(),
               rounds);
  at::Tensor all = at::zeros({size * rounds}, at::kDouble);
  double* values = all.data_ptr<double>();
  std::copy(mine.begin(), mine.end(), values + group.rank() * rounds);
  group.all_gather_in_place(all);
  std::vector<double> ordered;
  for (int64_t m = 0; m < num_pieces; ++m) {
    ordered.push_back(values[(m % size) * rounds + m / size]);
  }
  return ordered;
}

}  // namespace temper
