/// What the files of the pass binq-quantize share.
#ifndef BINQ_LIB_TRANSFORMS_QUANTIZEINTERNAL_H
#define BINQ_LIB_TRANSFORMS_QUANTIZEINTERNAL_H

#include "binq/Calibrate/Calibration.h"
#include "binq/Calibrate/Linears.h"
#include "binq/Calibrate/Tune.h"
#include "binq/Checkpoint/Parameters.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Transforms/Quantize.h"
#include "binq/Transforms/Weights.h"

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
  uint16_t *order;   ///< [padded columns]; NULL: INT8, channels in the model's order
} quantized_table;

/// The pass at work. Its lists have room for all that the module can bring.
typedef struct {
  MlirModule module;
  const binq_quantize_options *options;
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
  double embedding_share; ///< binq_probe_embedding_share; 0: not known
  binq_quantized_linear_report *linears;
  size_t linear_count;
  binq_tuning_loss *losses; ///< by layer, of those that were tuned
  size_t loss_count;
  int64_t calibration_tokens;
  int32_t *held_back; ///< in the arena
  int64_t held_back_windows;
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
  binq_quantized_linear *linears; ///< by linear; not used where the form is INT8
  planned_input *inputs;
  double *errors; ///< by linear
} quantized_function;

/// QuantizePlan.c: chooses the formats of a function's linears.
binq_status binq_choose_formats(const quantizer *q, quantized_function *function);
/// That of a table, of which only rows and columns are set; `has_planes`: whether it may have them.
void binq_choose_table_format(const quantizer *q, bool has_planes, binq_linear_format *format);

/// QuantizeTokens.c: the calibration text, at most options->windows windows; freed with free().
/// What is held back of it goes to the quantizer.
binq_status binq_calibration_tokens(quantizer *q, binq_graph *graph, int32_t **tokens,
                                    int64_t *windows);

/// QuantizeNumbers.c: quantizes the linears of a function, as observed (by input) or with H = I
/// (NULL).
binq_status binq_quantize_numbers(const quantizer *q, quantized_function *function,
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
/// Quantizes the tables and hands them over; `text` is NULL where there is none.
binq_status binq_quantize_tables(quantizer *q, const calibration_text *text);
/// The table of the embedding, as long as it is not written.
binq_status binq_embedding_table(const quantizer *q, binq_packed_table *out);
/// QuantizeInt8.c: packs a matrix as INT8 rows and hands it over, unless it is there already.
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

/// QuantizeRewrite.c: replaces the linears and embeddings of a function and hands their parameters
/// over.
binq_status binq_rewrite_function(quantizer *q, quantized_function *function);

/// QuantizeParameters.c: whether a parameter of that name was handed over or written.
bool binq_parameter_exists(const quantizer *q, const char *name);
/// The parameter of that name that was handed over and is not written, or NULL.
const new_parameter *binq_pending_parameter(const quantizer *q, const char *name);
/// Takes over `parameter->data`, also on an error.
binq_status binq_parameter_hand_over(quantizer *q, const new_parameter *parameter);
/// Writes what the binq.param of `function` name, in their order.
binq_status binq_write_parameters(quantizer *q, MlirOperation function);

#endif
