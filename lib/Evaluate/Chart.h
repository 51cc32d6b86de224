/// Charts as SVG: a frame with two axes, and marks in it.
#ifndef BINQ_LIB_EVALUATE_CHART_H
#define BINQ_LIB_EVALUATE_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/// The values that an axis spans. What is logarithmic is above 0.
typedef struct {
  const char *label;
  double low, high;
  bool logarithmic;
  bool whole; ///< its ticks are whole numbers
} chart_axis;

/// A drawing of so many pixels; the frame is inset by the space that labels take.
typedef struct {
  FILE *out;
  double width, height, left, right, top, bottom;
  chart_axis x, y;
} chart;

/// Where a value is, in pixels.
double chart_x(const chart *c, double value);
double chart_y(const chart *c, double value);

/// At most CHART_TICKS values of the axis that are round numbers, ascending; their number.
enum { CHART_TICKS = 12 };
int chart_ticks(const chart_axis *axis, double *out);

/// Makes the axis span [low, high] with some room on both sides; it becomes logarithmic where it
/// spans more than a factor of 4, unless it begins at 0.
void chart_span(chart_axis *axis, double low, double high);

/// Begins the drawing: its title, the frame, both axes with ticks, grid and labels.
void chart_begin(const chart *c, const char *title);
void chart_end(const chart *c);

/// Text as XML has it.
void chart_text(FILE *out, const char *text);

/// Text at a point; `anchor` is "start", "middle" or "end".
void chart_label(const chart *c, double x, double y, const char *anchor, const char *text);

/// The color of a series.
const char *chart_color(size_t series);

#endif
