// The loops of rms_norm over contiguous fp32 rows on the CPU.
#pragma once

#include <cstdint>

namespace temper {

// inverse_rms[r] = 1 / sqrt(mean(x[r]^2) + epsilon) for `rows` rows of n.
void inverse_rms_rows(const float* x, int64_t rows, int64_t n, double epsilon, float* inverse_rms);

// y[r] = weight * (x[r] * inverse_rms[r]); y may be x.
void rms_norm_rows(const float* x, const float* weight, const float* inverse_rms, int64_t rows,
                   int64_t n, float* y);

// dx[r] = inverse_rms (dy weight - x inverse_rms^2 mean(dy weight x)) [+ residual[r]]. `residual`
// may be null; dx may be dy or residual.
void rms_norm_backward_rows(const float* dy, const float* x, const float* weight,
                            const float* inverse_rms, const float* residual, int64_t rows,
                            int64_t n, float* dx);

// dw[c] = sum over r, in order, of dy[r][c] x[r][c] inverse_rms[r], for columns [begin, end).
void rms_norm_weight_columns(const float* dy, const float* x, const float* inverse_rms,
                             int64_t rows, int64_t n, int64_t begin, int64_t end, float* dw);

}  // namespace temper
