// The numbers' side of quantization: from float weights and what calibration saw to codes, levels
// and scales.
#include "QuantizeInternal.h"

#include <stdlib.h>
#include <string.h>

/// All rows of a linear's float weights; freed with free().
static binq_status read_weights(const quantizer *q, const binq_linear_site *site, float **out) {
  const void *tensor;
  BINQ_TRY(q->tensors->find(q->tensors->user, site->name, site->rows, site->columns, &tensor));
  size_t count;
  BINQ_TRY(binq_size_multiply((size_t)site->rows, (size_t)site->columns, site->name, &count));
  BINQ_TRY(binq_allocate(count, sizeof **out, site->name, out));
  q->tensors->read(tensor, 0, site->rows, *out);
  return BINQ_OK;
}

/// An input at hand.
typedef struct {
  const quantizer *q;
  quantized_function *function;
  int64_t number;
  const binq_observation *observed; ///< NULL: H = I
  binq_input_statistics statistics;
  binq_aim aim;
} input_job;

/// Moves weights towards those that give the float model's outputs.
static binq_status aim_weights(const input_job *j, const binq_linear_site *site, float *weights) {
  if (!j->aim.inverse)
    return BINQ_OK;
  return binq_aim_weights(j->q->environment->pool, &j->aim, j->q->options->aim, j->observed->wanted,
                          site->rows, weights);
}

static binq_status quantize_linear(const input_job *j, int64_t linear) {
  const quantizer *q = j->q;
  quantized_function *function = j->function;
  const binq_linear_site *site = &function->sites.linears[linear];
  binq_method method = {.rounding = q->preset->rounding, .refine = q->options->refine};
  float *weights;
  double error;
  BINQ_TRY(read_weights(q, site, &weights));
  binq_status status = aim_weights(j, site, weights);
  if (!status)
    status = binq_quantize_linear(q->environment->pool, weights, &j->statistics,
                                  &function->plan.formats[linear], &method,
                                  &function->linears[linear], &error);
  free(weights);
  if (!status && j->observed)
    function->errors[linear] = error;
  return status;
}

static const int32_t *default_scales(int planes) {
  static const int32_t four[] = {1, 2, 4, -8};
  static const int32_t eight[] = {1, 2, 4, 8, 16, 32, 64, -128};
  return planes == 8 ? eight : four;
}

/// Plane scales by the output error of the linears that read the input; `linears` has room for
/// them.
static binq_status choose_levels(const input_job *j, int planes, binq_quantized_linear *linears,
                                 binq_level_table *out) {
  const binq_observation *observed = j->observed;
  if (!observed)
    return binq_level_table_of(default_scales(planes), planes, out);
  int count = 0;
  for (int64_t i = 0; i < j->function->sites.linear_count; i++)
    if (j->function->sites.linears[i].input == j->number)
      linears[count++] = j->function->linears[i];
  return binq_choose_levels(j->q->environment->pool, observed->sample, observed->sample_tokens,
                            &j->statistics, linears, count, planes, out);
}

/// An input whose linears have planes, given what its statistics are.
static binq_status quantize_linears(const input_job *j) {
  quantized_function *function = j->function;
  int planes = 0;
  for (int64_t i = 0; i < function->sites.linear_count; i++) {
    if (function->sites.linears[i].input != j->number)
      continue;
    BINQ_TRY(quantize_linear(j, i));
    planes = function->plan.activation_planes[i];
  }
  planned_input *out = &function->inputs[j->number];
  memcpy(out->order, j->statistics.order,
         (size_t)j->statistics.padded_columns * sizeof *out->order);
  binq_quantized_linear *linears;
  BINQ_TRY(
      binq_allocate((size_t)function->sites.linear_count, sizeof *linears, "linears", &linears));
  binq_status status = choose_levels(j, planes, linears, &out->levels);
  free(linears);
  return status;
}

/// An input whose linears are all INT8, or the head's in planes: its order is that of the table.
static binq_status pass_input(const quantized_table *table, planned_input *out) {
  bool has_planes = table && table->order;
  for (int64_t j = 0; j < binq_round_up(out->columns, BINQ_CHANNEL_STEP); j++)
    out->order[j] = has_planes ? table->order[j] : (uint16_t)j;
  int planes = has_planes ? BINQ_MAX_ACTIVATION_PLANES : 4;
  return binq_level_table_of(default_scales(planes), planes, &out->levels);
}

/// What is stored of the INT8 linears that read an input, for the text to move on through them.
static binq_status read_int8(const quantizer *q, quantized_function *function, int64_t input) {
  binq_status status = BINQ_OK;
  for (int64_t i = 0; i < function->sites.linear_count && !status; i++) {
    const binq_linear_site *site = &function->sites.linears[i];
    const binq_linear_format *format = &function->plan.formats[i];
    uint8_t *packed;
    if (site->input != input)
      continue;
    BINQ_TRY(binq_pack_int8(q, site->name, format, &packed));
    status = binq_quantized_linear_create(format, &function->linears[i]);
    if (!status)
      binq_unpack(packed, &function->linears[i]);
    free(packed);
  }
  return status;
}

static binq_status process_input(input_job *j, int64_t int8_columns) {
  const quantizer *q = j->q;
  const binq_observation *observed = j->observed;
  int64_t columns = j->function->inputs[j->number].columns;
  binq_pool *pool = q->environment->pool;
  BINQ_TRY(binq_input_statistics_create(pool, observed ? observed->sum : NULL, columns,
                                        observed ? observed->tokens : 0, int8_columns,
                                        q->options->damping, &j->statistics));
  if (observed && (observed->cross || observed->wanted) && q->options->aim > 0)
    BINQ_TRY(binq_aim_create(pool, observed->sum, observed->cross, observed->tokens, &j->statistics,
                             &j->aim));
  return quantize_linears(j);
}

binq_status binq_quantize_input(const quantizer *q, quantized_function *function, int64_t input,
                                const binq_observation *observed) {
  int64_t first = 0;
  while (function->sites.linears[first].input != input)
    first++;
  const binq_linear_format *format = &function->plan.formats[first];
  const quantized_table *table = function->plan.tables[first];
  if (observed && format->form == BINQ_FORM_INT8)
    BINQ_TRY(read_int8(q, function, input));
  if (table || format->form == BINQ_FORM_INT8)
    return pass_input(table, &function->inputs[input]);
  input_job j = {.q = q, .function = function, .number = input, .observed = observed};
  binq_status status = process_input(&j, format->int8_columns);
  binq_input_statistics_free(&j.statistics);
  binq_aim_free(&j.aim);
  return status;
}

binq_status binq_base_name(const quantizer *q, const char *name, const char **out) {
  static const char suffix[] = ".weight";
  size_t length = strlen(name), tail = sizeof suffix - 1;
  if (length > tail && strcmp(name + length - tail, suffix) == 0)
    length -= tail;
  char *copy;
  BINQ_TRY(binq_arena_copy_string(q->arena, name, length, &copy));
  *out = copy;
  return BINQ_OK;
}

binq_status binq_quantized_function_start(const quantizer *q, quantized_function *function) {
  size_t count = (size_t)function->sites.linear_count;
  size_t inputs = (size_t)function->sites.input_count;
  BINQ_TRY(binq_arena_allocate(q->arena, inputs, sizeof *function->inputs, &function->inputs));
  BINQ_TRY(binq_arena_allocate(q->arena, count, sizeof *function->errors, &function->errors));
  BINQ_TRY(binq_allocate(count, sizeof *function->linears, "linears", &function->linears));
  for (size_t i = 0; i < count; i++) {
    const binq_linear_site *site = &function->sites.linears[i];
    planned_input *input = &function->inputs[site->input];
    function->errors[i] = -1;
    if (input->name)
      continue;
    input->columns = site->columns;
    BINQ_TRY(binq_base_name(q, site->name, &input->name));
    BINQ_TRY(binq_arena_allocate(q->arena, (size_t)binq_round_up(site->columns, BINQ_CHANNEL_STEP),
                                 sizeof *input->order, &input->order));
  }
  return BINQ_OK;
}

void binq_quantized_function_free(quantized_function *function) {
  for (int64_t i = 0; function->linears && i < function->sites.linear_count; i++)
    binq_quantized_linear_free(&function->linears[i]);
  free(function->linears);
  function->linears = NULL;
}
