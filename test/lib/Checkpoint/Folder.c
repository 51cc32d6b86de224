/// Well-formed Hugging Face folders: what is read is what the same model has as a GGUF file.
#include "Check.h"
#include "binq/Checkpoint/Hash.h"
#include "binq/Checkpoint/Model.h"
#include "support/ModelFolder.h"
#include <unistd.h>

static const char path[] = "folder", gguf_path[] = "folder.gguf";

static model_file_options small_options(void) {
  model_file_options options = model_file_defaults();
  options.embedding = options.attention = options.ffn_type = options.output = BINQ_TENSOR_F32;
  return options;
}

static model_folder *small_folder(size_t files) {
  model_file_options options = small_options();
  model_file *file = model_file_create(&options);
  model_folder *folder = model_folder_create(file, files);
  model_file_destroy(file);
  return folder;
}

/// Writes the folder, frees it, opens it.
static const binq_model *open_folder(model_folder *folder) {
  REQUIRE(model_folder_write(folder, path));
  model_folder_destroy(folder);
  const binq_model *model = NULL;
  CHECK_STATUS_OK(binq_model_open(path, &model));
  return model;
}

static void check_same_sizes(const binq_model *a, const binq_model *b) {
  CHECK_EQ_STR(a->name, b->name);
  CHECK_EQ_STR(a->architecture, b->architecture);
  CHECK_EQ_INT(a->vocabulary_size, b->vocabulary_size);
  CHECK_EQ_INT(a->context_length, b->context_length);
  CHECK_EQ_INT(a->hidden_size, b->hidden_size);
  CHECK_EQ_INT(a->ffn_size, b->ffn_size);
  CHECK_EQ_INT(a->layer_count, b->layer_count);
  CHECK_EQ_INT(a->head_count, b->head_count);
  CHECK_EQ_INT(a->kv_head_count, b->kv_head_count);
  CHECK_EQ_INT(a->head_size, b->head_size);
  CHECK(a->norm_epsilon == b->norm_epsilon);
  CHECK(a->rope_base == b->rope_base);
  CHECK_EQ_INT(a->tied_embedding, b->tied_embedding);
  REQUIRE(a->tensor_count == b->tensor_count);
}

static void check_same_tensors(const binq_model *a, const binq_model *b) {
  for (size_t i = 0; i < a->tensor_count; i++) {
    const binq_tensor *tensor = &a->tensors[i], *other = binq_model_tensor(b, tensor->name);
    REQUIRE(other && tensor->rows == other->rows && tensor->columns == other->columns);
    CHECK(binq_model_tensor(a, tensor->name) == tensor);
    CHECK_EQ_INT(tensor->type, other->type);
    size_t row = (size_t)tensor->columns * sizeof(float), size = (size_t)tensor->rows * row;
    float *values = malloc(size), *other_values = malloc(size);
    REQUIRE(values && other_values);
    binq_tensor_dequantize(tensor, 0, tensor->rows, values);
    binq_tensor_dequantize(other, 0, other->rows, other_values);
    CHECK(memcmp(values, other_values, size) == 0);
    free(values);
    free(other_values);
  }
}

static void check_same_vocabulary(const binq_vocabulary *a, const binq_vocabulary *b) {
  CHECK_EQ_INT(a->pre_tokenizer, b->pre_tokenizer);
  CHECK_EQ_INT(a->space, b->space);
  CHECK_EQ_INT(a->unknown, b->unknown);
  CHECK_EQ_INT(a->bos, b->bos);
  CHECK_EQ_INT(a->eos, b->eos);
  CHECK_EQ_INT(a->add_bos, b->add_bos);
  REQUIRE(a->token_count == b->token_count && a->merge_count == b->merge_count);
  for (uint32_t i = 0; i < a->token_count; i++) {
    CHECK_EQ_INT(a->tokens[i].kind, b->tokens[i].kind);
    REQUIRE(a->tokens[i].length == b->tokens[i].length);
    CHECK(memcmp(a->tokens[i].bytes, b->tokens[i].bytes, a->tokens[i].length) == 0);
  }
  for (uint32_t i = 0; i < a->merge_count; i++) {
    CHECK_EQ_INT(a->merges[i].left, b->merges[i].left);
    CHECK_EQ_INT(a->merges[i].right, b->merges[i].right);
    CHECK_EQ_INT(a->merges[i].result, b->merges[i].result);
    CHECK_EQ_INT(a->merges[i].rank, b->merges[i].rank);
  }
}

/// The model of these options as a GGUF file and as a folder with so many files.
static void check_same_model(const model_file_options *options, size_t files) {
  model_file *file = model_file_create(options);
  REQUIRE(model_file_write(file, gguf_path));
  const binq_model *folder = open_folder(model_folder_create(file, files));
  model_file_destroy(file);
  const binq_model *gguf = NULL;
  CHECK_STATUS_OK(binq_model_open(gguf_path, &gguf));
  check_same_sizes(folder, gguf);
  check_same_tensors(folder, gguf);
  check_same_vocabulary(&folder->vocabulary, &gguf->vocabulary);
  CHECK_EQ_STR(folder->license, "");
  binq_model_close(gguf);
  binq_model_close(folder);
}

static void test_same_as_gguf(void) {
  static const binq_tensor_type types[] = {BINQ_TENSOR_F32, BINQ_TENSOR_F16, BINQ_TENSOR_BF16};
  static const char *const pre_tokenizers[] = {"gpt2", "smollm", "qwen2"};
  for (int i = 0; i < 3; i++) {
    model_file_options options = small_options();
    options.embedding = options.attention = options.ffn_type = options.output = types[i];
    options.pre_tokenizer = pre_tokenizers[i];
    options.tied = i != 1;
    options.kv_heads = 1 << i;
    check_same_model(&options, (size_t)i + 1);
  }
}

/// The hash is that of what sha256sum prints for the files.
static void test_hash(void) {
  model_folder *folder = small_folder(2);
  folder->tokenizer_config = json_object();
  const binq_model *model = open_folder(folder);
  FILE *listing = popen("cd folder && sha256sum config.json tokenizer.json tokenizer_config.json "
                        "model.safetensors.index.json model-0*-of-00002.safetensors",
                        "r");
  REQUIRE(listing);
  char lines[1024], expected[65], actual[65];
  size_t size = fread(lines, 1, sizeof lines, listing);
  REQUIRE(pclose(listing) == 0 && size > 300);
  binq_sha256(lines, size, expected);
  binq_model_hash(model, actual);
  CHECK_EQ_STR(actual, expected);
  binq_model_close(model);
}

/// A tied model has its table under either name, or the same under both.
static void test_tied(void) {
  enum { SIZE = 288 * 64 * sizeof(float) };
  for (int names = 1; names <= 3; names++) {
    model_folder *folder = small_folder(1);
    model_folder_weights *weights = &folder->files[0];
    if (names == 2) {
      json_t *entry = json_object_get(weights->header, "model.embed_tokens.weight");
      json_object_set(weights->header, "lm_head.weight", entry);
      json_object_del(weights->header, "model.embed_tokens.weight");
    } else if (names == 3) { // a second table; the first is where the data begin
      uint8_t *copy =
          model_folder_add(weights, "lm_head.weight", "F32", json_pack("[i, i]", 288, 64), SIZE);
      memcpy(copy, weights->data, SIZE);
    }
    const binq_model *model = open_folder(folder);
    CHECK(model->tied_embedding);
    CHECK_EQ_INT(model->tensor_count, 2 + 2 * 9);
    const binq_tensor *embedding = binq_model_tensor(model, "token_embd.weight");
    REQUIRE(embedding);
    CHECK_EQ_INT(embedding->size, SIZE);
    CHECK(binq_model_tensor(model, "output.weight") == embedding);
    binq_model_close(model);
  }
}

/// Old files carry what the rotation follows from.
static void test_derived_tensor(void) {
  model_folder *folder = small_folder(1);
  model_folder_add(&folder->files[0], "model.layers.0.self_attn.rotary_emb.inv_freq", "F32",
                   json_pack("[i]", 8), 32);
  const binq_model *model = open_folder(folder);
  CHECK_EQ_INT(model->tensor_count, 2 + 2 * 9);
  binq_model_close(model);
}

/// What config.json may leave out or say in other ways.
static void test_names(void) {
  static const struct {
    const char *json, *name;
  } cases[] = {
      {"\"owner/Some-Model 1.0\"", "Some-Model 1.0"},
      {"\"/home/someone/model\"", "model"},
      {"\"\"", "folder"},
      {"\".\"", "folder"},
      {"null", "folder"},
      {NULL, "folder"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_folder *folder = small_folder(1);
    model_folder_set(folder->config, "_name_or_path", cases[i].json);
    const binq_model *model = open_folder(folder);
    CHECK_EQ_STR(model->name, cases[i].name);
    binq_model_close(model);
  }
  const binq_model *model = NULL;
  CHECK_STATUS_OK(binq_model_open("folder//", &model));
  CHECK_EQ_STR(model->name, "folder");
  binq_model_close(model);
}

static void test_rotation(void) {
  static const struct {
    const char *theta, *scaling, *parameters;
    double base;
  } cases[] = {
      {"500000", NULL, NULL, 500000},
      {"1e6", "{\"type\": \"default\"}", NULL, 1e6},
      {NULL, "{\"rope_type\": \"default\"}", NULL, 10000},
      {"null", "null", "{\"rope_type\": \"default\", \"rope_theta\": 130000.0}", 130000},
      {"20000", "null", "{}", 20000},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_folder *folder = small_folder(1);
    model_folder_set(folder->config, "rope_theta", cases[i].theta);
    model_folder_set(folder->config, "rope_scaling", cases[i].scaling);
    model_folder_set(folder->config, "rope_parameters", cases[i].parameters);
    const binq_model *model = open_folder(folder);
    CHECK(model->rope_base == cases[i].base);
    binq_model_close(model);
  }
}

/// Heads of their own size, as many for keys as for queries, and fields that mean nothing here.
static void test_heads(void) {
  model_file_options options = small_options();
  options.kv_heads = options.heads;
  model_file *file = model_file_create(&options);
  model_folder *folder = model_folder_create(file, 1);
  model_file_destroy(file);
  static const char *const left_out[] = {"num_key_value_heads", "hidden_act", "model_type",
                                         "attention_bias", "rope_scaling"};
  for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
    model_folder_set(folder->config, left_out[i], i % 2 ? NULL : "null");
  model_folder_set(folder->config, "head_dim", "16");
  model_folder_set(folder->config, "torch_dtype", "\"float32\"");
  model_folder_set(folder->config, "pretraining_tp", "1");
  model_folder_set(folder->config, "partial_rotary_factor", "1.0");
  const binq_model *model = open_folder(folder);
  CHECK_EQ_INT(model->kv_head_count, 4);
  CHECK_EQ_INT(model->head_size, 16);
  const binq_tensor *queries = binq_model_tensor(model, "blk.1.attn_q.weight");
  const binq_tensor *values = binq_model_tensor(model, "blk.1.attn_v.weight");
  REQUIRE(queries && values);
  CHECK_EQ_INT(queries->half_head, 8);
  CHECK_EQ_INT(values->half_head, 0);
  binq_model_close(model);
}

int main(void) {
  test_same_as_gguf();
  test_hash();
  test_tied();
  test_derived_tensor();
  test_names();
  test_rotation();
  test_heads();
  return check_result();
}
