#include "binq/Driver/Measure.h"

#include "binq/Calibrate/Quantized.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Transforms/Weights.h"

/// The two graphs at work; released in the reverse order.
typedef struct {
  binq_module_weights *weights;
  binq_graph *graph;
  binq_graph_reader *reader;
  binq_quantized_graph *quantized;
} models;

static binq_status open_models(models *m, MlirModule graph, MlirModule quantized, int64_t window,
                               binq_pool *pool) {
  BINQ_TRY(binq_module_weights_open(graph, &m->weights));
  BINQ_TRY(binq_graph_create(graph, binq_module_weights_view(m->weights), pool, &m->graph));
  BINQ_TRY(binq_graph_reader_create(m->graph, window, &m->reader));
  return binq_quantized_graph_create(quantized, window, pool, &m->quantized);
}

static void close_models(models *m) {
  binq_quantized_graph_destroy(m->quantized);
  binq_graph_reader_destroy(m->reader);
  binq_graph_destroy(m->graph);
  binq_module_weights_close(m->weights);
}

static binq_status compare(const models *m, const binq_windows *text,
                           const binq_pass_environment *environment, binq_measurement *out) {
  const binq_predictor predictors[] = {
      binq_graph_reader_predictor(m->reader, "the float graph"),
      binq_quantized_graph_predictor(m->quantized, "the quantized graph")};
  binq_accuracy results[2];
  BINQ_TRY(binq_compare_predictors(predictors, 2, text, environment->pool, environment->progress,
                                   results));
  out->windows = text->windows;
  out->float_perplexity = results[0].perplexity;
  out->quantized = results[1];
  return BINQ_OK;
}

binq_status binq_measure(MlirModule graph, MlirModule quantized, const binq_quantize_report *report,
                         const binq_pass_environment *environment, binq_measurement *out) {
  binq_model_info info;
  *out = (binq_measurement){.window = report->window,
                            .expected_divergence = report->predicted_divergence};
  if (report->held_back_windows == 0)
    return BINQ_OK;
  binq_progress_report(environment->progress, "measuring accuracy", "compiling the graphs", 0);
  BINQ_TRY(binq_model_info_get(graph, &info));
  binq_windows text = {report->held_back, report->held_back_windows, report->window,
                       info.vocabulary_size};
  models m = {NULL, NULL, NULL, NULL};
  binq_status status = open_models(&m, graph, quantized, text.window, environment->pool);
  if (!status)
    status = compare(&m, &text, environment, out);
  close_models(&m);
  return status;
}

static void print(const binq_measurement *m, FILE *out) {
  const binq_accuracy *a = &m->quantized;
  if (m->expected_divergence >= 0)
    (void)fprintf(out, "the budget was expected to cost a KL divergence of %.4f nats\n",
                  m->expected_divergence);
  if (m->windows == 0)
    (void)fprintf(out, "accuracy: not measured, for no text was held back from calibration\n");
  else
    (void)fprintf(out,
                  "accuracy on %lld windows of %lld tokens held back from calibration:\n"
                  "  perplexity %.4f (float model: %.4f)\n"
                  "  KL divergence from the float model: %.4f nats, 99th percentile %.4f\n"
                  "  same likeliest token as the float model: %.2f %%\n",
                  (long long)m->windows, (long long)m->window, a->perplexity, m->float_perplexity,
                  a->divergence, a->divergence_99, 100 * a->agreement);
}

binq_status binq_measurement_print(const binq_measurement *measurement, FILE *out) {
  print(measurement, out);
  if (fflush(out) != 0 || ferror(out))
    return binq_errorf("cannot write to the standard output");
  return BINQ_OK;
}
