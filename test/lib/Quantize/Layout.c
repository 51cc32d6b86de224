/// The packed layout: sizes, single bits at the places the header names, and that unpacking undoes
/// packing.
#include "binq/Quantize/Layout.h"
#include "Check.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const binq_linear_format GROUPED = {
    .form = BINQ_FORM_GROUPED_BINARY, .rows = 40, .columns = 172, .planes = 2, .int8_columns = 32};
static const binq_linear_format THREE_PLANES = {
    .form = BINQ_FORM_PLANES, .rows = 1, .columns = 576, .planes = 3, .plane_weights = {1, 2, 4}};
static const binq_linear_format INT8 = {
    .form = BINQ_FORM_INT8, .rows = 33, .columns = 130, .int8_columns = 160};

static binq_layout layout_of(const binq_linear_format *format) {
  binq_layout layout;
  CHECK_STATUS_OK(binq_layout_of(format, &layout));
  return layout;
}

static void check_sizes(void) {
  binq_layout layout = layout_of(&GROUPED);
  CHECK_EQ_INT(layout.padded_rows, 64);
  CHECK_EQ_INT(layout.padded_columns, 192);
  CHECK_EQ_INT(layout.plane_columns, 160);
  CHECK_EQ_INT(layout.groups, 2);
  CHECK_EQ_INT(layout.int8_groups, 1);
  CHECK_EQ_INT(layout.group_bytes, 16 * 64 + 192);
  CHECK_EQ_INT(layout.coefficient_bytes, 192);
  CHECK_EQ_INT(layout.int8_offset, 16 * 64 + 192 + 4 * 64 + 192);
  CHECK_EQ_INT(layout.block_bytes, layout.int8_offset + 1024 + 64);
  CHECK_EQ_INT(layout.bytes, 2 * layout.block_bytes);

  layout = layout_of(&THREE_PLANES);
  CHECK_EQ_INT(layout.groups, 5);
  CHECK_EQ_INT(layout.group_bytes, 16 * 96 + 96);
  CHECK_EQ_INT(layout.block_bytes, 72 * 96 + 5 * 96);
  CHECK_EQ_INT(layout.bytes, (72 * 96 + 5 * 96 + 63) / 64 * 64);

  layout = layout_of(&INT8);
  CHECK_EQ_INT(layout.plane_columns, 0);
  CHECK_EQ_INT(layout.groups, 0);
  CHECK_EQ_INT(layout.int8_groups, 2);
  CHECK_EQ_INT(layout.int8_offset, 0);
  CHECK_EQ_INT(layout.block_bytes, 160 * 32 + 64);
}

static void check_activation_sizes(void) {
  binq_layout layout = layout_of(&GROUPED);
  binq_activation_layout activations;
  binq_activation_layout_of(&layout, 4, BINQ_PART_PLANES, &activations);
  CHECK_EQ_INT(activations.scales_offset, 2 * 4 * 16);
  CHECK_EQ_INT(activations.sums_offset, 128 + 8);
  CHECK_EQ_INT(activations.int8_codes_offset, 144);
  CHECK_EQ_INT(activations.int8_scales_offset, 176);
  CHECK_EQ_INT(activations.token_bytes, 192);

  layout = layout_of(&INT8);
  binq_activation_layout_of(&layout, 8, BINQ_PART_PLANES, &activations);
  CHECK_EQ_INT(activations.int8_codes_offset, 0);
  CHECK_EQ_INT(activations.int8_scales_offset, 160);
  CHECK_EQ_INT(activations.token_bytes, 192);
}

static void check_refusals(void) {
  binq_layout layout;
  binq_linear_format format = GROUPED;
  format.planes = 3;
  CHECK_STATUS_FAILS(binq_layout_of(&format, &layout), "2 planes, not 3");
  format = GROUPED;
  format.rows = 0;
  CHECK_STATUS_FAILS(binq_layout_of(&format, &layout), "not 0");
  format = GROUPED;
  format.rows = INT64_MAX;
  CHECK_STATUS_FAILS(binq_layout_of(&format, &layout), "rows");
  format = GROUPED;
  format.columns = 65537;
  CHECK_STATUS_FAILS(binq_layout_of(&format, &layout), "65537");
  format = GROUPED;
  format.int8_columns = 33;
  CHECK_STATUS_FAILS(binq_layout_of(&format, &layout), "33");
  format.int8_columns = 224;
  CHECK_STATUS_FAILS(binq_layout_of(&format, &layout), "up to 192");
  format = THREE_PLANES;
  format.planes = 5;
  CHECK_STATUS_FAILS(binq_layout_of(&format, &layout), "not 5");
  format = THREE_PLANES;
  format.plane_weights[1] = 0;
  CHECK_STATUS_FAILS(binq_layout_of(&format, &layout), "plane weight 0");
  format = INT8;
  format.int8_columns = 128;
  CHECK_STATUS_FAILS(binq_layout_of(&format, &layout), "all 160");
}

/// Row r's byte slot and how AVX2 gives it back: even bytes, then the low halves of both lanes.
static void check_slots(void) {
  const int slots[32] = {0, 2, 4, 6, 16, 18, 20, 22, 8, 10, 12, 14, 24, 26, 28, 30,
                         1, 3, 5, 7, 17, 19, 21, 23, 9, 11, 13, 15, 25, 27, 29, 31};
  for (int row = 0; row < 32; ++row)
    CHECK_EQ_INT(binq_row_slot(row), slots[row]);
}

typedef struct {
  binq_quantized_linear linear;
  binq_layout layout;
  uint8_t *packed;
} fixture;

static fixture create_fixture(const binq_linear_format *format) {
  fixture f = {.layout = layout_of(format)};
  CHECK_STATUS_OK(binq_quantized_linear_create(format, &f.linear));
  f.packed = malloc((size_t)f.layout.bytes);
  REQUIRE(f.packed);
  memset(f.packed, 0xaa, (size_t)f.layout.bytes);
  return f;
}

static void free_fixture(fixture *f) {
  binq_quantized_linear_free(&f->linear);
  free(f->packed);
}

/// Packs, and checks that exactly one byte is not zero.
static void check_only_byte(fixture *f, int64_t offset, int value) {
  binq_pack(&f->linear, f->packed);
  for (int64_t i = 0; i < f->layout.bytes; ++i)
    if (f->packed[i] != (i == offset ? value : 0))
      CHECK_FAIL("byte %lld is %d", (long long)i, f->packed[i]);
}

static void check_golden_grouped(void) {
  fixture f = create_fixture(&GROUPED);
  int64_t block = f.layout.block_bytes;
  // Row 37 is row 5 of block 1: slot 18. Channel 75: byte 9, bit 3. Plane s.
  f.linear.codes[37 * 160 + 75] = 2;
  check_only_byte(&f, block + 9L * 64 + 32 + 18, 1 << 3);
  f.linear.codes[37 * 160 + 75] = 0;
  // Channel 130 lies in the short group 1: byte 0, bit 2. Plane q, row 1: slot 2.
  f.linear.codes[1 * 160 + 130] = 1;
  check_only_byte(&f, 1216 + 2, 1 << 2);
  f.linear.codes[1 * 160 + 130] = 0;
  // Levels of row 10, group 0: 8-row part 1, place 2; (c1, c2), then (c3, c0).
  const int places[4] = {21, 4, 5, 20};
  for (int k = 0; k < 4; ++k) {
    f.linear.levels[(10 * 2 + 0) * 4 + k] = -3;
    check_only_byte(&f, 1024 + 32 + places[k], 253);
    f.linear.levels[(10 * 2 + 0) * 4 + k] = 0;
  }
  f.linear.scales[31 * 2 + 1] = 0x1200;
  check_only_byte(&f, 1216 + 256 + 128 + 2 * 31 + 1, 0x12);
  f.linear.scales[31 * 2 + 1] = 0;
  // INT8 column 30 of row 3.
  f.linear.int8_codes[3 * 32 + 30] = 7;
  check_only_byte(&f, f.layout.int8_offset + 28L * 32 + 3L * 4 + 2, 7);
  f.linear.int8_codes[3 * 32 + 30] = 0;
  f.linear.int8_scales[32] = 0x0034;
  check_only_byte(&f, block + f.layout.int8_offset + 32L * 32, 0x34);
  free_fixture(&f);
}

static void check_golden_planes(void) {
  fixture f = create_fixture(&THREE_PLANES);
  f.linear.codes[8] = 4;
  check_only_byte(&f, 96 + 64, 1);
  f.linear.codes[8] = 0;
  f.linear.zeros[4] = 5;
  check_only_byte(&f, 4 * 1632 + 8 * 96, 5);
  f.linear.zeros[4] = 0;
  f.linear.scales[1] = 0x00ff;
  check_only_byte(&f, 1632 + 16 * 96 + 32, 0xff);
  free_fixture(&f);
}

static uint32_t next_random(uint32_t *state) {
  *state = *state * 1664525 + 1013904223;
  return *state >> 8;
}

static void fill(void *bytes, int64_t count, int mask, uint32_t *state) {
  for (int64_t i = 0; i < count; ++i)
    ((uint8_t *)bytes)[i] = (uint8_t)(next_random(state) & (uint32_t)mask);
}

static void check_same(const void *a, const void *b, int64_t count) {
  CHECK(count == 0 || memcmp(a, b, (size_t)count) == 0);
}

static void check_round_trip(const binq_linear_format *format) {
  fixture f = create_fixture(format);
  binq_quantized_linear back;
  CHECK_STATUS_OK(binq_quantized_linear_create(format, &back));
  const binq_layout *layout = &f.layout;
  int64_t rows = layout->padded_rows, groups = layout->groups;
  int64_t codes = rows * layout->plane_columns, int8 = rows * format->int8_columns;
  int64_t levels = f.linear.levels ? rows * groups * 4 : 0;
  int64_t zeros = f.linear.zeros ? rows * groups : 0;
  int64_t int8_scales = f.linear.int8_scales ? rows * 2 : 0;
  uint32_t state = 1;
  fill(f.linear.codes, codes, (1 << format->planes) - 1, &state);
  fill(f.linear.levels, levels, 0xff, &state);
  fill(f.linear.zeros, zeros, 0xff, &state);
  fill(f.linear.scales, rows * groups * 2, 0xff, &state);
  fill(f.linear.int8_codes, int8, 0xff, &state);
  fill(f.linear.int8_scales, int8_scales, 0xff, &state);
  fill(back.codes, codes, 0xff, &state); // what was there must not shine through
  binq_pack(&f.linear, f.packed);
  binq_unpack(f.packed, &back);
  check_same(f.linear.codes, back.codes, codes);
  check_same(f.linear.levels, back.levels, levels);
  check_same(f.linear.zeros, back.zeros, zeros);
  check_same(f.linear.scales, back.scales, rows * groups * 2);
  check_same(f.linear.int8_codes, back.int8_codes, int8);
  check_same(f.linear.int8_scales, back.int8_scales, int8_scales);
  binq_quantized_linear_free(&back);
  free_fixture(&f);
}

/// Rows of a packed table, with channels in the model's order and in one from the last to the
/// first.
static void check_rows(const binq_linear_format *format) {
  fixture f = create_fixture(format);
  const binq_layout *layout = &f.layout;
  int64_t rows = layout->padded_rows, padded = layout->padded_columns;
  uint32_t state = 2;
  fill(f.linear.codes, rows * layout->plane_columns, (1 << format->planes) - 1, &state);
  fill(f.linear.zeros, f.linear.zeros ? rows * layout->groups : 0, 0xff, &state);
  fill(f.linear.scales, rows * layout->groups * 2, 0x3b, &state);
  fill(f.linear.int8_codes, rows * format->int8_columns, 0xff, &state);
  fill(f.linear.int8_scales, f.linear.int8_scales ? rows * 2 : 0, 0x3b, &state);
  binq_pack(&f.linear, f.packed);
  float *expected = malloc((size_t)(rows * padded) * sizeof *expected);
  float *actual = malloc((size_t)padded * sizeof *actual);
  uint16_t *order = malloc((size_t)padded * sizeof *order);
  REQUIRE(expected && actual && order);
  for (int64_t j = 0; j < padded; ++j)
    order[j] = (uint16_t)(padded - 1 - j);
  binq_dequantize(&f.linear, expected);
  binq_packed_table table = {.format = *format, .packed = f.packed};
  for (int64_t row = 0; row < format->rows; ++row)
    for (int reversed = 0; reversed < 2; ++reversed) {
      table.order = reversed ? order : NULL;
      binq_packed_table_row(&table, row, actual);
      for (int64_t j = 0; j < padded; ++j) {
        float value = expected[row * padded + (reversed ? padded - 1 - j : j)];
        CHECK(actual[j] == (j < format->columns ? value : 0));
      }
    }
  free(expected);
  free(actual);
  free(order);
  free_fixture(&f);
}

static void check_tables(void) {
  check_rows(&INT8);
  check_rows(&THREE_PLANES);
  check_rows(&(binq_linear_format){.form = BINQ_FORM_PLANES,
                                   .rows = 65,
                                   .columns = 172,
                                   .planes = 4,
                                   .plane_weights = {1, 2, 4, 8},
                                   .int8_columns = 32});
}

static void check_round_trips(void) {
  check_round_trip(&GROUPED);
  check_round_trip(&THREE_PLANES);
  check_round_trip(&INT8);
  const int64_t columns[] = {1, 32, 96, 172, 224, 576};
  for (size_t i = 0; i < sizeof columns / sizeof *columns; ++i) {
    int64_t padded = (columns[i] + 31) / 32 * 32;
    for (int64_t int8 = 0; int8 <= padded; int8 += padded > 64 ? padded - 32 : 32)
      for (int planes = 1; planes <= 4; ++planes)
        check_round_trip(&(binq_linear_format){.form = BINQ_FORM_PLANES,
                                               .rows = 65,
                                               .columns = columns[i],
                                               .planes = planes,
                                               .plane_weights = {1, 1, 3, 5},
                                               .int8_columns = int8});
  }
}

static void check_dequantized(void) {
  fixture f = create_fixture(&GROUPED);
  float *values = malloc(sizeof(float) * 7680);
  REQUIRE(values);
  f.linear.codes[39 * 160 + 140] = 3;
  memcpy(&f.linear.levels[316], (int8_t[]){-100, -7, 7, 90}, 4);
  f.linear.scales[39 * 2 + 1] = binq_float_to_half(0.25F);
  f.linear.int8_codes[39 * 32 + 31] = -127;
  f.linear.int8_scales[39] = binq_float_to_half(2.0F);
  binq_dequantize(&f.linear, values);
  const float *row = values + (ptrdiff_t)39 * 192;
  CHECK(row[127] == 0.0F);
  CHECK(row[128] == -25.0F);
  CHECK(row[140] == 22.5F);
  CHECK(row[160] == 0.0F);
  CHECK(row[191] == -254.0F);
  free_fixture(&f);

  f = create_fixture(&THREE_PLANES);
  f.linear.codes[575] = 5;
  f.linear.zeros[4] = -2;
  f.linear.scales[4] = binq_float_to_half(0.5F);
  binq_dequantize(&f.linear, values);
  CHECK(values[575] == 3.5F);
  CHECK(values[512] == 1.0F);
  CHECK(values[511] == 0.0F);
  free_fixture(&f);
  free(values);
}

int main(void) {
  check_sizes();
  check_activation_sizes();
  check_refusals();
  check_slots();
  check_golden_grouped();
  check_golden_planes();
  check_round_trips();
  check_tables();
  check_dequantized();
  return check_result();
}
