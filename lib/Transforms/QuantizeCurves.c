// What each linear and each table would lose in the formats it may get. Errors of a format: by
// quantizing some of the rows. What an error counts: by quantizing all rows in one format and
// measuring how far the predictions of the otherwise float model move. The divergence is quadratic
// in small errors, hence proportional to the part of the output's energy that they are.
#include "QuantizeInternal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  STUDY_TOKENS = 2048, ///< that Hessians are made of
  PROBE_TOKENS = 160,  ///< that divergences are measured on
  SAMPLE_ROWS = 96,    ///< of a linear, for the errors of formats
  OUTLIER_CHOICES = 2, ///< counts of INT8 columns
};

/// INT8 is four bits finer than four planes: an error's energy falls to a quarter with each.
static const double int8_ratio = 1.0 / 256;

/// The planes of linears: every number of additive ones, and two that are grouped-binary.
typedef struct {
  binq_form form;
  int planes;
} planes_choice;

static const planes_choice linear_choices[] = {{BINQ_FORM_PLANES, 1},
                                               {BINQ_FORM_PLANES, 2},
                                               {BINQ_FORM_GROUPED_BINARY, 2},
                                               {BINQ_FORM_PLANES, 3},
                                               {BINQ_FORM_PLANES, 4}};
static const planes_choice table_choices[] = {
    {BINQ_FORM_PLANES, 1}, {BINQ_FORM_PLANES, 2}, {BINQ_FORM_PLANES, 3}, {BINQ_FORM_PLANES, 4}};
enum {
  LINEAR_CHOICES = sizeof linear_choices / sizeof *linear_choices,
  TABLE_CHOICES = sizeof table_choices / sizeof *table_choices,
  REFERENCE = 2, ///< of both: the one whose divergence is measured, with outliers
};

/// What is known of an input: its statistics for each count of INT8 columns, the last one being
/// that of the reference.
typedef struct {
  int64_t int8_columns[OUTLIER_CHOICES];
  binq_input_statistics statistics[OUTLIER_CHOICES];
  int count;
} input_study;

/// The measurement at work.
typedef struct {
  quantizer *q;
  const calibration_text *text;
  binq_probe *probe;
  loss_curve *curves;
  size_t count;
  int64_t groups;
} measurement;

static void release_input(input_study *study) {
  for (int i = 0; i < study->count; i++)
    binq_input_statistics_free(&study->statistics[i]);
}

/// Outliers: none, or the usual number; the option leaves no choice.
static binq_status study_input(const quantizer *q, const table_hessian *hessian, int64_t columns,
                               double damping, input_study *out) {
  *out = (input_study){.count = 0};
  int64_t wanted = q->options->int8_columns, usual = binq_outliers(columns);
  int64_t counts[OUTLIER_CHOICES] = {0, wanted >= 0 ? wanted : usual};
  if (wanted >= binq_round_up(columns, BINQ_CHANNEL_STEP))
    return binq_errorf(
        "int8-columns=%lld leaves no planes to choose where an input has %lld columns",
        (long long)wanted, (long long)columns);
  for (int i = wanted >= 0 || usual == 0; i < OUTLIER_CHOICES; i++) {
    BINQ_TRY(binq_input_statistics_create(q->environment->pool, hessian->sum, columns,
                                          hessian->tokens, counts[i], damping,
                                          &out->statistics[out->count]));
    out->int8_columns[out->count++] = counts[i];
  }
  return BINQ_OK;
}

// --- errors of formats

static binq_linear_format format_of(const planes_choice *choice, int64_t rows, int64_t columns,
                                    int64_t int8_columns) {
  binq_linear_format format = {.rows = rows, .columns = columns, .int8_columns = int8_columns};
  binq_set_planes(&format, choice->planes);
  if (choice->form == BINQ_FORM_GROUPED_BINARY)
    format = (binq_linear_format){.rows = rows,
                                  .columns = columns,
                                  .int8_columns = int8_columns,
                                  .form = BINQ_FORM_GROUPED_BINARY,
                                  .planes = choice->planes};
  return format;
}

/// Relative errors of every format, each for some rows: `sample` [rows][columns].
static binq_status measure_errors(const quantizer *q, const input_study *study,
                                  const planes_choice *choices, size_t choice_count,
                                  const float *sample, int64_t rows, loss_curve *curve) {
  int64_t columns = study->statistics[0].columns;
  const binq_method method = {0};
  for (int i = 0; i < study->count; i++)
    for (size_t k = 0; k < choice_count; k++) {
      binq_linear_format format = format_of(&choices[k], rows, columns, study->int8_columns[i]);
      binq_quantized_linear linear;
      BINQ_TRY(binq_quantize_linear(q->environment->pool, sample, &study->statistics[i], &format,
                                    &method, &linear, &curve->losses[curve->count]));
      binq_quantized_linear_free(&linear);
      curve->formats[curve->count++] = format;
    }
  return BINQ_OK;
}

/// The errors by format of a matrix whose input is known.
static binq_status sample_errors(const quantizer *q, const input_study *study,
                                 const planes_choice *choices, size_t choice_count,
                                 const void *tensor, int64_t rows, loss_curve *curve) {
  int64_t columns = study->statistics[0].columns;
  int64_t count = rows < SAMPLE_ROWS ? rows : SAMPLE_ROWS;
  float *sample;
  BINQ_TRY(binq_allocate((size_t)(count * columns), sizeof *sample, "sampled rows", &sample));
  for (int64_t i = 0; i < count; i++)
    q->tensors->read(tensor, i * rows / count, i * rows / count + 1, sample + i * columns);
  binq_status status = measure_errors(q, study, choices, choice_count, sample, count, curve);
  free(sample);
  for (size_t k = 0; k < curve->count; k++)
    curve->formats[k].rows = rows;
  return status;
}

/// Turns errors into divergences, given that of format `reference`.
static void scale_losses(loss_curve *curve, size_t reference, double divergence) {
  double error = curve->losses[reference];
  double ratio = error > 0 && divergence > 0 ? divergence / error : 0;
  for (size_t k = 0; k < curve->count; k++)
    curve->losses[k] *= ratio;
}

// --- linears

/// A linear's weights as a format stands for them, in the model's order of channels.
typedef struct {
  float *values; ///< [rows][columns]
  int64_t columns;
} stand_in;

static void read_stand_in(const void *weights, int64_t begin, int64_t end, float *out) {
  const stand_in *from = weights;
  memcpy(out, from->values + begin * from->columns,
         (size_t)((end - begin) * from->columns) * sizeof *out);
}

static binq_status dequantize(const binq_quantized_linear *linear, const uint16_t *order,
                              stand_in *out) {
  int64_t rows = linear->format.rows, columns = linear->format.columns;
  int64_t padded = binq_round_up(columns, BINQ_CHANNEL_STEP);
  float *row;
  out->columns = columns;
  BINQ_TRY(binq_allocate((size_t)(rows * columns), sizeof(float), "weights", &out->values));
  BINQ_TRY(binq_allocate((size_t)padded, sizeof *row, "a row of weights", &row));
  for (int64_t r = 0; r < rows; r++) {
    binq_dequantize_rows(linear, r, r + 1, row);
    for (int64_t j = 0; j < padded; j++)
      if (order[j] < columns)
        out->values[r * columns + order[j]] = row[j];
  }
  free(row);
  return BINQ_OK;
}

/// The divergence that a linear causes in `format`; its weights are floats [rows][columns].
static binq_status probe_weights(const measurement *m, int64_t layer, int64_t linear,
                                 const float *weights, const binq_input_statistics *statistics,
                                 const binq_linear_format *format, double *out) {
  const binq_method method = {0};
  binq_quantized_linear quantized;
  stand_in values = {NULL, 0};
  double error;
  BINQ_TRY(binq_quantize_linear(m->q->environment->pool, weights, statistics, format, &method,
                                &quantized, &error));
  binq_status status = dequantize(&quantized, statistics->order, &values);
  binq_quantized_linear_free(&quantized);
  binq_replacement replacement = {read_stand_in, &values};
  if (!status)
    *out = binq_probe_linear(m->probe, layer, linear, &replacement);
  free(values.values);
  return status;
}

static binq_status measure_linear(measurement *m, int64_t layer, int64_t index,
                                  const input_study *study, int64_t group) {
  const quantizer *q = m->q;
  const binq_graph_linear *linear = &binq_graph_layer(m->text->graph, layer)->linears[index];
  loss_curve *curve = &m->curves[m->count++];
  *curve = (loss_curve){.name = linear->name,
                        .layer = layer,
                        .group = group,
                        .weights = linear->rows * linear->columns};
  const void *tensor;
  float *weights;
  double divergence;
  BINQ_TRY(
      q->tensors->find(q->tensors->user, linear->name, linear->rows, linear->columns, &tensor));
  BINQ_TRY(sample_errors(q, study, linear_choices, LINEAR_CHOICES, tensor, linear->rows, curve));
  size_t reference = curve->count - LINEAR_CHOICES + REFERENCE;
  BINQ_TRY(binq_allocate((size_t)curve->weights, sizeof *weights, linear->name, &weights));
  q->tensors->read(tensor, 0, linear->rows, weights);
  binq_status status = probe_weights(m, layer, index, weights, &study->statistics[study->count - 1],
                                     &curve->formats[reference], &divergence);
  free(weights);
  BINQ_TRY(status);
  scale_losses(curve, reference, divergence);
  return BINQ_OK;
}

static binq_status measure_input(measurement *m, int64_t layer, int64_t input,
                                 const binq_observation *observed) {
  const binq_graph_function *function = binq_graph_layer(m->text->graph, layer);
  table_hessian hessian = {observed->sum, observed->tokens};
  input_study study;
  binq_status status =
      study_input(m->q, &hessian, observed->columns, m->q->options->damping, &study);
  for (int64_t i = 0; i < function->linear_count && !status; i++)
    if (function->linears[i].input == input && !binq_find_table(m->q, function->linears[i].name))
      status = measure_linear(m, layer, i, &study, m->groups);
  release_input(&study);
  m->groups++;
  return status;
}

static binq_status measure_layer(measurement *m, binq_calibration *calibration, int64_t layer) {
  const binq_graph_function *function = binq_graph_layer(m->text->graph, layer);
  int64_t layers = binq_graph_layer_count(m->text->graph);
  char step[64];
  (void)snprintf(step, sizeof step, "layer %lld of %lld", (long long)layer + 1, (long long)layers);
  binq_progress_report(m->q->environment->progress, "measuring what errors cost", step,
                       (double)layer / (double)layers);
  for (int64_t input = 0; input < function->input_count; input++) {
    binq_observation observed;
    BINQ_TRY(binq_calibration_observe(calibration, layer, input, NULL, &observed));
    BINQ_TRY(measure_input(m, layer, input, &observed));
  }
  return binq_calibration_advance(calibration, layer, NULL);
}

static binq_status measure_layers(measurement *m) {
  int64_t window = m->q->options->window;
  int64_t windows = (STUDY_TOKENS + window - 1) / window;
  windows = windows < m->text->windows ? windows : m->text->windows;
  binq_calibration *calibration;
  BINQ_TRY(binq_calibration_create(m->text->graph, m->text->tokens, windows, window, NULL, false,
                                   &calibration));
  binq_status status = BINQ_OK;
  for (int64_t layer = 0; layer < binq_graph_layer_count(m->text->graph) && !status; layer++)
    status = measure_layer(m, calibration, layer);
  binq_calibration_destroy(calibration);
  return status;
}

// --- tables

static void read_packed(const void *weights, int64_t begin, int64_t end, float *out) {
  const binq_packed_table *table = weights;
  for (int64_t row = begin; row < end; row++)
    binq_packed_table_row(table, row, out + (row - begin) * table->format.columns);
}

/// The divergence that a table causes in its format, wherever it is read.
static binq_status probe_table(const measurement *m, const quantized_table *table, double *out) {
  int64_t padded = binq_round_up(table->format.columns, BINQ_CHANNEL_STEP);
  table_hessian hessian = binq_hessian_of_table(m->q, table);
  uint16_t *order;
  uint8_t *packed;
  double error;
  BINQ_TRY(binq_allocate((size_t)padded, sizeof *order, "channel order", &order));
  binq_status status = binq_make_planes(m->q, table, &hessian, order, &packed, &error);
  if (!status) {
    binq_packed_table rows = {table->format, order, packed};
    binq_replacement replacement = {read_packed, &rows};
    *out = binq_probe_tables(m->probe, table->embedded ? &replacement : NULL,
                             table->input >= 0 ? &replacement : NULL);
    free(packed);
  }
  free(order);
  return status;
}

static void add_int8(const quantized_table *table, loss_curve *curve) {
  binq_linear_format format = {.form = BINQ_FORM_INT8,
                               .rows = table->format.rows,
                               .columns = table->format.columns,
                               .int8_columns =
                                   binq_round_up(table->format.columns, BINQ_CHANNEL_STEP)};
  double finest = curve->count ? curve->losses[curve->count - 1] : 0;
  curve->losses[curve->count] = finest * int8_ratio;
  curve->formats[curve->count++] = format;
}

static binq_status measure_planes(const measurement *m, const quantized_table *table,
                                  loss_curve *curve) {
  const quantizer *q = m->q;
  table_hessian hessian = binq_hessian_of_table(q, table);
  const binq_linear_format *format = &table->format;
  const void *tensor;
  input_study study;
  double divergence;
  BINQ_TRY(q->tensors->find(q->tensors->user, table->name, format->rows, format->columns, &tensor));
  binq_status status =
      study_input(q, &hessian, format->columns, binq_table_damping(q, table), &study);
  if (!status)
    status = sample_errors(q, &study, table_choices, TABLE_CHOICES, tensor, format->rows, curve);
  release_input(&study);
  BINQ_TRY(status);
  quantized_table reference = *table;
  size_t number = curve->count - TABLE_CHOICES + REFERENCE;
  reference.format = curve->formats[number];
  BINQ_TRY(probe_table(m, &reference, &divergence));
  scale_losses(curve, number, divergence);
  return BINQ_OK;
}

/// A table may have planes or be INT8; the option leaves no choice.
static binq_status measure_table(measurement *m, const quantized_table *table) {
  loss_curve *curve = &m->curves[m->count++];
  *curve = (loss_curve){.name = table->name,
                        .layer = -1,
                        .group = m->groups++,
                        .weights = table->format.rows * table->format.columns};
  int64_t planes = m->q->options->table_planes;
  if (table->format.form == BINQ_FORM_PLANES)
    BINQ_TRY(measure_planes(m, table, curve));
  add_int8(table, curve);
  size_t kept = 0;
  for (size_t k = 0; k < curve->count && planes > 0 && curve->count > 1; k++)
    if (curve->formats[k].planes == planes) {
      curve->formats[kept] = curve->formats[k];
      curve->losses[kept++] = curve->losses[k];
    }
  curve->count = kept > 0 ? kept : curve->count;
  return BINQ_OK;
}

binq_status binq_create_probe(const quantizer *q, const calibration_text *text, binq_probe **out) {
  int64_t window = q->options->window;
  int64_t tokens = window < PROBE_TOKENS ? window : PROBE_TOKENS;
  return binq_probe_create(text->graph, text->tokens + (text->windows - 1) * window, tokens, out);
}

binq_status binq_measure_curves(quantizer *q, const calibration_text *text, loss_curve **out,
                                size_t *count) {
  measurement m = {.q = q, .text = text};
  size_t most = q->table_count;
  for (int64_t layer = 0; layer < binq_graph_layer_count(text->graph); layer++)
    most += (size_t)binq_graph_layer(text->graph, layer)->linear_count;
  BINQ_TRY(binq_arena_allocate(q->arena, most, sizeof *m.curves, (void *)&m.curves));
  BINQ_TRY(binq_create_probe(q, text, &m.probe));
  binq_status status = BINQ_OK;
  for (size_t i = 0; i < q->table_count && !status; i++)
    status = measure_table(&m, &q->tables[i]);
  if (!status)
    status = measure_layers(&m);
  binq_probe_destroy(m.probe);
  *out = m.curves;
  *count = m.count;
  return status;
}
