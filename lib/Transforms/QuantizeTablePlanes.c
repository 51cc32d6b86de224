// A table in bit planes: its codes by GPTQ, a piece of its rows at a time.
#include "QuantizeInternal.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_ROWS = 2048 }; ///< a multiple of 64 bytes packed

/// A table being quantized, a piece of rows at a time.
typedef struct {
  quantizer *q;
  const quantized_table *table;
  const void *tensor;
  binq_layout layout;
  binq_input_statistics statistics;
  float *rows;     ///< [PIECE_ROWS][columns]
  uint8_t *packed; ///< of the table
  uint8_t *piece;  ///< of a piece
  double error;    ///< sum over the pieces of relative error times rows
} planes_job;

static int64_t piece_rows(const planes_job *j, int64_t begin) {
  int64_t left = j->table->format.rows - begin;
  return left < PIECE_ROWS ? left : PIECE_ROWS;
}

static binq_status quantize_piece(planes_job *j, int64_t begin) {
  binq_linear_format format = j->table->format;
  format.rows = piece_rows(j, begin);
  binq_method method = {.rounding = j->q->preset->rounding, .refine = j->q->options->refine};
  binq_quantized_linear linear;
  double error;
  j->q->tensors->read(j->tensor, begin, begin + format.rows, j->rows);
  BINQ_TRY(binq_quantize_linear(j->q->environment->pool, j->rows, &j->statistics, &format, &method,
                                &linear, &error));
  binq_pack(&linear, j->piece);
  binq_quantized_linear_free(&linear);
  int64_t blocks = (format.rows + BINQ_BLOCK_ROWS - 1) / BINQ_BLOCK_ROWS;
  memcpy(j->packed + begin / BINQ_BLOCK_ROWS * j->layout.block_bytes, j->piece,
         (size_t)(blocks * j->layout.block_bytes));
  j->error += error * (double)format.rows;
  return BINQ_OK;
}

static binq_status quantize_pieces(planes_job *j) {
  binq_linear_format format = j->table->format;
  size_t columns = (size_t)format.columns;
  format.rows = piece_rows(j, 0);
  binq_layout piece;
  BINQ_TRY(binq_layout_of(&format, &piece));
  BINQ_TRY(
      binq_allocate((size_t)format.rows * columns, sizeof *j->rows, "rows of a table", &j->rows));
  BINQ_TRY(binq_allocate((size_t)piece.bytes, 1, "rows of a table", &j->piece));
  BINQ_TRY(binq_allocate((size_t)j->layout.bytes, 1, "a packed table", &j->packed));
  int64_t rows = j->table->format.rows;
  for (int64_t begin = 0; begin < rows; begin += PIECE_ROWS) {
    binq_progress_report(j->q->environment->progress, "quantizing", j->table->name,
                         (double)begin / (double)rows);
    BINQ_TRY(quantize_piece(j, begin));
  }
  return BINQ_OK;
}

typedef struct {
  double energy;
  uint16_t channel;
} channel_energy;

static int compare_energies(const void *left, const void *right) {
  const channel_energy *a = left, *b = right;
  if (a->energy != b->energy)
    return a->energy < b->energy ? -1 : 1;
  return (a->channel > b->channel) - (a->channel < b->channel);
}

/// Nothing reads a table's rows in products, or it is not known what: its errors count the same in
/// all channels. Those of the largest weights become INT8, and a group has channels of one size.
static binq_status order_by_energy(planes_job *j) {
  const binq_linear_format *format = &j->table->format;
  size_t columns = (size_t)format->columns;
  channel_energy *channels = NULL;
  float *row = NULL;
  binq_status status = binq_allocate(columns, sizeof *channels, "channel order", &channels);
  if (!status)
    status = binq_allocate(columns, sizeof *row, "a row of a table", &row);
  for (size_t c = 0; c < columns && !status; c++)
    channels[c].channel = (uint16_t)c;
  for (int64_t r = 0; r < format->rows && !status; r++) {
    j->q->tensors->read(j->tensor, r, r + 1, row);
    for (size_t c = 0; c < columns; c++)
      channels[c].energy += (double)row[c] * (double)row[c];
  }
  size_t padding = (size_t)j->layout.padded_columns - columns;
  if (!status)
    qsort(channels, columns, sizeof *channels, compare_energies);
  for (size_t c = 0; c < padding && !status; c++)
    j->statistics.order[c] = (uint16_t)(columns + c);
  for (size_t c = 0; c < columns && !status; c++)
    j->statistics.order[padding + c] = channels[c].channel;
  free(channels);
  free(row);
  return status;
}

static binq_status quantize(planes_job *j, const table_hessian *hessian, uint16_t *order) {
  const binq_linear_format *format = &j->table->format;
  BINQ_TRY(j->q->tensors->find(j->q->tensors->user, j->table->name, format->rows, format->columns,
                               &j->tensor));
  BINQ_TRY(binq_layout_of(format, &j->layout));
  BINQ_TRY(binq_input_statistics_create(j->q->environment->pool, hessian->sum, format->columns,
                                        hessian->tokens, format->int8_columns,
                                        binq_table_damping(j->q, j->table), &j->statistics));
  if (!hessian->sum)
    BINQ_TRY(order_by_energy(j));
  memcpy(order, j->statistics.order, (size_t)j->statistics.padded_columns * sizeof *order);
  return quantize_pieces(j);
}

binq_status binq_make_planes(quantizer *q, const quantized_table *table,
                             const table_hessian *hessian, uint16_t *order, uint8_t **packed,
                             double *error) {
  planes_job j = {.q = q, .table = table};
  binq_status status = quantize(&j, hessian, order);
  binq_input_statistics_free(&j.statistics);
  free(j.rows);
  free(j.piece);
  if (status) {
    free(j.packed);
    return status;
  }
  *packed = j.packed;
  *error = hessian->sum ? j.error / (double)table->format.rows : -1;
  return BINQ_OK;
}
