/// Wrong *.safetensors files and indices of folders.
#include "MalformedFolder.h"
#include <sys/stat.h>
#include <unistd.h>

static const char norm[] = "model.norm.weight";
static const char single[] = "model.safetensors";
static const char index_name[] = "model.safetensors.index.json";

/// The one file's header with an entry set, or with a tensor more.
static void test_headers(void) {
  static const struct {
    const char *name, *json, *expected; // behind the file's name
  } cases[] = {
      {norm, "7", "model.norm.weight: must be an object of dtype, shape and data_offsets"},
      {norm, "{}", "model.norm.weight: must be an object"},
      {norm, "{\"dtype\":\"F32\",\"shape\":[32],\"data_offsets\":[0,128],\"x\":1}",
       "model.norm.weight: must be an object"},
      {norm, "{\"dtype\":\"F64\",\"shape\":[16],\"data_offsets\":[0,128]}",
       "model.norm.weight: dtype: \"F64\" is not one of F32, F16, BF16"},
      {norm, "{\"dtype\":\"F8_E4M3\",\"shape\":[128],\"data_offsets\":[0,128]}",
       "model.norm.weight: dtype: \"F8_E4M3\" is not one of"},
      {norm, "{\"dtype\":\"I32\",\"shape\":[32],\"data_offsets\":[0,128]}",
       "model.norm.weight: dtype: \"I32\" is not one of"},
      {norm, "{\"dtype\":\"a\\nb\",\"shape\":[32],\"data_offsets\":[0,128]}",
       "model.norm.weight: dtype: is not one of"},
      {norm, "{\"dtype\":32,\"shape\":[32],\"data_offsets\":[0,128]}",
       "model.norm.weight: dtype: is missing or no string"},
      {norm, "{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,128]}",
       "model.norm.weight: shape: is no array of 1 to 4 dimensions"},
      {norm, "{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}",
       "model.norm.weight: shape: dimension 0 is 0"},
      {norm, "{\"dtype\":\"F32\",\"shape\":[-32],\"data_offsets\":[0,128]}",
       "model.norm.weight: shape: dimension 0 is -32"},
      {norm, "{\"dtype\":\"F32\",\"shape\":[9223372036854775807],\"data_offsets\":[0,128]}",
       "model.norm.weight: shape: a size of"},
      {norm, "{\"dtype\":\"F32\",\"shape\":[32],\"data_offsets\":[0,1000000]}",
       "model.norm.weight: data_offsets: [0, 1000000] is not inside"},
      {norm, "{\"dtype\":\"F32\",\"shape\":[32],\"data_offsets\":[-128,0]}",
       "model.norm.weight: data_offsets: [-128, 0] is not inside"},
      {norm, "{\"dtype\":\"F32\",\"shape\":[32],\"data_offsets\":[128,0]}",
       "model.norm.weight: data_offsets: [128, 0] is not inside"},
      {norm, "{\"dtype\":\"F32\",\"shape\":[32],\"data_offsets\":[0,124]}",
       "model.norm.weight: data_offsets: 124 bytes, the shape needs 128"},
      {norm, "{\"dtype\":\"F32\",\"shape\":[32],\"data_offsets\":[0.0,128]}",
       "model.norm.weight: data_offsets: is no array of two integers"},
      {norm, "{\"dtype\":\"F32\",\"shape\":[32],\"data_offsets\":[4,132]}",
       "model.norm.weight: data_offsets: starts at 4, the tensor before it ends at 33920"},
      {norm, NULL, "the tensors fill "},
      {"", "{\"dtype\":\"F32\",\"shape\":[32],\"data_offsets\":[0,128]}",
       "header: the name of a tensor is empty or no text"},
      {"a\x01", "{\"dtype\":\"F32\",\"shape\":[32],\"data_offsets\":[0,128]}",
       "header: the name of a tensor is empty or no text"},
      {"second", "{\"dtype\":\"F32\",\"shape\":[32],\"data_offsets\":[4,132]}",
       "second: data_offsets: starts at 4, the tensor before it ends at 33920"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char expected[256];
    model_folder *folder = tiny_folder(1);
    model_folder_set_member(folder->files[0].header, cases[i].name, cases[i].json);
    write_folder(folder);
    snprintf(expected, sizeof expected, "/%s: %s", single, cases[i].expected);
    expect_folder_refusal(expected);
  }
}

static void test_tensors(void) {
  static const struct {
    const char *name, *shape;
    size_t size;
    const char *expected;
  } cases[] = {
      {"model.layers.0.self_attn.q_proj.bias", "[32]", 128,
       ": model.layers.0.self_attn.q_proj.bias: biases are not supported"},
      {"model.layers.0.self_attn.q_norm.weight", "[8]", 32,
       ": model.layers.0.self_attn.q_norm.weight: this tensor has no place in the model"},
      {"model.layers.1.input_layernorm.weight", "[32]", 128,
       ": model.layers.1.input_layernorm.weight: this tensor has no place in the model"},
      {"blk.0.attn_q.weight", "[32,32]", 4096,
       ": blk.0.attn_q.weight: this tensor has no place in the model"},
      {"score.weight", "[1,2,16]", 128,
       "/model.safetensors: score.weight: shape: has 3 dimensions, only vectors and matrices"},
      {"lm_head.weight", "[265,32]", 33920,
       ": lm_head.weight: differs from model.embed_tokens.weight, though tie_word_embeddings"},
      {"lm_head.weight", "[32]", 128, ": lm_head.weight: differs from model.embed_tokens.weight"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_folder *folder = tiny_folder(1);
    model_folder_add(&folder->files[0], cases[i].name, "F32", json_loads(cases[i].shape, 0, NULL),
                     cases[i].size);
    write_folder(folder);
    expect_folder_refusal(cases[i].expected);
  }
}

/// A size field and a text behind it.
static void write_raw(uint64_t size_field, const char *text, size_t length) {
  uint8_t bytes[512];
  REQUIRE(length <= sizeof bytes - sizeof size_field);
  memcpy(bytes, &size_field, sizeof size_field);
  memcpy(bytes + sizeof size_field, text, length);
  REQUIRE(model_folder_write_file(MALFORMED_FOLDER, single, bytes, sizeof size_field + length));
}

static void test_raw_headers(void) {
  static const struct {
    uint64_t size;
    const char *text, *expected;
  } cases[] = {
      {3, "{}", "header size: a header of 3 bytes goes past the end"},
      {UINT64_MAX, "{}", "header size: a header of 18446744073709551615 bytes"},
      {UINT64_MAX - 7, "{}", "header size: a header of 18446744073709551608 bytes"},
      {(uint64_t)1 << 63, "{}", "header size: a header of 9223372036854775808 bytes"},
      {0, "{}", "header: broken JSON"},
      {1, "{}", "header: broken JSON"},
      {2, "[]", "header: must be a JSON object"},
      {2, "{}x", "the tensors fill 0 bytes, but the file has 1 bytes of data"},
      {13, "{\"a\":1,\"a\":1}", "header: broken JSON"},
  };
  write_folder(tiny_folder(1));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char expected[256];
    write_raw(cases[i].size, cases[i].text, strlen(cases[i].text));
    snprintf(expected, sizeof expected, "/%s: %s", single, cases[i].expected);
    expect_folder_refusal(expected);
  }
  write_raw(2, "{}", 2);
  expect_folder_refusal(": model.embed_tokens.weight: this tensor is missing");
  REQUIRE(model_folder_write_file(MALFORMED_FOLDER, single, "1234567", 7));
  expect_folder_refusal("/model.safetensors: header size: the file is too short");
}

/// What the index says of a tensor.
static void test_index(void) {
  static const struct {
    const char *name, *json, *expected;
  } cases[] = {
      {norm, "\"../malformed-folder/model-00002-of-00002.safetensors\"", NULL},
      {norm, "\"./model-00002-of-00002.safetensors\"", NULL},
      {norm, "\"/tmp/model.safetensors\"", NULL},
      {norm, "\"sub/model.safetensors\"", NULL},
      {norm, "\"sub\\\\model.safetensors\"", NULL},
      {norm, "\"..\"", NULL},
      {norm, "\".safetensors\"", NULL},
      {norm, "\".hidden.safetensors\"", NULL},
      {norm, "\"\"", NULL},
      {norm, "\"config.json\"", NULL},
      {norm, "\"a\\nb.safetensors\"", NULL},
      {norm, "7", NULL},
      {norm, "null", NULL},
      {norm, "\"model-00003-of-00002.safetensors\"",
       "/model-00003-of-00002.safetensors: cannot open: No such file"},
      {norm, "\"model-00001-of-00002.safetensors\"",
       "/model-00002-of-00002.safetensors: model.norm.weight: is in this file, but "
       "model.safetensors.index.json says model-00001-of-00002.safetensors"},
      {norm, NULL,
       "/model-00002-of-00002.safetensors: model.norm.weight: is not in "
       "model.safetensors.index.json"},
      {"one.more", "\"model-00001-of-00002.safetensors\"",
       "/model-00001-of-00002.safetensors: one.more: this tensor is missing"},
      {"two\nlines", "\"model-00001-of-00002.safetensors\"",
       "/model.safetensors.index.json: weight_map: the name of a tensor is no text"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_folder *folder = tiny_folder(2);
    model_folder_set_member(json_object_get(folder->index, "weight_map"), cases[i].name,
                            cases[i].json);
    write_folder(folder);
    expect_folder_refusal(cases[i].expected ? cases[i].expected
                                            : "/model.safetensors.index.json: weight_map: "
                                              "model.norm.weight: is no name of a *.safetensors");
  }
}

static void test_index_file(void) {
  static const struct {
    const char *text, *expected;
  } cases[] = {
      {"", "the file is empty"},
      {"[]", "must be a JSON object"},
      {"{", "broken JSON"},
      {"{}", "weight_map: is missing"},
      {"{\"weight_map\": []}", "weight_map: is no object"},
  };
  write_folder(tiny_folder(2));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char expected[128];
    REQUIRE(model_folder_write_file(MALFORMED_FOLDER, index_name, cases[i].text,
                                    strlen(cases[i].text)));
    snprintf(expected, sizeof expected, "/%s: %s", index_name, cases[i].expected);
    expect_folder_refusal(expected);
  }
  static const char none[] = "{\"weight_map\": {}}";
  REQUIRE(model_folder_write_file(MALFORMED_FOLDER, index_name, none, sizeof none - 1));
  expect_folder_refusal(": model.embed_tokens.weight: this tensor is missing");
}

/// A tensor in both files, which the index cannot say.
static void test_twice(void) {
  model_folder *folder = tiny_folder(2);
  model_folder_add(&folder->files[0], norm, "F32", json_pack("[i]", 32), 128);
  write_folder(folder);
  expect_folder_refusal("/model-00001-of-00002.safetensors: model.norm.weight: is in this file, "
                        "but model.safetensors.index.json says model-00002-of-00002.safetensors");
}

static void test_no_weights(void) {
  model_folder *folder = tiny_folder(2);
  json_decref(folder->index);
  folder->index = NULL;
  write_folder(folder);
  expect_folder_refusal(": has neither model.safetensors nor model.safetensors.index.json");
  REQUIRE(mkdir(MALFORMED_FOLDER "/model.safetensors", 0777) == 0);
  expect_folder_refusal("/model.safetensors: is a directory");
  REQUIRE(rmdir(MALFORMED_FOLDER "/model.safetensors") == 0);
}

int main(void) {
  test_headers();
  test_tensors();
  test_raw_headers();
  test_index();
  test_index_file();
  test_twice();
  test_no_weights();
  return check_result();
}
