/// GGUF files made up for tests: a random llama model of any size, any part of which a test may
/// change, take away or repeat before the file is written. Out of memory ends the program.
#ifndef BINQ_TEST_SUPPORT_MODELFILE_H
#define BINQ_TEST_SUPPORT_MODELFILE_H

#include "binq/Checkpoint/Model.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  int64_t hidden, ffn, layers, heads, kv_heads, context;
  int64_t vocabulary; ///< 3 control tokens, 256 bytes, the rest merges: at least 259
  bool sentencepiece; ///< then a space and letters come before the merges
  binq_tensor_type embedding, attention, ffn_type, output; ///< F16 where rows are not whole blocks
  bool tied;
  float epsilon, rope_base;
  const char *pre_tokenizer;
  uint64_t seed;
} model_file_options;

/// A small model that has everything: two layers, two heads to a KV head, some merges.
model_file_options model_file_defaults(void);

/// A metadata field as it will be written; `type` is GGUF's number, `bytes` what follows it.
typedef struct {
  char *key;
  uint32_t type;
  uint8_t *bytes;
  size_t size;
  size_t begin, value, end; ///< where entry, type and next entry are in the written file
} model_file_field;

/// A tensor; everything may be changed. `type` is GGUF's number, dims[0] the columns.
typedef struct {
  char *name;
  uint32_t type, rank;
  uint64_t dims[4];
  uint8_t *data;
  size_t size;
  uint64_t offset; ///< in the data section, set when the file is laid out unless fixed_offset
  bool fixed_offset;
  size_t begin, value, end; ///< where entry, rank and next entry are in the written file
} model_file_tensor;

typedef struct {
  uint32_t magic, version;
  int64_t extra_tensors, extra_fields; ///< added to the counts in the header
  uint64_t alignment;
  model_file_field *fields;
  size_t field_count;
  model_file_tensor *tensors;
  size_t tensor_count;
  size_t data_begin; ///< of the data section in the written file
} model_file;

model_file *model_file_create(const model_file_options *options);
void model_file_destroy(model_file *file);

/// The field of that key, or NULL.
model_file_field *model_file_find(model_file *file, const char *key);

/// Sets a field to raw bytes, adding it if it is not there.
void model_file_set(model_file *file, const char *key, uint32_t type, const void *bytes,
                    size_t size);
void model_file_set_u32(model_file *file, const char *key, uint32_t value);
void model_file_set_i32(model_file *file, const char *key, int32_t value);
void model_file_set_f32(model_file *file, const char *key, float value);
void model_file_set_bool(model_file *file, const char *key, bool value);
void model_file_set_string(model_file *file, const char *key, const char *value);
void model_file_set_strings(model_file *file, const char *key, const char *const *values,
                            size_t count);
void model_file_set_i32s(model_file *file, const char *key, const int32_t *values, size_t count);
void model_file_set_f32s(model_file *file, const char *key, const float *values, size_t count);

/// Adds a second field of that key, a copy of the first.
void model_file_repeat(model_file *file, const char *key);
void model_file_remove(model_file *file, const char *key);

/// The tensor of that name, or NULL.
model_file_tensor *model_file_tensor_find(model_file *file, const char *name);

/// Adds a float32 tensor of zeros; rows 0 makes it a vector.
model_file_tensor *model_file_tensor_add(model_file *file, const char *name, int64_t rows,
                                         int64_t columns);
void model_file_tensor_remove(model_file *file, const char *name);

/// The whole file in memory that is freed with free().
uint8_t *model_file_bytes(model_file *file, size_t *size);

/// Writes it; false, with errno, if that does not work.
bool model_file_write(model_file *file, const char *path);

/// Fills the model with fields for the vocabulary / tensors; parts of model_file_create.
void model_file_make_vocabulary(model_file *file, const model_file_options *options);
void model_file_make_weights(model_file *file, const model_file_options *options);

/// GGUF's number of a type that binq reads.
uint32_t model_file_type_number(binq_tensor_type type);

/// The values of a block of that type, which rows must be whole numbers of.
int64_t model_file_block(binq_tensor_type type);

/// Encodes `count` floats, whole blocks; the result is freed with free().
uint8_t *model_file_encode(binq_tensor_type type, const float *values, size_t count, size_t *size);

#endif
