/// make-model: writes a random model for tests. See usage below.
#include "support/ModelFile.h"
#include "support/ModelFolder.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: make-model [options] OUT.gguf\n"
    "       make-model --folder FILES [options] OUT\n"
    "  --hidden N --ffn N --layers N --heads N --kv-heads N --vocabulary N --context N --seed N\n"
    "  --untied             with an output.weight of its own\n"
    "  --embedding TYPE --attention TYPE --ffn-type TYPE --output TYPE\n"
    "                       F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 or Q2_K to Q6_K\n"
    "  --types TYPE         all of these\n"
    "  --pre NAME           the pre-tokenizer\n"
    "  --sentencepiece      a vocabulary with scores instead of merges\n"
    "  --folder FILES       a Hugging Face folder, its weights in that many files\n"
    "and then, to spoil a file:\n"
    "  --set KEY=KIND:VALUE a metadata field; KIND is u32, i32, f32, bool or string\n"
    "  --remove KEY --repeat KEY --remove-tensor NAME --add-tensor NAME\n"
    "  --truncate BYTES     cut the file\n";

static void fail(const char *what, const char *value) {
  fprintf(stderr, "make-model: %s: %s\n%s", what, value, usage);
  exit(1);
}

static binq_tensor_type parse_type(const char *text) {
  static const char *const names[] = {
      [BINQ_TENSOR_F32] = "F32",   [BINQ_TENSOR_F16] = "F16",   [BINQ_TENSOR_BF16] = "BF16",
      [BINQ_TENSOR_Q8_0] = "Q8_0", [BINQ_TENSOR_Q4_0] = "Q4_0", [BINQ_TENSOR_Q4_1] = "Q4_1",
      [BINQ_TENSOR_Q5_0] = "Q5_0", [BINQ_TENSOR_Q5_1] = "Q5_1", [BINQ_TENSOR_Q2_K] = "Q2_K",
      [BINQ_TENSOR_Q3_K] = "Q3_K", [BINQ_TENSOR_Q4_K] = "Q4_K", [BINQ_TENSOR_Q5_K] = "Q5_K",
      [BINQ_TENSOR_Q6_K] = "Q6_K",
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(text, names[i]) == 0)
      return (binq_tensor_type)i;
  fail("unknown type", text);
  return BINQ_TENSOR_F32;
}

static void set_field(model_file *file, const char *argument) {
  char *copy = strdup(argument);
  char *kind = copy ? strchr(copy, '=') : NULL;
  char *value = kind ? strchr(kind, ':') : NULL;
  if (!value)
    fail("--set needs KEY=KIND:VALUE", argument);
  *kind++ = '\0';
  *value++ = '\0';
  if (strcmp(kind, "u32") == 0)
    model_file_set_u32(file, copy, (uint32_t)strtoul(value, NULL, 0));
  else if (strcmp(kind, "i32") == 0)
    model_file_set_i32(file, copy, (int32_t)strtol(value, NULL, 0));
  else if (strcmp(kind, "f32") == 0)
    model_file_set_f32(file, copy, strtof(value, NULL));
  else if (strcmp(kind, "bool") == 0)
    model_file_set_bool(file, copy, strcmp(value, "true") == 0);
  else if (strcmp(kind, "string") == 0)
    model_file_set_string(file, copy, value);
  else
    fail("--set: unknown kind", argument);
  free(copy);
}

enum {
  HIDDEN,
  FFN,
  LAYERS,
  HEADS,
  KV_HEADS,
  VOCABULARY,
  CONTEXT,
  SEED,
  UNTIED,
  EMBEDDING,
  ATTENTION,
  FFN_TYPE,
  OUTPUT,
  TYPES,
  PRE,
  SENTENCEPIECE,
  SET,
  REMOVE,
  REPEAT,
  REMOVE_TENSOR,
  ADD_TENSOR,
  TRUNCATE,
  FOLDER,
};

static const struct option long_options[] = {
    {"hidden", 1, 0, HIDDEN},
    {"ffn", 1, 0, FFN},
    {"layers", 1, 0, LAYERS},
    {"heads", 1, 0, HEADS},
    {"kv-heads", 1, 0, KV_HEADS},
    {"vocabulary", 1, 0, VOCABULARY},
    {"context", 1, 0, CONTEXT},
    {"seed", 1, 0, SEED},
    {"untied", 0, 0, UNTIED},
    {"embedding", 1, 0, EMBEDDING},
    {"attention", 1, 0, ATTENTION},
    {"ffn-type", 1, 0, FFN_TYPE},
    {"output", 1, 0, OUTPUT},
    {"types", 1, 0, TYPES},
    {"pre", 1, 0, PRE},
    {"sentencepiece", 0, 0, SENTENCEPIECE},
    {"set", 1, 0, SET},
    {"remove", 1, 0, REMOVE},
    {"repeat", 1, 0, REPEAT},
    {"remove-tensor", 1, 0, REMOVE_TENSOR},
    {"add-tensor", 1, 0, ADD_TENSOR},
    {"truncate", 1, 0, TRUNCATE},
    {"folder", 1, 0, FOLDER},
    {0, 0, 0, 0},
};

/// The options that say which model.
static void apply_to_options(int option, const char *value, model_file_options *options) {
  int64_t *const sizes[] = {
      [HIDDEN] = &options->hidden,     [FFN] = &options->ffn,
      [LAYERS] = &options->layers,     [HEADS] = &options->heads,
      [KV_HEADS] = &options->kv_heads, [VOCABULARY] = &options->vocabulary,
      [CONTEXT] = &options->context,
  };
  if (option < SEED)
    *sizes[option] = strtoll(value, NULL, 10);
  else if (option == SEED)
    options->seed = strtoull(value, NULL, 10);
  else if (option == UNTIED)
    options->tied = false;
  else if (option == PRE)
    options->pre_tokenizer = value;
  else if (option == SENTENCEPIECE)
    options->sentencepiece = true;
  if (option == EMBEDDING || option == TYPES)
    options->embedding = parse_type(value);
  if (option == ATTENTION || option == TYPES)
    options->attention = parse_type(value);
  if (option == FFN_TYPE || option == TYPES)
    options->ffn_type = parse_type(value);
  if (option == OUTPUT || option == TYPES)
    options->output = parse_type(value);
}

/// The options that change the made model.
static void apply_to_file(int option, const char *value, model_file *file) {
  if (option == SET)
    set_field(file, value);
  else if (option == REMOVE)
    model_file_remove(file, value);
  else if (option == REPEAT && model_file_find(file, value))
    model_file_repeat(file, value);
  else if (option == REMOVE_TENSOR)
    model_file_tensor_remove(file, value);
  else if (option == ADD_TENSOR)
    model_file_tensor_add(file, value, 0, 32);
}

static bool write_model(model_file *file, size_t folder_files, const char *path) {
  if (folder_files == 0)
    return model_file_write(file, path);
  model_folder *folder = model_folder_create(file, folder_files);
  bool written = model_folder_write(folder, path);
  model_folder_destroy(folder);
  return written;
}

int main(int argc, char **argv) {
  model_file_options options = model_file_defaults();
  long truncated = -1;
  size_t folder_files = 0;
  int option = 0;
  while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
    if (option == '?')
      fail("options", "see below");
    apply_to_options(option, optarg, &options);
    if (option == TRUNCATE)
      truncated = strtol(optarg, NULL, 10);
    if (option == FOLDER)
      folder_files = strtoul(optarg, NULL, 10);
  }
  if (optind + 1 != argc)
    fail("arguments", "one file is to be named");
  if (options.hidden < 1 || options.ffn < 1 || options.layers < 1 || options.heads < 1 ||
      options.kv_heads < 1)
    fail("sizes", "must be positive");
  model_file *file = model_file_create(&options);
  optind = 1;
  while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
    apply_to_file(option, optarg, file);
  const char *path = argv[argc - 1];
  bool written = write_model(file, folder_files, path);
  model_file_destroy(file);
  if (!written || (truncated >= 0 && truncate(path, truncated) != 0)) {
    fprintf(stderr, "make-model: %s: %s\n", path, strerror(errno));
    return 1;
  }
  return 0;
}
