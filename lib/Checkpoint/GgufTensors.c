#include "Gguf.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_RANK = 4 };

/// GGUF's numbers for tensor types; those that are not binq's are known by name, to be refused by
/// it.
static const struct {
  const char *name;
  int type; // a binq_tensor_type, -1 for what cannot be read
} tensor_types[] = {
    {"F32", BINQ_TENSOR_F32},
    {"F16", BINQ_TENSOR_F16},
    {"Q4_0", BINQ_TENSOR_Q4_0},
    {"Q4_1", BINQ_TENSOR_Q4_1},
    {"Q4_2", -1},
    {"Q4_3", -1},
    {"Q5_0", BINQ_TENSOR_Q5_0},
    {"Q5_1", BINQ_TENSOR_Q5_1},
    {"Q8_0", BINQ_TENSOR_Q8_0},
    {"Q8_1", -1},
    {"Q2_K", BINQ_TENSOR_Q2_K},
    {"Q3_K", BINQ_TENSOR_Q3_K},
    {"Q4_K", BINQ_TENSOR_Q4_K},
    {"Q5_K", BINQ_TENSOR_Q5_K},
    {"Q6_K", BINQ_TENSOR_Q6_K},
    {"Q8_K", -1},
    {"IQ2_XXS", -1},
    {"IQ2_XS", -1},
    {"IQ3_XXS", -1},
    {"IQ1_S", -1},
    {"IQ4_NL", -1},
    {"IQ3_S", -1},
    {"IQ2_S", -1},
    {"IQ4_XS", -1},
    {"I8", -1},
    {"I16", -1},
    {"I32", -1},
    {"I64", -1},
    {"F64", -1},
    {"IQ1_M", -1},
    {"BF16", BINQ_TENSOR_BF16},
    {"Q4_0_4_4", -1},
    {"Q4_0_4_8", -1},
    {"Q4_0_8_8", -1},
    {"TQ1_0", -1},
    {"TQ2_0", -1},
    {"IQ4_NL_4_4", -1},
    {"IQ4_NL_4_8", -1},
    {"IQ4_NL_8_8", -1},
    {"MXFP4", -1},
};

static binq_status set_type(uint32_t number, binq_tensor *tensor) {
  if (number >= sizeof tensor_types / sizeof *tensor_types)
    return binq_errorf("%s: unknown tensor type %u", tensor->name, number);
  if (tensor_types[number].type < 0)
    return binq_errorf("%s: tensors of type %s are not supported, only F32, F16, BF16, Q4_0, Q4_1, "
                       "Q5_0, Q5_1, Q8_0 and Q2_K to Q6_K",
                       tensor->name, tensor_types[number].name);
  tensor->type = (binq_tensor_type)tensor_types[number].type;
  return BINQ_OK;
}

/// The dimensions, the fastest running first: columns, then rows. binq has no use for further ones.
static binq_status take_shape(binq_gguf_reader *reader, binq_tensor *tensor) {
  uint32_t rank = 0;
  if (!binq_gguf_take_u32(reader, &rank))
    return binq_errorf("%s: the file ends before its number of dimensions", tensor->name);
  if (rank < 1 || rank > MAX_RANK)
    return binq_errorf("%s: %u dimensions, must be 1 to %d", tensor->name, rank, MAX_RANK);
  uint64_t sizes[MAX_RANK] = {1, 1, 1, 1};
  for (uint32_t i = 0; i < rank; i++) {
    if (!binq_gguf_take_u64(reader, &sizes[i]))
      return binq_errorf("%s: the file ends before dimension %u", tensor->name, i);
    if (sizes[i] < 1 || sizes[i] > INT64_MAX)
      return binq_errorf("%s: dimension %u is %lld", tensor->name, i, (long long)sizes[i]);
  }
  if (sizes[2] != 1 || sizes[3] != 1)
    return binq_errorf("%s: has %u dimensions, only vectors and matrices are supported",
                       tensor->name, rank);
  tensor->columns = (int64_t)sizes[0];
  tensor->rows = (int64_t)sizes[1];
  return BINQ_OK;
}

/// One entry of the table; `offset` is that of the data from the start of the data section.
static binq_status parse_tensor(binq_gguf_reader *reader, uint64_t index, binq_arena *arena,
                                binq_tensor *tensor, uint64_t *offset) {
  char *name = NULL;
  BINQ_TRY(binq_gguf_take_name(reader, "tensor", index, arena, &name));
  tensor->name = name;
  BINQ_TRY(take_shape(reader, tensor));
  uint32_t type = 0;
  if (!binq_gguf_take_u32(reader, &type))
    return binq_errorf("%s: the file ends before its type", name);
  BINQ_TRY(set_type(type, tensor));
  if (!binq_gguf_take_u64(reader, offset))
    return binq_errorf("%s: the file ends before its offset", name);
  return binq_annotate(binq_tensor_size(tensor->type, tensor->rows, tensor->columns, &tensor->size),
                       "%s", name);
}

static binq_status parse_entries(binq_gguf_reader *reader, binq_arena *arena, binq_gguf *gguf,
                                 uint64_t *offsets) {
  for (uint64_t i = 0; i < gguf->tensor_count; i++) {
    binq_tensor *tensor = &gguf->tensors[i];
    BINQ_TRY(parse_tensor(reader, i, arena, tensor, &offsets[i]));
    binq_bytes name = {tensor->name, strlen(tensor->name)};
    if (binq_name_table_insert(&gguf->names, name, (uint32_t)i) >= 0)
      return binq_errorf("%s: this tensor is there twice", tensor->name);
  }
  return BINQ_OK;
}

static binq_status read_alignment(const binq_gguf *gguf, size_t *out) {
  int64_t alignment = 32; // the format's default
  BINQ_TRY(binq_gguf_integer(gguf, "general.alignment", false, 1, 1 << 30, &alignment));
  if (alignment & (alignment - 1))
    return binq_errorf("general.alignment: %lld is not a power of two", (long long)alignment);
  *out = (size_t)alignment;
  return BINQ_OK;
}

/// Finds every tensor's data in the section that starts at `start`.
static binq_status place_data(binq_bytes file, size_t start, size_t alignment,
                              const uint64_t *offsets, binq_gguf *gguf) {
  size_t available = file.length > start ? file.length - start : 0;
  for (size_t i = 0; i < gguf->tensor_count; i++) {
    binq_tensor *tensor = &gguf->tensors[i];
    if (offsets[i] % alignment != 0)
      return binq_errorf("%s: its offset %llu is not a multiple of the alignment %zu", tensor->name,
                         (unsigned long long)offsets[i], alignment);
    if (offsets[i] > available || tensor->size > available - offsets[i])
      return binq_errorf("%s: its data (%zu bytes at offset %llu) go past the end of the file",
                         tensor->name, tensor->size, (unsigned long long)offsets[i]);
    tensor->data = (const uint8_t *)file.bytes + start + offsets[i];
  }
  return BINQ_OK;
}

static int compare_places(const void *left, const void *right) {
  const binq_tensor *a = *(binq_tensor *const *)left, *b = *(binq_tensor *const *)right;
  return (a->data > b->data) - (a->data < b->data);
}

static binq_status check_overlap(binq_arena *arena, const binq_gguf *gguf) {
  const binq_tensor **sorted = NULL;
  BINQ_TRY(binq_arena_allocate(arena, gguf->tensor_count, sizeof(binq_tensor *), &sorted));
  for (size_t i = 0; i < gguf->tensor_count; i++)
    sorted[i] = &gguf->tensors[i];
  qsort(sorted, gguf->tensor_count, sizeof(binq_tensor *), compare_places);
  for (size_t i = 1; i < gguf->tensor_count; i++)
    if (sorted[i - 1]->data + sorted[i - 1]->size > sorted[i]->data)
      return binq_errorf("%s: its data overlap those of %s", sorted[i]->name, sorted[i - 1]->name);
  return BINQ_OK;
}

binq_status binq_gguf_parse_tensors(binq_bytes file, binq_arena *arena, binq_gguf *gguf) {
  binq_gguf_reader reader = {file.bytes, file.length, gguf->fields_end};
  size_t count = gguf->tensor_count;
  uint64_t *offsets = NULL;
  BINQ_TRY(binq_arena_allocate(arena, count, sizeof *gguf->tensors, &gguf->tensors));
  BINQ_TRY(binq_arena_allocate(arena, count, sizeof *offsets, &offsets));
  BINQ_TRY(binq_name_table_create(arena, count, &gguf->names));
  BINQ_TRY(parse_entries(&reader, arena, gguf, offsets));
  size_t alignment = 0, start = 0;
  BINQ_TRY(read_alignment(gguf, &alignment));
  BINQ_TRY(binq_size_add(reader.position, alignment - 1, "general.alignment", &start));
  BINQ_TRY(place_data(file, start / alignment * alignment, alignment, offsets, gguf));
  return check_overlap(arena, gguf);
}
