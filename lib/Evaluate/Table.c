#include "binq/Evaluate/Evaluate.h"

#include <string.h>

static void print_row(const binq_candidate *build, const binq_accuracy *a, int width, FILE *out) {
  char bits[32] = "-";
  if (build->bits_per_weight > 0)
    (void)snprintf(bits, sizeof bits, "%.2f", build->bits_per_weight);
  (void)fprintf(out, "%-*s  %12lld  %11s  %12.4f  %9.4f  %9.4f  %7.2f %%\n", width, build->name,
                (long long)build->bytes, bits, a->perplexity, a->divergence, a->divergence_99,
                100 * a->agreement);
}

void binq_evaluation_print(const binq_evaluation *e, FILE *out) {
  int width = 5;
  for (size_t i = 0; i < e->build_count; i++)
    if ((int)strlen(e->builds[i].name) > width)
      width = (int)strlen(e->builds[i].name);
  for (size_t t = 0; t < e->text_count; t++) {
    const binq_evaluated_text *text = &e->texts[t];
    (void)fprintf(out, "%s%s: %lld windows of %lld tokens, compared with %s\n", t ? "\n" : "",
                  text->path, (long long)text->windows, (long long)e->window,
                  e->builds[e->reference].name);
    (void)fprintf(out, "%-*s  %12s  %11s  %12s  %9s  %9s  %9s\n", width, "build", "bytes",
                  "bits/weight", "perplexity", "KLD mean", "KLD 99 %", "top-1");
    for (size_t i = 0; i < e->build_count; i++)
      print_row(&e->builds[i], &text->accuracy[i], width, out);
  }
}
