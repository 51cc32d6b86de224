/// Sizes and offsets of packed weights and activations.
#include "binq/Quantize/Layout.h"
#include "binq/Support/Memory.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
  MAX_ROWS = INT32_MAX,
  MAX_COLUMNS = UINT16_MAX + 1, ///< the channel order is u16
  MAX_PLANE_SUM = 127,          ///< of plane weights: a sum of them fits a signed byte, D a float
  STEP = 8,                     ///< channels of a row in a byte
  SIZE_STEP = 64,               ///< packed sizes are multiples of this many bytes
  PAIR_BYTES = 4 * BINQ_BLOCK_ROWS,
  SCALE_BYTES = 2 * BINQ_BLOCK_ROWS,
};

static binq_status check_plane_weights(const binq_linear_format *format) {
  int32_t left = MAX_PLANE_SUM;
  for (int k = 0; k < format->planes; ++k) {
    if (format->plane_weights[k] < 1 || format->plane_weights[k] > left)
      return binq_errorf("plane weight %" PRId32 " is not positive, or they exceed %d together",
                         format->plane_weights[k], MAX_PLANE_SUM);
    left -= format->plane_weights[k];
  }
  return BINQ_OK;
}

static binq_status check_planes(const binq_linear_format *format) {
  switch (format->form) {
  case BINQ_FORM_GROUPED_BINARY:
    if (format->planes != 2)
      return binq_errorf("grouped-binary weights have 2 planes, not %d", format->planes);
    return BINQ_OK;
  case BINQ_FORM_INT8:
    if (format->planes != 0)
      return binq_errorf("INT8 weights have no planes, but %d are given", format->planes);
    return BINQ_OK;
  case BINQ_FORM_PLANES:
    if (format->planes < 1 || format->planes > BINQ_MAX_WEIGHT_PLANES)
      return binq_errorf("weights have 1 to %d planes, not %d", BINQ_MAX_WEIGHT_PLANES,
                         format->planes);
    return check_plane_weights(format);
  }
  return binq_errorf("unknown form of weights: %d", (int)format->form);
}

static binq_status check_format(const binq_linear_format *format) {
  if (format->rows < 1 || format->rows > MAX_ROWS)
    return binq_errorf("a linear has 1 to %d rows, not %" PRId64, MAX_ROWS, format->rows);
  if (format->columns < 1 || format->columns > MAX_COLUMNS)
    return binq_errorf("a linear has 1 to %d columns, not %" PRId64, MAX_COLUMNS, format->columns);
  BINQ_TRY(check_planes(format));
  int64_t padded = binq_round_up(format->columns, BINQ_CHANNEL_STEP);
  int64_t int8 = format->int8_columns;
  if (int8 < 0 || int8 > padded || int8 % BINQ_CHANNEL_STEP != 0)
    return binq_errorf("INT8 columns are a multiple of %d up to %" PRId64 ", not %" PRId64,
                       BINQ_CHANNEL_STEP, padded, int8);
  if (format->form == BINQ_FORM_INT8 && int8 != padded)
    return binq_errorf("INT8 weights have all %" PRId64 " columns INT8, not %" PRId64, padded,
                       int8);
  return BINQ_OK;
}

static int64_t coefficient_bytes(binq_form form) {
  switch (form) {
  case BINQ_FORM_GROUPED_BINARY:
    return PAIR_BYTES + SCALE_BYTES;
  case BINQ_FORM_PLANES:
    return BINQ_BLOCK_ROWS + SCALE_BYTES;
  case BINQ_FORM_INT8:
    break;
  }
  return 0;
}

binq_status binq_layout_of(const binq_linear_format *format, binq_layout *out) {
  BINQ_TRY(check_format(format));
  // The limits on rows and columns keep every product below 2^63.
  binq_layout layout = {0};
  layout.padded_rows = binq_round_up(format->rows, BINQ_BLOCK_ROWS);
  layout.padded_columns = binq_round_up(format->columns, BINQ_CHANNEL_STEP);
  layout.plane_columns = layout.padded_columns - format->int8_columns;
  layout.groups = (layout.plane_columns + BINQ_GROUP - 1) / BINQ_GROUP;
  layout.int8_groups = (format->int8_columns + BINQ_GROUP - 1) / BINQ_GROUP;
  layout.coefficient_bytes = coefficient_bytes(format->form);
  int64_t step_bytes = (int64_t)format->planes * BINQ_BLOCK_ROWS;
  layout.group_bytes = BINQ_GROUP / STEP * step_bytes + layout.coefficient_bytes;
  layout.int8_offset =
      layout.plane_columns / STEP * step_bytes + layout.groups * layout.coefficient_bytes;
  layout.block_bytes = layout.int8_offset;
  if (format->int8_columns > 0)
    layout.block_bytes += format->int8_columns * BINQ_BLOCK_ROWS + SCALE_BYTES;
  layout.bytes =
      binq_round_up(layout.padded_rows / BINQ_BLOCK_ROWS * layout.block_bytes, SIZE_STEP);
  *out = layout;
  return BINQ_OK;
}

int binq_row_slot(int row) {
  // Unpacking the low halves of 16-bit lanes yields lanes 0-3 and 8-11; even bytes are rows 0-15.
  int lane = row % 16;
  int middle = (lane >= 4 && lane < 12);
  int place = middle ? lane ^ 12 : lane;
  return 2 * place + row / 16;
}

void binq_activation_layout_of(const binq_layout *layout, int activation_planes, unsigned parts,
                               binq_activation_layout *out) {
  int64_t planes = layout->groups ? activation_planes : 0;
  int64_t int8_columns = layout->padded_columns - layout->plane_columns;
  int64_t at = parts & BINQ_PART_PLANES ? layout->groups * planes * (BINQ_GROUP / 8) : 0;
  out->scales_offset = at;
  out->sums_offset = at += layout->groups * (int64_t)sizeof(float);
  out->int8_codes_offset = at += layout->groups * (int64_t)sizeof(int32_t);
  out->int8_scales_offset = at += int8_columns;
  at = binq_round_up(at + layout->int8_groups * (int64_t)sizeof(float), SIZE_STEP);
  out->levels_offset = at;
  at += parts & BINQ_PART_LEVELS ? layout->groups * BINQ_GROUP : 0;
  out->tables_offset = at;
  at += parts & BINQ_PART_TABLES ? layout->groups * planes * BINQ_GROUP : 0;
  out->token_bytes = at;
}

/// An array of rows * columns elements, or NULL where there are none.
static binq_status allocate_array(int64_t rows, int64_t columns, size_t size, void *out) {
  if (rows == 0 || columns == 0)
    return BINQ_OK;
  return binq_allocate((size_t)rows * (size_t)columns, size, "a quantized linear", out);
}

static binq_status allocate_arrays(const binq_layout *layout, binq_quantized_linear *out) {
  const binq_linear_format *format = &out->format;
  int64_t rows = layout->padded_rows;
  int64_t levels = format->form == BINQ_FORM_GROUPED_BINARY ? 4 * layout->groups : 0;
  int64_t zeros = format->form == BINQ_FORM_PLANES ? layout->groups : 0;
  BINQ_TRY(allocate_array(rows, layout->plane_columns, sizeof *out->codes, &out->codes));
  BINQ_TRY(allocate_array(rows, levels, sizeof *out->levels, &out->levels));
  BINQ_TRY(allocate_array(rows, zeros, sizeof *out->zeros, &out->zeros));
  BINQ_TRY(allocate_array(rows, layout->groups, sizeof *out->scales, &out->scales));
  BINQ_TRY(allocate_array(rows, format->int8_columns, sizeof *out->int8_codes, &out->int8_codes));
  return allocate_array(rows, format->int8_columns > 0, sizeof *out->int8_scales,
                        &out->int8_scales);
}

binq_status binq_quantized_linear_create(const binq_linear_format *format,
                                         binq_quantized_linear *out) {
  *out = (binq_quantized_linear){.format = *format};
  binq_layout layout;
  BINQ_TRY(binq_layout_of(format, &layout));
  binq_status status = allocate_arrays(&layout, out);
  if (status)
    binq_quantized_linear_free(out);
  return status;
}

void binq_quantized_linear_free(binq_quantized_linear *linear) {
  free(linear->codes);
  free(linear->levels);
  free(linear->zeros);
  free(linear->scales);
  free(linear->int8_codes);
  free(linear->int8_scales);
  *linear = (binq_quantized_linear){.format = linear->format};
}
