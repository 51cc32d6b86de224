#include "support/ModelFolder.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME = 128 };

static void *needed(void *memory) {
  if (!memory) {
    fputs("out of memory, or a field of the model is missing\n", stderr);
    exit(1);
  }
  return memory;
}

/// A number of the metadata.
static json_t *number_of(model_file *file, const char *key) {
  uint32_t value = 0;
  memcpy(&value, ((model_file_field *)needed(model_file_find(file, key)))->bytes, sizeof value);
  return json_integer(value);
}

static json_t *float_of(model_file *file, const char *key) {
  float value = 0;
  memcpy(&value, ((model_file_field *)needed(model_file_find(file, key)))->bytes, sizeof value);
  return json_real((double)value);
}

/// A string of GGUF at *position, which moves behind it.
static json_t *string_at(const uint8_t **position) {
  uint64_t length = 0;
  memcpy(&length, *position, sizeof length);
  const char *text = (const char *)*position + sizeof length;
  *position += sizeof length + length;
  return json_stringn(text, length);
}

static json_t *string_of(model_file *file, const char *key) {
  const uint8_t *position = ((model_file_field *)needed(model_file_find(file, key)))->bytes;
  return string_at(&position);
}

/// The elements of an array start behind a type and a count.
static uint64_t open_array(model_file *file, const char *key, const uint8_t **elements) {
  uint64_t count = 0;
  const uint8_t *bytes = ((model_file_field *)needed(model_file_find(file, key)))->bytes;
  memcpy(&count, bytes + 4, sizeof count);
  *elements = bytes + 12;
  return count;
}

static json_t *make_config(model_file *file) {
  json_t *config = json_pack(
      "{s:[s], s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:n}",
      "architectures", "LlamaForCausalLM", "model_type", "llama", "hidden_act", "silu",
      "_name_or_path", string_of(file, "general.name"), "vocab_size",
      number_of(file, "llama.vocab_size"), "max_position_embeddings",
      number_of(file, "llama.context_length"), "hidden_size",
      number_of(file, "llama.embedding_length"), "intermediate_size",
      number_of(file, "llama.feed_forward_length"), "num_hidden_layers",
      number_of(file, "llama.block_count"), "num_attention_heads",
      number_of(file, "llama.attention.head_count"), "num_key_value_heads",
      number_of(file, "llama.attention.head_count_kv"), "rms_norm_eps",
      float_of(file, "llama.attention.layer_norm_rms_epsilon"), "rope_theta",
      float_of(file, "llama.rope.freq_base"), "bos_token_id",
      number_of(file, "tokenizer.ggml.bos_token_id"), "tie_word_embeddings",
      !model_file_tensor_find(file, "output.weight"), "attention_bias", 0, "rope_scaling");
  json_object_set_new(needed(config), "eos_token_id",
                      number_of(file, "tokenizer.ggml.eos_token_id"));
  return config;
}

/// The pre-tokenizer as tokenizer.json spells it.
static json_t *make_pre_tokenizer(const char *name) {
#define BYTE_LEVEL(regex_)                                                                         \
  "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":" regex_ \
  "}"
#define SPLIT(digits_)                                                                             \
  "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\""        \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|" digits_                  \
  "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+\"},"       \
  "\"behavior\":\"Isolated\",\"invert\":false}," BYTE_LEVEL("false") "]}"
  static const char *const texts[][2] = {
      {"gpt2", BYTE_LEVEL("true")},
      {"smollm", "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\",\"individual_"
                 "digits\":true}," BYTE_LEVEL("true") "]}"},
      {"llama-bpe", SPLIT("\\\\p{N}{1,3}")},
      {"qwen2", SPLIT("\\\\p{N}")},
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (strcmp(name, texts[i][0]) == 0)
      return needed(json_loads(texts[i][1], 0, NULL));
  fprintf(stderr, "no folder can be made with the pre-tokenizer %s\n", name);
  exit(1);
}

/// All tokens in "vocab", the control tokens also in "added_tokens".
static void add_tokens(model_file *file, json_t *vocabulary, json_t *added) {
  const uint8_t *texts = NULL, *types = NULL;
  uint64_t count = open_array(file, "tokenizer.ggml.tokens", &texts);
  open_array(file, "tokenizer.ggml.token_type", &types);
  for (uint64_t i = 0; i < count; i++) {
    int32_t type = 0;
    memcpy(&type, types + i * sizeof type, sizeof type);
    json_t *text = string_at(&texts);
    json_object_set_new(vocabulary, json_string_value(text), json_integer((json_int_t)i));
    if (type != 1)
      json_array_append_new(added,
                            json_pack("{s:I, s:O, s:b, s:b, s:b, s:b, s:b}", "id", (json_int_t)i,
                                      "content", text, "single_word", 0, "lstrip", 0, "rstrip", 0,
                                      "normalized", 0, "special", type == 3));
    json_decref(text);
  }
}

static json_t *make_tokenizer(model_file *file) {
  json_t *vocabulary = json_object(), *added = json_array(), *merges = json_array();
  json_t *pre = string_of(file, "tokenizer.ggml.pre");
  add_tokens(file, vocabulary, added);
  const uint8_t *texts = NULL;
  uint64_t count = open_array(file, "tokenizer.ggml.merges", &texts);
  for (uint64_t i = 0; i < count; i++)
    json_array_append_new(merges, string_at(&texts));
  json_t *tokenizer = json_pack(
      "{s:s, s:n, s:n, s:o, s:n, s:o, s:{s:s, s:b, s:b}, s:{s:s, s:b, s:b}, s:{s:s, s:n, s:n, s:n, "
      "s:n, s:b,"
      " s:b, s:b, s:o, s:o}}",
      "version", "1.0", "truncation", "padding", "added_tokens", added, "normalizer",
      "pre_tokenizer", make_pre_tokenizer(json_string_value(pre)), "post_processor", "type",
      "ByteLevel", "add_prefix_space", 0, "trim_offsets", 1, "decoder", "type", "ByteLevel",
      "add_prefix_space", 0, "trim_offsets", 1, "model", "type", "BPE", "dropout", "unk_token",
      "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", 0, "byte_fallback", 0,
      "ignore_merges", strcmp(json_string_value(pre), "llama-bpe") == 0, "vocab", vocabulary,
      "merges", merges);
  json_decref(pre);
  return needed(tokenizer);
}

/// A tensor's name in a folder, from that in a GGUF file.
static void translate(const char *name, char out[NAME]) {
  static const char *const names[][2] = {
      {"token_embd.weight", "model.embed_tokens.weight"},
      {"output_norm.weight", "model.norm.weight"},
      {"output.weight", "lm_head.weight"},
      {"attn_norm.weight", "input_layernorm.weight"},
      {"attn_q.weight", "self_attn.q_proj.weight"},
      {"attn_k.weight", "self_attn.k_proj.weight"},
      {"attn_v.weight", "self_attn.v_proj.weight"},
      {"attn_output.weight", "self_attn.o_proj.weight"},
      {"ffn_norm.weight", "post_attention_layernorm.weight"},
      {"ffn_gate.weight", "mlp.gate_proj.weight"},
      {"ffn_up.weight", "mlp.up_proj.weight"},
      {"ffn_down.weight", "mlp.down_proj.weight"},
  };
  long layer = -1;
  int skipped = 0;
  snprintf(out, NAME, "%s", name);
  if (sscanf(name, "blk.%ld.%n", &layer, &skipped) != 1)
    skipped = 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(name + skipped, names[i][0]) != 0)
      continue;
    if (layer < 0)
      snprintf(out, NAME, "%s", names[i][1]);
    else
      snprintf(out, NAME, "model.layers.%ld.%s", layer, names[i][1]);
  }
}

/// Queries and keys: GGUF has the two halves of a head row by row, a folder one behind the other.
static void copy_heads(const model_file_tensor *tensor, size_t head_rows, uint8_t *to) {
  size_t row = tensor->size / tensor->dims[1], half = head_rows / 2;
  for (size_t i = 0; i < tensor->dims[1]; i++) {
    size_t in_head = i % head_rows;
    size_t place = i - in_head + in_head % 2 * half + in_head / 2;
    memcpy(to + place * row, tensor->data + i * row, row);
  }
}

uint8_t *model_folder_add(model_folder_weights *weights, const char *name, const char *type,
                          json_t *shape, size_t size) {
  uint8_t *data = needed(calloc(weights->size + size, 1));
  if (weights->size > 0)
    memcpy(data, weights->data, weights->size);
  free(weights->data);
  weights->data = data;
  json_int_t begin = (json_int_t)weights->size, length = (json_int_t)size;
  json_object_set_new(weights->header, name,
                      needed(json_pack("{s:s, s:o, s:[I, I]}", "dtype", type, "shape", shape,
                                       "data_offsets", begin, begin + length)));
  weights->size += size;
  return data + begin;
}

static const char *type_name(const model_file_tensor *tensor) {
  static const struct {
    binq_tensor_type type;
    const char *name;
  } types[] = {{BINQ_TENSOR_F32, "F32"}, {BINQ_TENSOR_F16, "F16"}, {BINQ_TENSOR_BF16, "BF16"}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (tensor->type == model_file_type_number(types[i].type))
      return types[i].name;
  fprintf(stderr, "%s: folders have weights of F32, F16 and BF16 only\n", tensor->name);
  exit(1);
}

static void add_weights(model_file *file, const model_file_tensor *tensor,
                        model_folder_weights *weights) {
  char name[NAME];
  translate(tensor->name, name);
  json_t *shape = json_array();
  if (tensor->rank == 2)
    json_array_append_new(shape, json_integer((json_int_t)tensor->dims[1]));
  json_array_append_new(shape, json_integer((json_int_t)tensor->dims[0]));
  uint8_t *to = model_folder_add(weights, name, type_name(tensor), shape, tensor->size);
  if (!strstr(tensor->name, "attn_q.") && !strstr(tensor->name, "attn_k.")) {
    memcpy(to, tensor->data, tensor->size);
    return;
  }
  json_t *hidden = number_of(file, "llama.embedding_length");
  json_t *heads = number_of(file, "llama.attention.head_count");
  copy_heads(tensor, (size_t)(json_integer_value(hidden) / json_integer_value(heads)), to);
  json_decref(hidden);
  json_decref(heads);
}

static json_t *make_index(const model_folder *folder) {
  json_t *map = json_object();
  const char *name = NULL;
  json_t *entry = NULL;
  for (size_t i = 0; i < folder->file_count; i++) {
    json_object_foreach(folder->files[i].header, name, entry) {
      json_object_set_new(map, name, json_string(folder->files[i].name));
    }
  }
  return json_pack("{s:{}, s:o}", "metadata", "weight_map", map);
}

model_folder *model_folder_create(model_file *file, size_t file_count) {
  model_folder *folder = needed(calloc(1, sizeof *folder));
  folder->config = make_config(file);
  folder->tokenizer = make_tokenizer(file);
  folder->files = needed(calloc(file_count, sizeof *folder->files));
  folder->file_count = file_count;
  for (size_t i = 0; i < file_count; i++) {
    char name[NAME] = "model.safetensors";
    if (file_count > 1)
      snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", i + 1, file_count);
    folder->files[i].name = needed(strdup(name));
    folder->files[i].header = json_object();
  }
  for (size_t i = 0; i < file->tensor_count; i++)
    add_weights(file, &file->tensors[i], &folder->files[i * file_count / file->tensor_count]);
  if (file_count > 1)
    folder->index = make_index(folder);
  return folder;
}

void model_folder_destroy(model_folder *folder) {
  if (!folder)
    return;
  for (size_t i = 0; i < folder->file_count; i++) {
    free(folder->files[i].name);
    free(folder->files[i].data);
    json_decref(folder->files[i].header);
  }
  free(folder->files);
  json_decref(folder->config);
  json_decref(folder->tokenizer);
  json_decref(folder->tokenizer_config);
  json_decref(folder->index);
  free(folder);
}

void model_folder_set_member(json_t *object, const char *name, const char *json) {
  if (json)
    json_object_set_new(object, name, needed(json_loads(json, JSON_DECODE_ANY, NULL)));
  else
    json_object_del(object, name);
}

void model_folder_set(json_t *root, const char *place, const char *json) {
  char part[NAME];
  const char *slash = strchr(place, '/');
  snprintf(part, sizeof part, "%.*s", slash ? (int)(slash - place) : NAME - 1, place);
  size_t index = strtoul(part, NULL, 10);
  if (slash)
    model_folder_set(
        needed(json_is_array(root) ? json_array_get(root, index) : json_object_get(root, part)),
        slash + 1, json);
  else if (!json_is_array(root))
    model_folder_set_member(root, part, json);
  else if (json)
    json_array_set_new(root, index, needed(json_loads(json, JSON_DECODE_ANY, NULL)));
  else
    json_array_remove(root, index);
}

/// "path/name", freed with free().
static char *join(const char *path, const char *name) {
  size_t size = strlen(path) + strlen(name) + 2;
  char *full = needed(malloc(size));
  snprintf(full, size, "%s/%s", path, name);
  return full;
}

bool model_folder_write_file(const char *path, const char *name, const void *bytes, size_t size) {
  char *full = join(path, name);
  FILE *to = fopen(full, "wb");
  free(full);
  bool written = to && fwrite(bytes, 1, size, to) == size;
  return to && fclose(to) == 0 && written;
}

static bool remove_file(const char *path, const char *name) {
  char *full = join(path, name);
  bool gone = unlink(full) == 0 || errno == ENOENT;
  free(full);
  return gone;
}

static bool write_json(const char *path, const char *name, const json_t *json) {
  if (!json)
    return remove_file(path, name);
  char *text = needed(json_dumps(json, JSON_INDENT(2)));
  bool written = model_folder_write_file(path, name, text, strlen(text));
  free(text);
  return written;
}

static bool write_weights(const char *path, const model_folder_weights *weights) {
  char *header = needed(json_dumps(weights->header, JSON_COMPACT)),
       *full = join(path, weights->name);
  uint64_t length = strlen(header);
  FILE *to = fopen(full, "wb");
  bool written = to && fwrite(&length, sizeof length, 1, to) == 1 &&
                 fwrite(header, 1, length, to) == length &&
                 fwrite(weights->data, 1, weights->size, to) == weights->size;
  written = to && fclose(to) == 0 && written;
  free(full);
  free(header);
  return written;
}

bool model_folder_write(const model_folder *folder, const char *path) {
  if (mkdir(path, 0777) != 0 && errno != EEXIST)
    return false;
  bool written = write_json(path, "config.json", folder->config) &&
                 write_json(path, "tokenizer.json", folder->tokenizer) &&
                 write_json(path, "tokenizer_config.json", folder->tokenizer_config) &&
                 write_json(path, "model.safetensors.index.json", folder->index) &&
                 remove_file(path, "model.safetensors"); // it would count for more
  for (size_t i = 0; i < folder->file_count && written; i++)
    written = write_weights(path, &folder->files[i]);
  return written;
}
