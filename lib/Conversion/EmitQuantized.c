// Calls of the kernels on packed weights and quantized activations.
#include "EmitSteps.h"

#include <stdio.h>
#include <string.h>

enum { SUFFIX_SIZE = 128 };

/// "1536x576", then "_w1_2_4" where there are plane weights; its length.
static int name_format(const binq_linear_format *format, char suffix[SUFFIX_SIZE]) {
  int length = snprintf(suffix, SUFFIX_SIZE, "%lldx%lld", (long long)format->rows,
                        (long long)format->columns);
  for (int i = 0; format->form == BINQ_FORM_PLANES && i < format->planes; i++)
    length += snprintf(suffix + length, (size_t)(SUFFIX_SIZE - length), "%s%d", i ? "_" : "_w",
                       format->plane_weights[i]);
  return length;
}

/// 0 for planes that there are not.
static int32_t weight_of_plane(const binq_linear_format *format, int plane) {
  return format->form == BINQ_FORM_PLANES && plane < format->planes ? format->plane_weights[plane]
                                                                    : 0;
}

static void call_plane_weights(binq_kernel_call *call, const binq_linear_format *format) {
  binq_call_size(call, format->planes);
  for (int i = 0; i < BINQ_MAX_WEIGHT_PLANES; i++)
    binq_call_integer(call, 32, weight_of_plane(format, i));
}

static binq_status emit_embedding_planes(binq_emitter *e, const binq_step *step,
                                         const binq_linear_format *format,
                                         const binq_layout *layout, MlirValue table) {
  MlirValue order;
  char suffix[SUFFIX_SIZE];
  int length = name_format(format, suffix);
  snprintf(suffix + length, sizeof suffix - (size_t)length, "_i%lld",
           (long long)format->int8_columns);
  BINQ_TRY(binq_stored_operand(e, step, binq_operand(step, 2), &order));
  binq_kernel_call call = binq_call_of(e, "embedding_planes", "%s", suffix);
  binq_call_operand(&call, table);
  binq_call_operand(&call, order);
  binq_call_operand(&call, binq_memory(e, binq_operand(step, 0)));
  binq_call_operand(&call, binq_memory(e, binq_result(step)));
  binq_call_share(&call);
  binq_call_size(&call, layout->padded_rows / BINQ_BLOCK_ROWS);
  binq_call_size(&call, layout->block_bytes);
  binq_call_size(&call, layout->group_bytes);
  binq_call_size(&call, layout->plane_columns);
  binq_call_size(&call, layout->int8_offset);
  binq_call_size(&call, format->columns);
  binq_call_size(&call, layout->padded_columns);
  call_plane_weights(&call, format);
  return binq_call_finish(&call);
}

binq_status binq_emit_embedding(binq_emitter *e, const binq_step *step) {
  binq_linear_format format;
  binq_layout layout;
  MlirValue table;
  BINQ_TRY(binq_linear_format_of(step->op, &format));
  BINQ_TRY(binq_layout_of(&format, &layout));
  BINQ_TRY(binq_stored_operand(e, step, binq_operand(step, 1), &table));
  if (format.form == BINQ_FORM_PLANES)
    return emit_embedding_planes(e, step, &format, &layout, table);
  binq_kernel_call call = binq_call_of(e, "embedding_int8", "%lldx%lld", (long long)format.rows,
                                       (long long)format.columns);
  binq_call_operand(&call, table);
  binq_call_operand(&call, binq_memory(e, binq_operand(step, 0)));
  binq_call_operand(&call, binq_memory(e, binq_result(step)));
  binq_call_share(&call);
  binq_call_size(&call, layout.padded_rows / BINQ_BLOCK_ROWS);
  binq_call_size(&call, layout.block_bytes);
  binq_call_size(&call, layout.padded_columns);
  return binq_call_finish(&call);
}

// --- activations

/// Sizes of activations and what they are read with.
typedef struct {
  binq_activation_format format;
  binq_layout layout; ///< of a linear that reads them
  binq_activation_layout bytes;
  binq_way choice;
  char suffix[64]; ///< tells all of the above
} activations;

static binq_status get_activations(const binq_emitter *e, MlirOperation op, activations *out) {
  BINQ_TRY(binq_activation_format_of(op, &out->format));
  BINQ_TRY(binq_activation_layouts(e->plan, &out->format, &out->layout, &out->bytes, &out->choice));
  snprintf(out->suffix, sizeof out->suffix, "%lld_i%lld_a%lld", (long long)out->format.columns,
           (long long)out->format.int8_columns, (long long)out->format.planes);
  return BINQ_OK;
}

binq_status binq_emit_quantize(binq_emitter *e, const binq_step *step) {
  activations a;
  MlirValue order, levels;
  BINQ_TRY(get_activations(e, step->op, &a));
  BINQ_TRY(binq_stored_operand(e, step, binq_operand(step, 1), &order));
  BINQ_TRY(binq_stored_operand(e, step, binq_operand(step, 2), &levels));
  MlirValue x = binq_memory(e, binq_operand(step, 0)), y = binq_memory(e, binq_result(step));
  if (a.layout.plane_columns) {
    binq_kernel_call call = binq_call_of(e, "quantize_planes", "%s", a.suffix);
    binq_call_operand(&call, x);
    binq_call_operand(&call, order);
    binq_call_operand(&call, levels);
    binq_call_operand(&call, y);
    binq_call_share(&call);
    binq_call_size(&call, a.layout.padded_columns);
    binq_call_size(&call, a.layout.plane_columns);
    binq_call_size(&call, a.format.planes);
    binq_call_size(&call, a.bytes.token_bytes);
    binq_call_size(&call, a.bytes.scales_offset);
    binq_call_size(&call, a.bytes.sums_offset);
    binq_call_size(&call, a.bytes.levels_offset);
    binq_call_size(&call, a.bytes.tables_offset);
    unsigned parts = binq_way_parts(&a.choice);
    binq_call_integer(&call, 1, (parts & BINQ_PART_PLANES) != 0);
    binq_call_integer(&call, 1, (parts & BINQ_PART_LEVELS) != 0);
    binq_call_size(&call, binq_way_table_tokens(&a.choice));
    BINQ_TRY(binq_call_finish(&call));
  }
  if (!a.layout.int8_groups)
    return BINQ_OK;
  binq_kernel_call call = binq_call_of(e, "quantize_int8", "%s", a.suffix);
  binq_call_operand(&call, x);
  binq_call_operand(&call, order);
  binq_call_operand(&call, y);
  binq_call_share(&call);
  binq_call_size(&call, a.layout.padded_columns);
  binq_call_size(&call, a.layout.plane_columns);
  binq_call_size(&call, a.bytes.token_bytes);
  binq_call_size(&call, a.bytes.int8_codes_offset);
  binq_call_size(&call, a.bytes.int8_scales_offset);
  return binq_call_finish(&call);
}

// --- linears

/// A linear, its memory, and the part of kernel names that tells all sizes.
typedef struct {
  binq_linear_format format;
  binq_layout layout;
  activations input;
  MlirValue weights, levels, x, y;
  char suffix[SUFFIX_SIZE];
} linear;

/// "1536x576_w1_2_4_i32_a8"
static void name_sizes(linear *l) {
  int length = name_format(&l->format, l->suffix);
  if (l->layout.plane_columns)
    snprintf(l->suffix + length, sizeof l->suffix - (size_t)length, "_i%lld_a%lld",
             (long long)l->format.int8_columns, (long long)l->input.format.planes);
}

static binq_status get_linear(const binq_emitter *e, const binq_step *step, linear *out) {
  BINQ_TRY(binq_linear_format_of(step->op, &out->format));
  BINQ_TRY(binq_layout_of(&out->format, &out->layout));
  MlirOperation producer = binq_defining_op(binq_operand(step, 0));
  if (!binq_op_is(producer, BINQ_QUANTIZE_ACTIVATIONS))
    return binq_op_error(step->op, "reads activations that no " BINQ_QUANTIZE_ACTIVATIONS " makes");
  BINQ_TRY(get_activations(e, producer, &out->input));
  BINQ_TRY(binq_stored_operand(e, step, binq_operand(step, 1), &out->weights));
  BINQ_TRY(binq_stored_operand(e, step, mlirOperationGetOperand(producer, 2), &out->levels));
  out->x = binq_memory(e, binq_operand(step, 0));
  out->y = binq_memory(e, binq_result(step));
  name_sizes(out);
  return BINQ_OK;
}

/// Weights, activations and the share of the work: what all lowerings begin with.
static void call_memory(binq_kernel_call *call, const linear *l) {
  binq_call_operand(call, l->weights);
  binq_call_operand(call, l->levels);
  binq_call_operand(call, l->x);
  binq_call_operand(call, l->y);
  binq_call_share(call);
}

enum { LINEAR_SIZES = 12 };

/// The sizes that follow for all.
static void linear_sizes(const linear *l, int64_t sizes[LINEAR_SIZES]) {
  const int64_t all[LINEAR_SIZES] = {l->layout.padded_rows / BINQ_BLOCK_ROWS,
                                     l->layout.block_bytes,
                                     l->layout.group_bytes,
                                     l->layout.plane_columns,
                                     l->input.format.planes,
                                     l->input.bytes.token_bytes,
                                     l->input.bytes.scales_offset,
                                     l->input.bytes.sums_offset,
                                     l->format.int8_columns,
                                     l->layout.int8_offset,
                                     l->input.bytes.int8_codes_offset,
                                     l->input.bytes.int8_scales_offset};
  memcpy(sizes, all, sizeof all);
}

/// A range of counts of tokens.
typedef struct {
  int64_t least, most;
} token_range;

/// Up to so many bytes, the tables of a token stay in a first cache of 32 KB although weights pass
/// through it.
enum { MAX_KEPT_TABLES = 8192 };

/// How many parts of a thread's blocks are read side by side.
static int64_t stream_count(const linear *l, binq_lowering way) {
  int64_t tables = l->layout.plane_columns * l->input.format.planes;
  return way == BINQ_LOWERING_LUT && tables > MAX_KEPT_TABLES ? 2 : 1;
}

static binq_status emit_sums(const binq_emitter *e, const linear *l, binq_lowering way,
                             const token_range *tokens) {
  binq_kernel_call call = binq_call_of(e, "linear_sums", "%s_%s_%s", binq_form_name(l->format.form),
                                       l->suffix, binq_lowering_name(way));
  call_memory(&call, l);
  int64_t sizes[LINEAR_SIZES];
  linear_sizes(l, sizes);
  for (int i = 0; i < LINEAR_SIZES; i++)
    binq_call_size(&call, sizes[i]);
  binq_call_size(&call, l->input.bytes.tables_offset);
  binq_call_integer(&call, 1, way == BINQ_LOWERING_LUT);
  binq_call_size(&call, stream_count(l, way));
  binq_call_size(&call, tokens->least);
  binq_call_size(&call, tokens->most);
  call_plane_weights(&call, &l->format);
  binq_call_integer(&call, 1, l->format.form == BINQ_FORM_PLANES);
  return binq_call_finish(&call);
}

/// Whether four sums of two products each may not fit 16 bits.
static bool is_large(const linear *l) {
  int64_t weight = l->format.form == BINQ_FORM_PLANES ? 0 : -(int64_t)INT8_MIN;
  for (int i = 0; l->format.form == BINQ_FORM_PLANES && i < l->format.planes; i++)
    weight += l->format.plane_weights[i];
  int64_t level = l->input.format.planes == BINQ_MAX_ACTIVATION_PLANES ? UINT8_MAX : BINQ_MAX_SPAN;
  return 8 * weight * level > INT16_MAX;
}

/// Sizes are arguments here: inner loops do not know them, and one copy does for all linears of a
/// form.
static binq_status emit_dot(const binq_emitter *e, const linear *l, const token_range *tokens) {
  binq_kernel_call call = binq_call_of(e, "linear_dot", "%s", binq_form_name(l->format.form));
  call_memory(&call, l);
  int64_t sizes[LINEAR_SIZES];
  linear_sizes(l, sizes);
  for (int i = 0; i < LINEAR_SIZES; i++)
    binq_call_operand(&call, binq_emit_index(e, sizes[i]));
  binq_call_operand(&call, binq_emit_index(e, l->input.bytes.levels_offset));
  binq_call_operand(&call, binq_emit_index(e, tokens->least));
  binq_call_operand(&call, binq_emit_index(e, tokens->most));
  binq_call_operand(&call, binq_emit_integer(e, 1, is_large(l)));
  binq_call_operand(&call, binq_emit_index(e, l->format.planes));
  for (int i = 0; i < BINQ_MAX_WEIGHT_PLANES; i++)
    binq_call_operand(&call, binq_emit_integer(e, 32, weight_of_plane(&l->format, i)));
  binq_call_integer(&call, 1, l->format.form == BINQ_FORM_PLANES);
  return binq_call_finish(&call);
}

static binq_status emit_way(const binq_emitter *e, const linear *l, binq_lowering way,
                            token_range tokens) {
  return way == BINQ_LOWERING_DOT ? emit_dot(e, l, &tokens) : emit_sums(e, l, way, &tokens);
}

/// Where few tokens take another way than many, both kernels are called, and one of them returns at
/// once.
static binq_status emit_planes(const binq_emitter *e, const linear *l) {
  const binq_way *choice = &l->input.choice;
  BINQ_TRY(emit_way(e, l, choice->few, (token_range){0, choice->few_tokens}));
  if (choice->few == choice->many)
    return BINQ_OK;
  return emit_way(e, l, choice->many, (token_range){choice->few_tokens + 1, INT64_MAX});
}

/// Where all columns are INT8.
static binq_status emit_int8(const binq_emitter *e, const linear *l) {
  binq_kernel_call call = binq_call_of(e, "linear_int8", "%s", l->suffix);
  binq_call_operand(&call, l->weights);
  binq_call_operand(&call, l->x);
  binq_call_operand(&call, l->y);
  binq_call_share(&call);
  binq_call_size(&call, l->layout.padded_rows / BINQ_BLOCK_ROWS);
  binq_call_size(&call, l->layout.block_bytes);
  binq_call_size(&call, l->format.int8_columns);
  binq_call_size(&call, l->input.bytes.token_bytes);
  binq_call_size(&call, l->input.bytes.int8_codes_offset);
  binq_call_size(&call, l->input.bytes.int8_scales_offset);
  return binq_call_finish(&call);
}

binq_status binq_emit_linear(binq_emitter *e, const binq_step *step) {
  linear l;
  BINQ_TRY(get_linear(e, step, &l));
  return l.layout.plane_columns ? emit_planes(e, &l) : emit_int8(e, &l);
}
