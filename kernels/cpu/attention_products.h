// The products of attention's CPU loops, in two ways with the same functions: tiles of our own
// (kernels/cpu/attention_tiles.h), and LibTorch's. A way has its sizes of blocks, and a layout in
// which it holds rows that several products read. Inside kernels/ only.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "arch/layout/working_memory.h"
#include "common/error.h"
#include "kernels/cpu/attention_tiles.h"

namespace temper {

struct Span {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
};

// A matrix within a tensor's memory.
struct Slice {
  at::Tensor memory;
  int64_t offset = 0;
  int64_t rows = 0, columns = 0;
  int64_t stride = 0;

  float* data() const { return memory.data_ptr<float>() + offset; }
  float* row(int64_t i) const { return data() + i * stride; }
  RowsView view() const { return {data(), rows, columns, stride}; }
  at::Tensor tensor() const {
    return memory.as_strided({rows, columns}, {stride, 1}, memory.storage_offset() + offset);
  }
  Slice slice(Span r, Span c) const {
    return {memory, offset + r.begin * stride + c.begin, r.size(), c.size(), stride};
  }
  Slice slice_rows(Span r) const { return slice(r, {0, columns}); }
};

// Rows of one head of x [T, heads, head_dim].
inline Slice head_rows(const at::Tensor& x, int64_t head, Span rows) {
  const int64_t stride = x.size(1) * x.size(2);
  return {x, rows.begin * stride + head * x.size(2), rows.size(), x.size(2), stride};
}

// Working memory of one thread, handed out piece by piece.
class Scratch {
 public:
  explicit Scratch(const at::Tensor& memory) : memory_(memory) {}
  Slice take(int64_t rows, int64_t columns) {
    const Slice piece{memory_, used_, rows, columns, columns};
    used_ += rows * columns;
    TEMPER_CHECK(used_ <= memory_.numel(), "attention: {} numbers of {}", used_, memory_.numel());
    return piece;
  }

 private:
  at::Tensor memory_;
  int64_t used_ = 0;
};

struct TiledProducts {
  static constexpr AttentionBlocks kBlocks = kAttentionTiles;

  static Slice hold_rows(const Slice& in, const Slice& memory) {
    copy_rows(in.view(), memory.data());
    return {memory.memory, memory.offset, in.rows, in.columns, attention_row_stride(in.columns)};
  }
  static Slice hold_transposed(const Slice& in, const Slice& memory) {
    copy_transposed(in.view(), memory.data());
    return {memory.memory, memory.offset, in.rows, in.columns, in.columns};
  }
  // out[:, columns] = a b^T, of a held as rows and b as transposed.
  static void multiply_by_transposed(const Slice& a, const Slice& b, Span columns,
                                     const Slice& out) {
    temper::multiply_by_transposed(a.view(), b.data(), columns.begin, columns.end, out.data(),
                                   out.stride);
  }
  // out = a b, or += with `adds`, of b held as rows.
  static void multiply(const Slice& a, const Slice& b, const Slice& out, bool adds) {
    multiply_rows(a.view(), b.data(), b.columns, out.data(), out.stride, adds);
  }
  // out += a^T b, of b held as rows.
  static void add_transposed_product(const Slice& a, const Slice& b, const Slice& out) {
    temper::add_transposed_product(a.view(), b.data(), b.columns, out.data(), out.stride);
  }
};

struct LibraryProducts {
  static constexpr AttentionBlocks kBlocks = kAttentionLibrary;

  static Slice hold_rows(const Slice& in, const Slice&) { return in; }
  static Slice hold_transposed(const Slice& in, const Slice&) { return in; }
  static void multiply_by_transposed(const Slice& a, const Slice& b, Span columns,
                                     const Slice& out) {
    at::Tensor result = out.slice({0, a.rows}, columns).tensor();
    at::mm_out(result, a.tensor(), b.slice_rows(columns).tensor().t());
  }
  static void multiply(const Slice& a, const Slice& b, const Slice& out, bool adds) {
    at::Tensor result = out.tensor();
    if (adds) {
      result.addmm_(a.tensor(), b.tensor());
    } else {
      at::mm_out(result, a.tensor(), b.tensor());
    }
  }
  static void add_transposed_product(const Slice& a, const Slice& b, const Slice& out) {
    out.tensor().addmm_(a.tensor().t(), b.tensor());
  }
};

}  // namespace temper
