// The tables: the embedding and the output head, which are one matrix in many models. They are
// quantized before the layers. The text of calibration must begin with the rows that a compiled
// model looks up, so the table cannot wait until that text has come to the head; what the head
// reads is taken from a run of the float model instead.
#include "QuantizeInternal.h"

#include "binq/Calibrate/Probe.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  PIECE_ROWS = 2048,       ///< of a table that are floats at a time; a multiple of 64 bytes packed
  TOKENS_OF_A_CHANNEL = 8, ///< that the head is observed on, as many windows as it takes
  PROBE_TOKENS = 256,      ///< that errors are tried on
};

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
static bool may_have_planes(const quantizer *q, const quantized_table *table) {
  return q->options->table_planes > 0 && !table->shares_input &&
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
  for (size_t i = 0; i < q->table_count; i++)
    binq_choose_table_format(q, may_have_planes(q, &q->tables[i]), &q->tables[i].format);
  return status;
}

// --- quantizing one in planes

/// A table being quantized, a piece of rows at a time.
typedef struct {
  quantizer *q;
  const quantized_table *table;
  const void *tensor;
  binq_layout layout;
  binq_input_statistics statistics;
  float *rows;     ///< [PIECE_ROWS][columns]
  uint8_t *packed; ///< of the table
  uint8_t *piece;  ///< of a piece
  double error;    ///< sum over the pieces of relative error times rows
} planes_job;

static int64_t piece_rows(const planes_job *j, int64_t begin) {
  int64_t left = j->table->format.rows - begin;
  return left < PIECE_ROWS ? left : PIECE_ROWS;
}

static binq_status quantize_piece(planes_job *j, int64_t begin) {
  binq_linear_format format = j->table->format;
  format.rows = piece_rows(j, begin);
  binq_method method = {.refine = j->q->options->refine};
  binq_quantized_linear linear;
  double error;
  j->q->tensors->read(j->tensor, begin, begin + format.rows, j->rows);
  BINQ_TRY(binq_quantize_linear(j->q->environment->pool, j->rows, &j->statistics, &format, &method,
                                &linear, &error));
  binq_pack(&linear, j->piece);
  binq_quantized_linear_free(&linear);
  int64_t blocks = (format.rows + BINQ_BLOCK_ROWS - 1) / BINQ_BLOCK_ROWS;
  memcpy(j->packed + begin / BINQ_BLOCK_ROWS * j->layout.block_bytes, j->piece,
         (size_t)(blocks * j->layout.block_bytes));
  j->error += error * (double)format.rows;
  return BINQ_OK;
}

static binq_status quantize_pieces(planes_job *j) {
  binq_linear_format format = j->table->format;
  size_t columns = (size_t)format.columns;
  format.rows = piece_rows(j, 0);
  binq_layout piece;
  BINQ_TRY(binq_layout_of(&format, &piece));
  BINQ_TRY(
      binq_allocate((size_t)format.rows * columns, sizeof *j->rows, "rows of a table", &j->rows));
  BINQ_TRY(binq_allocate((size_t)piece.bytes, 1, "rows of a table", &j->piece));
  BINQ_TRY(binq_allocate((size_t)j->layout.bytes, 1, "a packed table", &j->packed));
  int64_t rows = j->table->format.rows;
  for (int64_t begin = 0; begin < rows; begin += PIECE_ROWS) {
    binq_progress_report(j->q->environment->progress, "quantizing", j->table->name,
                         (double)begin / (double)rows);
    BINQ_TRY(quantize_piece(j, begin));
  }
  return BINQ_OK;
}

typedef struct {
  double energy;
  uint16_t channel;
} channel_energy;

static int compare_energies(const void *left, const void *right) {
  const channel_energy *a = left, *b = right;
  if (a->energy != b->energy)
    return a->energy < b->energy ? -1 : 1;
  return (a->channel > b->channel) - (a->channel < b->channel);
}

/// Nothing reads a table's rows in products, or it is not known what: its errors count the same in
/// all channels. Those of the largest weights become INT8, and a group has channels of one size.
static binq_status order_by_energy(planes_job *j) {
  const binq_linear_format *format = &j->table->format;
  size_t columns = (size_t)format->columns;
  channel_energy *channels = NULL;
  float *row = NULL;
  binq_status status = binq_allocate(columns, sizeof *channels, "channel order", &channels);
  if (!status)
    status = binq_allocate(columns, sizeof *row, "a row of a table", &row);
  for (size_t c = 0; c < columns && !status; c++)
    channels[c].channel = (uint16_t)c;
  for (int64_t r = 0; r < format->rows && !status; r++) {
    j->q->tensors->read(j->tensor, r, r + 1, row);
    for (size_t c = 0; c < columns; c++)
      channels[c].energy += (double)row[c] * (double)row[c];
  }
  size_t padding = (size_t)j->layout.padded_columns - columns;
  if (!status)
    qsort(channels, columns, sizeof *channels, compare_energies);
  for (size_t c = 0; c < padding && !status; c++)
    j->statistics.order[c] = (uint16_t)(columns + c);
  for (size_t c = 0; c < columns && !status; c++)
    j->statistics.order[padding + c] = channels[c].channel;
  free(channels);
  free(row);
  return status;
}

/// A row that an embedding reads as well is no less wrong there than in the products of the head.
/// What its errors count there is the same in all channels, as far as is known: that is to say, it
/// damps the Hessian. A power of two does, and is the same on machines whose exp differs a little.
static double damping_of(const planes_job *j) {
  double share = j->q->embedding_share;
  if (!j->table->embedded || !(share > 0))
    return j->q->options->damping;
  return j->q->options->damping + exp2(round(log2(share)));
}

static binq_status prepare_statistics(planes_job *j, const float *sum, int64_t tokens) {
  const binq_linear_format *format = &j->table->format;
  double damping = damping_of(j);
  BINQ_TRY(binq_input_statistics_create(j->q->environment->pool, sum, format->columns, tokens,
                                        format->int8_columns, damping, &j->statistics));
  if (!sum)
    BINQ_TRY(order_by_energy(j));
  size_t order = (size_t)j->statistics.padded_columns * sizeof *j->table->order;
  memcpy(j->table->order, j->statistics.order, order);
  return quantize_pieces(j);
}

// --- all of them

static void report_table(quantizer *q, const quantized_table *table, double error) {
  const new_parameter *parameter = binq_pending_parameter(q, table->name);
  binq_quantized_linear_report *report = &q->linears[q->linear_count++];
  *report = (binq_quantized_linear_report){.name = table->name,
                                           .format = table->format,
                                           .bytes = parameter->shape[0],
                                           .relative_error = error};
  bool is_coded = table->order && table->readers > 0;
  for (int k = 0; is_coded && k < BINQ_MAX_ACTIVATION_PLANES; k++)
    report->plane_scales[k] = k < 7 ? 1 << k : -128;
  report->activation_planes = is_coded ? BINQ_MAX_ACTIVATION_PLANES : 0;
}

/// `sum`, over so many tokens, is what the head reads; NULL: not known.
static binq_status quantize_planes(quantizer *q, quantized_table *table, const float *sum,
                                   int64_t tokens) {
  planes_job j = {.q = q, .table = table};
  const binq_linear_format *format = &table->format;
  int64_t padded = binq_round_up(format->columns, BINQ_CHANNEL_STEP);
  BINQ_TRY(binq_arena_allocate(q->arena, (size_t)padded, sizeof *table->order, &table->order));
  BINQ_TRY(binq_layout_of(format, &j.layout));
  BINQ_TRY(
      q->tensors->find(q->tensors->user, table->name, format->rows, format->columns, &j.tensor));
  binq_status status = prepare_statistics(&j, sum, tokens);
  binq_input_statistics_free(&j.statistics);
  free(j.rows);
  free(j.piece);
  if (status) {
    free(j.packed);
    return status;
  }
  new_parameter parameter = {table->name, BINQ_DTYPE_U8, 1, {j.layout.bytes, 0}, j.packed};
  BINQ_TRY(binq_parameter_hand_over(q, &parameter));
  report_table(q, table, sum ? j.error / (double)format->rows : -1);
  return BINQ_OK;
}

/// What the linears of the head read, observed for the tables that are read there.
typedef struct {
  float **sums; ///< by input
  int64_t inputs, tokens;
} head_observation;

static binq_status allocate_sums(const quantizer *q, head_observation *head) {
  for (size_t i = 0; i < q->table_count; i++)
    if (q->tables[i].input >= head->inputs)
      head->inputs = q->tables[i].input + 1;
  BINQ_TRY(
      binq_allocate((size_t)head->inputs, sizeof *head->sums, "Hessians", (void *)&head->sums));
  for (size_t i = 0; i < q->table_count; i++) {
    const quantized_table *table = &q->tables[i];
    size_t columns = (size_t)table->format.columns;
    if (table->input >= 0 && !head->sums[table->input])
      BINQ_TRY(
          binq_allocate(columns * columns, sizeof(float), "a Hessian", &head->sums[table->input]));
  }
  return BINQ_OK;
}

static binq_status observe_head(const quantizer *q, const calibration_text *text,
                                head_observation *head) {
  int64_t widest = 0, window = q->options->window;
  for (size_t i = 0; i < q->table_count; i++)
    if (q->tables[i].format.form == BINQ_FORM_PLANES && q->tables[i].input >= 0 &&
        q->tables[i].format.columns > widest)
      widest = q->tables[i].format.columns;
  if (widest == 0)
    return BINQ_OK;
  int64_t windows = (TOKENS_OF_A_CHANNEL * widest + window - 1) / window;
  windows = windows < text->windows ? windows : text->windows;
  head->tokens = windows * window;
  BINQ_TRY(allocate_sums(q, head));
  return binq_graph_observe_head(text->graph, text->tokens, windows, window,
                                 q->environment->progress, head->sums);
}

static binq_status quantize_table(quantizer *q, quantized_table *table,
                                  const head_observation *head) {
  if (table->format.form == BINQ_FORM_PLANES)
    return quantize_planes(
        q, table, table->input >= 0 && head->sums ? head->sums[table->input] : NULL, head->tokens);
  BINQ_TRY(binq_quantize_int8(q, table->name, &table->format));
  report_table(q, table, -1);
  return BINQ_OK;
}

/// Measures what errors count in the table that embedding and head share, if it gets planes.
static binq_status weigh_embedding(quantizer *q, const calibration_text *text) {
  bool is_shared = false;
  for (size_t i = 0; i < q->table_count; i++)
    is_shared |= q->tables[i].embedded && q->tables[i].input >= 0 &&
                 q->tables[i].format.form == BINQ_FORM_PLANES;
  if (!is_shared)
    return BINQ_OK;
  binq_probe *probe;
  int64_t window = q->options->window < PROBE_TOKENS ? q->options->window : PROBE_TOKENS;
  BINQ_TRY(binq_probe_create(text->graph, text->tokens, window, &probe));
  binq_status status = binq_probe_embedding_share(probe, &q->embedding_share);
  binq_probe_destroy(probe);
  return status;
}

binq_status binq_quantize_tables(quantizer *q, const calibration_text *text) {
  head_observation head = {0};
  binq_status status = text ? observe_head(q, text, &head) : BINQ_OK;
  if (!status && text)
    status = weigh_embedding(q, text);
  for (size_t i = 0; i < q->table_count && !status; i++)
    status = quantize_table(q, &q->tables[i], &head);
  for (int64_t i = 0; head.sums && i < head.inputs; i++)
    free(head.sums[i]);
  free((void *)head.sums);
  return status;
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
