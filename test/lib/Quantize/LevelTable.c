/// Level tables of activations: values worked out by hand, and what is refused.
#include "Check.h"
#include "binq/Quantize/Layout.h"

static void check_unsmoothed(void) {
  const int32_t scales[] = {1, 2, 4, -8};
  binq_level_table table;
  CHECK_STATUS_OK(binq_level_table_of(scales, 4, &table));
  CHECK_EQ_INT(table.planes, 4);
  CHECK(table.lowest == -8.0F);
  for (int i = 0; i < 16; ++i) {
    CHECK_EQ_INT(table.level[i], i - 8);
    CHECK_EQ_INT(table.code[i], i < 8 ? i + 8 : i - 8);
    if (i < 15)
      CHECK(table.threshold[i] == (float)i - 7.5F);
  }
  for (int k = 0; k < 4; ++k)
    CHECK_EQ_INT(table.plane_scale[k], scales[k]);
}

static void check_smoothed(void) {
  const int32_t scales[] = {2, 3, 8, -12};
  const int32_t levels[] = {-12, -10, -9, -7, -4, -2, -1, 0, 1, 2, 3, 5, 8, 10, 11, 13};
  const int32_t codes[] = {8, 9, 10, 11, 12, 13, 14, 0, 15, 1, 2, 3, 4, 5, 6, 7};
  binq_level_table table;
  CHECK_STATUS_OK(binq_level_table_of(scales, 4, &table));
  CHECK(table.lowest == -12.0F);
  for (int i = 0; i < 16; ++i) {
    CHECK_EQ_INT(table.level[i], levels[i]);
    CHECK_EQ_INT(table.code[i], codes[i]);
  }
  CHECK(table.threshold[0] == -11.0F);
  CHECK(table.threshold[3] == -5.5F);
  CHECK(table.threshold[14] == 12.0F);
}

/// (1, 2, 4, -7) reaches 0 twice: the smaller code comes first.
static void check_equal_sums(void) {
  const int32_t scales[] = {1, 2, 4, -7};
  binq_level_table table;
  CHECK_STATUS_OK(binq_level_table_of(scales, 4, &table));
  CHECK_EQ_INT(table.level[7], 0);
  CHECK_EQ_INT(table.code[7], 0);
  CHECK_EQ_INT(table.level[8], 0);
  CHECK_EQ_INT(table.code[8], 15);
  CHECK(table.threshold[7] == 0.0F);
}

static void check_eight_planes(void) {
  int32_t scales[] = {1, 2, 4, 8, 16, 32, 64, -128};
  binq_level_table table;
  CHECK_STATUS_OK(binq_level_table_of(scales, 8, &table));
  CHECK_EQ_INT(table.planes, 8);
  CHECK(table.lowest == -128.0F);
  CHECK_EQ_INT(table.plane_scale[7], -128);
  scales[3] = 9;
  CHECK_STATUS_FAILS(binq_level_table_of(scales, 8, &table), "scale 3 is 9");
}

static void check_refusals(void) {
  const int32_t wide[] = {4, 8, 8, -12}, positive[] = {1, 2, 4, 8}, zero[] = {0, 2, 4, -8};
  const int32_t extreme[] = {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MIN};
  binq_level_table table;
  CHECK_STATUS_FAILS(binq_level_table_of(wide, 4, &table), "span 32");
  CHECK_STATUS_FAILS(binq_level_table_of(positive, 4, &table), "plane scale 8");
  CHECK_STATUS_FAILS(binq_level_table_of(zero, 4, &table), "plane scale 0");
  CHECK_STATUS_FAILS(binq_level_table_of(extreme, 4, &table), "span");
  CHECK_STATUS_FAILS(binq_level_table_of(wide, 3, &table), "4 or 8 planes");
}

int main(void) {
  check_unsmoothed();
  check_smoothed();
  check_equal_sums();
  check_eight_planes();
  check_refusals();
  return check_result();
}
