#include "trainer/startup/tensor_allocator.h"

#include <c10/core/Allocator.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "common/error.h"

namespace temper {
namespace {

constexpr size_t kAlignment = 64;

// A plain block, aligned by hand: what malloc gave stands right before what is handed out.
void* allocate_aligned(size_t num_bytes) {
  char* block = static_cast<char*>(std::malloc(num_bytes + kAlignment));
  if (block == nullptr) {
    throw SystemError("out of memory: {} bytes for a tensor; `temper plan` says what a run needs",
                      num_bytes);
  }
  // malloc's own alignment leaves room for a pointer.
  static_assert(alignof(std::max_align_t) >= sizeof(void*));
  const auto address = reinterpret_cast<uintptr_t>(block);
  char* data = block + (kAlignment - address % kAlignment);
  std::memcpy(data - sizeof(void*), &block, sizeof(void*));
  return data;
}

void free_aligned(void* data) {
  if (data == nullptr) return;
  void* block = nullptr;
  std::memcpy(&block, static_cast<char*>(data) - sizeof(void*), sizeof(void*));
  std::free(block);
}

class ReusingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t num_bytes) override {
    void* data = num_bytes == 0 ? nullptr : allocate_aligned(num_bytes);
    return {data, data, &free_aligned, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_aligned; }
  void copy_data(void* to, const void* from, size_t count) const override {
    default_copy_data(to, from, count);
  }
};

}  // namespace

void use_reusing_tensor_allocator() {
  static ReusingAllocator allocator;
  c10::SetAllocator(c10::DeviceType::CPU, &allocator, /*priority=*/1);
}

}  // namespace temper
