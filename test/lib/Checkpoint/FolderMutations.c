/// Hugging Face folders with random bytes changed in one of their files, or one of them cut off.
#include "MalformedFolder.h"
#include "Mutate.h"

enum { MOST_BYTES = 1 << 20 };

/// The bytes of a file of the folder, freed with free().
static uint8_t *read_bytes(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  uint8_t *bytes = malloc(MOST_BYTES);
  REQUIRE(file && bytes);
  *size = fread(bytes, 1, MOST_BYTES, file);
  REQUIRE(*size > 0 && *size < MOST_BYTES && fclose(file) == 0);
  return bytes;
}

/// Changes any bytes of a file, more often among the first `tables`, 0 standing for all.
static void mutate_file(const char *name, size_t tables) {
  char path[128];
  size_t size = 0;
  snprintf(path, sizeof path, MALFORMED_FOLDER "/%s", name);
  uint8_t *bytes = read_bytes(path, &size);
  mutate(path, bytes, size, tables ? tables : size, MALFORMED_FOLDER, use_model);
  free(bytes);
}

/// Cuts a file anywhere: all but the white space at the end of a JSON file is needed.
static void cut_file(const char *name, size_t first, size_t last) {
  char path[128];
  size_t size = 0;
  snprintf(path, sizeof path, MALFORMED_FOLDER "/%s", name);
  uint8_t *bytes = read_bytes(path, &size);
  for (size_t i = size; i-- > 0;) {
    if (i >= first && i + last < size)
      continue; // data that only its length tells apart
    REQUIRE(truncate(path, (off_t)i) == 0);
    expect_folder_refusal("/");
  }
  REQUIRE(model_folder_write_file(MALFORMED_FOLDER, name, bytes, size));
  free(bytes);
  const binq_model *model = NULL;
  CHECK_STATUS_OK(binq_model_open(MALFORMED_FOLDER, &model));
  binq_model_close(model);
}

/// How long size and header of a *.safetensors file are.
static size_t header_end(const model_folder_weights *weights) {
  char *header = json_dumps(weights->header, JSON_COMPACT);
  REQUIRE(header);
  size_t end = sizeof(uint64_t) + strlen(header);
  free(header);
  return end;
}

/// Few tokens: every change reads all of them again.
static void set_tokens(model_folder *folder) {
  model_folder_set(folder->tokenizer, "model/vocab",
                   "{\"<s>\": 0, \"Ġ\": 3, \"t\": 4, \"h\": 5, \"e\": 6, \"Ġt\": 7, \"he\": 8, "
                   "\"Ġthe\": 9, \"é\": 10, \"日\": 11}");
  model_folder_set(folder->tokenizer, "model/merges", "[\"Ġ t\", [\"h\", \"e\"], \"Ġt he\"]");
  model_folder_set(folder->tokenizer, "added_tokens",
                   "[{\"id\": 0, \"content\": \"<s>\", \"special\": true, \"rstrip\": false},"
                   " {\"id\": 1, \"content\": \"<t>\", \"special\": false, \"rstrip\": false},"
                   " {\"id\": 2, \"content\": \"</s>\", \"special\": true}]");
}

static void spoil_folder(void) {
  model_folder *folder = tiny_folder(2);
  set_tokens(folder);
  // Text that does not matter, so that not every change is refused.
  model_folder_set(folder->index, "metadata/note", "\"what the files are for and who made them\"");
  size_t end = header_end(&folder->files[1]);
  folder->tokenizer_config = json_pack("{s:s, s:{s:s}, s:s}", "bos_token", "<s>", "eos_token",
                                       "content", "</s>", "tokenizer_class", "PreTrained");
  write_folder(folder);
  cut_file("config.json", SIZE_MAX, 0);
  cut_file("tokenizer_config.json", SIZE_MAX, 0);
  cut_file("model.safetensors.index.json", SIZE_MAX, 0);
  cut_file("tokenizer.json", SIZE_MAX, 0);
  cut_file("model-00002-of-00002.safetensors", end, 64);
  mutate_file("config.json", 0);
  mutate_file("tokenizer_config.json", 0);
  mutate_file("tokenizer.json", 0);
  mutate_file("model.safetensors.index.json", 0);
  mutate_file("model-00002-of-00002.safetensors", end);
}

/// The same tokens, but like SentencePiece's.
static void spoil_sentencepiece(void) {
  model_folder *folder = tiny_folder(1);
  json_t *tokenizer = folder->tokenizer;
  model_folder_set(tokenizer, "pre_tokenizer", "null");
  model_folder_set(tokenizer, "normalizer",
                   "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":"
                   "\"\u2581\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},"
                   "\"content\":\"\u2581\"}]}");
  model_folder_set(tokenizer, "model/vocab",
                   "{\"<unk>\": 0, \"<s>\": 1, \"</s>\": 2, \"\u2581\": 3, \"e\": 4, \"t\": 5, "
                   "\"\u2581e\": 6, \"\u2581et\": 7, \"te\": 8, \"<0xE6>\": 9, \"<0x97>\": 10, "
                   "\"<0xA5>\": 11, \"e\u2581\": 12, \"in\": 13, \"i\": 14, \"n\": 15, \" \": 16}");
  model_folder_set(tokenizer, "model/merges",
                   "[\"\u2581 e\", [\"\u2581e\", \"t\"], \"t e\", \"e \u2581\", \"i n\"]");
  model_folder_set(tokenizer, "model/unk_token", "\"<unk>\"");
  model_folder_set(tokenizer, "model/fuse_unk", "true");
  model_folder_set(tokenizer, "model/byte_fallback", "true");
  model_folder_set(tokenizer, "added_tokens",
                   "[{\"id\": 0, \"content\": \"<unk>\", \"special\": true},"
                   " {\"id\": 1, \"content\": \"<s>\", \"special\": true},"
                   " {\"id\": 17, \"content\": \"Spain\", \"special\": false}]");
  model_folder_set(tokenizer, "post_processor",
                   "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\","
                   "\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],"
                   "\"special_tokens\":{\"<s>\":{\"id\":\"<s>\",\"ids\":[1]}}}");
  write_folder(folder);
  mutate_file("tokenizer.json", 0);
}

int main(void) {
  spoil_folder();
  spoil_sentencepiece();
  return check_result();
}
