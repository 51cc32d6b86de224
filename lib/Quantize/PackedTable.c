/// Rows of packed weights one at a time: what an embedding looks up.
#include "binq/Quantize/Layout.h"
#include "binq/Support/Memory.h"

#include <string.h>

enum { STEP = 8, INT8_STEP = 4, SCALE_BYTES = 2 * BINQ_BLOCK_ROWS };

/// A row in its block.
typedef struct {
  const binq_packed_table *table;
  binq_layout layout;
  const uint8_t *block;
  int row;
} packed_row;

/// Scales lie at the end of what they scale.
static float scale_at(const packed_row *p, const uint8_t *end) {
  const uint8_t *half = end - SCALE_BYTES + (ptrdiff_t)2 * p->row;
  return binq_half_to_float((uint16_t)(half[0] | half[1] << 8));
}

static void put(const packed_row *p, int64_t channel, float value, float *out) {
  int64_t column = p->table->order ? p->table->order[channel] : channel;
  if (column < p->table->format.columns)
    out[column] = value;
}

/// The sum of the plane weights that bit `channel % 8` of each plane of a step picks.
static int sum_of_planes(const packed_row *p, const uint8_t *step, int64_t channel) {
  int sum = 0;
  for (int k = 0; k < p->table->format.planes; ++k)
    sum += (step[(ptrdiff_t)k * BINQ_BLOCK_ROWS] >> channel % STEP & 1) *
           p->table->format.plane_weights[k];
  return sum;
}

static void read_group(const packed_row *p, int64_t group, float *out) {
  int64_t first = group * BINQ_GROUP, left = p->layout.plane_columns - first;
  int64_t channels = left < BINQ_GROUP ? left : BINQ_GROUP;
  int64_t step_bytes = (int64_t)p->table->format.planes * BINQ_BLOCK_ROWS;
  const uint8_t *codes = p->block + group * p->layout.group_bytes;
  const uint8_t *coefficients = codes + channels / STEP * step_bytes;
  float scale = scale_at(p, coefficients + p->layout.coefficient_bytes);
  int8_t zero = (int8_t)coefficients[p->row];
  codes += binq_row_slot(p->row);
  for (int64_t j = 0; j < channels; ++j) {
    int number = sum_of_planes(p, codes + j / STEP * step_bytes, j) - zero;
    put(p, first + j, scale * (float)number, out);
  }
}

static void read_int8(const packed_row *p, float *out) {
  float scale = scale_at(p, p->block + p->layout.block_bytes);
  const uint8_t *codes = p->block + p->layout.int8_offset + (ptrdiff_t)p->row * INT8_STEP;
  for (int64_t j = 0; j < p->table->format.int8_columns; ++j) {
    int8_t code = (int8_t)codes[j / INT8_STEP * INT8_STEP * BINQ_BLOCK_ROWS + j % INT8_STEP];
    put(p, p->layout.plane_columns + j, scale * (float)code, out);
  }
}

void binq_packed_table_row(const binq_packed_table *table, int64_t row, float *out) {
  packed_row p = {.table = table, .row = (int)(row % BINQ_BLOCK_ROWS)};
  // The format of a table that exists was checked.
  binq_status_free(binq_layout_of(&table->format, &p.layout));
  p.block = table->packed + row / BINQ_BLOCK_ROWS * p.layout.block_bytes;
  memset(out, 0, (size_t)p.layout.padded_columns * sizeof *out);
  for (int64_t group = 0; group < p.layout.groups; ++group)
    read_group(&p, group, out);
  if (table->format.int8_columns > 0)
    read_int8(&p, out);
}
