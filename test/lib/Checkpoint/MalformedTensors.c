/// Tensor tables that are wrong, and files that end anywhere.
#include "Malformed.h"
#include <unistd.h>

/// Every tensor missing, twice, of another shape, type or place.
static void test_each_tensor(void) {
  model_file *original = small_model();
  char expected[128];
  for (size_t i = 0; i < original->tensor_count; i++) {
    const char *name = original->tensors[i].name;
    model_file *file = small_model();
    model_file_tensor_remove(file, name);
    snprintf(expected, sizeof expected, "%s: this tensor is missing", name);
    expect_refusal(file, expected);
    file = small_model();
    model_file_tensor_add(file, name, 1, 32);
    snprintf(expected, sizeof expected, "%s: this tensor is there twice", name);
    expect_refusal(file, expected);
    static const uint64_t sizes[] = {
        0, 1024, (uint64_t)1 << 40, INT64_MAX, (uint64_t)1 << 63, UINT64_MAX};
    for (size_t j = 0; j < 2 * sizeof sizes / sizeof *sizes; j++) {
      file = small_model();
      model_file_tensor *tensor = model_file_tensor_find(file, name);
      tensor->dims[j % 2] = sizes[j / 2];
      tensor->rank = 2;
      expect_refusal_at(file, name, false); // it may be the tensor behind that it overlaps
    }
  }
  model_file_destroy(original);
}

typedef struct {
  const char *expected;
  uint32_t rank;
  uint64_t dims[4];
} shape_case;

static void test_shapes(void) {
  static const shape_case cases[] = {
      {"blk.0.ffn_up.weight: 0 dimensions, must be 1 to 4", 0, {64, 96, 1, 1}},
      {"blk.0.ffn_up.weight: 5 dimensions, must be 1 to 4", 5, {64, 96, 1, 1}},
      {"blk.0.ffn_up.weight: 4294967295 dimensions", UINT32_MAX, {64, 96, 1, 1}},
      {"blk.0.ffn_up.weight: has 3 dimensions, only vectors", 3, {64, 48, 2, 1}},
      {"blk.0.ffn_up.weight: has 4 dimensions, only vectors", 4, {64, 48, 1, 2}},
      {"blk.0.ffn_up.weight: dimension 0 is 0", 2, {0, 96, 1, 1}},
      {"blk.0.ffn_up.weight: dimension 1 is -1", 2, {64, UINT64_MAX, 1, 1}},
      {"blk.0.ffn_up.weight: rows of 63 values are not whole blocks of 32", 2, {63, 96, 1, 1}},
      {"blk.0.ffn_up.weight: data: a size of", 2, {64, INT64_MAX, 1, 1}},
      {"blk.0.ffn_down.weight: its data overlap those of blk.0.ffn_up.weight", 2, {64, 97, 1, 1}},
      {"blk.0.ffn_up.weight: has 64 rows of 96, must have 96 of 64", 2, {96, 64, 1, 1}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_file *file = small_model();
    model_file_tensor *tensor = model_file_tensor_find(file, "blk.0.ffn_up.weight");
    tensor->rank = cases[i].rank;
    memcpy(tensor->dims, cases[i].dims, sizeof tensor->dims);
    expect_refusal(file, cases[i].expected);
  }
}

static void test_types(void) {
  static const struct {
    uint32_t type;
    const char *expected;
  } cases[] = {
      {4, "blk.0.attn_q.weight: tensors of type Q4_2 are not supported"},
      {9, "blk.0.attn_q.weight: tensors of type Q8_1 are not supported, only F32, F16, BF16, Q4_0"},
      {10, "blk.0.attn_q.weight: rows of 64 values are not whole blocks of 256"},
      {11, "blk.0.attn_q.weight: rows of 64 values are not whole blocks of 256"},
      {12, "blk.0.attn_q.weight: rows of 64 values are not whole blocks of 256"},
      {13, "blk.0.attn_q.weight: rows of 64 values are not whole blocks of 256"},
      {14, "blk.0.attn_q.weight: rows of 64 values are not whole blocks of 256"},
      {15, "blk.0.attn_q.weight: tensors of type Q8_K are not supported"},
      {24, "blk.0.attn_q.weight: tensors of type I8 are not supported"},
      {35, "blk.0.attn_q.weight: tensors of type TQ2_0 are not supported"},
      {39, "blk.0.attn_q.weight: tensors of type MXFP4 are not supported"},
      {40, "blk.0.attn_q.weight: unknown tensor type 40"},
      {UINT32_MAX, "blk.0.attn_q.weight: unknown tensor type 4294967295"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_file *file = small_model();
    model_file_tensor_find(file, "blk.0.attn_q.weight")->type = cases[i].type;
    expect_refusal(file, cases[i].expected);
  }
}

static void test_names(void) {
  static const struct {
    const char *name, *expected;
  } cases[] = {
      {"rope_freqs.weight", "rope_freqs.weight: rope scaling is not supported"},
      {"rope_factors_long.weight", "rope_factors_long.weight: rope scaling is not supported"},
      {"blk.0.attn_q.bias", "blk.0.attn_q.bias: biases are not supported"},
      {"output.bias", "output.bias: biases are not supported"},
      {"blk.0.ffn_gate_inp.weight", "blk.0.ffn_gate_inp.weight: mixtures of experts are not"},
      {"blk.0.ffn_up_exps.weight", "blk.0.ffn_up_exps.weight: mixtures of experts are not"},
      {"blk.00.attn_q.weight", "blk.00.attn_q.weight: this tensor has no place in the model"},
      {"blk.0.attn_q_norm.weight", "blk.0.attn_q_norm.weight: this tensor has no place"},
      {"position_embd.weight", "position_embd.weight: this tensor has no place in the model"},
      {"", "name of tensor 20: 0 bytes that are no name"},
      {"a\tb", "name of tensor 20: 3 bytes that are no name"},
      {"\x80", "name of tensor 20: 1 bytes that are no name"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_file *file = small_model();
    model_file_tensor_add(file, cases[i].name, 0, 32);
    expect_refusal(file, cases[i].expected);
  }
}

/// `offset` is added to where the tensor before this one starts.
static void test_offsets(void) {
  static const struct {
    uint64_t offset;
    const char *expected;
  } cases[] = {
      {0, "blk.0.attn_k.weight: its data overlap those of blk.0.attn_q.weight"},
      {64, "blk.0.attn_k.weight: its data overlap those of blk.0.attn_q.weight"},
      {2560 + 32, "blk.0.attn_v.weight: its data overlap those of blk.0.attn_k.weight"},
      {2560 + 1, "blk.0.attn_k.weight: its offset"},
      {1 << 20, "blk.0.attn_k.weight: its data (1280 bytes at"},
      {(uint64_t)1 << 63, "blk.0.attn_k.weight: its data (1280 bytes at"},
      {0 - (uint64_t)32 * 1000, "blk.0.attn_k.weight: its data (1280 bytes at"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_file *file = small_model();
    size_t size = 0;
    free(model_file_bytes(file, &size)); // sets the offsets
    model_file_tensor *tensor = model_file_tensor_find(file, "blk.0.attn_k.weight");
    uint64_t before = model_file_tensor_find(file, "blk.0.attn_q.weight")->offset;
    tensor->offset = before + cases[i].offset;
    tensor->fixed_offset = true;
    model_file_tensor *after = model_file_tensor_find(file, "blk.0.attn_v.weight");
    after->fixed_offset = true; // the rest follows it where it was
    expect_refusal(file, cases[i].expected);
  }
}

/// What an error must name when the file ends at `size`, in the tables.
static void expected_name(const model_file *file, size_t size, char *name, size_t capacity) {
  for (size_t i = 0; i < file->field_count; i++) {
    const model_file_field *field = &file->fields[i];
    if (size >= field->begin && size < field->value)
      snprintf(name, capacity, "cut.gguf: name of metadata field %zu: ", i);
    else if (size >= field->value && size < field->end)
      snprintf(name, capacity, "cut.gguf: %s: ", field->key);
  }
  for (size_t i = 0; i < file->tensor_count; i++) {
    const model_file_tensor *tensor = &file->tensors[i];
    if (size >= tensor->begin && size < tensor->value)
      snprintf(name, capacity, "cut.gguf: name of tensor %zu: ", i);
    else if (size >= tensor->value && size < tensor->end)
      snprintf(name, capacity, "cut.gguf: %s: ", tensor->name);
  }
}

/// The file cut at every byte: always refused, naming what it was cut in.
static void test_cut_anywhere(void) {
  model_file_options options = model_file_defaults();
  options.hidden = 32;
  options.ffn = 32;
  options.layers = 1;
  options.vocabulary = 261;
  model_file *file = model_file_create(&options);
  size_t size = 0;
  free(model_file_bytes(file, &size));
  REQUIRE(model_file_write(file, "cut.gguf"));
  const binq_model *model = NULL;
  CHECK_STATUS_OK(binq_model_open("cut.gguf", &model));
  binq_model_close(model);
  size_t counted = 24 + 32 * file->tensor_count; // below, the tables cannot be that long
  while (size-- > 0) {
    REQUIRE(truncate("cut.gguf", (off_t)size) == 0);
    char expected[128] = "cut.gguf: ";
    if (size >= counted)
      expected_name(file, size, expected, sizeof expected);
    binq_status status = binq_model_open("cut.gguf", &model);
    REQUIRE(status);
    if (strncmp(binq_status_message(status), expected, strlen(expected)) != 0)
      CHECK_FAIL("cut at %zu: \"%s\" does not start with \"%s\"", size, binq_status_message(status),
                 expected);
    binq_status_free(status);
  }
  model_file_destroy(file);
}

int main(void) {
  test_each_tensor();
  test_shapes();
  test_types();
  test_names();
  test_offsets();
  test_cut_anywhere();
  return check_result();
}
