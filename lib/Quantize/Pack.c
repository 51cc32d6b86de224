/// Packing: from one code a byte to bit planes in blocks of 32 rows, and back.
#include "binq/Quantize/Layout.h"
#include "binq/Support/Memory.h"

#include <string.h>

enum { STEP = 8, LEVELS = 4, INT8_STEP = 4, SCALE_BYTES = 2 * BINQ_BLOCK_ROWS };

/// A group of a block: its channels and where its planes and its coefficients lie.
typedef struct {
  int64_t group, first_channel, channels;
  int64_t planes_offset, coefficients_offset;
} group_place;

static group_place place_of_group(const binq_layout *layout, int planes, int64_t group) {
  group_place place = {.group = group, .first_channel = group * BINQ_GROUP};
  int64_t rest = layout->plane_columns - place.first_channel;
  place.channels = rest < BINQ_GROUP ? rest : BINQ_GROUP;
  place.planes_offset = group * layout->group_bytes;
  place.coefficients_offset =
      place.planes_offset + place.channels / STEP * planes * BINQ_BLOCK_ROWS;
  return place;
}

/// Bit `plane` of 8 codes, code i in bit i.
static uint8_t gather_plane(const uint8_t *codes, int plane) {
  uint64_t eight;
  memcpy(&eight, codes, sizeof eight);
  uint64_t bits = (eight >> plane) & 0x0101010101010101;
  // The product moves bit 8i to bit 56 + i; no other pair of bits meets up there.
  return (uint8_t)((bits * 0x0102040810204080) >> 56);
}

static void scatter_plane(uint8_t byte, int plane, uint8_t *codes) {
  for (int i = 0; i < STEP; ++i)
    codes[i] |= (uint8_t)(((byte >> i) & 1) << plane);
}

/// Where the level of a row lies among a group's coefficients: pairs (c1, c2) and (c3, c0) for
/// every 8 rows.
static int64_t level_offset(int row, int level) {
  static const int place[LEVELS] = {STEP * 2 + 1, 0, 1, STEP * 2};
  return (int64_t)(row / STEP) * STEP * LEVELS + (int64_t)(row % STEP) * 2 + place[level];
}

static void put_scale(uint8_t *scales, int row, uint16_t half) {
  scales += (ptrdiff_t)2 * row;
  scales[0] = (uint8_t)half;
  scales[1] = (uint8_t)(half >> 8);
}

static uint16_t get_scale(const uint8_t *scales, int row) {
  scales += (ptrdiff_t)2 * row;
  return (uint16_t)(scales[0] | scales[1] << 8);
}

static void pack_group(const binq_quantized_linear *linear, const binq_layout *layout,
                       group_place place, int64_t first_row, uint8_t *block) {
  int planes = linear->format.planes;
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    int64_t row = first_row + r;
    const uint8_t *codes = linear->codes + row * layout->plane_columns + place.first_channel;
    uint8_t *bytes = block + place.planes_offset + binq_row_slot(r);
    for (int64_t channel = 0; channel < place.channels; channel += STEP)
      for (int plane = 0; plane < planes; ++plane, bytes += BINQ_BLOCK_ROWS)
        *bytes = gather_plane(codes + channel, plane);
    uint8_t *coefficients = block + place.coefficients_offset;
    int64_t index = row * layout->groups + place.group;
    if (linear->format.form == BINQ_FORM_GROUPED_BINARY)
      for (int k = 0; k < LEVELS; ++k)
        coefficients[level_offset(r, k)] = (uint8_t)linear->levels[index * LEVELS + k];
    else
      coefficients[r] = (uint8_t)linear->zeros[index];
    uint8_t *scales = coefficients + layout->coefficient_bytes - SCALE_BYTES;
    put_scale(scales, r, linear->scales[index]);
  }
}

static void unpack_group(const uint8_t *block, const binq_layout *layout, group_place place,
                         int64_t first_row, binq_quantized_linear *linear) {
  int planes = linear->format.planes;
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    int64_t row = first_row + r;
    uint8_t *codes = linear->codes + row * layout->plane_columns + place.first_channel;
    memset(codes, 0, (size_t)place.channels);
    const uint8_t *bytes = block + place.planes_offset + binq_row_slot(r);
    for (int64_t channel = 0; channel < place.channels; channel += STEP)
      for (int plane = 0; plane < planes; ++plane, bytes += BINQ_BLOCK_ROWS)
        scatter_plane(*bytes, plane, codes + channel);
    const uint8_t *coefficients = block + place.coefficients_offset;
    int64_t index = row * layout->groups + place.group;
    if (linear->format.form == BINQ_FORM_GROUPED_BINARY)
      for (int k = 0; k < LEVELS; ++k)
        linear->levels[index * LEVELS + k] = (int8_t)coefficients[level_offset(r, k)];
    else
      linear->zeros[index] = (int8_t)coefficients[r];
    const uint8_t *scales = coefficients + layout->coefficient_bytes - SCALE_BYTES;
    linear->scales[index] = get_scale(scales, r);
  }
}

/// Where 4 INT8 columns of a row of a block lie.
static int64_t int8_place(const binq_layout *layout, int row, int64_t column) {
  return layout->int8_offset + (column * BINQ_BLOCK_ROWS) + (int64_t)row * INT8_STEP;
}

static void pack_int8(const binq_quantized_linear *linear, const binq_layout *layout,
                      int64_t first_row, uint8_t *block) {
  int64_t columns = linear->format.int8_columns;
  uint8_t *scales = block + layout->block_bytes - SCALE_BYTES;
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    const int8_t *codes = linear->int8_codes + (first_row + r) * columns;
    for (int64_t column = 0; column < columns; column += INT8_STEP)
      memcpy(block + int8_place(layout, r, column), codes + column, INT8_STEP);
    put_scale(scales, r, linear->int8_scales[first_row + r]);
  }
}

static void unpack_int8(const uint8_t *block, const binq_layout *layout, int64_t first_row,
                        binq_quantized_linear *linear) {
  int64_t columns = linear->format.int8_columns;
  const uint8_t *scales = block + layout->block_bytes - SCALE_BYTES;
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    int8_t *codes = linear->int8_codes + (first_row + r) * columns;
    for (int64_t column = 0; column < columns; column += INT8_STEP)
      memcpy(codes + column, block + int8_place(layout, r, column), INT8_STEP);
    linear->int8_scales[first_row + r] = get_scale(scales, r);
  }
}

/// The layout of a linear that was created, whose format was therefore checked.
static binq_layout layout_of_checked(const binq_linear_format *format) {
  binq_layout layout = {0};
  binq_status_free(binq_layout_of(format, &layout));
  return layout;
}

void binq_pack(const binq_quantized_linear *linear, uint8_t *out) {
  binq_layout layout = layout_of_checked(&linear->format);
  uint8_t *block = out;
  for (int64_t row = 0; row < layout.padded_rows; row += BINQ_BLOCK_ROWS) {
    for (int64_t g = 0; g < layout.groups; ++g)
      pack_group(linear, &layout, place_of_group(&layout, linear->format.planes, g), row, block);
    if (linear->format.int8_columns > 0)
      pack_int8(linear, &layout, row, block);
    block += layout.block_bytes;
  }
  memset(block, 0, (size_t)(out + layout.bytes - block));
}

void binq_unpack(const uint8_t *packed, binq_quantized_linear *linear) {
  binq_layout layout = layout_of_checked(&linear->format);
  const uint8_t *block = packed;
  for (int64_t row = 0; row < layout.padded_rows; row += BINQ_BLOCK_ROWS) {
    for (int64_t g = 0; g < layout.groups; ++g)
      unpack_group(block, &layout, place_of_group(&layout, linear->format.planes, g), row, linear);
    if (linear->format.int8_columns > 0)
      unpack_int8(block, &layout, row, linear);
    block += layout.block_bytes;
  }
}

/// What each code of one (row, group) stands for.
static void values_of_codes(const binq_quantized_linear *linear, int64_t index, float *values) {
  const binq_linear_format *format = &linear->format;
  float scale = binq_half_to_float(linear->scales[index]);
  for (int code = 0; code < 1 << format->planes; ++code) {
    float number = 0;
    if (format->form == BINQ_FORM_GROUPED_BINARY) {
      number = (float)linear->levels[index * LEVELS + code];
    } else {
      int sum = -(int)linear->zeros[index];
      for (int k = 0; k < format->planes; ++k)
        sum += (code >> k & 1) * format->plane_weights[k];
      number = (float)sum;
    }
    values[code] = scale * number;
  }
}

void binq_dequantize_rows(const binq_quantized_linear *linear, int64_t begin, int64_t end,
                          float *out) {
  binq_layout layout = layout_of_checked(&linear->format);
  for (int64_t row = begin; row < end; ++row) {
    float *to = out + (row - begin) * layout.padded_columns;
    const uint8_t *codes = linear->codes + row * layout.plane_columns;
    float values[1 << BINQ_MAX_WEIGHT_PLANES];
    for (int64_t j = 0; j < layout.plane_columns; ++j) {
      if (j % BINQ_GROUP == 0)
        values_of_codes(linear, row * layout.groups + j / BINQ_GROUP, values);
      to[j] = values[codes[j]];
    }
    int64_t int8_columns = linear->format.int8_columns;
    if (int8_columns == 0)
      continue;
    float scale = binq_half_to_float(linear->int8_scales[row]);
    for (int64_t j = 0; j < int8_columns; ++j)
      to[layout.plane_columns + j] = scale * (float)linear->int8_codes[row * int8_columns + j];
  }
}

void binq_dequantize(const binq_quantized_linear *linear, float *out) {
  binq_dequantize_rows(linear, 0, linear->format.rows, out);
}
