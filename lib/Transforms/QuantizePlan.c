// What a preset makes of a linear: planes, outliers, activations.
#include "QuantizeInternal.h"

int64_t binq_outliers(int64_t columns) {
  int64_t padded = binq_round_up(columns, BINQ_CHANNEL_STEP);
  int64_t count = binq_round_up((columns + 31) / 32, BINQ_CHANNEL_STEP);
  if (count > BINQ_GROUP)
    count = BINQ_GROUP;
  return count < padded ? count : padded - BINQ_CHANNEL_STEP;
}

void binq_set_planes(binq_linear_format *format, int planes) {
  format->form = BINQ_FORM_PLANES;
  format->planes = planes;
  for (int k = 0; k < planes; k++)
    format->plane_weights[k] = 1 << k;
}

static void plan_int8(binq_linear_format *format, int *activation_planes) {
  *format = (binq_linear_format){.form = BINQ_FORM_INT8,
                                 .rows = format->rows,
                                 .columns = format->columns,
                                 .int8_columns = binq_round_up(format->columns, BINQ_CHANNEL_STEP)};
  *activation_planes = 0;
}

static void plan_preset(const quantize_preset *preset, binq_linear_format *format) {
  format->int8_columns = preset->outliers ? binq_outliers(format->columns) : 0;
  binq_set_planes(format, preset->planes);
  if (preset->form == BINQ_FORM_GROUPED_BINARY)
    *format = (binq_linear_format){.form = preset->form,
                                   .rows = format->rows,
                                   .columns = format->columns,
                                   .planes = preset->planes,
                                   .int8_columns = format->int8_columns};
}

static void apply_options(const binq_quantize_options *options, binq_linear_format *format,
                          int *activation_planes) {
  if (options->planes > 0)
    binq_set_planes(format, (int)options->planes);
  *activation_planes = (int)options->activation_planes;
  if (options->int8_columns >= 0)
    format->int8_columns = options->int8_columns;
  int64_t padded = binq_round_up(format->columns, BINQ_CHANNEL_STEP);
  if (format->int8_columns >= padded)
    plan_int8(format, activation_planes);
}

/// Whether a linear of this input wants its channels in INT8; then so do all.
static bool is_int8(const quantizer *q, const quantized_function *function, int64_t input) {
  for (int64_t i = 0; i < function->sites.linear_count; i++) {
    const binq_linear_site *site = &function->sites.linears[i];
    const quantized_table *table = binq_find_table(q, site->name);
    if (site->input == input && table && table->format.form == BINQ_FORM_INT8)
      return true;
  }
  return false;
}

binq_status binq_choose_formats(const quantizer *q, quantized_function *function) {
  size_t count = (size_t)function->sites.linear_count;
  function_plan *plan = &function->plan;
  BINQ_TRY(binq_arena_allocate(q->arena, count, sizeof *plan->formats, &plan->formats));
  BINQ_TRY(binq_arena_allocate(q->arena, count, sizeof(int), &plan->activation_planes));
  BINQ_TRY(binq_arena_allocate(q->arena, count, sizeof *plan->tables, (void *)&plan->tables));
  for (size_t i = 0; i < count; i++) {
    const binq_linear_site *site = &function->sites.linears[i];
    binq_linear_format *format = &plan->formats[i];
    *format = (binq_linear_format){.rows = site->rows, .columns = site->columns};
    plan->tables[i] = binq_find_table(q, site->name);
    if (is_int8(q, function, site->input)) {
      plan_int8(format, &plan->activation_planes[i]);
    } else if (plan->tables[i]) {
      *format = plan->tables[i]->format;
      plan->activation_planes[i] = BINQ_MAX_ACTIVATION_PLANES;
    } else {
      const budgeted_format *budgeted = binq_find_budgeted(q, site->name);
      plan_preset(q->preset, format);
      apply_options(q->options, format, &plan->activation_planes[i]);
      if (budgeted)
        *format = budgeted->format;
    }
  }
  return BINQ_OK;
}

void binq_choose_table_format(const quantizer *q, quantized_table *table) {
  binq_linear_format *format = &table->format;
  int activation_planes, planes = (int)q->options->table_planes;
  if (planes == 0 && binq_has_budget(q->options))
    planes = BINQ_MAX_WEIGHT_PLANES; // until the budget has a say
  int64_t int8_columns = q->options->int8_columns;
  format->int8_columns = int8_columns >= 0 ? int8_columns : binq_outliers(format->columns);
  if (planes > 0 && table->may_have_planes &&
      format->int8_columns < binq_round_up(format->columns, BINQ_CHANNEL_STEP))
    binq_set_planes(format, planes);
  else
    plan_int8(format, &activation_planes);
}
