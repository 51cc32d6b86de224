// The evaluation as a page: tables, and the charts that show them.
#include "binq/Evaluate/Evaluate.h"

#include "Chart.h"
#include "binq/Support/File.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
    "<title>Builds compared</title>\n<style>\n"
    "body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; margin: 2em auto; "
    "max-width: 60em; padding: 0 1em; }\n"
    "table { border-collapse: collapse; margin: 1em 0; }\n"
    "th, td { padding: 0.2em 0.8em; text-align: right; border-bottom: 1px solid #ddd; "
    "font-variant-numeric: tabular-nums; }\n"
    "th:first-child, td:first-child { text-align: left; padding-left: 0; }\n"
    "svg { max-width: 100%; height: auto; }\n"
    "</style>\n</head>\n<body>\n<h1>Builds compared</h1>\n";

static void write_table(const binq_evaluation *e, const binq_evaluated_text *text, FILE *out) {
  (void)fprintf(out, "<table>\n<tr><th>build</th><th>bytes</th><th>bits/weight</th>"
                     "<th>perplexity</th><th>KLD mean</th><th>KLD 99 %%</th><th>top-1</th></tr>\n");
  for (size_t i = 0; i < e->build_count; i++) {
    const binq_candidate *build = &e->builds[i];
    const binq_accuracy *a = &text->accuracy[i];
    (void)fprintf(out, "<tr><td>");
    chart_text(out, build->name);
    (void)fprintf(out, "</td><td>%lld</td>", (long long)build->bytes);
    if (build->bits_per_weight > 0)
      (void)fprintf(out, "<td>%.2f</td>", build->bits_per_weight);
    else
      (void)fprintf(out, "<td>-</td>");
    (void)fprintf(out, "<td>%.4f</td><td>%.4f</td><td>%.4f</td><td>%.2f %%</td></tr>\n",
                  a->perplexity, a->divergence, a->divergence_99, 100 * a->agreement);
  }
  (void)fprintf(out, "</table>\n");
}

/// A build as a point.
typedef struct {
  const char *name;
  double megabytes, perplexity;
  size_t build;
  double label; ///< its height, in pixels
} point;

static int by_perplexity(const void *left, const void *right) {
  double a = ((const point *)left)->perplexity, b = ((const point *)right)->perplexity;
  return (a < b) - (a > b);
}

/// The points that can be drawn, the highest first.
static size_t gather_points(const binq_evaluation *e, const binq_evaluated_text *text,
                            point *points) {
  size_t count = 0;
  for (size_t i = 0; i < e->build_count; i++) {
    double perplexity = text->accuracy[i].perplexity;
    if (e->builds[i].bytes > 0 && isfinite(perplexity))
      points[count++] =
          (point){e->builds[i].name, (double)e->builds[i].bytes / 1e6, perplexity, i, 0};
  }
  qsort(points, count, sizeof *points, by_perplexity);
  return count;
}

/// Labels go beside their points, and below one another where those are close.
static void place_labels(const chart *c, point *points, size_t count) {
  enum { LINE = 15 };
  double last = c->top - LINE;
  for (size_t i = 0; i < count; i++) {
    points[i].label = fmax(chart_y(c, points[i].perplexity), last + LINE);
    last = points[i].label;
  }
  double limit = c->height - c->bottom - 4;
  for (size_t i = 0; i < count; i++) { // back up from the lower edge
    point *p = &points[count - 1 - i];
    p->label = fmin(p->label, limit - LINE * (double)i);
  }
}

static void draw_point(const chart *c, const point *p, bool is_reference) {
  double x = chart_x(c, p->megabytes), y = chart_y(c, p->perplexity);
  double column = c->width - c->right + 16;
  if (is_reference)
    (void)fprintf(c->out, "<path stroke=\"%s\" stroke-dasharray=\"5 4\" d=\"M%.1f %.1fH%.1f\"/>\n",
                  chart_color(p->build), c->left, y, c->width - c->right);
  (void)fprintf(c->out, "<path class=\"lead\" d=\"M%.1f %.1fL%.1f %.1fH%.1f\"/>\n", x, y,
                column - 12, p->label, column - 3);
  (void)fprintf(c->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"%s\"><title>", x, y,
                chart_color(p->build));
  chart_text(c->out, p->name);
  (void)fprintf(c->out, "</title></circle>\n");
  char label[128];
  (void)snprintf(label, sizeof label, p->perplexity < 1000 ? "%s: %.2f" : "%s: %.0f", p->name,
                 p->perplexity);
  chart_label(c, column, p->label + 4, "start", label);
}

static void span_points(chart *c, const point *points, size_t count) {
  double low = points[0].megabytes, high = low;
  for (size_t i = 1; i < count; i++) {
    low = fmin(low, points[i].megabytes);
    high = fmax(high, points[i].megabytes);
  }
  chart_span(&c->x, low, high);
  chart_span(&c->y, points[count - 1].perplexity, points[0].perplexity);
}

/// Perplexity over bytes.
static binq_status write_sizes(const binq_evaluation *e, const binq_evaluated_text *text,
                               FILE *out) {
  point *points;
  BINQ_TRY(binq_allocate(e->build_count, sizeof *points, "points", (void *)&points));
  size_t count = gather_points(e, text, points);
  chart c = {.out = out,
             .width = 900,
             .height = 420,
             .left = 70,
             .right = 260,
             .top = 16,
             .bottom = 50,
             .x = {.label = "megabytes"},
             .y = {.label = "perplexity"}};
  if (count > 0) {
    span_points(&c, points, count);
    place_labels(&c, points, count);
    chart_begin(&c, "Perplexity over bytes");
    for (size_t i = 0; i < count; i++)
      draw_point(&c, &points[i], points[i].build == e->reference);
    chart_end(&c);
  }
  free(points);
  return BINQ_OK;
}

static double largest_error(const binq_candidate *build) {
  double largest = 0;
  for (size_t s = 0; s < build->series_count; s++)
    for (int64_t i = 0; i < build->layer_count; i++)
      if (build->series[s].errors[i] > largest) // not for a NaN
        largest = build->series[s].errors[i];
  return largest;
}

/// A line through the layers whose error is known.
static void draw_series(const chart *c, const binq_candidate *build, size_t number) {
  const binq_error_series *series = &build->series[number];
  bool on_paper = false;
  (void)fprintf(c->out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" d=\"",
                chart_color(number));
  for (int64_t i = 0; i < build->layer_count; i++) {
    if (isnan(series->errors[i])) {
      on_paper = false;
      continue;
    }
    (void)fprintf(c->out, "%s%.1f %.1f", on_paper ? "L" : "M", chart_x(c, (double)i),
                  chart_y(c, series->errors[i]));
    on_paper = true;
  }
  (void)fprintf(c->out, "\"/>\n");
  for (int64_t i = 0; i < build->layer_count; i++)
    if (!isnan(series->errors[i]))
      (void)fprintf(c->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" fill=\"%s\"/>\n",
                    chart_x(c, (double)i), chart_y(c, series->errors[i]), chart_color(number));
  double y = c->top + 12 + 20 * (double)number, x = c->width - c->right + 20;
  (void)fprintf(c->out, "<path stroke=\"%s\" stroke-width=\"2\" d=\"M%.1f %.1fh24\"/>\n",
                chart_color(number), x, y - 4);
  chart_label(c, x + 32, y, "start", series->kind);
}

/// The error of every kind of linear over the layers.
static void write_errors(const binq_candidate *build, double largest, FILE *out) {
  chart c = {.out = out,
             .width = 900,
             .height = 340,
             .left = 70,
             .right = 160,
             .top = 16,
             .bottom = 50,
             .x = {.label = "layer", .whole = true},
             .y = {.label = "relative error of the output"}};
  double last = (double)(build->layer_count > 1 ? build->layer_count - 1 : 1);
  c.x.high = last;
  chart_span(&c.y, 0, largest > 0 ? largest : 1);
  (void)fprintf(out, "<h2>Error over layers: ");
  chart_text(out, build->name);
  (void)fprintf(out, "</h2>\n");
  chart_begin(&c, "Relative error of the linears' outputs over the layers");
  for (size_t s = 0; s < build->series_count; s++)
    draw_series(&c, build, s);
  chart_end(&c);
}

static binq_status write_page(const binq_evaluation *e, FILE *out) {
  (void)fputs(head, out);
  for (size_t t = 0; t < e->text_count; t++) {
    (void)fprintf(out, "<h2>");
    chart_text(out, e->texts[t].path);
    (void)fprintf(out, "</h2>\n<p>%lld windows of %lld tokens, compared with ",
                  (long long)e->texts[t].windows, (long long)e->window);
    chart_text(out, e->builds[e->reference].name);
    (void)fprintf(out, ".</p>\n");
    write_table(e, &e->texts[t], out);
    BINQ_TRY(write_sizes(e, &e->texts[t], out));
  }
  double largest = 0; // one scale for all builds
  for (size_t i = 0; i < e->build_count; i++)
    largest = fmax(largest, largest_error(&e->builds[i]));
  for (size_t i = 0; i < e->build_count; i++)
    if (e->builds[i].series_count > 0)
      write_errors(&e->builds[i], largest, out);
  (void)fprintf(out, "</body>\n</html>\n");
  return BINQ_OK;
}

binq_status binq_evaluation_write_page(const binq_evaluation *evaluation, const char *path) {
  char *text = NULL;
  size_t size = 0;
  FILE *memory = open_memstream(&text, &size);
  if (!memory)
    return binq_errorf("out of memory for %s", path);
  binq_status status = write_page(evaluation, memory);
  bool stored = !ferror(memory);
  if (fclose(memory) != 0 || !stored)
    status = binq_status_join(status, binq_errorf("out of memory for %s", path));
  if (!status)
    status = binq_write_file(path, text, size);
  free(text);
  return status;
}
