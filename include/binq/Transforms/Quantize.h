/// The pass binq-quantize as a function: a float graph becomes a quantized one, its weights go to a
/// parameter file.
#ifndef BINQ_TRANSFORMS_QUANTIZE_H
#define BINQ_TRANSFORMS_QUANTIZE_H

#include "binq/Calibrate/Distill.h"
#include "binq/Calibrate/Tune.h"
#include "binq/Pass/Pass.h"
#include "binq/Quantize/Budget.h"
#include "binq/Quantize/Layout.h"

enum { BINQ_TUNE_MAX = 1000 }; ///< epochs that can be asked for

typedef struct {
  const char *parameters;  ///< the parameter file to write
  const char *preset;      ///< "paper", "balanced", "rtn", "gptq" or "billm"
  const char *calibration; ///< text files, separated by commas; "": the model writes its own
  int64_t windows, window; ///< of text, in tokens; 0 windows: no calibration, every Hessian is I
  int64_t held_back;       ///< windows of the text, behind those, that are kept out of calibration
  int64_t seed;            ///< of the text the model writes
  double damping;          ///< of a Hessian, times its mean diagonal; -1: as the preset says
  double aim;              ///< share of the way to the float model's outputs, 0 to 1; -1: likewise
  int64_t refine;          ///< rounds of refinement after GPTQ; -1: likewise
  int64_t tune;            ///< epochs of text: half of them tune each layer, the others the model
  int64_t planes;          ///< additive weight planes; 0: as the preset says
  int64_t activation_planes; ///< 0: as the preset says
  int64_t int8_columns;      ///< -1: as the preset says
  int64_t table_planes;      ///< of embedding and head; 0: INT8, or as a budget chooses
  /// A budget chooses the formats of linears and tables; at most one is not 0.
  int64_t size;   ///< bytes of data that the parameter file may have
  double bits;    ///< a weight, on average
  double max_kld; ///< expected divergence from the float model
  /// Bytes, at most, that count towards `size` besides the parameter file's data: those of a
  /// compiled model's code, of which `fixed_bytes` do not depend on formats. NULL: none. Options of
  /// no pass.
  int64_t (*code_bytes)(const binq_code_amount *amount);
  int64_t fixed_bytes;
} binq_quantize_options;

/// The options as the arguments of the pass give them; they live as long as those.
binq_quantize_options binq_quantize_options_of(const binq_pass_arguments *arguments);

/// What became of a linear.
typedef struct {
  const char *name; ///< of its weight
  binq_linear_format format;
  int64_t bytes;           ///< as packed
  int activation_planes;   ///< 0: INT8
  int32_t plane_scales[8]; ///< of the activations
  /// Of its output on the calibration text, by its weights alone and before any tuning, next to
  /// what it aimed at; -1: not measured.
  double relative_error;
  double divergence; ///< that a budget expected of it; -1: there was none
} binq_quantized_linear_report;

/// The tables (embedding and head), then the linears in program order; a weight that two functions
/// share is listed once.
typedef struct {
  binq_quantized_linear_report *linears;
  size_t count;
  int64_t calibration_tokens;     ///< of text used
  double predicted_divergence;    ///< that a budget expected of all; -1: there was none
  const binq_tuning_loss *losses; ///< by layer
  size_t loss_count;              ///< 0: nothing was tuned
  int64_t distillation_windows;   ///< that the model was distilled on; 0: it was not
  binq_distillation distillation;
  int64_t window;            ///< tokens of a window
  int64_t held_back_windows; ///< of text that calibration has not seen; a short text has fewer
  const int32_t *held_back;  ///< [held_back_windows][window]
  void *memory;
} binq_quantize_report;

/// Quantizes the module in place. `report` may be NULL; else it is freed with
/// binq_quantize_report_free.
binq_status binq_quantize_module(MlirModule module, const binq_quantize_options *given,
                                 const binq_pass_environment *environment,
                                 binq_quantize_report *report);
/// Releases what the report holds; an empty one is ignored.
void binq_quantize_report_free(binq_quantize_report *report);

#endif
