// The tables: the embedding and the output head, which are one matrix in many models. They are
// quantized before the layers. The text of calibration must begin with the rows that a compiled
// model looks up, so the table cannot wait until that text has come to the head; what the head
// reads is taken from a run of the float model instead.
#include "QuantizeInternal.h"

#include "binq/Calibrate/Probe.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/// Tokens, for each of its channels, that the head is observed on.
enum { TOKENS_OF_A_CHANNEL = 8 };

// --- finding them

const quantized_table *binq_find_table(const quantizer *q, const char *name) {
  for (size_t i = 0; i < q->table_count; i++)
    if (strcmp(q->tables[i].name, name) == 0)
      return &q->tables[i];
  return NULL;
}

static quantized_table *note_table(quantizer *q, const char *name, int64_t rows, int64_t columns) {
  for (size_t i = 0; i < q->table_count; i++)
    if (strcmp(q->tables[i].name, name) == 0)
      return &q->tables[i];
  quantized_table *table = &q->tables[q->table_count++];
  *table =
      (quantized_table){.name = name, .format = {.rows = rows, .columns = columns}, .input = -1};
  return table;
}

/// An embedding whose table is no parameter is refused where it is rewritten.
static binq_status note_embedding(quantizer *q, MlirOperation op) {
  MlirValue value = mlirOperationGetOperand(op, 1);
  MlirOperation parameter = binq_param_of(value);
  int64_t shape[2];
  if (mlirOperationIsNull(parameter) || !binq_tensor_shape(mlirValueGetType(value), 2, shape))
    return BINQ_OK;
  MlirStringRef text = binq_param_name(parameter);
  char *name;
  BINQ_TRY(binq_arena_copy_string(q->arena, text.data, text.length, &name));
  note_table(q, name, shape[0], shape[1])->embedded = true;
  return BINQ_OK;
}

static bool is_head(MlirOperation function) {
  MlirStringRef role;
  return binq_attribute_string(binq_attribute(function, BINQ_ATTR_ROLE), &role) &&
         binq_str_equal(role, "head");
}

/// The weights of a head are tables, whoever else reads them.
static binq_status note_head(quantizer *q, MlirOperation function) {
  binq_linear_sites sites;
  BINQ_TRY(binq_linear_sites_find(function, q->arena, &sites));
  for (int64_t i = 0; is_head(function) && i < sites.linear_count; i++)
    note_table(q, sites.linears[i].name, sites.linears[i].rows, sites.linears[i].columns);
  return BINQ_OK;
}

/// Notes how the linears of a function read tables.
static binq_status note_readers(quantizer *q, MlirOperation function) {
  binq_linear_sites sites;
  BINQ_TRY(binq_linear_sites_find(function, q->arena, &sites));
  for (int64_t i = 0; i < sites.linear_count; i++) {
    const binq_linear_site *site = &sites.linears[i];
    if (!binq_find_table(q, site->name))
      continue;
    quantized_table *table = note_table(q, site->name, site->rows, site->columns);
    table->readers++;
    table->input = is_head(function) ? site->input : -1;
    for (int64_t k = 0; k < sites.linear_count; k++)
      table->shares_input |= k != i && sites.linears[k].input == site->input;
  }
  return BINQ_OK;
}

/// A table in planes has one order of its channels, so one input at most can be coded for it. Any
/// other is INT8.
static bool may_have_planes(const quantized_table *table) {
  return !table->shares_input &&
         (table->readers == 0 || (table->readers == 1 && table->input >= 0));
}

binq_status binq_find_tables(quantizer *q) {
  MlirOperation module = mlirModuleGetOperation(q->module);
  binq_op_list embeddings, functions;
  binq_linear_sites sites;
  BINQ_TRY(binq_linear_sites_find(module, q->arena, &sites));
  BINQ_TRY(binq_collect(module, BINQ_EMBEDDING, &embeddings));
  size_t most = embeddings.count + (size_t)sites.linear_count;
  binq_status status = binq_arena_allocate(q->arena, most, sizeof *q->tables, (void *)&q->tables);
  for (size_t i = 0; i < embeddings.count && !status; i++)
    status = note_embedding(q, embeddings.items[i]);
  binq_op_list_free(&embeddings);
  BINQ_TRY(status);
  BINQ_TRY(binq_functions(q->module, NULL, &functions));
  for (size_t i = 0; i < functions.count && !status; i++)
    status = note_head(q, functions.items[i]);
  for (size_t i = 0; i < functions.count && !status; i++)
    status = note_readers(q, functions.items[i]);
  binq_op_list_free(&functions);
  for (size_t i = 0; i < q->table_count; i++) {
    q->tables[i].may_have_planes = may_have_planes(&q->tables[i]);
    binq_choose_table_format(q, &q->tables[i]);
  }
  return status;
}

// --- what is known of them

/// A row that an embedding reads as well is no less wrong there than in the products of the head.
/// What its errors count there is the same in all channels, as far as is known: that is to say, it
/// damps the Hessian. A power of two is exact enough.
double binq_table_damping(const quantizer *q, const quantized_table *table) {
  double share = q->embedding_share;
  if (!table->embedded || !(share > 0))
    return q->options->damping;
  int exponent;
  double part = frexp(share, &exponent); // from 1/2 to 1
  return q->options->damping + ldexp(1, part < 0.70710678 ? exponent - 1 : exponent);
}

table_hessian binq_hessian_of_table(const quantizer *q, const quantized_table *table) {
  bool is_known = table->input >= 0 && q->head_sums;
  return (table_hessian){is_known ? q->head_sums[table->input] : NULL, q->head_tokens};
}

static binq_status allocate_sums(quantizer *q) {
  for (size_t i = 0; i < q->table_count; i++)
    if (q->tables[i].input >= q->head_inputs)
      q->head_inputs = q->tables[i].input + 1;
  BINQ_TRY(binq_allocate((size_t)q->head_inputs, sizeof *q->head_sums, "Hessians",
                         (void *)&q->head_sums));
  for (size_t i = 0; i < q->table_count; i++) {
    const quantized_table *table = &q->tables[i];
    size_t columns = (size_t)table->format.columns;
    if (table->input >= 0 && !q->head_sums[table->input])
      BINQ_TRY(binq_allocate(columns * columns, sizeof(float), "a Hessian",
                             &q->head_sums[table->input]));
  }
  return BINQ_OK;
}

/// What the linears of the head read; `widest`: the most columns of those with planes.
static binq_status observe_head(quantizer *q, const calibration_text *text, int64_t widest) {
  int64_t window = q->options->window;
  int64_t windows = (TOKENS_OF_A_CHANNEL * widest + window - 1) / window;
  windows = windows < text->windows ? windows : text->windows;
  q->head_tokens = windows * window;
  BINQ_TRY(allocate_sums(q));
  return binq_graph_observe_head(text->graph, text->tokens, windows, window,
                                 q->environment->progress, q->head_sums);
}

/// Measures what errors count in the table that embedding and head share.
static binq_status weigh_embedding(quantizer *q, const calibration_text *text) {
  binq_probe *probe;
  BINQ_TRY(binq_create_probe(q, text, &probe));
  binq_status status = binq_probe_embedding_share(probe, &q->embedding_share);
  binq_probe_destroy(probe);
  return status;
}

binq_status binq_study_tables(quantizer *q, const calibration_text *text) {
  int64_t widest = 0;
  bool is_shared = false;
  for (size_t i = 0; i < q->table_count; i++) {
    const quantized_table *table = &q->tables[i];
    bool has_planes = table->format.form == BINQ_FORM_PLANES && table->input >= 0;
    if (has_planes && table->format.columns > widest)
      widest = table->format.columns;
    is_shared |= has_planes && table->embedded;
  }
  if (widest > 0)
    BINQ_TRY(observe_head(q, text, widest));
  return is_shared ? weigh_embedding(q, text) : BINQ_OK;
}

void binq_forget_tables(quantizer *q) {
  for (int64_t i = 0; q->head_sums && i < q->head_inputs; i++)
    free(q->head_sums[i]);
  free((void *)q->head_sums);
  q->head_sums = NULL;
}

// --- quantizing them

static void report_table(quantizer *q, const quantized_table *table, double error) {
  const new_parameter *parameter = binq_pending_parameter(q, table->name);
  binq_quantized_linear_report *report = &q->linears[q->linear_count++];
  const budgeted_format *budgeted = binq_find_budgeted(q, table->name);
  *report = (binq_quantized_linear_report){.name = table->name,
                                           .format = table->format,
                                           .bytes = parameter->shape[0],
                                           .relative_error = error,
                                           .divergence = budgeted ? budgeted->divergence : -1};
  bool is_coded = table->order && table->readers > 0;
  for (int k = 0; is_coded && k < BINQ_MAX_ACTIVATION_PLANES; k++)
    report->plane_scales[k] = k < 7 ? 1 << k : -128;
  report->activation_planes = is_coded ? BINQ_MAX_ACTIVATION_PLANES : 0;
}

static binq_status quantize_planes(quantizer *q, quantized_table *table, double *error) {
  int64_t padded = binq_round_up(table->format.columns, BINQ_CHANNEL_STEP);
  binq_layout layout;
  table_hessian hessian = binq_hessian_of_table(q, table);
  uint8_t *packed;
  BINQ_TRY(binq_arena_allocate(q->arena, (size_t)padded, sizeof *table->order, &table->order));
  BINQ_TRY(binq_layout_of(&table->format, &layout));
  BINQ_TRY(binq_make_planes(q, table, &hessian, table->order, &packed, error));
  new_parameter parameter = {table->name, BINQ_DTYPE_U8, 1, {layout.bytes, 0}, packed};
  return binq_parameter_hand_over(q, &parameter);
}

binq_status binq_quantize_tables(quantizer *q) {
  for (size_t i = 0; i < q->table_count; i++) {
    quantized_table *table = &q->tables[i];
    double error = -1;
    if (table->format.form == BINQ_FORM_PLANES)
      BINQ_TRY(quantize_planes(q, table, &error));
    else
      BINQ_TRY(binq_quantize_int8(q, table->name, &table->format));
    report_table(q, table, error);
  }
  return BINQ_OK;
}

binq_status binq_embedding_table(const quantizer *q, binq_packed_table *out) {
  for (size_t i = 0; i < q->table_count; i++) {
    const quantized_table *table = &q->tables[i];
    if (!table->embedded)
      continue;
    *out = (binq_packed_table){.format = table->format,
                               .order = table->order,
                               .packed = binq_pending_parameter(q, table->name)->data};
    return BINQ_OK;
  }
  return binq_errorf("the graph has no embedding");
}
