/// The packed layout of a quantized linear's weights and of its quantized activations: the one
/// definition that packing, kernels and documentation share (docs/formats.md draws it).
///
/// Weights: blocks of 32 rows. A block holds its groups of 128 channels in order, then its INT8
/// columns, then 32 fp16 row scales where there are such columns.
///   group: for every step of 8 channels, for every plane, 32 bytes: byte `binq_row_slot(r)` holds
///     the plane's bit of the codes of row r, channel 8 * step + i in bit i; then coefficients.
///     The last group may have 32, 64 or 96 channels.
///   coefficients of grouped-binary: for every 8 rows 8 pairs of int8 (c1, c2), then 8 pairs
///     (c3, c0), 128 bytes; then 32 fp16 scales.
///   coefficients of planes: 32 int8 z; then 32 fp16 scales.
///   INT8 columns: for every 4 columns, for every row, 4 int8.
/// Rows are padded to 32 and channels to 32 with zeros; the whole is padded to a multiple of 64
/// bytes.
///
/// Channels are in channel order: channel j of the layout is input channel order[j] (order[j] >=
/// columns: a zero). The INT8 columns are the last `int8_columns` of that order.
#ifndef BINQ_QUANTIZE_LAYOUT_H
#define BINQ_QUANTIZE_LAYOUT_H

#include "binq/Support/Status.h"
#include <stdint.h>

enum {
  BINQ_GROUP = 128,       ///< channels a group
  BINQ_BLOCK_ROWS = 32,   ///< rows a block
  BINQ_CHANNEL_STEP = 32, ///< channels are padded to a multiple of this
  BINQ_MAX_WEIGHT_PLANES = 4,
  BINQ_MAX_ACTIVATION_PLANES = 8,
  BINQ_MAX_SPAN = 31, ///< from the lowest to the highest level of four planes
};

typedef enum {
  BINQ_FORM_GROUPED_BINARY, ///< w = scale * c[q + 2 s]
  BINQ_FORM_PLANES,         ///< w = scale * (sum_k a_k b_k - z)
  BINQ_FORM_INT8,           ///< every column INT8, no planes
} binq_form;

/// What one linear's packed weights look like.
typedef struct {
  int64_t rows, columns; ///< N and K of the model
  int64_t int8_columns;  ///< multiple of 32; all padded columns for BINQ_FORM_INT8
  binq_form form;
  int planes;                                    ///< weight planes: 2, 1..4, 0
  int32_t plane_weights[BINQ_MAX_WEIGHT_PLANES]; ///< a_k of BINQ_FORM_PLANES
} binq_linear_format;

/// Sizes of packed weights; offsets are in bytes.
typedef struct {
  int64_t padded_rows, padded_columns;
  int64_t plane_columns;     ///< padded_columns - int8_columns
  int64_t groups;            ///< of plane columns, the last one possibly short
  int64_t int8_groups;       ///< of INT8 columns, each at most 128 wide: one activation scale each
  int64_t group_bytes;       ///< of a full group
  int64_t coefficient_bytes; ///< of a group's levels and scales (at its end)
  int64_t int8_offset;       ///< of the INT8 section in a block
  int64_t block_bytes;
  int64_t bytes; ///< of the whole, a multiple of 64
} binq_layout;

/// Works out the sizes. An error if the format is not one that can be: sizes out of range, planes
/// that its form does not have, INT8 columns that are no multiple of 32.
binq_status binq_layout_of(const binq_linear_format *format, binq_layout *out);

/// The byte of a 32-byte step that row r (0..31) of a block occupies: the order in which AVX2's
/// even/odd widening and 128-bit unpacking give rows back in natural order.
int binq_row_slot(int row);

/// A quantized linear before packing, channels in channel order.
typedef struct {
  binq_linear_format format;
  uint8_t *codes;        ///< [padded_rows][plane_columns]
  int8_t *levels;        ///< grouped-binary: [padded_rows][groups][4]
  int8_t *zeros;         ///< planes: [padded_rows][groups]
  uint16_t *scales;      ///< fp16 [padded_rows][groups]
  int8_t *int8_codes;    ///< [padded_rows][int8_columns]
  uint16_t *int8_scales; ///< fp16 [padded_rows]
} binq_quantized_linear;

/// Allocates the arrays a format needs, zeroed; binq_quantized_linear_free releases them.
binq_status binq_quantized_linear_create(const binq_linear_format *format,
                                         binq_quantized_linear *out);
/// Frees the arrays; a linear without any is ignored.
void binq_quantized_linear_free(binq_quantized_linear *linear);

/// `out` has layout.bytes bytes.
void binq_pack(const binq_quantized_linear *linear, uint8_t *out);
/// The inverse of binq_pack into a created linear of the same format.
void binq_unpack(const uint8_t *packed, binq_quantized_linear *linear);
/// Float weights [rows][padded_columns] in channel order.
void binq_dequantize(const binq_quantized_linear *linear, float *out);
/// The same of rows [begin, end) alone; `out` starts at row `begin`.
void binq_dequantize_rows(const binq_quantized_linear *linear, int64_t begin, int64_t end,
                          float *out);

/// A quantized table as it is stored; `order` is NULL where channels are in the model's.
typedef struct {
  binq_linear_format format; ///< of BINQ_FORM_PLANES or BINQ_FORM_INT8
  const uint16_t *order;
  const uint8_t *packed;
} binq_packed_table;

/// What a row of the table stands for: [padded columns] in the model's order, padding zero.
void binq_packed_table_row(const binq_packed_table *table, int64_t row, float *out);

/// Quantized activations of one token, as the kernels exchange them, in this order (offsets in
/// bytes from the token's start):
///   planes: for every group, for every plane, 16 bytes: bit j is channel j of the group (a part
///     that there may be, as levels and tables are);
///   scales: float mu of every group;
///   sums: int32 of every group: P = sum over the group's channels of l(u);
///   int8_codes: int8 of every INT8 column;
///   int8_scales: float of every 128 INT8 columns;
///   levels: for every channel its level less the lowest one, a byte;
///   tables: for every group and every 4 planes, 32 tables of 16 bytes: for every 4 channels the
///     sums of all subsets of their levels (of their digits to base 16, with 8 planes).
/// Kernels differ in what they read: planes, or levels, or tables, which are made of levels.
typedef struct {
  int64_t scales_offset, sums_offset, int8_codes_offset, int8_scales_offset;
  int64_t levels_offset, tables_offset;
  int64_t token_bytes; ///< a multiple of 64
} binq_activation_layout;

/// What of it there is, besides what there always is.
typedef enum {
  BINQ_PART_PLANES = 1,
  BINQ_PART_LEVELS = 2,
  BINQ_PART_TABLES = 4,
} binq_activation_parts;

/// For linears of this format read with `activation_planes` planes (4 or 8; ignored when there are
/// no plane columns); `parts` are binq_activation_parts.
void binq_activation_layout_of(const binq_layout *layout, int activation_planes, unsigned parts,
                               binq_activation_layout *out);

/// The table that a parameter named NAME.levels holds, 64 x 4 bytes: how to code an activation.
/// With 4 planes: the 16 sums of plane scales sorted ascending are the levels; `threshold[i]` lies
/// midway between level i and i+1 and value v takes level #{i : v > threshold[i]} (so ties go to
/// the lower level), whose 4-bit code is `code[i]`. With 8 planes (1,2,4,..,64,-128): level =
/// ceil(v - 0.5) clamped to [-128, 127], code = its low byte.
typedef struct {
  int32_t plane_scale[8];
  float lowest; ///< the lowest level: mu = extreme value / lowest
  float threshold[15];
  int32_t code[16];
  int32_t level[16];
  int32_t planes;
  int32_t reserved[7];
} binq_level_table;

_Static_assert(sizeof(binq_level_table) == 256, "the level table is 256 bytes");

/// Builds the table for `planes` (4 or 8) integer plane scales, the last negative; refuses scales
/// whose span exceeds 31 with 4 planes or that are not the powers of two with 8.
binq_status binq_level_table_of(const int32_t *plane_scales, int planes, binq_level_table *out);

/// fp16 to float and back (round to nearest even), exact on every machine.
float binq_half_to_float(uint16_t half);
uint16_t binq_float_to_half(float value);

#endif
