/// Refinement: descents and refits of a group against what can be found by trying, and whole
/// linears of which no round may raise the error.
#include "lib/Quantize/Refine.h"
#include "Fixture.h"

#include <math.h>

enum { CHANNELS = 43, FIRST = 3, ROUNDS = 6 };

/// A group with random weights, codes and levels, and a random form.
typedef struct {
  binq_linear_format format;
  float form[CHANNELS * CHANNELS];
  binq_rows target[CHANNELS], value[CHANNELS], gradient[CHANNELS];
  binq_row_codes codes[CHANNELS];
  binq_level_set set;
  binq_coefficients coefficients;
  binq_group group;
} random_group;

static void fill_form(random_group *g, uint64_t *state) {
  enum { TERMS = 60 };
  for (int t = 0; t < TERMS; ++t) {
    float x[CHANNELS], common = random_normal(state);
    for (int j = 0; j < CHANNELS; ++j)
      x[j] = random_normal(state) + common;
    for (int i = 0; i < CHANNELS; ++i)
      for (int j = 0; j < CHANNELS; ++j)
        g->form[i * CHANNELS + j] += x[i] * x[j];
  }
}

/// Half of what the form grows by with the value of a channel.
static double slope(const random_group *g, int j, int r) {
  double sum = 0;
  for (int k = 0; k < CHANNELS; ++k)
    sum += (double)g->form[j * CHANNELS + k] * ((double)g->value[k][r] - (double)g->target[k][r]);
  return sum;
}

static double form_of_row(const random_group *g, int r) {
  double sum = 0;
  for (int j = 0; j < CHANNELS; ++j)
    sum += slope(g, j, r) * ((double)g->value[j][r] - (double)g->target[j][r]);
  return sum;
}

static void fill_levels(random_group *g) {
  int levels = 1 << g->format.planes, zero = levels / 2;
  g->set.count = levels;
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    g->coefficients.zeros[r] = (int8_t)zero;
    g->coefficients.scales[r] = binq_scale_to_half(0.9F / (float)levels);
    float scale = binq_half_to_float(g->coefficients.scales[r]);
    for (int k = 0; k < levels; ++k) {
      float number = (float)(k - zero);
      if (g->format.form == BINQ_FORM_GROUPED_BINARY)
        g->coefficients.levels[r][k] = (int8_t)number;
      g->set.value[k][r] = scale * number;
      g->set.code[k] = (uint8_t)k;
    }
  }
}

static random_group *new_group(binq_form form, int planes, uint64_t seed) {
  random_group *g = new_array(1, sizeof *g);
  g->format = make_format(form, planes, BINQ_BLOCK_ROWS, CHANNELS, 0);
  fill_form(g, &seed);
  fill_levels(g);
  for (int j = FIRST; j < CHANNELS; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
      g->target[j][r] = random_normal(&seed);
      g->codes[j][r] = (uint8_t)(random_unit(&seed) * (1 << planes));
      g->value[j][r] = g->set.value[g->codes[j][r]][r];
    }
  for (int j = 0; j < CHANNELS; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      g->gradient[j][r] = (float)slope(g, j, r);
  g->group = (binq_group){.format = &g->format,
                          .form = g->form,
                          .form_row = CHANNELS,
                          .first = FIRST,
                          .channels = CHANNELS,
                          .value = g->value,
                          .gradient = g->gradient,
                          .codes = g->codes,
                          .set = &g->set,
                          .coefficients = &g->coefficients};
  return g;
}

/// What a code of a row stands for, by the coefficients that are stored.
static double value_of_code(const random_group *g, int code, int r) {
  double number = code - g->coefficients.zeros[r];
  if (g->format.form == BINQ_FORM_GROUPED_BINARY)
    number = g->coefficients.levels[r][code];
  return (double)binq_half_to_float(g->coefficients.scales[r]) * number;
}

/// Values, gradient and padding agree with codes and coefficients.
static void check_consistent(const random_group *g) {
  for (int j = 0; j < CHANNELS; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
      double value = j < FIRST ? 0 : value_of_code(g, g->codes[j][r], r);
      if ((double)g->value[j][r] != value)
        CHECK_FAIL("channel %d, row %d is %g, not %g", j, r, (double)g->value[j][r], value);
      if (j < FIRST)
        continue;
      double expected = slope(g, j, r), got = (double)g->gradient[j][r];
      if (!(fabs(got - expected) <= 1e-3 * (1 + fabs(expected))))
        CHECK_FAIL("the slope of channel %d, row %d is %g, not %g", j, r, expected, got);
    }
}

/// No code of the row can be changed for the better.
static void check_codes(random_group *g, int r) {
  double least = form_of_row(g, r);
  for (int j = FIRST; j < CHANNELS; ++j) {
    float value = g->value[j][r];
    for (int code = 0; code < g->set.count; ++code) {
      g->value[j][r] = (float)value_of_code(g, code, r);
      double other = form_of_row(g, r);
      if (other < least - 1e-4 * least)
        CHECK_FAIL("row %d, channel %d: code %d gives %g, not %g", r, j, code, other, least);
    }
    g->value[j][r] = value;
  }
}

static void check_descent(binq_form form, int planes) {
  random_group *g = new_group(form, planes, 5);
  double before[BINQ_BLOCK_ROWS];
  for (int pass = 0; pass < 50; ++pass) {
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      before[r] = form_of_row(g, r);
    binq_descend(&g->group);
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      CHECK(form_of_row(g, r) <= before[r] * (1 + 1e-5));
  }
  check_consistent(g);
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
    check_codes(g, r);
  free(g);
}

/// Whatever the coefficients of a row, near those found, none are better by more than rounding.
static void check_coefficients(random_group *g, int r, double tolerance) {
  double least = form_of_row(g, r);
  bool grouped = g->format.form == BINQ_FORM_GROUPED_BINARY;
  binq_coefficients kept = g->coefficients;
  for (int number = 0; number < (grouped ? BINQ_LEVELS : 2); ++number)
    for (int step = -1; step <= 1; ++step) {
      g->coefficients = kept;
      if (!grouped && kept.zeros[r] + step < 0)
        continue;
      if (grouped)
        g->coefficients.levels[r][number] = (int8_t)(kept.levels[r][number] + step);
      else if (number == 0)
        g->coefficients.zeros[r] = (int8_t)(kept.zeros[r] + step);
      else
        g->coefficients.scales[r] = (uint16_t)(kept.scales[r] + 4 * step);
      for (int j = FIRST; j < CHANNELS; ++j)
        g->value[j][r] = (float)value_of_code(g, g->codes[j][r], r);
      double other = form_of_row(g, r);
      if (other < least * (1 - tolerance))
        CHECK_FAIL("row %d: number %d, moved by %d, gives %g, not %g", r, number, step, other,
                   least);
    }
  g->coefficients = kept;
}

static void check_refit(binq_form form, int planes) {
  random_group *g = new_group(form, planes, 6);
  double before[BINQ_BLOCK_ROWS];
  binq_descend(&g->group); // no scale suits codes that have nothing to do with the target
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
    before[r] = form_of_row(g, r);
  for (int pass = 0; pass < 20; ++pass)
    binq_refit_levels(&g->group);
  check_consistent(g);
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    CHECK(form_of_row(g, r) <= before[r] * (1 + 1e-5));
    check_coefficients(g, r, 1e-3);
  }
  free(g);
}

/// Round after round the error falls or stays, and it is what the codes give.
static void check_rounds(const binq_linear_format *format) {
  double last = INFINITY, first = 0;
  for (int64_t refine = 0; refine <= ROUNDS; refine += refine < 2 ? 1 : 2) {
    binq_method method = {.refine = refine};
    fixture f = quantize(format, &method, 2);
    double expected = true_error(&f);
    if (!(fabs(f.error - expected) <= 2e-3 * expected))
      CHECK_FAIL("the relative error is %g, not %g", f.error, expected);
    // INT8 columns are rounded anew each time, which may cost a little.
    if (!(f.error <= last * (1 + 1e-3)))
      CHECK_FAIL("%d rounds raise the error from %g to %g", (int)refine, last, f.error);
    last = f.error;
    first = refine == 0 ? f.error : first;
    free_fixture(&f);
  }
  if (!(last < 0.995 * first))
    CHECK_FAIL("refinement takes the error from %g to %g only", first, last);
}

static void check_bits(const binq_linear_format *format) {
  const binq_method method = {.refine = 2};
  fixture one = quantize(format, &method, 1);
  uint8_t *packed = new_array(one.layout.bytes, 1), *again = new_array(one.layout.bytes, 1);
  binq_pack(&one.linear, packed);
  for (int threads = 2; threads <= 3; ++threads) {
    fixture more = quantize(format, &method, threads);
    binq_pack(&more.linear, again);
    CHECK(memcmp(packed, again, (size_t)one.layout.bytes) == 0);
    CHECK(one.error == more.error);
    free_fixture(&more);
  }
  free(packed);
  free(again);
  free_fixture(&one);
}

int main(void) {
  check_descent(BINQ_FORM_GROUPED_BINARY, 2);
  check_refit(BINQ_FORM_GROUPED_BINARY, 2);
  for (int planes = 1; planes <= 4; ++planes) {
    check_descent(BINQ_FORM_PLANES, planes);
    check_refit(BINQ_FORM_PLANES, planes);
  }
  const int64_t columns[] = {96, 172, 288, 330};
  for (size_t i = 0; i < sizeof columns / sizeof *columns; ++i)
    for (int64_t int8 = 0; int8 <= 32; int8 += 32) {
      binq_linear_format grouped = make_format(BINQ_FORM_GROUPED_BINARY, 2, 35, columns[i], int8);
      binq_linear_format planes = make_format(BINQ_FORM_PLANES, 3, 35, columns[i], int8);
      check_rounds(&grouped);
      check_rounds(&planes);
    }
  binq_linear_format ternary = make_format(BINQ_FORM_PLANES, 2, 35, 172, 32);
  ternary.plane_weights[1] = 1;
  check_rounds(&ternary);
  binq_linear_format grouped = make_format(BINQ_FORM_GROUPED_BINARY, 2, 100, 576, 32);
  check_bits(&grouped);
  return check_result();
}
