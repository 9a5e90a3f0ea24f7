// An allocator for tensors whose freed blocks serve tensors of the same size again.
#pragma once

namespace temper {

// // Makes every CPU tensor of this process lie in it from now on, aligned to 64 bytes as before.
// Call it before the first tensor.
//
// LibTorch's own asks glibc for aligned blocks (posix_memalign), for which glibc wants a hole that
// is 64 bytes larger than what it then hands out: a block that was freed never serves the same
// request again, and activations creep up the heap (docs/decisions/malloc.md).
void use_reusing_tensor_allocator();

}  // namespace temper
