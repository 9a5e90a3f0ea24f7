#include "kernels/attention.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <tuple>

#include "kernels/attention_blocks.h"
#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

struct Case {
  const char* name;
  std::vector<int32_t> cu_seqlens;
  int64_t num_heads, num_kv_heads, head_dim;
  std::optional<int64_t> window;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

// Dense attention with an explicit mask: one of [T, T] for all documents together.
at::Tensor composite(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const AttentionMask& mask) {
  const int64_t tokens = q.size(0), group = q.size(1) / k.size(1);
  at::Tensor document = at::empty({tokens}, at::kLong);
  for (size_t d = 0; d + 1 < mask.cu_seqlens.size(); ++d) {
    document.slice(0, mask.cu_seqlens[d], mask.cu_seqlens[d + 1]).fill_(static_cast<int64_t>(d));
  }
  const at::Tensor row = at::arange(tokens, at::kLong).unsqueeze(1), column = row.t();
  at::Tensor hidden = column.gt(row).logical_or(document.unsqueeze(1).ne(document.unsqueeze(0)));
  if (mask.sliding_window) hidden = hidden.logical_or(column.le(row - *mask.sliding_window));
  const at::Tensor keys = k.transpose(0, 1).repeat_interleave(group, 0);
  const at::Tensor values = v.transpose(0, 1).repeat_interleave(group, 0);
  const at::Tensor scores = at::matmul(q.transpose(0, 1), keys.transpose(1, 2)) /
                            std::sqrt(static_cast<double>(q.size(2)));
  const at::Tensor p =
      at::softmax(scores.masked_fill(hidden, -std::numeric_limits<double>::infinity()), -1);
  return at::matmul(p, values).transpose(0, 1);
}

struct Inputs {
  explicit Inputs(const Case& c) : mask{c.cu_seqlens, c.window} {
    const int64_t tokens = c.cu_seqlens.back();
    q = random_tensor({tokens, c.num_heads, c.head_dim}, 1) * 2;
    k = random_tensor({tokens, c.num_kv_heads, c.head_dim}, 2) * 2;
    v = random_tensor({tokens, c.num_kv_heads, c.head_dim}, 3);
    d_out = random_tensor({tokens, c.num_heads, c.head_dim}, 4);
  }

  at::Tensor q, k, v, d_out;
  AttentionMask mask;
};

std::vector<AttentionDocument> documents_of(const std::vector<int32_t>& ends) {
  std::vector<AttentionDocument> documents;
  for (size_t d = 0; d + 1 < ends.size(); ++d) {
    documents.push_back({ends[d], ends[d + 1], ends[d], ends[d + 1]});
  }
  return documents;
}

AttentionShape shape_of(const Case& c) {
  return {c.num_heads, c.num_kv_heads, c.head_dim, c.window.value_or(c.cu_seqlens.back()),
          1.0f / std::sqrt(static_cast<float>(c.head_dim))};
}

void expect_near(const AttentionGradients& actual, const AttentionGradients& expected) {
  EXPECT_LT(relative_error(actual.dq, expected.dq), 1e-5);
  EXPECT_LT(relative_error(actual.dk, expected.dk), 1e-5);
  EXPECT_LT(relative_error(actual.dv, expected.dv), 1e-5);
}

void expect_same_bits(const AttentionOutput& a, const AttentionOutput& b) {
  EXPECT_TRUE(same_bits(a.out, b.out));
  EXPECT_TRUE(same_bits(a.logsumexp, b.logsumexp));
}

void expect_same_bits(const AttentionGradients& a, const AttentionGradients& b) {
  EXPECT_TRUE(same_bits(a.dq, b.dq));
  EXPECT_TRUE(same_bits(a.dk, b.dk));
  EXPECT_TRUE(same_bits(a.dv, b.dv));
}

class Attention : public testing::TestWithParam<Case> {};

TEST_P(Attention, agrees_with_autograd) {
  const Inputs in(GetParam());
  const at::Tensor q = leaf(in.q), k = leaf(in.k), v = leaf(in.v);
  const at::Tensor expected = composite(q, k, v, in.mask);
  expected.backward(in.d_out);

  const AttentionOutput output = attention(in.q, in.k, in.v, in.mask);
  EXPECT_LT(relative_error(output.out, expected), 2e-6);
  const AttentionGradients gradients =
      attention_backward(in.d_out, in.q, in.k, in.v, output, in.mask);
  expect_near(gradients, {q.grad(), k.grad(), v.grad()});
}

// The path of other devices is made of ATen operators, which run here as well.
TEST_P(Attention, plain_path_agrees) {
  const Inputs in(GetParam());
  const AttentionOutput expected = attention(in.q, in.k, in.v, in.mask);
  const AttentionGradients expected_gradients =
      attention_backward(in.d_out, in.q, in.k, in.v, expected, in.mask);
  const std::vector<AttentionDocument> documents = documents_of(GetParam().cu_seqlens);
  const AttentionShape shape = shape_of(GetParam());
  const AttentionOutput output = reference_attention(in.q, in.k, in.v, documents, shape);
  EXPECT_LT(relative_error(output.out, expected.out), 2e-6);
  EXPECT_LT(relative_error(output.logsumexp, expected.logsumexp), 2e-6);
  const AttentionGradients gradients =
      reference_attention_backward(in.d_out, in.q, in.k, in.v, output, documents, shape);
  expect_near(gradients, expected_gradients);
}

TEST_P(Attention, bits_do_not_depend_on_threads_or_alignment) {
  const Inputs in(GetParam());
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const AttentionOutput one = attention(in.q, in.k, in.v, in.mask);
  const AttentionGradients one_back = attention_backward(in.d_out, in.q, in.k, in.v, one, in.mask);
  at::set_num_threads(3);
  const at::Tensor q = shifted_copy(in.q, 3), k = shifted_copy(in.k, 5), v = shifted_copy(in.v, 7);
  const AttentionOutput three = attention(q, k, v, in.mask);
  const AttentionGradients three_back = attention_backward(in.d_out, q, k, v, three, in.mask);
  at::set_num_threads(threads);
  expect_same_bits(one, three);
  expect_same_bits(one_back, three_back);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, Attention,
    testing::Values(Case{"one_token", {0, 1}, 1, 1, 8, {}},
                    Case{"one_token_documents", {0, 1, 2, 9, 10}, 2, 1, 5, {}},
                    Case{"odd_documents", {0, 63, 64, 130, 257}, 4, 2, 24, {}},
                    Case{"many_key_blocks", {0, 1300}, 2, 1, 16, {}},
                    Case{"window", {0, 40, 41, 333}, 6, 3, 20, 16},
                    Case{"window_of_one", {0, 70}, 2, 2, 8, 1},
                    Case{"window_over_key_blocks", {0, 1200}, 2, 1, 16, 530},
                    Case{"window_longer_than_documents", {0, 50, 90}, 2, 1, 16, 1000}),
    [](const auto& test) { return test.param.name; });

// The loops of the CPU, with the products of either way.
struct Loops {
  ProductsWay way;

  AttentionOutput forward(const Inputs& in, const std::vector<AttentionDocument>& documents,
                          const AttentionShape& shape) const {
    AttentionOutput result{at::full_like(in.q, kPoison),
                           at::full({in.q.size(1), in.q.size(0)}, kPoison)};
    attention_forward_cpu(in.q, in.k, in.v, documents, shape, result, way);
    return result;
  }
  AttentionGradients backward(const Inputs& in, const AttentionOutput& output,
                              const std::vector<AttentionDocument>& documents,
                              const AttentionShape& shape) const {
    AttentionGradients result{at::zeros_like(in.q), at::zeros_like(in.k), at::zeros_like(in.v)};
    attention_backward_cpu(in.d_out, in.q, in.k, in.v, output, documents, shape, result, way);
    return result;
  }

  static constexpr float kPoison = std::numeric_limits<float>::quiet_NaN();
};

class AttentionLoops : public testing::TestWithParam<std::tuple<ProductsWay, Case>> {
 protected:
  const Loops loops{std::get<0>(GetParam())};
  const Case& c = std::get<1>(GetParam());
  const AttentionShape shape = shape_of(c);
  const std::vector<AttentionDocument> documents = documents_of(c.cu_seqlens);
};

TEST_P(AttentionLoops, agree_with_the_reference) {
  const Inputs in(c);
  const AttentionOutput expected = reference_attention(in.q, in.k, in.v, documents, shape);
  const AttentionOutput output = loops.forward(in, documents, shape);
  EXPECT_LT(relative_error(output.out, expected.out), 2e-6);
  EXPECT_LT(relative_error(output.logsumexp, expected.logsumexp), 2e-6);
  const AttentionGradients expected_gradients =
      reference_attention_backward(in.d_out, in.q, in.k, in.v, expected, documents, shape);
  const AttentionGradients gradients = loops.backward(in, output, documents, shape);
  expect_near(gradients, expected_gradients);
}

// Keys before the first query, as in a cache, and keys of no document.
TEST_P(AttentionLoops, agree_where_queries_are_the_last_part_of_the_keys) {
  const Inputs in(c);
  std::vector<AttentionDocument> late;
  for (const AttentionDocument& d : documents) {
    const int64_t skipped = std::min<int64_t>(37, (d.query_end - d.query_begin) / 2);
    late.push_back({d.query_begin + skipped, d.query_end, d.key_begin + skipped / 3, d.key_end});
  }
  const AttentionOutput expected = reference_attention(in.q, in.k, in.v, late, shape);
  const AttentionOutput output = loops.forward(in, late, shape);
  for (const AttentionDocument& d : late) {
    EXPECT_LT(relative_error(output.out.slice(0, d.query_begin, d.query_end),
                             expected.out.slice(0, d.query_begin, d.query_end)),
              2e-6);
  }
  const AttentionGradients expected_gradients =
      reference_attention_backward(in.d_out, in.q, in.k, in.v, expected, late, shape);
  const AttentionGradients gradients = loops.backward(in, output, late, shape);
  expect_near(gradients, expected_gradients);
}

// Threads share one memory among their documents: what a poisoned one leaves there is not seen.
TEST_P(AttentionLoops, bits_do_not_depend_on_the_rest_of_the_pack) {
  const int64_t tokens = c.cu_seqlens.back(), before = 300, after = 5;
  const Inputs alone(c);
  const auto pad = [&](const at::Tensor& x) {
    const auto rows = [&](int64_t n) {
      return at::full({n, x.size(1), x.size(2)}, Loops::kPoison);
    };
    return at::cat({rows(before), x, rows(after)});
  };
  Inputs packed = alone;
  for (at::Tensor* x : {&packed.q, &packed.k, &packed.v, &packed.d_out}) *x = pad(*x);
  std::vector<AttentionDocument> shifted{{0, before, 0, before}};
  for (const AttentionDocument& d : documents) {
    shifted.push_back(
        {d.query_begin + before, d.query_end + before, d.key_begin + before, d.key_end + before});
  }
  shifted.push_back(
      {before + tokens, before + tokens + after, before + tokens, before + tokens + after});

  const AttentionOutput one = loops.forward(alone, documents, shape);
  const AttentionOutput many = loops.forward(packed, shifted, shape);
  EXPECT_TRUE(same_bits(one.out, many.out.narrow(0, before, tokens)));
  EXPECT_TRUE(same_bits(one.logsumexp, many.logsumexp.narrow(1, before, tokens)));
  const AttentionGradients one_back = loops.backward(alone, one, documents, shape);
  const AttentionGradients many_back = loops.backward(packed, many, shifted, shape);
  EXPECT_TRUE(same_bits(one_back.dq, many_back.dq.narrow(0, before, tokens)));
  EXPECT_TRUE(same_bits(one_back.dk, many_back.dk.narrow(0, before, tokens)));
  EXPECT_TRUE(same_bits(one_back.dv, many_back.dv.narrow(0, before, tokens)));
}

// Of several threads, forward splits the heads of a group, too.
TEST_P(AttentionLoops, bits_do_not_depend_on_threads) {
  const Inputs in(c);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const AttentionOutput one = loops.forward(in, documents, shape);
  const AttentionGradients one_back = loops.backward(in, one, documents, shape);
  at::set_num_threads(3);
  const AttentionOutput three = loops.forward(in, documents, shape);
  const AttentionGradients three_back = loops.backward(in, three, documents, shape);
  at::set_num_threads(threads);
  expect_same_bits(one, three);
  expect_same_bits(one_back, three_back);
}

TEST_P(AttentionLoops, what_is_not_finite_stays) {
  const int64_t token = c.cu_seqlens.back() / 2;
  for (const float bad : {Loops::kPoison, std::numeric_limits<float>::infinity()}) {
    for (at::Tensor Inputs::*input : {&Inputs::q, &Inputs::k, &Inputs::v}) {
      if (input == &Inputs::k && std::isinf(bad)) continue;  // a score of minus infinity is a mask
      Inputs in(c);
      (in.*input).select(0, token).select(0, 0).select(0, c.head_dim - 1).fill_(bad);
      const AttentionOutput output = loops.forward(in, documents, shape);
      EXPECT_FALSE(output.out.select(0, token).isfinite().all().item<bool>());
      const AttentionGradients gradients = loops.backward(in, output, documents, shape);
      EXPECT_FALSE(gradients.dq.isfinite().all().item<bool>());
    }
    Inputs in(c);
    const AttentionOutput output = loops.forward(in, documents, shape);
    in.d_out.select(0, token).fill_(bad);
    EXPECT_FALSE(loops.backward(in, output, documents, shape).dq.isfinite().all().item<bool>());
  }
}

// Tiles are for AMD processors with AVX-512.
std::vector<ProductsWay> ways() {
  if (products_way() == ProductsWay::kLibrary) return {ProductsWay::kLibrary};
  return {ProductsWay::kTiles, ProductsWay::kLibrary};
}

// Strips of 14 queries and keys, tiles of 32 and 16 columns, blocks of 512 and 224 rows.
INSTANTIATE_TEST_SUITE_P(
    Ways, AttentionLoops,
    testing::Combine(testing::ValuesIn(ways()),
                     testing::Values(Case{"short_documents", {0, 13, 27, 42, 43, 74}, 2, 1, 64, {}},
                                     Case{"document_of_511", {0, 511}, 2, 1, 64, {}},
                                     Case{"document_of_513", {0, 513}, 4, 2, 32, {}},
                                     Case{"document_of_600", {0, 600}, 2, 2, 16, {}},
                                     Case{"long_document", {0, 1021}, 3, 1, 40, {}},
                                     Case{"head_dim_80", {0, 240, 300}, 2, 1, 80, {}},
                                     Case{"head_dim_128", {0, 470}, 2, 1, 128, {}},
                                     Case{"head_dim_7", {0, 100}, 1, 1, 7, {}},
                                     Case{"window_of_1", {0, 50}, 1, 1, 16, 1},
                                     Case{"window_within_a_strip", {0, 333}, 2, 1, 24, 9},
                                     Case{"window_from_mid_strip", {0, 600}, 2, 1, 48, 100},
                                     Case{"window_over_blocks", {0, 15, 1000}, 2, 1, 64, 461})),
    [](const auto& test) {
      const bool tiles = std::get<0>(test.param) == ProductsWay::kTiles;
      return std::string(tiles ? "tiles_" : "library_") + std::get<1>(test.param).name;
    });

TEST(AttentionLeak, other_documents_are_not_seen) {
  const Case c{"", {0, 70, 150}, 4, 2, 16, {}};
  Inputs in(c);
  const at::Tensor before = attention(in.q, in.k, in.v, in.mask).out;
  for (at::Tensor x : {in.q, in.k, in.v}) x.slice(0, 0, 70).mul_(-0.5);
  const at::Tensor after = attention(in.q, in.k, in.v, in.mask).out;
  EXPECT_FALSE(same_bits(before.slice(0, 0, 70), after.slice(0, 0, 70)));
  EXPECT_TRUE(same_bits(before.slice(0, 70), after.slice(0, 70)));
}

TEST(AttentionExtremes, huge_scores_do_not_overflow) {
  const Case c{"", {0, 100}, 2, 1, 16, {}};
  Inputs in(c);
  in.q.mul_(100);
  in.k.mul_(100);
  const at::Tensor out = attention(in.q, in.k, in.v, in.mask).out;
  EXPECT_TRUE(out.isfinite().all().item<bool>());
  EXPECT_LT(relative_error(out, composite(in.q, in.k, in.v, in.mask)), 1e-4);
}

class AttentionDecode : public testing::TestWithParam<std::optional<int64_t>> {};

TEST_P(AttentionDecode, equals_the_last_rows_of_the_whole) {
  const Case c{"", {0, 90}, 4, 2, 16, GetParam()};
  const Inputs in(c);
  const at::Tensor whole = attention(in.q, in.k, in.v, in.mask).out;
  for (const int64_t n : {1, 5, 64, 90}) {
    const at::Tensor last = attention_decode(in.q.slice(0, 90 - n).contiguous(), in.k, in.v,
                                             {{0, n, 0, 90}}, GetParam());
    EXPECT_LT(relative_error(last, whole.slice(0, 90 - n)), 2e-6);
  }
}

// One new token of each of several sequences: a way of its own.
TEST_P(AttentionDecode, of_many_sequences_is_each_ones_alone) {
  constexpr int64_t kCapacity = 40;
  const at::Tensor q = random_tensor({3, 4, 20}, 1);
  const at::Tensor k = random_tensor({3 * kCapacity, 2, 20}, 2);
  const at::Tensor v = random_tensor({3 * kCapacity, 2, 20}, 3);
  const std::vector<CachedSequence> sequences = {
      {0, 1, 0, 1}, {1, 2, kCapacity, kCapacity + 37}, {2, 3, 2 * kCapacity, 3 * kCapacity}};
  const at::Tensor together = attention_decode(q, k, v, sequences, GetParam());
  for (int64_t s = 0; s < 3; ++s) {
    const int64_t begin = sequences[s].key_begin, n = sequences[s].key_end - begin;
    const at::Tensor keys = k.narrow(0, begin, n), values = v.narrow(0, begin, n);
    const at::Tensor one = q.narrow(0, s, 1);
    EXPECT_TRUE(same_bits(attention_decode(one, keys, values, {{0, 1, 0, n}}, GetParam()),
                          together.narrow(0, s, 1)));
    const at::Tensor queries = at::cat({random_tensor({n - 1, 4, 20}, 4), one});
    const at::Tensor whole =
        attention(queries, keys, values, {{0, static_cast<int32_t>(n)}, GetParam()}).out;
    EXPECT_LT(relative_error(together.narrow(0, s, 1), whole.narrow(0, n - 1, 1)), 2e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(Windows, AttentionDecode,
                         testing::Values(std::optional<int64_t>(), std::optional<int64_t>(16)));

}  // namespace
}  // namespace temper
