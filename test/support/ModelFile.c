#include "support/ModelFile.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_U32 = 4, TYPE_I32 = 5, TYPE_F32 = 6, TYPE_BOOL = 7, TYPE_STRING = 8, TYPE_ARRAY = 9 };

static void *allocated(void *memory) {
  if (!memory) {
    fputs("out of memory\n", stderr);
    exit(1);
  }
  return memory;
}

/// Bytes that grow.
typedef struct {
  uint8_t *bytes;
  size_t size, capacity;
} buffer;

static void append(buffer *to, const void *bytes, size_t size) {
  if (to->size + size > to->capacity) {
    to->capacity = 2 * to->capacity + size;
    to->bytes = allocated(realloc(to->bytes, to->capacity));
  }
  if (size)
    memcpy(to->bytes + to->size, bytes, size);
  to->size += size;
}

static void append_u32(buffer *to, uint32_t value) {
  append(to, &value, sizeof value);
}

static void append_u64(buffer *to, uint64_t value) {
  append(to, &value, sizeof value);
}

static void append_string(buffer *to, const char *text) {
  append_u64(to, strlen(text));
  append(to, text, strlen(text));
}

static void append_zeros(buffer *to, size_t count) {
  for (size_t i = 0; i < count; i++)
    append(to, "", 1);
}

model_file_options model_file_defaults(void) {
  return (model_file_options){
      .hidden = 64,
      .ffn = 96,
      .layers = 2,
      .heads = 4,
      .kv_heads = 2,
      .context = 128,
      .vocabulary = 288,
      .embedding = BINQ_TENSOR_Q8_0,
      .attention = BINQ_TENSOR_Q4_1,
      .ffn_type = BINQ_TENSOR_Q4_0,
      .output = BINQ_TENSOR_F16,
      .tied = true,
      .epsilon = 1e-5f,
      .rope_base = 10000,
      .pre_tokenizer = "smollm",
      .seed = 1,
  };
}

static void make_hyperparameters(model_file *file, const model_file_options *options) {
  model_file_set_string(file, "general.architecture", "llama");
  model_file_set_string(file, "general.name", "test model");
  model_file_set_string(file, "general.license", "apache-2.0");
  model_file_set_u32(file, "llama.block_count", (uint32_t)options->layers);
  model_file_set_u32(file, "llama.context_length", (uint32_t)options->context);
  model_file_set_u32(file, "llama.embedding_length", (uint32_t)options->hidden);
  model_file_set_u32(file, "llama.feed_forward_length", (uint32_t)options->ffn);
  model_file_set_u32(file, "llama.attention.head_count", (uint32_t)options->heads);
  model_file_set_u32(file, "llama.attention.head_count_kv", (uint32_t)options->kv_heads);
  model_file_set_f32(file, "llama.attention.layer_norm_rms_epsilon", options->epsilon);
  model_file_set_f32(file, "llama.rope.freq_base", options->rope_base);
  model_file_set_u32(file, "llama.rope.dimension_count",
                     (uint32_t)(options->hidden / options->heads));
  model_file_set_u32(file, "llama.vocab_size", (uint32_t)options->vocabulary);
}

model_file *model_file_create(const model_file_options *options) {
  model_file *file = allocated(calloc(1, sizeof *file));
  file->magic = 0x46554747;
  file->version = 3;
  file->alignment = 32;
  make_hyperparameters(file, options);
  model_file_make_vocabulary(file, options);
  model_file_make_weights(file, options);
  return file;
}

void model_file_destroy(model_file *file) {
  if (!file)
    return;
  for (size_t i = 0; i < file->field_count; i++) {
    free(file->fields[i].key);
    free(file->fields[i].bytes);
  }
  for (size_t i = 0; i < file->tensor_count; i++) {
    free(file->tensors[i].name);
    free(file->tensors[i].data);
  }
  free(file->fields);
  free(file->tensors);
  free(file);
}

model_file_field *model_file_find(model_file *file, const char *key) {
  for (size_t i = 0; i < file->field_count; i++)
    if (strcmp(file->fields[i].key, key) == 0)
      return &file->fields[i];
  return NULL;
}

static model_file_field *add_field(model_file *file, const char *key) {
  size_t size = (file->field_count + 1) * sizeof *file->fields;
  file->fields = allocated(realloc(file->fields, size));
  model_file_field *field = &file->fields[file->field_count++];
  *field = (model_file_field){.key = allocated(strdup(key))};
  return field;
}

void model_file_set(model_file *file, const char *key, uint32_t type, const void *bytes,
                    size_t size) {
  model_file_field *field = model_file_find(file, key);
  if (!field)
    field = add_field(file, key);
  uint8_t *copy = allocated(malloc(size ? size : 1));
  memcpy(copy, bytes, size);
  free(field->bytes);
  field->type = type;
  field->bytes = copy;
  field->size = size;
}

void model_file_set_u32(model_file *file, const char *key, uint32_t value) {
  model_file_set(file, key, TYPE_U32, &value, sizeof value);
}

void model_file_set_i32(model_file *file, const char *key, int32_t value) {
  model_file_set(file, key, TYPE_I32, &value, sizeof value);
}

void model_file_set_f32(model_file *file, const char *key, float value) {
  model_file_set(file, key, TYPE_F32, &value, sizeof value);
}

void model_file_set_bool(model_file *file, const char *key, bool value) {
  model_file_set(file, key, TYPE_BOOL, &(uint8_t){value}, 1);
}

void model_file_set_string(model_file *file, const char *key, const char *value) {
  buffer bytes = {0};
  append_string(&bytes, value);
  model_file_set(file, key, TYPE_STRING, bytes.bytes, bytes.size);
  free(bytes.bytes);
}

void model_file_set_strings(model_file *file, const char *key, const char *const *values,
                            size_t count) {
  buffer bytes = {0};
  append_u32(&bytes, TYPE_STRING);
  append_u64(&bytes, count);
  for (size_t i = 0; i < count; i++)
    append_string(&bytes, values[i]);
  model_file_set(file, key, TYPE_ARRAY, bytes.bytes, bytes.size);
  free(bytes.bytes);
}

/// An array of numbers of 32 bits.
static void set_numbers(model_file *file, const char *key, uint32_t type, const void *values,
                        size_t count) {
  buffer bytes = {0};
  append_u32(&bytes, type);
  append_u64(&bytes, count);
  append(&bytes, values, count * sizeof(uint32_t));
  model_file_set(file, key, TYPE_ARRAY, bytes.bytes, bytes.size);
  free(bytes.bytes);
}

void model_file_set_i32s(model_file *file, const char *key, const int32_t *values, size_t count) {
  set_numbers(file, key, TYPE_I32, values, count);
}

void model_file_set_f32s(model_file *file, const char *key, const float *values, size_t count) {
  set_numbers(file, key, TYPE_F32, values, count);
}

void model_file_repeat(model_file *file, const char *key) {
  model_file_field *added = add_field(file, key);
  const model_file_field *first = model_file_find(file, key);
  added->type = first->type;
  added->size = first->size;
  added->bytes = allocated(malloc(first->size ? first->size : 1));
  memcpy(added->bytes, first->bytes, first->size);
}

void model_file_remove(model_file *file, const char *key) {
  model_file_field *field = model_file_find(file, key);
  if (!field)
    return;
  free(field->key);
  free(field->bytes);
  file->field_count--;
  size_t after = (size_t)(file->fields + file->field_count - field);
  memmove(field, field + 1, after * sizeof *field);
}

model_file_tensor *model_file_tensor_find(model_file *file, const char *name) {
  for (size_t i = 0; i < file->tensor_count; i++)
    if (strcmp(file->tensors[i].name, name) == 0)
      return &file->tensors[i];
  return NULL;
}

model_file_tensor *model_file_tensor_add(model_file *file, const char *name, int64_t rows,
                                         int64_t columns) {
  size_t size = (file->tensor_count + 1) * sizeof *file->tensors;
  file->tensors = allocated(realloc(file->tensors, size));
  model_file_tensor *tensor = &file->tensors[file->tensor_count++];
  *tensor = (model_file_tensor){
      .name = allocated(strdup(name)),
      .rank = rows ? 2 : 1,
      .dims = {(uint64_t)columns, (uint64_t)(rows ? rows : 1), 1, 1},
      .size = (size_t)(columns * (rows ? rows : 1)) * sizeof(float),
  };
  tensor->data = allocated(calloc(1, tensor->size ? tensor->size : 1));
  return tensor;
}

void model_file_tensor_remove(model_file *file, const char *name) {
  model_file_tensor *tensor = model_file_tensor_find(file, name);
  if (!tensor)
    return;
  free(tensor->name);
  free(tensor->data);
  file->tensor_count--;
  size_t after = (size_t)(file->tensors + file->tensor_count - tensor);
  memmove(tensor, tensor + 1, after * sizeof *tensor);
}

static void lay_out_tensors(model_file *file) {
  uint64_t end = 0;
  for (size_t i = 0; i < file->tensor_count; i++) {
    model_file_tensor *tensor = &file->tensors[i];
    if (!tensor->fixed_offset)
      tensor->offset = (end + file->alignment - 1) / file->alignment * file->alignment;
    end = tensor->offset + tensor->size;
  }
}

static void append_tables(buffer *to, model_file *file) {
  append_u32(to, file->magic);
  append_u32(to, file->version);
  append_u64(to, file->tensor_count + (uint64_t)file->extra_tensors);
  append_u64(to, file->field_count + (uint64_t)file->extra_fields);
  for (size_t i = 0; i < file->field_count; i++) {
    model_file_field *field = &file->fields[i];
    field->begin = to->size;
    append_string(to, field->key);
    field->value = to->size;
    append_u32(to, field->type);
    append(to, field->bytes, field->size);
    field->end = to->size;
  }
  for (size_t i = 0; i < file->tensor_count; i++) {
    model_file_tensor *tensor = &file->tensors[i];
    tensor->begin = to->size;
    append_string(to, tensor->name);
    tensor->value = to->size;
    append_u32(to, tensor->rank);
    for (uint32_t j = 0; j < tensor->rank && j < 4; j++)
      append_u64(to, tensor->dims[j]);
    append_u32(to, tensor->type);
    append_u64(to, tensor->offset);
    tensor->end = to->size;
  }
}

uint8_t *model_file_bytes(model_file *file, size_t *size) {
  buffer to = {0};
  lay_out_tensors(file);
  append_tables(&to, file);
  append_zeros(&to, (file->alignment - to.size % file->alignment) % file->alignment);
  file->data_begin = to.size;
  for (size_t i = 0; i < file->tensor_count; i++) {
    const model_file_tensor *tensor = &file->tensors[i];
    if (tensor->fixed_offset)
      continue; // a test's made-up place
    append_zeros(&to, file->data_begin + tensor->offset - to.size);
    append(&to, tensor->data, tensor->size);
  }
  *size = to.size;
  return to.bytes;
}

bool model_file_write(model_file *file, const char *path) {
  size_t size = 0;
  uint8_t *bytes = model_file_bytes(file, &size);
  FILE *to = fopen(path, "wb");
  bool written = to && fwrite(bytes, 1, size, to) == size;
  written = to && fclose(to) == 0 && written;
  free(bytes);
  return written;
}
