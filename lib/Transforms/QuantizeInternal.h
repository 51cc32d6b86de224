/// What the files of the pass binq-quantize share.
#ifndef BINQ_LIB_TRANSFORMS_QUANTIZEINTERNAL_H
#define BINQ_LIB_TRANSFORMS_QUANTIZEINTERNAL_H

#include "binq/Calibrate/Calibration.h"
#include "binq/Calibrate/Linears.h"
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
  MlirStringRef *tables; ///< names of the tables of embeddings
  size_t table_count;
  binq_quantized_linear_report *linears;
  size_t linear_count;
} quantizer;

/// How the linears of a function will look: by linear, and by input.
typedef struct {
  binq_linear_format *formats;
  int *activation_planes; ///< 0: every column INT8
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

/// QuantizePlan.c: chooses the formats of a function's linears. `head`: every column INT8.
binq_status binq_choose_formats(const quantizer *q, quantized_function *function, bool head);

/// QuantizeTokens.c: the calibration text, at most options->windows windows; freed with free().
binq_status binq_calibration_tokens(const quantizer *q, binq_graph *graph, int32_t **tokens,
                                    int64_t *windows);

/// QuantizeNumbers.c: quantizes the linears of a function, as observed (by input) or with H = I
/// (NULL).
binq_status binq_quantize_numbers(const quantizer *q, quantized_function *function,
                                  const binq_observation *observed);
/// Packs a matrix as INT8 rows and hands it over as a parameter, unless it is there already.
binq_status binq_quantize_table(quantizer *q, const char *name, const binq_linear_format *format);
void binq_quantized_function_free(quantized_function *function);

/// QuantizeRewrite.c: replaces the linears and embeddings of a function and hands their parameters
/// over.
binq_status binq_rewrite_function(quantizer *q, quantized_function *function);

/// QuantizeParameters.c: whether a parameter of that name was handed over or written.
bool binq_parameter_exists(const quantizer *q, const char *name);
/// Takes over `parameter->data`, also on an error.
binq_status binq_parameter_hand_over(quantizer *q, const new_parameter *parameter);
/// Writes what the binq.param of `function` name, in their order.
binq_status binq_write_parameters(quantizer *q, MlirOperation function);

#endif
