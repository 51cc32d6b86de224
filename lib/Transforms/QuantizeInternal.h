/// What the files of the pass binq-quantize share.
#ifndef BINQ_LIB_TRANSFORMS_QUANTIZEINTERNAL_H
#define BINQ_LIB_TRANSFORMS_QUANTIZEINTERNAL_H

#include "binq/Calibrate/Calibration.h"
#include "binq/Calibrate/Distill.h"
#include "binq/Calibrate/Linears.h"
#include "binq/Calibrate/Probe.h"
#include "binq/Calibrate/Tune.h"
#include "binq/Checkpoint/Parameters.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Transforms/Quantize.h"
#include "binq/Transforms/Weights.h"

/// Formats that a linear or a table may get under a budget, at most.
enum { BINQ_MAX_CANDIDATES = 10 };

/// A tensor on its way to the parameter file.
typedef struct {
  const char *name;
  binq_dtype dtype;
  int rank;
  int64_t shape[2];
  void *data; ///< freed once it is written
} new_parameter;

/// A table: what an embedding looks tokens up in, the weights of a linear of the head, or both.
typedef struct {
  const char *name;
  binq_linear_format format;
  bool embedded;     ///< an embedding reads it
  int readers;       ///< how many linears read it
  int64_t input;     ///< which input of the head they read; -1: it is no head that reads it
  bool shares_input; ///< with another linear
  bool may_have_planes;
  uint16_t *order; ///< [padded columns]; NULL: INT8, channels in the model's order
} quantized_table;

/// What a preset stands for, where the options do not say otherwise.
typedef struct {
  const char *name;
  binq_form form; ///< of linears
  int planes, activation_planes;
  bool outliers; ///< some channels stay INT8
  binq_rounding rounding;
  double damping, aim;
  int64_t refine;
} quantize_preset;

/// A choice that a budget left.
typedef struct {
  const char *name;
  binq_linear_format format;
  double divergence; ///< that it is expected to cause
} budgeted_format;

/// The pass at work. Its lists have room for all that the module can bring.
typedef struct {
  MlirModule module;
  const binq_quantize_options *options; ///< what they leave to the preset filled in
  const quantize_preset *preset;
  const binq_pass_environment *environment;
  binq_arena *arena; ///< names and lists
  binq_module_weights *weights;
  const binq_weights *tensors; ///< view of `weights`
  binq_parameter_writer *writer;
  new_parameter *pending; ///< of the function at hand
  size_t pending_count;
  const char **written; ///< names
  size_t written_count;
  quantized_table *tables;
  size_t table_count;
  float **head_sums; ///< by input of the head, over head_tokens tokens; NULL: not known
  int64_t head_inputs, head_tokens;
  double embedding_share;    ///< binq_probe_embedding_share; 0: not known
  budgeted_format *budgeted; ///< in no order
  size_t budgeted_count;
  double predicted_divergence; ///< of what was chosen; -1: nothing was
  binq_quantized_linear_report *linears;
  size_t linear_count;
  binq_tuning_loss *losses; ///< by layer, of those that were tuned
  size_t loss_count;
  binq_distillation distillation;
  int64_t calibration_tokens;
  int32_t *held_back; ///< in the arena
  int64_t held_back_windows;
  int32_t *distilling; ///< likewise: the text to distill on
  int64_t distilling_windows;
} quantizer;

/// How the linears of a function will look: by linear, and by input.
typedef struct {
  binq_linear_format *formats;
  int *activation_planes;         ///< 0: every column INT8
  const quantized_table **tables; ///< NULL: the linear's weights are none
} function_plan;

/// One input of a function, quantized.
typedef struct {
  const char *name; ///< of its first linear's weight, without ".weight"
  int64_t columns;
  uint16_t *order; ///< [padded columns]
  binq_level_table levels;
} planned_input;

/// A function being quantized.
typedef struct {
  MlirOperation op;
  binq_linear_sites sites;
  function_plan plan;
  binq_quantized_linear *linears; ///< by linear; those of INT8 form are there in layers alone
  planned_input *inputs;
  double *errors; ///< by linear
} quantized_function;

/// QuantizePresets.c: the preset of a name, or NULL.
const quantize_preset *binq_find_preset(const char *name);
/// The options with damping, aim and rounds of refinement filled in.
binq_quantize_options binq_apply_preset(const binq_quantize_options *options,
                                        const quantize_preset *preset);

/// QuantizePlan.c: chooses the formats of a function's linears.
binq_status binq_choose_formats(const quantizer *q, quantized_function *function);
/// That of a table, of which only rows and columns are set.
void binq_choose_table_format(const quantizer *q, quantized_table *table);
/// Outlier channels: a 32nd of the input, in whole steps, at most a group; but some channel has
/// planes.
int64_t binq_outliers(int64_t columns);
/// Additive planes with the weights 1, 2, 4, ..
void binq_set_planes(binq_linear_format *format, int planes);

/// QuantizeTokens.c: the calibration text, at most options->windows windows; freed with free().
/// What is held back of it goes to the quantizer, and so does the text to distill on: as much of
/// what is behind that as is wanted, and the calibration text if there is less.
binq_status binq_calibration_tokens(quantizer *q, binq_graph *graph, int32_t **tokens,
                                    int64_t *windows);

/// QuantizeNumbers.c: makes room for the numbers of a function whose formats are chosen.
binq_status binq_quantized_function_start(const quantizer *q, quantized_function *function);
/// Quantizes the linears of an input, as observed or with H = I (NULL).
binq_status binq_quantize_input(const quantizer *q, quantized_function *function, int64_t input,
                                const binq_observation *observed);
void binq_quantized_function_free(quantized_function *function);
/// The name of a weight without ".weight".
binq_status binq_base_name(const quantizer *q, const char *name, const char **out);

/// QuantizeTable.c: finds the module's tables and chooses their formats.
binq_status binq_find_tables(quantizer *q);
/// The table of that name, or NULL.
const quantized_table *binq_find_table(const quantizer *q, const char *name);
/// The text that a graph is calibrated on.
typedef struct {
  binq_graph *graph;
  const int32_t *tokens;
  int64_t windows;
} calibration_text;
/// Observes what the heads read whose tables get planes, and what errors of the embedding count.
binq_status binq_study_tables(quantizer *q, const calibration_text *text);
/// Frees what a study has left.
void binq_forget_tables(quantizer *q);
/// What reads a table's rows: the sum of x x^T over so many tokens; NULL: not known.
typedef struct {
  const float *sum;
  int64_t tokens;
} table_hessian;
table_hessian binq_hessian_of_table(const quantizer *q, const quantized_table *table);
/// What that Hessian is damped with.
double binq_table_damping(const quantizer *q, const quantized_table *table);
/// Quantizes the tables and hands them over.
binq_status binq_quantize_tables(quantizer *q);
/// The table of the embedding, as long as it is not written.
binq_status binq_embedding_table(const quantizer *q, binq_packed_table *out);
/// QuantizeTablePlanes.c: the bytes of a table in planes, freed with free(), and the order [padded
/// columns] of its channels.
binq_status binq_make_planes(quantizer *q, const quantized_table *table,
                             const table_hessian *hessian, uint16_t *order, uint8_t **packed,
                             double *error);
/// QuantizeInt8.c: packs a matrix as INT8 rows; freed with free().
binq_status binq_pack_int8(const quantizer *q, const char *name, const binq_linear_format *format,
                           uint8_t **out);
/// Packs it and hands it over, unless it is there already.
binq_status binq_quantize_int8(quantizer *q, const char *name, const binq_linear_format *format);

/// A layer whose numbers were chosen, and the text that has come to it.
typedef struct {
  binq_graph *graph;
  const binq_calibration *text;
  int64_t layer;
  quantized_function *function;
} layer_at_hand;

/// QuantizeTune.c: tunes the linears of a layer and its vectors, which it sets in `layer` and hands
/// over as parameters.
binq_status binq_tune_numbers(quantizer *q, const layer_at_hand *at, const binq_progress *progress,
                              binq_quantized_layer *layer);

/// Hands over the vectors of a function under their names, padded with zeros.
binq_status binq_hand_over_vectors(quantizer *q, const binq_graph_function *function,
                                   const float *vectors);

/// QuantizeDistill.c: epochs in which a layer is tuned.
int64_t binq_layer_epochs(const binq_quantize_options *options);
/// Windows of text that the quantized model is to be distilled on, in all epochs.
int64_t binq_distilled_windows(const binq_quantize_options *options);
/// Whether it is, there being text.
bool binq_distills(const quantizer *q);
/// Distills the model that the functions are, all of whose parameters were handed over and none
/// written.
binq_status binq_distill_functions(quantizer *q, binq_graph *graph,
                                   const quantized_function *functions, size_t count);

/// What a linear or a table would lose in each format that it may get.
typedef struct {
  const char *name; ///< of the weight
  int64_t layer;    ///< -1: a table
  int64_t group;    ///< linears of one group read one input: as many INT8 columns each
  int64_t weights;  ///< how many
  binq_linear_format formats[BINQ_MAX_CANDIDATES];
  double losses[BINQ_MAX_CANDIDATES]; ///< the divergence of the model's logits that each causes
  size_t count;
} loss_curve;

/// QuantizeCurves.c: measures the curves of all tables, then of all linears of the layers, on the
/// float model. Groups have ascending numbers.
binq_status binq_measure_curves(quantizer *q, const calibration_text *text, loss_curve **out,
                                size_t *count);
/// A probe at the end of the text.
binq_status binq_create_probe(const quantizer *q, const calibration_text *text, binq_probe **out);

/// QuantizeBudget.c: whether the options set a budget.
bool binq_has_budget(const binq_quantize_options *options);
/// Chooses the formats of all tables and linears within the budget.
binq_status binq_spend_budget(quantizer *q, const calibration_text *text);
/// What was chosen for a weight, or NULL.
const budgeted_format *binq_find_budgeted(const quantizer *q, const char *name);

/// QuantizeRewrite.c: replaces the linears and embeddings of a function and hands their parameters
/// over.
binq_status binq_rewrite_function(quantizer *q, quantized_function *function);

/// QuantizeParameters.c: whether a parameter of that name was handed over or written.
bool binq_parameter_exists(const quantizer *q, const char *name);
/// The parameter of that name that was handed over and is not written, or NULL.
const new_parameter *binq_pending_parameter(const quantizer *q, const char *name);
/// Takes over `parameter->data`, also on an error.
binq_status binq_parameter_hand_over(quantizer *q, const new_parameter *parameter);
/// Bytes that the parameter file will have besides the weights of linears and tables.
binq_status binq_unquantized_bytes(const quantizer *q, int64_t *out);
/// Writes what the binq.param of `function` name, in their order.
binq_status binq_write_parameters(quantizer *q, MlirOperation function);

#endif
