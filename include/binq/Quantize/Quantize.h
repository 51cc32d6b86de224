/// The quantizer: plain numbers in, codes out. Method: Song et al. 2025 (arXiv 2504.05352) on GPTQ
/// (Frantar et al. 2022, arXiv 2210.17323). Same input, same bits out, whatever the machine and the
/// number of threads.
#ifndef BINQ_QUANTIZE_QUANTIZE_H
#define BINQ_QUANTIZE_QUANTIZE_H

#include "binq/Quantize/Layout.h"
#include "binq/Support/Status.h"
#include "runtime/Pool.h"
#include <stdbool.h>

/// Hessian of a linear input, accumulated as sum of x x^T over tokens (scaled when it is factored).
/// `sum` is [columns][columns], the upper triangle (and diagonal) valid. Adds `tokens` rows of `x`
/// [tokens][columns]. Tiles are fixed, so the bits do not depend on the number of threads.
void binq_hessian_add(binq_pool *pool, float *sum, int64_t columns, const float *x, int64_t tokens);

/// Adds left^T right to `sum` [rows][columns], all of it: element (i, j) gets the sum over `tokens`
/// rows t of left[t][i] * right[t][j]. The bits do not depend on the number of threads.
void binq_cross_add(binq_pool *pool, float *sum, const float *left, int64_t rows,
                    const float *right, int64_t columns, int64_t tokens);

/// What every linear that reads one input shares: channel order and the factor U with H^-1 = U^T U.
typedef struct {
  int64_t columns, padded_columns;
  uint16_t *order; ///< [padded_columns]: padding (>= columns), then descending Hessian diagonal,
                   ///< but the outliers last
  double damping;  ///< what the diagonal got added
  float *hessian;  ///< [padded_columns][padded_columns], damped, in channel order
  float *factor;   ///< U, upper, [padded_columns][padded_columns], in channel order
  int64_t plane_columns; ///< padded_columns less the INT8 ones
  float *reduced; ///< [plane_columns][plane_columns]: the Hessian that is left to the plane columns
                  ///< when the INT8 ones, which are as good as free, make up for what they can
  float *within;  ///< [plane_columns][BINQ_GROUP]: the same in each group, all behind it being free
} binq_input_statistics;

/// Orders, damps (`damping` times the mean diagonal; should that leave a channel's at 0, it becomes
/// 1) and factors. `sum` may be NULL: H = I, order = identity. `tokens` is the number of rows
/// added, `int8_columns` how many outliers the linears that read the input keep in INT8.
binq_status binq_input_statistics_create(binq_pool *pool, const float *sum, int64_t columns,
                                         int64_t tokens, int64_t int8_columns, double damping,
                                         binq_input_statistics *out);
/// Frees the arrays; statistics without any are ignored.
void binq_input_statistics_free(binq_input_statistics *statistics);

/// What it takes to aim the linears of an input at the float model.
typedef struct {
  int64_t columns, tokens;
  float *difference; ///< [columns][columns]: the cross product, if there is one, less the Hessian,
                     ///< transposed
  float *inverse;    ///< [columns][columns]: of the damped Hessian
} binq_aim;

/// `cross` as binq_cross_add adds it up over the same `tokens` as `sum`: what the float model reads
/// times what the quantized one reads; NULL where each linear is told what it should give
/// (`wanted` of binq_aim_weights). `statistics` are those of `sum`.
binq_status binq_aim_create(binq_pool *pool, const float *sum, const float *cross, int64_t tokens,
                            const binq_input_statistics *statistics, binq_aim *out);
/// Frees the arrays; an aim without any is ignored.
void binq_aim_free(binq_aim *aim);

/// Moves `weights` [rows][columns] the part `share` of the way to those with which the quantized
/// input gives the float model's outputs best, in the least squares' sense, damped. `wanted`
/// [rows][columns] is for an aim without a cross product, else NULL: it is one over the same
/// tokens, of what the outputs should be times what the quantized model reads.
binq_status binq_aim_weights(binq_pool *pool, const binq_aim *aim, double share,
                             const float *wanted, int64_t rows, float *weights);

typedef enum {
  BINQ_ROUNDING_GPTQ,    ///< a channel's error is made up for by those behind it
  BINQ_ROUNDING_NEAREST, ///< each weight by itself, planes covering the whole range of a group
  /// GPTQ, but the levels of a grouped-binary group are symmetric and chosen as BiLLM does.
  BINQ_ROUNDING_BILLM,
} binq_rounding;

/// How codes are chosen.
typedef struct {
  binq_rounding rounding;
  /// Rounds of refinement thereafter: coordinate descent on the codes against the whole Hessian,
  /// and exact refit of levels; in groups at first, before their errors are spread.
  int64_t refine;
} binq_method;

/// Quantizes `weights` [rows][columns] (input channels in the model's order) to `format`, which has
/// as many INT8 columns as the statistics were made for. `out` is created here. *relative_error =
/// tr(E H E^T) / tr(W H W^T), H without the damping: which part of the output's energy over the
/// calibration text the error has.
binq_status binq_quantize_linear(binq_pool *pool, const float *weights,
                                 const binq_input_statistics *statistics,
                                 const binq_linear_format *format, const binq_method *method,
                                 binq_quantized_linear *out, double *relative_error);

/// INT8 per row without calibration, a block of rows at a time: rows [begin, begin + 32) of the
/// packed form from float `weights` [rows_here][columns], rows_here <= 32. `out` has
/// layout.block_bytes bytes. Channel order = identity.
binq_status binq_quantize_int8_block(const float *weights, int64_t rows_here,
                                     const binq_linear_format *format, uint8_t *out);

/// What the quantized activations of `tokens` rows of x [tokens][columns] stand for: float
/// [tokens][padded_columns] in channel order. `format` tells which columns are INT8.
void binq_simulate_activations(binq_pool *pool, const float *x, int64_t tokens,
                               const uint16_t *order, const binq_linear_format *format,
                               const binq_level_table *levels, float *out);

/// The plane scales with the least output error on a sample: tries a fixed list of candidates on x
/// [tokens][columns], judged by the sum over the linears that read it of |W (x^ - x)|^2, with their
/// quantized weights. `planes` is 4 or 8.
binq_status binq_choose_levels(binq_pool *pool, const float *x, int64_t tokens,
                               const binq_input_statistics *statistics,
                               const binq_quantized_linear *linears, int linear_count, int planes,
                               binq_level_table *out);

/// y[tokens][rows] = x[tokens][columns] * w[rows][columns]^T; `ldy` floats lie between
/// rows of y. A row of y depends on its row of x alone, bit for bit, however many are multiplied at
/// once.
void binq_matmul(binq_pool *pool, const float *x, int64_t tokens, const float *w, int64_t rows,
                 int64_t columns, float *y, int64_t ldy);

/// The gradients of binq_matmul, with dy [tokens][rows] that by y; `ldy` floats lie between its
/// rows. A row of dx, an element of dw depend on their operands alone, bit for bit, however the
/// work is cut.
///
/// dx[tokens][columns] = dy * w[rows][columns], added to what is there if `add`; `ldx` floats lie
/// between rows of dx.
void binq_matmul_input_gradient(binq_pool *pool, const float *dy, int64_t ldy, int64_t tokens,
                                const float *w, int64_t rows, int64_t columns, bool add, float *dx,
                                int64_t ldx);
/// dw[rows][columns] = dy^T * x[tokens][columns].
void binq_matmul_weight_gradient(binq_pool *pool, const float *dy, int64_t ldy, const float *x,
                                 int64_t tokens, int64_t rows, int64_t columns, float *dw);

#endif
