#include "binq/Transforms/Quantize.h"
#include "QuantizeInternal.h"

#include "binq/Checkpoint/TokenizerTables.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Rounds of refinement that can be asked for; it hardly gets better after a few.
enum { MAX_ROUNDS = 100 };

/// Where calibration stands; empty when there is none.
typedef struct {
  binq_graph *graph;
  binq_calibration *text;
  int64_t layer; ///< that the text has come to
} calibration_state;

static binq_status check_options(const binq_quantize_options *o) {
  if (!binq_find_preset(o->preset))
    return binq_errorf("preset '%s' is none of paper, balanced, rtn, gptq, billm", o->preset);
  if (!*o->parameters)
    return binq_errorf("binq-quantize needs the option 'parameters', the file to write");
  if (o->windows < 0 || o->window < 1 || o->windows > INT32_MAX / o->window)
    return binq_errorf("windows=%lld of window=%lld tokens is no amount of text",
                       (long long)o->windows, (long long)o->window);
  if (o->held_back < 0 || o->held_back > INT32_MAX / o->window - o->windows)
    return binq_errorf("held-back=%lld windows of %lld tokens are no amount of text",
                       (long long)o->held_back, (long long)o->window);
  if (!(o->damping > 0 && o->damping < 1e6) && o->damping != -1)
    return binq_errorf("damping=%g is not above 0", o->damping);
  if (!(o->aim >= 0 && o->aim <= 1) && o->aim != -1)
    return binq_errorf("aim=%g is not from 0 to 1", o->aim);
  if (o->refine < -1 || o->refine > MAX_ROUNDS)
    return binq_errorf("refine=%lld is not from 0 to %d", (long long)o->refine, MAX_ROUNDS);
  if (o->planes < 0 || o->planes > BINQ_MAX_WEIGHT_PLANES)
    return binq_errorf("planes=%lld is not from 1 to %d", (long long)o->planes,
                       BINQ_MAX_WEIGHT_PLANES);
  if (o->activation_planes != 0 && o->activation_planes != 4 && o->activation_planes != 8)
    return binq_errorf("activation-planes=%lld is neither 4 nor 8",
                       (long long)o->activation_planes);
  if (o->table_planes < 0 || o->table_planes > BINQ_MAX_WEIGHT_PLANES)
    return binq_errorf("table-planes=%lld is not from 0 to %d", (long long)o->table_planes,
                       BINQ_MAX_WEIGHT_PLANES);
  if (!(o->size >= 0))
    return binq_errorf("size=%lld is no number of bytes", (long long)o->size);
  if (!(o->bits >= 0 && o->bits < 64))
    return binq_errorf("bits=%g is not from 0 to 64", o->bits);
  if (!(o->max_kld >= 0 && o->max_kld < 1e6))
    return binq_errorf("max-kld=%g is not from 0 to a million", o->max_kld);
  if ((o->size > 0) + (o->bits > 0) + (o->max_kld > 0) > 1)
    return binq_errorf("only one of size, bits and max-kld can be the budget");
  bool is_baseline = !binq_find_preset(o->preset)->outliers;
  if (is_baseline && (binq_has_budget(o) || o->planes > 0))
    return binq_errorf("preset '%s' has two planes and nothing to choose", o->preset);
  if (binq_has_budget(o) && o->planes > 0)
    return binq_errorf("planes=%lld leaves a budget nothing to choose", (long long)o->planes);
  if (binq_has_budget(o) && o->windows == 0)
    return binq_errorf("a budget needs text to measure on, but windows=0");
  if (o->int8_columns < -1 || o->int8_columns % BINQ_CHANNEL_STEP > 0)
    return binq_errorf("int8-columns=%lld is not a multiple of %d", (long long)o->int8_columns,
                       BINQ_CHANNEL_STEP);
  if (o->tune < 0 || o->tune > BINQ_TUNE_MAX)
    return binq_errorf("tune=%lld is not from 0 to %d", (long long)o->tune, BINQ_TUNE_MAX);
  if (o->tune > 0 && o->windows == 0)
    return binq_errorf("tune=%lld needs text to tune on, but windows=0", (long long)o->tune);
  return BINQ_OK;
}

/// Which part of a layer's time has passed when tuning begins, and when it ends; it takes far
/// longer than the rest.
static const double TUNING_BEGIN = 0.1, TUNING_END = 0.95;

/// Which part has passed when all codes are chosen and nothing is tuned; and which part of an
/// input's time, when it is observed.
static const double CHOSEN = 0.8, INPUT_OBSERVED = 0.6;

static void report_layer(const quantizer *q, const calibration_state *state, double part,
                         const char *what) {
  char step[96];
  int64_t layers = binq_graph_layer_count(state->graph);
  snprintf(step, sizeof step, "layer %lld of %lld: %s", (long long)state->layer + 1,
           (long long)layers, what);
  binq_progress_report(q->environment->progress, "quantizing", step,
                       ((double)state->layer + part) / (double)layers);
}

/// Tuning's progress on its way to the layer's.
typedef struct {
  const quantizer *q;
  const calibration_state *state;
} tuning_report;

static void report_tuning(void *user, const char *phase, const char *step, double done) {
  const tuning_report *r = user;
  char what[64];
  snprintf(what, sizeof what, "%s, %s", phase, step);
  report_layer(r->q, r->state, TUNING_BEGIN + (TUNING_END - TUNING_BEGIN) * done, what);
}

static binq_status tune(quantizer *q, const calibration_state *state, quantized_function *function,
                        binq_quantized_layer *layer) {
  if (q->options->tune == 0)
    return BINQ_OK;
  tuning_report report = {q, state};
  binq_progress progress = {report_tuning, &report};
  layer_at_hand at = {state->graph, state->text, state->layer, function};
  binq_calibration_rewind(state->text);
  return binq_tune_numbers(q, &at, &progress, layer);
}

/// The numbers of a layer, input by input, each as it is when those before are quantized; then the
/// text moves on.
static binq_status calibrate_layer(quantizer *q, calibration_state *state,
                                   quantized_function *function) {
  int64_t inputs = function->sites.input_count;
  double chosen = q->options->tune > 0 ? TUNING_BEGIN : CHOSEN;
  binq_quantized_input *coded;
  BINQ_TRY(binq_arena_allocate(q->arena, (size_t)inputs, sizeof *coded, (void *)&coded));
  binq_quantized_layer layer = {.linears = function->linears, .inputs = coded};
  for (int64_t i = 0; i < inputs; i++) {
    binq_observation observed;
    report_layer(q, state, chosen * (double)i / (double)inputs, "observing");
    BINQ_TRY(binq_calibration_observe(state->text, state->layer, i, &layer, &observed));
    report_layer(q, state, chosen * ((double)i + INPUT_OBSERVED) / (double)inputs,
                 "choosing codes");
    BINQ_TRY(binq_quantize_input(q, function, i, &observed));
    coded[i] = (binq_quantized_input){function->inputs[i].order, &function->inputs[i].levels};
  }
  BINQ_TRY(tune(q, state, function, &layer));
  report_layer(q, state, q->options->tune > 0 ? TUNING_END : chosen, "moving on");
  return binq_calibration_advance(state->text, state->layer++, &layer);
}

/// The numbers of a function that text does not run through.
static binq_status quantize_blindly(const quantizer *q, quantized_function *function) {
  for (int64_t i = 0; i < function->sites.input_count; i++)
    BINQ_TRY(binq_quantize_input(q, function, i, NULL));
  return BINQ_OK;
}

/// What it was quantized to is written at once, unless the whole model is wanted in memory.
static binq_status quantize_function(quantizer *q, quantized_function *function,
                                     calibration_state *state) {
  MlirStringRef role = {"", 0};
  binq_attribute_string(binq_attribute(function->op, BINQ_ATTR_ROLE), &role);
  BINQ_TRY(binq_linear_sites_find(function->op, q->arena, &function->sites));
  BINQ_TRY(binq_choose_formats(q, function));
  bool calibrated = state->text && binq_str_equal(role, "layer");
  binq_status status = binq_quantized_function_start(q, function);
  if (!status)
    status = calibrated ? calibrate_layer(q, state, function) : quantize_blindly(q, function);
  if (!status)
    status = binq_rewrite_function(q, function);
  binq_quantized_function_free(function);
  if (status || binq_distills(q))
    return status;
  return binq_write_parameters(q, function->op);
}

static binq_status distill(quantizer *q, calibration_state *state,
                           const quantized_function *functions, size_t count) {
  binq_calibration_destroy(state->text);
  state->text = NULL;
  BINQ_TRY(binq_distill_functions(q, state->graph, functions, count));
  for (size_t i = 0; i < count; i++)
    BINQ_TRY(binq_write_parameters(q, functions[i].op));
  return BINQ_OK;
}

static binq_status quantize_list(quantizer *q, calibration_state *state, const binq_op_list *list) {
  quantized_function *functions;
  BINQ_TRY(binq_arena_allocate(q->arena, list->count, sizeof *functions, (void *)&functions));
  for (size_t i = 0; i < list->count; i++) {
    functions[i] = (quantized_function){.op = list->items[i]};
    BINQ_TRY(quantize_function(q, &functions[i], state));
  }
  return binq_distills(q) ? distill(q, state, functions, list->count) : BINQ_OK;
}

static binq_status quantize_functions(quantizer *q, calibration_state *state) {
  binq_op_list functions;
  BINQ_TRY(binq_functions(q->module, NULL, &functions));
  binq_status status = quantize_list(q, state, &functions);
  binq_op_list_free(&functions);
  return status;
}

/// Compiles the graph, quantizes the tables and embeds the calibration text.
static binq_status start_calibration(quantizer *q, calibration_state *state) {
  binq_progress_report(q->environment->progress, "preparing calibration", "compiling the graph", 0);
  BINQ_TRY(binq_graph_create(q->module, q->tensors, q->environment->pool, &state->graph));
  BINQ_TRY(binq_arena_allocate(q->arena, (size_t)binq_graph_layer_count(state->graph),
                               sizeof *q->losses, &q->losses));
  int32_t *tokens;
  int64_t windows;
  BINQ_TRY(binq_calibration_tokens(q, state->graph, &tokens, &windows));
  q->calibration_tokens = windows * q->options->window;
  calibration_text text = {state->graph, tokens, windows};
  binq_packed_table table;
  binq_status status = binq_study_tables(q, &text);
  if (!status && binq_has_budget(q->options))
    status = binq_spend_budget(q, &text);
  if (!status)
    status = binq_quantize_tables(q);
  binq_forget_tables(q);
  if (!status)
    status = binq_embedding_table(q, &table);
  if (!status)
    status = binq_calibration_create(state->graph, tokens, windows, q->options->window, &table,
                                     q->options->aim > 0 || q->options->tune > 0, &state->text);
  free(tokens);
  return status;
}

/// The tokenizer's tables go last, padded like everything else.
static binq_status write_tokenizer(quantizer *q) {
  const binq_model *model = binq_module_weights_model(q->weights);
  if (!model)
    return BINQ_OK;
  uint8_t *tables, *padded;
  size_t size;
  BINQ_TRY(binq_tokenizer_tables(&model->vocabulary, &tables, &size));
  int64_t shape = binq_round_up((int64_t)size, BINQ_PARAMETER_ALIGNMENT);
  binq_status status = binq_allocate((size_t)shape, 1, "the tokenizer", &padded);
  if (!status) {
    memcpy(padded, tables, size);
    status = binq_parameter_writer_add(q->writer, "tokenizer", BINQ_DTYPE_U8, 1, &shape, padded);
    free(padded);
  }
  free(tables);
  return status;
}

static bool is_model_graph(const quantizer *q) {
  return !mlirAttributeIsNull(binq_attribute(mlirModuleGetOperation(q->module), BINQ_ATTR_MODEL));
}

static binq_status quantize(quantizer *q) {
  calibration_state state = {NULL, NULL, 0};
  binq_status status = BINQ_OK;
  if (is_model_graph(q) && q->options->windows > 0)
    status = start_calibration(q, &state);
  else
    status = binq_quantize_tables(q);
  if (!status)
    status = quantize_functions(q, &state);
  if (!status)
    status = write_tokenizer(q);
  binq_calibration_destroy(state.text);
  binq_graph_destroy(state.graph);
  return status;
}

/// Finds the tables and makes room in the lists.
static binq_status survey(quantizer *q) {
  MlirOperation module = mlirModuleGetOperation(q->module);
  binq_linear_sites sites;
  binq_op_list params;
  BINQ_TRY(binq_find_tables(q));
  BINQ_TRY(binq_linear_sites_find(module, q->arena, &sites));
  BINQ_TRY(binq_collect(module, BINQ_PARAM, &params));
  size_t linears = (size_t)sites.linear_count + q->table_count;
  size_t names = params.count + 2 * linears;
  binq_op_list_free(&params);
  BINQ_TRY(binq_arena_allocate(q->arena, names, sizeof *q->pending, (void *)&q->pending));
  BINQ_TRY(binq_arena_allocate(q->arena, names, sizeof *q->written, (void *)&q->written));
  return binq_arena_allocate(q->arena, linears, sizeof *q->linears, (void *)&q->linears);
}

static binq_status run_quantizer(quantizer *q) {
  if (!is_model_graph(q) && *q->options->calibration)
    return binq_errorf("the module is no model graph that calibration text could run through");
  if (!is_model_graph(q) && binq_has_budget(q->options))
    return binq_errorf("the module is no model graph whose formats a budget could choose");
  BINQ_TRY(binq_arena_create(&q->arena));
  BINQ_TRY(survey(q));
  BINQ_TRY(binq_module_weights_open(q->module, &q->weights));
  q->tensors = binq_module_weights_view(q->weights);
  BINQ_TRY(binq_parameter_writer_create(q->options->parameters, &q->writer));
  BINQ_TRY(quantize(q));
  binq_parameter_writer *writer = q->writer;
  q->writer = NULL;
  BINQ_TRY(binq_parameter_writer_commit(writer));
  MlirOperation module = mlirModuleGetOperation(q->module);
  mlirOperationSetAttributeByName(
      module, binq_str(BINQ_ATTR_PARAMETERS),
      binq_string_attribute(mlirOperationGetContext(module), q->options->parameters));
  return binq_verify(q->module);
}

/// No model is asked about more text at once than its context holds; it gets more windows then, for
/// as much text.
static binq_status limit_window(MlirModule module, binq_quantize_options *options) {
  if (mlirAttributeIsNull(binq_attribute(mlirModuleGetOperation(module), BINQ_ATTR_MODEL)))
    return BINQ_OK;
  binq_model_info model;
  BINQ_TRY(binq_model_info_get(module, &model));
  int64_t most = model.context_length;
  if (options->window <= most)
    return BINQ_OK;
  options->windows = (options->windows * options->window + most - 1) / most;
  options->held_back = (options->held_back * options->window + most - 1) / most;
  options->window = most;
  return BINQ_OK;
}

binq_status binq_quantize_module(MlirModule module, const binq_quantize_options *given,
                                 const binq_pass_environment *environment,
                                 binq_quantize_report *report) {
  BINQ_TRY(check_options(given));
  const quantize_preset *preset = binq_find_preset(given->preset);
  binq_quantize_options options = binq_apply_preset(given, preset);
  BINQ_TRY(limit_window(module, &options));
  quantizer q = {.module = module,
                 .options = &options,
                 .preset = preset,
                 .environment = environment,
                 .predicted_divergence = -1};
  binq_status status = run_quantizer(&q);
  for (size_t i = 0; i < q.pending_count; i++)
    free(q.pending[i].data);
  if (q.writer)
    binq_parameter_writer_discard(q.writer);
  binq_module_weights_close(q.weights);
  if (status || !report) {
    binq_arena_destroy(q.arena);
    return status;
  }
  *report = (binq_quantize_report){.linears = q.linears,
                                   .count = q.linear_count,
                                   .losses = q.losses,
                                   .loss_count = q.loss_count,
                                   .calibration_tokens = q.calibration_tokens,
                                   .predicted_divergence = q.predicted_divergence,
                                   .distillation_windows = q.distilling_windows,
                                   .distillation = q.distillation,
                                   .window = options.window,
                                   .held_back_windows = q.held_back_windows,
                                   .held_back = q.held_back,
                                   .memory = q.arena};
  return BINQ_OK;
}

void binq_quantize_report_free(binq_quantize_report *report) {
  binq_arena_destroy(report->memory);
  *report = (binq_quantize_report){0};
}
