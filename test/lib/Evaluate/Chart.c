// Axes: ticks are round, few enough to read and many enough to tell the scale, whatever the range.
#include "lib/Evaluate/Chart.h"
#include "Check.h"

#include <math.h>

/// Whether the value is a multiple of the step.
static int is_round(double value, double step) {
  return fabs(value / step - round(value / step)) < 1e-6;
}

static void check_axis(double low, double high) {
  chart_axis axis = {0};
  double ticks[CHART_TICKS];
  chart_span(&axis, low, high);
  int count = chart_ticks(&axis, ticks);
  CHECK(axis.low <= low && axis.high >= high && axis.low < axis.high);
  if (count < 3 || count > CHART_TICKS)
    CHECK_FAIL("%d ticks from %g to %g", count, low, high);
  bool is_wide = axis.logarithmic && axis.high / axis.low > 10;
  for (int i = 0; i < count; i++) {
    double power = pow(10, floor(log10(fabs(ticks[i]) > 0 ? fabs(ticks[i]) : 1)));
    CHECK(ticks[i] >= axis.low - 1e-9 * fabs(axis.low) &&
          ticks[i] <= axis.high + 1e-9 * fabs(axis.high));
    CHECK(i == 0 || ticks[i] > ticks[i - 1]);
    CHECK(is_round(ticks[i], is_wide ? power : ticks[1] - ticks[0]));
  }
}

static void check_places(void) {
  chart c = {.width = 100, .height = 50, .left = 10, .right = 20, .top = 5, .bottom = 5};
  c.x = (chart_axis){"x", 2, 4, false, false};
  c.y = (chart_axis){"y", 1, 100, true, false};
  CHECK(fabs(chart_x(&c, 2) - 10) < 1e-9 && fabs(chart_x(&c, 4) - 80) < 1e-9);
  CHECK(fabs(chart_x(&c, 3) - 45) < 1e-9);
  CHECK(fabs(chart_y(&c, 1) - 45) < 1e-9 && fabs(chart_y(&c, 100) - 5) < 1e-9);
  CHECK(fabs(chart_y(&c, 10) - 25) < 1e-9);
}

static void check_text(void) {
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  REQUIRE(out);
  chart_text(out, "a<b> & \"c\"\n");
  (void)fclose(out);
  CHECK_EQ_STR(text, "a&lt;b&gt; &amp; &quot;c&quot; ");
  free(text);
}

int main(void) {
  for (int i = 0; i < 18; i++)
    for (int j = 0; j < 30; j++)
      check_axis(1e-3 * pow(3.7, i), 1e-3 * pow(3.7, i) * 1.001 * pow(1.9, j));
  check_axis(20, 20);
  check_axis(0, 0.37);
  check_axis(0, 30);
  check_axis(19.8912, 3.8e6);
  check_places();
  check_text();
  return check_result();
}
