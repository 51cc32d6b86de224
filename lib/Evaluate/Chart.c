#include "Chart.h"

#include <math.h>
#include <stdint.h>

double chart_x(const chart *c, double value) {
  const chart_axis *a = &c->x;
  double part = a->logarithmic ? log(value / a->low) / log(a->high / a->low)
                               : (value - a->low) / (a->high - a->low);
  return c->left + part * (c->width - c->left - c->right);
}

double chart_y(const chart *c, double value) {
  const chart_axis *a = &c->y;
  double part = a->logarithmic ? log(value / a->low) / log(a->high / a->low)
                               : (value - a->low) / (a->high - a->low);
  return c->height - c->bottom - part * (c->height - c->top - c->bottom);
}

/// Multiples of 1, 2 or 5 times a power of ten.
static int linear_ticks(const chart_axis *axis, double *out) {
  double rough = (axis->high - axis->low) / 8, power = pow(10, floor(log10(rough)));
  double step = power;
  if (rough > 5 * power)
    step = 10 * power;
  else if (rough > 2 * power)
    step = 5 * power;
  else if (rough > power)
    step = 2 * power;
  if (axis->whole)
    step = fmax(step, 1);
  int count = 0;
  int64_t first = (int64_t)ceil(axis->low / step - 1e-9);
  int64_t last = (int64_t)floor(axis->high / step + 1e-9);
  for (int64_t i = first; i <= last && count < CHART_TICKS; i++)
    out[count++] = (double)i * step;
  return count;
}

/// 1, 2 and 5 times powers of ten; of many powers only themselves, or some of them.
static int logarithmic_ticks(const chart_axis *axis, double *out) {
  int first = (int)floor(log10(axis->low)), last = (int)ceil(log10(axis->high));
  int step = (last - first + 7) / 8, largest = last - first <= 3 ? 5 : 1;
  int count = 0;
  for (int power = first; power <= last; power += step)
    for (int digit = 1; digit <= largest; digit += digit == 2 ? 3 : 1) {
      double value = digit * pow(10, power);
      if (value >= axis->low && value <= axis->high && count < CHART_TICKS)
        out[count++] = value;
    }
  return count;
}

int chart_ticks(const chart_axis *axis, double *out) {
  if (axis->logarithmic && axis->high / axis->low > 10)
    return logarithmic_ticks(axis, out);
  return linear_ticks(axis, out);
}

void chart_span(chart_axis *axis, double low, double high) {
  axis->logarithmic = low > 0 && high / low > 4;
  double room = axis->logarithmic ? pow(high / low, 0.06) : 0.06 * (high - low);
  if (axis->logarithmic) {
    axis->low = low / room;
    axis->high = high * room;
    return;
  }
  if (high <= low)
    room = low > 0 ? 0.1 * low : 1;
  axis->low = low == 0 ? 0 : low - room;
  axis->high = high + room;
}

void chart_text(FILE *out, const char *text) {
  for (; *text; text++)
    switch (*text) {
    case '<':
      (void)fputs("&lt;", out);
      break;
    case '>':
      (void)fputs("&gt;", out);
      break;
    case '&':
      (void)fputs("&amp;", out);
      break;
    case '"':
      (void)fputs("&quot;", out);
      break;
    default:
      (void)fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
}

void chart_label(const chart *c, double x, double y, const char *anchor, const char *text) {
  (void)fprintf(c->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
  chart_text(c->out, text);
  (void)fprintf(c->out, "</text>\n");
}

static const char style[] =
    "<style>\ntext { font: 12px system-ui, sans-serif; fill: #222; }\n"
    ".grid { stroke: #e4e4e4; fill: none; }\n.axis { stroke: #555; fill: none; }\n"
    ".lead { stroke: #999; fill: none; }\n</style>\n";

static void draw_x_axis(const chart *c) {
  double ticks[CHART_TICKS], bottom = c->height - c->bottom;
  int count = chart_ticks(&c->x, ticks);
  for (int i = 0; i < count; i++) {
    char text[32];
    double x = chart_x(c, ticks[i]);
    (void)snprintf(text, sizeof text, "%.6g", ticks[i]);
    (void)fprintf(c->out, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>\n", x, c->top, bottom);
    (void)fprintf(c->out, "<path class=\"axis\" d=\"M%.1f %.1fv5\"/>\n", x, bottom);
    chart_label(c, x, bottom + 18, "middle", text);
  }
  chart_label(c, (c->left + c->width - c->right) / 2, c->height - 8, "middle", c->x.label);
}

static void draw_y_axis(const chart *c) {
  double ticks[CHART_TICKS], middle = (c->top + c->height - c->bottom) / 2;
  int count = chart_ticks(&c->y, ticks);
  for (int i = 0; i < count; i++) {
    char text[32];
    double y = chart_y(c, ticks[i]);
    (void)snprintf(text, sizeof text, "%.6g", ticks[i]);
    (void)fprintf(c->out, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>\n", c->left, y,
                  c->width - c->right);
    (void)fprintf(c->out, "<path class=\"axis\" d=\"M%.1f %.1fh-5\"/>\n", c->left, y);
    chart_label(c, c->left - 9, y + 4, "end", text);
  }
  (void)fprintf(
      c->out, "<text transform=\"translate(16 %.1f) rotate(-90)\" text-anchor=\"middle\">", middle);
  chart_text(c->out, c->y.label);
  (void)fprintf(c->out, "</text>\n");
}

void chart_begin(const chart *c, const char *title) {
  (void)fprintf(c->out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 %.0f %.0f\" "
                "width=\"%.0f\" height=\"%.0f\">\n<title>",
                c->width, c->height, c->width, c->height);
  chart_text(c->out, title);
  (void)fprintf(c->out, "</title>\n%s", style);
  draw_x_axis(c);
  draw_y_axis(c);
  (void)fprintf(c->out, "<path class=\"axis\" d=\"M%.1f %.1fV%.1fH%.1f\"/>\n", c->left, c->top,
                c->height - c->bottom, c->width - c->right);
}

void chart_end(const chart *c) {
  (void)fprintf(c->out, "</svg>\n");
}

const char *chart_color(size_t series) {
  // Told apart by people who do not see all colors, too (Okabe and Ito).
  static const char *const colors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                       "#e69f00", "#56b4e9", "#000000"};
  return colors[series % (sizeof colors / sizeof *colors)];
}
