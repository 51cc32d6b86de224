/// A GGUF file's two tables, metadata and tensors, checked for being what the format allows.
/// What they mean is Model.c's part.
#ifndef BINQ_CHECKPOINT_GGUF_H
#define BINQ_CHECKPOINT_GGUF_H

#include "NameTable.h"
#include "binq/Checkpoint/Model.h"
#include "binq/Support/Memory.h"

typedef enum {
  BINQ_GGUF_U8,
  BINQ_GGUF_I8,
  BINQ_GGUF_U16,
  BINQ_GGUF_I16,
  BINQ_GGUF_U32,
  BINQ_GGUF_I32,
  BINQ_GGUF_F32,
  BINQ_GGUF_BOOL,
  BINQ_GGUF_STRING,
  BINQ_GGUF_ARRAY,
  BINQ_GGUF_U64,
  BINQ_GGUF_I64,
  BINQ_GGUF_F64,
} binq_gguf_type;

/// A metadata field. The values lie in the file one behind another, unaligned; strings are a 64-bit
/// length and bytes. All are known to be there.
typedef struct {
  const char *key;
  binq_gguf_type type; ///< that of the elements for an array
  bool is_array;
  uint64_t count; ///< of elements; 1 for what is no array
  const uint8_t *data;
} binq_gguf_field;

typedef struct {
  const binq_gguf_field *fields;
  size_t field_count;
  size_t fields_end; ///< where the tensor table starts in the file
  size_t tensor_count;
  binq_tensor *tensors; ///< sizes and places checked, names not interpreted
  binq_name_table keys, names;
} binq_gguf;

/// Checks the header and the metadata of a file in memory and makes the table of its fields. What
/// is made lives as long as the arena and the bytes.
binq_status binq_gguf_parse_fields(binq_bytes file, binq_arena *arena, binq_gguf *out);

/// Then the tensor table and the places of the data.
binq_status binq_gguf_parse_tensors(binq_bytes file, binq_arena *arena, binq_gguf *gguf);

/// Reading in steps. What is missing is named by the caller.
typedef struct {
  const uint8_t *data;
  size_t size, position;
} binq_gguf_reader;

bool binq_gguf_take_u32(binq_gguf_reader *reader, uint32_t *out);
bool binq_gguf_take_u64(binq_gguf_reader *reader, uint64_t *out);

/// A name (of a field or a tensor) that is short enough and printable, copied; `what` says whose.
binq_status binq_gguf_take_name(binq_gguf_reader *reader, const char *what, uint64_t index,
                                binq_arena *arena, char **out);

/// The field of that key, or NULL.
const binq_gguf_field *binq_gguf_find(const binq_gguf *gguf, const char *key);

/// An integer field of any width between the limits; an absent field leaves *out, or is an error if
/// `required`.
binq_status binq_gguf_integer(const binq_gguf *gguf, const char *key, bool required, int64_t lowest,
                              int64_t highest, int64_t *out);

/// A finite floating-point field, likewise.
binq_status binq_gguf_float(const binq_gguf *gguf, const char *key, bool required, double *out);
binq_status binq_gguf_bool(const binq_gguf *gguf, const char *key, bool *out);

/// A string field, likewise; it is text.
binq_status binq_gguf_text(const binq_gguf *gguf, const char *key, bool required, binq_bytes *out);

/// An array with elements of that type, or NULL if it is absent and not required.
binq_status binq_gguf_array(const binq_gguf *gguf, const char *key, bool required,
                            binq_gguf_type type, const binq_gguf_field **out);

/// Element `index` of an array of 32-bit integers.
int32_t binq_gguf_element_i32(const binq_gguf_field *field, uint64_t index);

/// Walks an array of strings: the string at *position (0 at first), which moves to the next one.
binq_bytes binq_gguf_next_string(const binq_gguf_field *field, size_t *position);

/// Bytes of a value of that type; 0 for strings and arrays.
size_t binq_gguf_type_size(binq_gguf_type type);

/// The bytes of a tensor, checked: whole blocks, no overflow.
binq_status binq_tensor_size(binq_tensor_type type, int64_t rows, int64_t columns, size_t *out);

#endif
