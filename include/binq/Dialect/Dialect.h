/// The binq dialect: the operations of a language model that upstream dialects have no name for,
/// and those a quantized graph consists of. It is written down in lib/Dialect/Binq.irdl.mlir;
/// operations print in the generic form.
#ifndef BINQ_DIALECT_DIALECT_H
#define BINQ_DIALECT_DIALECT_H

#include "binq/Dialect/IR.h"
#include "binq/Quantize/Layout.h"
#include "binq/Support/Status.h"

/// Registers the upstream dialects and the translations to LLVM IR, and loads the binq dialect.
/// Loading it again is harmless.
binq_status binq_dialect_load(MlirContext context);

/// Checks what the dialect's text cannot say: ranges of attributes, sizes of operands against
/// attributes, that activations are made as their linears read them, that a parameter has one type
/// everywhere. Every violation is emitted at its operation; the first is returned.
binq_status binq_verify(MlirModule module);

/// !binq.cache: keys and values of the tokens so far, of one layer.
MlirType binq_cache_type(MlirContext context);
/// !binq.activations: rows of activations as quantized linears read them.
MlirType binq_activations_type(MlirContext context);

/// Names of operations.
#define BINQ_PARAM "binq.param"
#define BINQ_EMBEDDING "binq.embedding"
#define BINQ_RMS_NORM "binq.rms_norm"
#define BINQ_ROPE "binq.rope"
#define BINQ_ATTENTION "binq.attention"
#define BINQ_SWIGLU "binq.swiglu"
#define BINQ_QUANTIZE_ACTIVATIONS "binq.quantize_activations"
#define BINQ_LINEAR "binq.linear"
#define BINQ_OUTPUT_GRADIENT "binq.output_gradient"
#define BINQ_LINEAR_GRADIENT "binq.linear_gradient"
#define BINQ_RMS_NORM_GRADIENT "binq.rms_norm_gradient"
#define BINQ_ROPE_GRADIENT "binq.rope_gradient"
#define BINQ_ATTENTION_GRADIENT "binq.attention_gradient"
#define BINQ_SWIGLU_GRADIENT "binq.swiglu_gradient"

/// Names of module attributes.
#define BINQ_ATTR_SOURCE "binq.source" ///< string: the model file that parameters are in
#define BINQ_ATTR_PARAMETERS                                                                       \
  "binq.parameters"                  ///< string: the parameter file that parameters are in
#define BINQ_ATTR_MODEL "binq.model" ///< dictionary: binq_model_info
#define BINQ_ATTR_ISA "binq.isa"     ///< string: the instruction set that it was lowered for
/// Name of the function attribute that tells what a function is: "embed", "layer", "head", or
/// "gradient" (of a layer).
#define BINQ_ATTR_ROLE "binq.role"

/// The attribute binq.model.
typedef struct {
  int64_t hidden_size, ffn_size, layer_count, head_count, kv_head_count, head_size;
  int64_t vocabulary_size, context_length;
  float norm_epsilon;
  double rope_base;
  int64_t bos, eos;            ///< -1: none
  MlirStringRef name, license; ///< live as long as the context
} binq_model_info;

/// Gives the module that attribute.
void binq_model_info_set(MlirModule module, const binq_model_info *info);
/// An error (emitted at the module) if the attribute is missing, incomplete or out of range.
binq_status binq_model_info_get(MlirModule module, binq_model_info *out);

/// The word for a form in the attribute `form`.
const char *binq_form_name(binq_form form);

/// The format of a binq.linear, or of the quantized table of a binq.embedding. An error is emitted
/// at the operation.
binq_status binq_linear_format_of(MlirOperation op, binq_linear_format *out);

/// Whether an operation only tells others something: a parameter, a constant, or the zeros that a
/// linear adds to.
bool binq_op_only_tells(MlirOperation op);

/// Whether a binq.embedding has a quantized table.
bool binq_embedding_is_quantized(MlirOperation op);

/// Attributes of binq.quantize_activations.
typedef struct {
  int64_t planes; ///< 4 or 8; 0: every column is INT8
  int64_t columns, int8_columns;
} binq_activation_format;

/// Reads them. An error is emitted at the operation.
binq_status binq_activation_format_of(MlirOperation op, binq_activation_format *out);

/// What the cache of a binq.attention holds: the attribute `cache_format`, "int8" or "int4"; floats
/// without one.
typedef enum { BINQ_CACHE_FLOAT, BINQ_CACHE_INT8, BINQ_CACHE_INT4 } binq_cache_format;
#define BINQ_ATTR_CACHE_FORMAT "cache_format"

/// Reads it. An error is emitted at the operation.
binq_status binq_cache_format_of(MlirOperation op, binq_cache_format *out);

/// The parameter's name of a binq.param; valid as long as the context.
MlirStringRef binq_param_name(MlirOperation op);

/// The binq.param that `value` is the result of, or a null operation.
MlirOperation binq_param_of(MlirValue value);

/// Typed builders: each inserts one operation and returns its result.
MlirValue binq_build_param(const binq_builder *b, const char *name, MlirType type);
/// Rows of the float table [V, columns]: tensor<? x columns x f32>.
MlirValue binq_build_embedding(const binq_builder *b, MlirValue tokens, MlirValue table,
                               int64_t columns);
/// `format` is that of the packed table; `order` that of its channels, null where it is INT8.
MlirValue binq_build_quantized_embedding(const binq_builder *b, MlirValue tokens, MlirValue table,
                                         MlirValue order, const binq_linear_format *format);
/// Of every row of x; `weight` is a vector of f32.
MlirValue binq_build_rms_norm(const binq_builder *b, MlirValue x, MlirValue weight, float epsilon);
/// Rotates every head of `head_size` channels of x by its position.
MlirValue binq_build_rope(const binq_builder *b, MlirValue x, MlirValue positions,
                          int64_t head_size, double base);
/// Appends k and v to the cache and attends from q: tensor<? x columns of q x f32>.
MlirValue binq_build_attention(const binq_builder *b, MlirValue q, MlirValue k, MlirValue v,
                               MlirValue positions, MlirValue cache, int64_t head_count,
                               int64_t kv_head_count);
/// silu(gate) * up.
MlirValue binq_build_swiglu(const binq_builder *b, MlirValue gate, MlirValue up);
/// x as !binq.activations, by the parameters NAME.order and NAME.levels of the input.
MlirValue binq_build_quantize_activations(const binq_builder *b, MlirValue x, MlirValue order,
                                          MlirValue levels, const binq_activation_format *format);
/// `result` is the type of the result, tensor<? x rows x f32>.
MlirValue binq_build_linear(const binq_builder *b, MlirValue activations, MlirValue packed,
                            const binq_linear_format *format, int64_t activation_planes,
                            MlirType result);
/// x [?,K] times weight [N,K] transposed, f32: tensor.dim, tensor.empty, linalg.fill and
/// linalg.matmul.
MlirValue binq_build_matmul(const binq_builder *b, MlirValue x, MlirValue weight);
/// The same with the number of rows (tensor.dim; unused when x has it in its type) and the constant
/// 0.0 given, so that many can share them.
MlirValue binq_build_matmul_with(const binq_builder *b, MlirValue x, MlirValue weight,
                                 MlirValue row_count, MlirValue zero);
/// arith.constant 0.0 : f32
MlirValue binq_build_zero(const binq_builder *b);

/// Whether `value` is a tensor filled with (positive) zeros.
bool binq_is_zeros(MlirValue value);

/// Whether `op` is a linear in its canonical form: a linalg.matmul of f32 tensors with the indexing
/// maps (m,n,k)->(m,k), (m,n,k)->(n,k), (m,n,k)->(m,n) onto zeros. Fills what is asked for (NULL:
/// not asked).
bool binq_match_matmul(MlirOperation op, MlirValue *x, MlirValue *weight);

#endif
