#include "kernels/products.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <limits>
#include <ostream>
#include <vector>

#include "kernels/cpu/matrix_product.h"
#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

struct Shape {
  int64_t rows, inner, columns;

  friend std::ostream& operator<<(std::ostream& out, const Shape& shape) {
    return out << shape.rows << "x" << shape.inner << "x" << shape.columns;
  }
};

// The same matrix, its columns dense.
at::Tensor by_columns(const at::Tensor& matrix) {
  return matrix.t().contiguous().t();
}

class Products : public testing::TestWithParam<Shape> {
 protected:
  Shape shape_ = GetParam();
  at::Tensor a_ = random_tensor({shape_.rows, shape_.inner}, 1);
  at::Tensor b_ = random_tensor({shape_.inner, shape_.columns}, 2);
};

TEST_P(Products, are_those_of_double_precision_in_every_layout) {
  const at::Tensor exact = at::mm(a_.to(at::kDouble), b_.to(at::kDouble));
  const at::Tensor before = random_tensor({shape_.rows, shape_.columns}, 3);
  const double tolerance = 4e-7 * static_cast<double>(shape_.inner) + 1e-6;
  for (const at::Tensor& a : {a_, by_columns(a_)}) {
    for (const at::Tensor& b : {b_, by_columns(b_)}) {
      EXPECT_TRUE(at::allclose(product(a, b).to(at::kDouble), exact, 1e-5, tolerance));
      at::Tensor sum = before.clone();
      add_product_(sum, a, b);
      EXPECT_TRUE(at::allclose(sum.to(at::kDouble), exact + before, 1e-5, tolerance));
    }
  }
}

TEST_P(Products, add_a_second_product) {
  const at::Tensor exact = at::mm(a_.to(at::kDouble), b_.to(at::kDouble));
  const double tolerance = 4e-7 * static_cast<double>(shape_.inner) + 1e-5;
  const at::Tensor row = random_tensor({shape_.columns}, 4);
  for (const int64_t r : {1, 3, 16, 64, 70}) {
    const at::Tensor left = random_tensor({shape_.rows, r}, 5);
    const at::Tensor right = random_tensor({r, shape_.columns}, 6);
    const at::Tensor expected = exact + at::mm(left, right);
    for (const at::Tensor& factor : {right, by_columns(right)}) {
      const at::Tensor both = product(a_, b_, {left, factor});
      EXPECT_TRUE(at::allclose(both.to(at::kDouble), expected, 1e-5, tolerance)) << r;
      at::Tensor sum = both.clone();
      add_product_(sum, a_, b_, {left, factor});
      EXPECT_TRUE(at::allclose(sum.to(at::kDouble), 2 * expected, 1e-5, 2 * tolerance)) << r;
      const at::Tensor with_row = product_plus(row, a_, b_, {left, factor});
      EXPECT_TRUE(at::allclose(with_row, both + row, 1e-5, tolerance)) << r;
    }
  }
}

TEST_P(Products, leave_what_lies_beside_their_result) {
  const Factors more{random_tensor({shape_.rows, 5}, 3), random_tensor({5, shape_.columns}, 4)};
  for (const at::Tensor& a : {a_, by_columns(a_)}) {
    for (const at::Tensor& b : {b_, by_columns(b_)}) {
      at::Tensor wide = at::full({shape_.rows + 2, shape_.columns + 3}, 7.0f);
      const at::Tensor out = wide.slice(0, 1, -1).slice(1, 1, -2);
      product_out(out, a, b);
      EXPECT_TRUE(at::allclose(out, at::mm(a, b), 1e-4, 1e-4));
      add_product_(out, a, b, more);
      out.fill_(7.0f);
      EXPECT_TRUE(at::equal(wide, at::full_like(wide, 7.0f)));
    }
  }
}

TEST(ProductsOfWrongShapes, are_refused) {
  const at::Tensor a = random_tensor({64, 64}), b = random_tensor({64, 64});
  EXPECT_ANY_THROW(product(a, b, {random_tensor({32, 16}), random_tensor({16, 64})}));
  EXPECT_ANY_THROW(product(a, b, {random_tensor({64, 16}), random_tensor({8, 64})}));
  EXPECT_ANY_THROW(product(a, b, {random_tensor({64, 16}), random_tensor({16, 32})}));
  EXPECT_ANY_THROW(product(a, random_tensor({32, 64})));
}

INSTANTIATE_TEST_SUITE_P(Shapes, Products,
                         testing::Values(Shape{1, 8, 5}, Shape{28, 32, 64}, Shape{29, 33, 65},
                                         Shape{43, 100, 96}, Shape{128, 64, 256},
                                         Shape{239, 70, 1060}, Shape{45, 1030, 97},
                                         Shape{70, 1024, 64}, Shape{16, 150, 100},
                                         Shape{130, 97, 5}, Shape{300, 65, 16}));

// What only our own promise; on other processors these tests don't exist.
class OwnProducts : public Products {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OwnProducts);

TEST_P(OwnProducts, have_the_same_bits_in_every_layout_part_and_number_of_threads) {
  const at::Tensor whole = product(a_, b_);
  EXPECT_TRUE(same_bits(product(by_columns(a_), b_), whole));
  EXPECT_TRUE(same_bits(product(by_columns(a_), by_columns(b_)), whole));
  EXPECT_TRUE(same_bits(product(a_, by_columns(b_)), whole));
  const at::Tensor part = product(a_.slice(0, 15), b_.slice(1, 33));
  EXPECT_TRUE(same_bits(part, whole.slice(0, 15).slice(1, 33)));
  // Rows at multiples of 4 KiB are taken fewer at a time.
  at::Tensor apart = at::empty({shape_.rows, (shape_.inner + 1023) / 1024 * 1024});
  apart.narrow(1, 0, shape_.inner).copy_(a_);
  EXPECT_TRUE(same_bits(product(apart.narrow(1, 0, shape_.inner), b_), whole));
  const int threads = at::get_num_threads();
  for (const int n : {1, 2, 3}) {
    at::set_num_threads(n);
    EXPECT_TRUE(same_bits(product(a_, b_), whole)) << n << " threads";
  }
  at::set_num_threads(threads);
}

TEST_P(OwnProducts, of_few_rows_or_columns_have_the_same_bits_on_any_number_of_threads) {
  const int threads = at::get_num_threads();
  for (const auto& [rows, columns] : {std::pair{64, 129}, std::pair{130, 16}, std::pair{21, 200}}) {
    const at::Tensor a = random_tensor({shape_.inner, rows}, 7).t();
    const at::Tensor b = random_tensor({shape_.inner, columns}, 8);
    at::set_num_threads(1);
    const at::Tensor whole = product(a, b);
    for (const int n : {2, 3}) {
      at::set_num_threads(n);
      EXPECT_TRUE(same_bits(product(a, b), whole)) << n << " threads";
    }
    at::set_num_threads(threads);
    EXPECT_TRUE(at::allclose(whole, at::mm(a, b), 1e-4, 1e-4));
  }
}

// Strips at the edges are filled up with zeros, which times infinity are no number.
TEST_P(OwnProducts, keep_an_infinity_to_its_row_and_column) {
  const float infinity = std::numeric_limits<float>::infinity();
  a_.index_put_({at::tensor({shape_.rows - 1}), at::tensor({0})}, infinity);
  b_.index_put_({at::tensor({0}), at::tensor({shape_.columns - 1})}, infinity);
  const at::Tensor finite = at::isfinite(product(a_, b_));
  EXPECT_TRUE(finite.slice(0, 0, -1).slice(1, 0, -1).all().item<bool>());
  EXPECT_FALSE(finite.slice(0, -1).any().item<bool>());
  EXPECT_FALSE(finite.slice(1, -1).any().item<bool>());
}

const std::vector<Shape> kLargeShapes = {{64, 32, 128}, {239, 70, 1060}, {70, 1030, 129}};

INSTANTIATE_TEST_SUITE_P(Shapes, OwnProducts,
                         testing::ValuesIn(has_matrix_product() ? kLargeShapes
                                                                : std::vector<Shape>()));

}  // namespace
}  // namespace temper
