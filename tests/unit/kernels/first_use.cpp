// MKL chooses the code of a vector function at its first use, and threads that are all the first
// may compute a part of it with the least exact one (pytorch issue 188792). The operators that
// tests compare with must not: each such function is used once before, by one thread.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace temper {
namespace {

class FirstUse : public testing::Environment {
  void SetUp() override {
    for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
      const at::Tensor one = at::ones({1}, type);
      at::exp(one);
      at::log(one);
      at::sqrt(one);
      at::sin(one);
      at::cos(one);
      at::tanh(one);
    }
  }
};

const testing::Environment* const kFirstUse = testing::AddGlobalTestEnvironment(new FirstUse);

}  // namespace
}  // namespace temper
