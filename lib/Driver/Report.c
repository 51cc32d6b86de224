#include "binq/Driver/Report.h"

#include "binq/Checkpoint/Hash.h"
#include "binq/Checkpoint/Parameters.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Driver/Version.h"
#include "binq/Support/File.h"
#include "binq/Support/Memory.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/// Bytes, and how many weights they hold.
typedef struct {
  int64_t bytes, weights;
} amount;

struct binq_report {
  json_t *root, *sizes;
};

// jansson hands NULL on when memory is out; `root` is then incomplete, which only jansson's return
// values tell. They are gathered here.
static binq_status put(json_t *object, const char *key, json_t *value) {
  if (json_object_set_new(object, key, value) != 0)
    return binq_errorf("out of memory for the report");
  return BINQ_OK;
}

static binq_status append(json_t *array, json_t *value) {
  if (json_array_append_new(array, value) != 0)
    return binq_errorf("out of memory for the report");
  return BINQ_OK;
}

static double bits(amount a) {
  return a.weights ? 8 * (double)a.bytes / (double)a.weights : 0;
}

static binq_status put_versions(json_t *root) {
  char llvm[BINQ_VERSION_TEXT];
  binq_llvm_version(llvm);
  return put(root, "versions", json_pack("{s:s, s:s}", "binq", BINQ_VERSION, "llvm", llvm));
}

static binq_status put_input(json_t *root, const binq_model *model) {
  char hash[65];
  binq_model_hash(model, hash);
  return put(root, "input",
             json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "name", model->name, "architecture",
                       model->architecture, "license", model->license, "sha256", hash, "layers",
                       (json_int_t)model->layer_count, "vocabulary",
                       (json_int_t)model->vocabulary_size, "context_length",
                       (json_int_t)model->context_length));
}

static binq_status put_options(json_t *root, const binq_compile_options *options) {
  return put(root, "options",
             json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b}", "name", options->name,
                       "target", options->target, "lowering", options->lowering, "preset",
                       options->preset, "kv", options->kv, "tune", (json_int_t)options->tune,
                       "table_planes", (json_int_t)options->table_planes, "seed",
                       (json_int_t)options->seed, "separate_weights",
                       (int)options->separate_weights));
}

static binq_status append_text(json_t *texts, const char *path) {
  binq_mapping *text = NULL;
  BINQ_TRY(binq_mapping_open(path, &text));
  char hash[65];
  size_t size = binq_mapping_size(text);
  binq_sha256(binq_mapping_data(text), size, hash);
  binq_mapping_close(text);
  return append(texts, json_pack("{s:s, s:I}", "sha256", hash, "bytes", (json_int_t)size));
}

static binq_status put_calibration(json_t *root, const binq_compile_options *options,
                                   int64_t tokens) {
  json_t *texts = json_array();
  bool own = options->calibration_count == 0;
  BINQ_TRY(put(root, "calibration",
               json_pack("{s:s, s:I, s:o}", "text", own ? "written by the float model" : "files",
                         "tokens", (json_int_t)tokens, "files", texts)));
  for (size_t i = 0; i < options->calibration_count; i++)
    BINQ_TRY(append_text(texts, options->calibration[i]));
  return BINQ_OK;
}

/// A number, or null where there is none: what is no number has no place in JSON.
static json_t *real(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}

/// The budget, if there is one, and what it was expected to come to.
static binq_status put_budget(json_t *root, const binq_report_input *input) {
  const binq_compile_options *o = input->options;
  if (input->quantized->predicted_divergence < 0)
    return put(root, "budget", json_null());
  json_t *budget = json_object();
  BINQ_TRY(put(root, "budget", budget));
  if (o->size > 0)
    BINQ_TRY(put(budget, "size", json_integer((json_int_t)o->size)));
  if (o->bits > 0)
    BINQ_TRY(put(budget, "bits", json_real(o->bits)));
  if (o->max_kld > 0)
    BINQ_TRY(put(budget, "max_kld", json_real(o->max_kld)));
  return put(budget, "expected_divergence", real(input->quantized->predicted_divergence));
}

static binq_status put_distillation(json_t *root, const binq_quantize_report *quantized) {
  if (quantized->distillation_windows == 0)
    return put(root, "distillation", json_null());
  return put(root, "distillation",
             json_pack("{s:I, s:o, s:o}", "windows", (json_int_t)quantized->distillation_windows,
                       "first_divergence", real(quantized->distillation.first), "last_divergence",
                       real(quantized->distillation.last)));
}

static binq_status put_accuracy(json_t *root, const binq_measurement *m) {
  const binq_accuracy *a = &m->quantized;
  if (m->windows == 0)
    return put(root, "accuracy", json_null());
  return put(root, "accuracy",
             json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "text",
                       "held back from calibration", "windows", (json_int_t)m->windows, "window",
                       (json_int_t)m->window, "predictions", (json_int_t)a->predictions,
                       "float_perplexity", real(m->float_perplexity), "perplexity",
                       real(a->perplexity), "divergence", real(a->divergence), "divergence_99",
                       real(a->divergence_99), "agreement", real(a->agreement)));
}

static binq_status append_linear(json_t *linears, const binq_quantized_linear_report *linear) {
  const binq_linear_format *format = &linear->format;
  amount size = {linear->bytes, format->rows * format->columns};
  json_t *entry =
      json_pack("{s:s, s:s, s:I, s:I, s:i, s:i, s:I, s:I, s:f}", "name", linear->name, "form",
                binq_form_name(format->form), "rows", (json_int_t)format->rows, "columns",
                (json_int_t)format->columns, "weight_planes", format->planes, "activation_planes",
                linear->activation_planes, "int8_columns", (json_int_t)format->int8_columns,
                "bytes", (json_int_t)linear->bytes, "bits_per_weight", bits(size));
  BINQ_TRY(append(linears, entry));
  if (linear->divergence >= 0)
    BINQ_TRY(put(entry, "expected_divergence", real(linear->divergence)));
  json_t *scales = json_array();
  BINQ_TRY(put(entry, "plane_scales", scales));
  for (int i = 0; i < linear->activation_planes; i++)
    BINQ_TRY(append(scales, json_integer(linear->plane_scales[i])));
  return put(entry, "output_error",
             linear->relative_error < 0 ? json_null() : json_real(linear->relative_error));
}

/// How much of a weight's name tells its layer: "blk.7" of "blk.7.attn_q.weight", nothing of
/// "output.weight".
static size_t layer_part(const char *name) {
  if (strncmp(name, "blk.", 4) != 0)
    return 0;
  return 4 + strcspn(name + 4, ".");
}

/// The linears from `first` on that belong to the same layer, as one entry; *next is the first
/// after them.
static binq_status append_layer(json_t *layers, const binq_quantize_report *quantized, size_t first,
                                size_t *next, amount *total) {
  const char *name = quantized->linears[first].name;
  size_t length = layer_part(name), number = json_array_size(layers);
  json_t *linears = json_array();
  json_t *layer = json_pack("{s:s%, s:o}", "name", name, length, "linears", linears);
  BINQ_TRY(append(layers, layer));
  amount size = {0, 0};
  size_t i = first;
  for (; i < quantized->count; i++) {
    const binq_quantized_linear_report *linear = &quantized->linears[i];
    if (layer_part(linear->name) != length || strncmp(linear->name, name, length) != 0)
      break;
    BINQ_TRY(append_linear(linears, linear));
    size.bytes += linear->bytes;
    size.weights += linear->format.rows * linear->format.columns;
  }
  total->bytes += size.bytes;
  total->weights += size.weights;
  *next = i;
  BINQ_TRY(put(layer, "bits_per_weight", json_real(bits(size))));
  if (number >= quantized->loss_count)
    return BINQ_OK;
  const binq_tuning_loss *loss = &quantized->losses[number];
  return put(layer, "tuning_loss",
             json_pack("{s:f, s:f}", "before", loss->before, "after", loss->after));
}

/// The linears of the layers, layer by layer.
static binq_status put_layers(json_t *root, const binq_quantize_report *quantized, amount *total) {
  json_t *layers = json_array();
  BINQ_TRY(put(root, "layers", layers));
  for (size_t i = 0; i < quantized->count;) {
    if (layer_part(quantized->linears[i].name))
      BINQ_TRY(append_layer(layers, quantized, i, &i, total));
    else
      i++;
  }
  return BINQ_OK;
}

/// Matrices outside the layers: embedding and head, each once.
static binq_status put_tables(json_t *root, const binq_quantize_report *quantized) {
  json_t *tables = json_array();
  BINQ_TRY(put(root, "tables", tables));
  for (size_t i = 0; i < quantized->count; i++)
    if (!layer_part(quantized->linears[i].name))
      BINQ_TRY(append_linear(tables, &quantized->linears[i]));
  return BINQ_OK;
}

/// All weights of the model and the bytes that hold them, without the tokenizer.
static amount measure(const binq_model *model, const binq_parameters *parameters) {
  amount all = {0, 0};
  for (size_t i = 0; i < binq_parameters_count(parameters); i++)
    all.bytes += (int64_t)binq_parameters_at(parameters, i)->size;
  const binq_parameter *tokenizer = binq_parameters_find(parameters, "tokenizer");
  all.bytes -= tokenizer ? (int64_t)tokenizer->size : 0;
  for (size_t i = 0; i < model->tensor_count; i++)
    all.weights += model->tensors[i].rows * model->tensors[i].columns;
  return all;
}

static binq_status fill(binq_report *report, const binq_report_input *input,
                        const binq_parameters *parameters) {
  json_t *root = report->root = json_object();
  amount layers = {0, 0};
  amount all = measure(input->model, parameters);
  BINQ_TRY(put_versions(root));
  BINQ_TRY(put_input(root, input->model));
  BINQ_TRY(put_options(root, input->options));
  BINQ_TRY(put_calibration(root, input->options, input->quantized->calibration_tokens));
  BINQ_TRY(put_budget(root, input));
  BINQ_TRY(put_distillation(root, input->quantized));
  BINQ_TRY(put_accuracy(root, input->measured));
  json_t *summary = json_object();
  BINQ_TRY(put(root, "bits_per_weight", summary));
  report->sizes = json_object();
  BINQ_TRY(put(root, "sizes", report->sizes));
  BINQ_TRY(put_tables(root, input->quantized));
  BINQ_TRY(put_layers(root, input->quantized, &layers));
  BINQ_TRY(put(summary, "layers", json_real(bits(layers))));
  BINQ_TRY(put(summary, "all", json_real(bits(all))));
  return put(report->sizes, "weights", json_integer((json_int_t)all.bytes));
}

binq_status binq_report_create(const binq_report_input *input, binq_report **out) {
  binq_parameters *parameters = NULL;
  binq_report *report = NULL;
  BINQ_TRY(binq_parameters_open(input->parameters, &parameters));
  binq_status status = binq_allocate(1, sizeof *report, "report", &report);
  if (!status)
    status = fill(report, input, parameters);
  binq_parameters_close(parameters);
  if (status)
    binq_report_destroy(report);
  else
    *out = report;
  return status;
}

void binq_report_destroy(binq_report *report) {
  if (!report)
    return;
  json_decref(report->root);
  free(report);
}

binq_status binq_report_add_size(binq_report *report, const char *what, const char *path) {
  struct stat info;
  if (stat(path, &info) != 0)
    return binq_errorf("%s: %s", path, strerror(errno));
  return put(report->sizes, what, json_integer((json_int_t)info.st_size));
}

binq_status binq_report_write(const binq_report *report, const char *path) {
  char *text = json_dumps(report->root, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
  if (!text)
    return binq_errorf("out of memory for the report");
  size_t length = strlen(text);
  text[length] = '\n'; // in the place of the NUL
  binq_status status = binq_write_file(path, text, length + 1);
  free(text);
  return status;
}
