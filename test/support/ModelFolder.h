/// Hugging Face folders made up for tests: the same model as a made-up GGUF file, any part of which
/// a test may change before the folder is written. Out of memory ends the program.
#ifndef BINQ_TEST_SUPPORT_MODELFOLDER_H
#define BINQ_TEST_SUPPORT_MODELFOLDER_H

#include "support/ModelFile.h"
#include <jansson.h>

/// A *.safetensors file: its header and the data behind it.
typedef struct {
  char *name;
  json_t *header;
  uint8_t *data;
  size_t size;
} model_folder_weights;

typedef struct {
  json_t *config, *tokenizer;
  json_t *tokenizer_config, *index; ///< NULL: there is no such file
  model_folder_weights *files;
  size_t file_count;
} model_folder;

/// The folder of a model with byte-level BPE and weights of F32, F16 or BF16, those in as many
/// files; without an index if in one.
model_folder *model_folder_create(model_file *file, size_t file_count);
void model_folder_destroy(model_folder *folder);

/// Adds a tensor of zeros behind the others of a file; the shape is taken over. Returns its data.
uint8_t *model_folder_add(model_folder_weights *weights, const char *name, const char *type,
                          json_t *shape, size_t size);

/// Sets what is at a place in one of the files, "model/merges/0", to what the JSON text says; NULL
/// removes it.
void model_folder_set(json_t *root, const char *place, const char *json);

/// The header or map of a tensor: names with dots are no places.
void model_folder_set_member(json_t *object, const char *name, const char *json);

/// Writes it, making the folder; a file that is NULL is removed, weights under other names are
/// left. False, with errno, if that does not work.
bool model_folder_write(const model_folder *folder, const char *path);

/// Writes one file of a folder.
bool model_folder_write_file(const char *path, const char *name, const void *bytes, size_t size);

#endif
