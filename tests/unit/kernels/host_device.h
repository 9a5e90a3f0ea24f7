// Device loops on the host, for tests: what CUDA's compiler knows by itself, and a launch in which
// the threads of a block are fibers that take turns from barrier to barrier. Included before the
// loops. Not for sanitizers, which lose track of the fibers' stacks.
#pragma once

#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#define __global__
#define __device__
#define __shared__ static

struct HostIndex {
  unsigned x = 0, y = 0;
};
inline HostIndex threadIdx, blockIdx;

inline uint32_t __float_as_uint(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

inline float __uint_as_float(uint32_t bits) {
  float value = 0.0f;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

namespace temper {

class HostBlock {
 public:
  static constexpr size_t kStackBytes = size_t{64} << 10;

  HostBlock(int num_threads, const std::function<void()>& body) : body_(body) {
    for (int t = 0; t < num_threads; ++t) add_fiber();
  }

  void run() {
    current_ = this;
    for (bool any = true; any;) {
      any = false;
      for (size_t t = 0; t < fibers_.size(); ++t) {
        if (fibers_[t]->done) continue;
        any = true;
        running_ = t;
        threadIdx.x = static_cast<unsigned>(t);
        swapcontext(&scheduler_, &fibers_[t]->context);
      }
    }
  }

  static void barrier() {
    HostBlock& block = *current_;
    swapcontext(&block.fibers_[block.running_]->context, &block.scheduler_);
  }

 private:
  struct Fiber {
    ucontext_t context = {};
    std::vector<char> stack;
    bool done = false;
  };

  void add_fiber() {
    Fiber& fiber = *fibers_.emplace_back(std::make_unique<Fiber>());
    fiber.stack.resize(kStackBytes);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.data();
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = &scheduler_;
    makecontext(&fiber.context, &HostBlock::enter, 0);
  }

  static void enter() {
    HostBlock& block = *current_;
    block.body_();
    block.fibers_[block.running_]->done = true;
  }

  inline static HostBlock* current_ = nullptr;
  const std::function<void()>& body_;
  ucontext_t scheduler_ = {};
  std::vector<std::unique_ptr<Fiber>> fibers_;
  size_t running_ = 0;
};

// kernel<<<{x, y}, num_threads>>>: `body` is the call of the kernel.
inline void launch_on_host(int64_t x, int64_t y, int num_threads,
                           const std::function<void()>& body) {
  for (int64_t by = 0; by < y; ++by) {
    for (int64_t bx = 0; bx < x; ++bx) {
      blockIdx = {static_cast<unsigned>(bx), static_cast<unsigned>(by)};
      HostBlock(num_threads, body).run();
    }
  }
}

}  // namespace temper

inline void __syncthreads() {
  temper::HostBlock::barrier();
}
