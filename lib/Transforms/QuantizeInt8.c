// Matrices as INT8 rows, which need nothing but themselves.
#include "QuantizeInternal.h"

#include <stdlib.h>

/// A matrix being packed as INT8 rows.
typedef struct {
  const quantizer *q;
  const void *tensor;
  const binq_linear_format *format;
  binq_layout layout;
  float *rows; ///< [threads][BINQ_BLOCK_ROWS][columns]
  uint8_t *packed;
  binq_status *errors; ///< [threads]
} table;

static void pack_blocks(void *argument, int64_t thread, int64_t threads) {
  const table *t = argument;
  int64_t columns = t->format->columns, rows = t->format->rows;
  float *block = t->rows + thread * BINQ_BLOCK_ROWS * columns;
  for (int64_t i = thread; i * BINQ_BLOCK_ROWS < rows && !t->errors[thread]; i += threads) {
    int64_t begin = i * BINQ_BLOCK_ROWS;
    int64_t end = begin + BINQ_BLOCK_ROWS < rows ? begin + BINQ_BLOCK_ROWS : rows;
    t->q->tensors->read(t->tensor, begin, end, block);
    t->errors[thread] = binq_quantize_int8_block(block, end - begin, t->format,
                                                 t->packed + i * t->layout.block_bytes);
  }
}

static binq_status pack_table(table *t) {
  binq_pool *pool = t->q->environment->pool;
  size_t threads = (size_t)binq_pool_threads(pool);
  size_t block = (size_t)(BINQ_BLOCK_ROWS * t->format->columns);
  BINQ_TRY(binq_allocate(threads * block, sizeof *t->rows, "rows of a table", &t->rows));
  BINQ_TRY(binq_allocate(threads, sizeof *t->errors, "threads", (void *)&t->errors));
  BINQ_TRY(binq_allocate((size_t)t->layout.bytes, 1, "a packed table", &t->packed));
  binq_pool_run(pool, pack_blocks, t);
  binq_status status = BINQ_OK;
  for (size_t i = 0; i < threads; i++)
    status = binq_status_join(status, t->errors[i]);
  return status;
}

binq_status binq_pack_int8(const quantizer *q, const char *name, const binq_linear_format *format,
                           uint8_t **out) {
  table t = {.q = q, .format = format};
  BINQ_TRY(binq_layout_of(format, &t.layout));
  BINQ_TRY(q->tensors->find(q->tensors->user, name, format->rows, format->columns, &t.tensor));
  binq_status status = binq_annotate(pack_table(&t), "%s", name);
  free(t.rows);
  free((void *)t.errors);
  if (status)
    free(t.packed);
  else
    *out = t.packed;
  return status;
}

binq_status binq_quantize_int8(quantizer *q, const char *name, const binq_linear_format *format) {
  if (binq_parameter_exists(q, name))
    return BINQ_OK;
  binq_layout layout;
  uint8_t *packed;
  BINQ_TRY(binq_layout_of(format, &layout));
  BINQ_TRY(binq_pack_int8(q, name, format, &packed));
  new_parameter parameter = {name, BINQ_DTYPE_U8, 1, {layout.bytes, 0}, packed};
  return binq_parameter_hand_over(q, &parameter);
}
