#include "Internal.h"
#include "binq/Checkpoint/Hash.h"
#include "binq/Support/File.h"
#include <stdlib.h>
#include <string.h>

/// A model and what it lies in.
typedef struct {
  binq_model model; // first: a pointer to it is one to the whole
  binq_mapping *mapping;
  binq_arena *arena;
  binq_gguf gguf;
} open_model;

static binq_bytes file_bytes(const open_model *opened) {
  return (binq_bytes){binq_mapping_data(opened->mapping), binq_mapping_size(opened->mapping)};
}

/// Metadata before tensors: what a file is not supported for shows there first.
static binq_status read_model(open_model *opened) {
  binq_model *model = &opened->model;
  binq_gguf *gguf = &opened->gguf;
  BINQ_TRY(binq_arena_create(&opened->arena));
  BINQ_TRY(binq_gguf_parse_fields(file_bytes(opened), opened->arena, gguf));
  BINQ_TRY(binq_read_hyperparameters(gguf, opened->arena, model));
  BINQ_TRY(binq_read_vocabulary(gguf, opened->arena, &model->vocabulary));
  BINQ_TRY(binq_gguf_parse_tensors(file_bytes(opened), opened->arena, gguf));
  return binq_check_tensors(gguf, opened->arena, model);
}

binq_status binq_model_open(const char *path, const binq_model **out) {
  open_model *opened = NULL;
  BINQ_TRY(binq_allocate(1, sizeof *opened, path, &opened));
  binq_status status = binq_mapping_open(path, &opened->mapping);
  if (!status)
    status = binq_annotate(read_model(opened), "%s", path);
  if (status) {
    binq_model_close(&opened->model);
    return status;
  }
  *out = &opened->model;
  return BINQ_OK;
}

void binq_model_close(const binq_model *model) {
  if (!model)
    return;
  open_model *opened = (open_model *)model;
  binq_arena_destroy(opened->arena);
  binq_mapping_close(opened->mapping);
  free(opened);
}

const binq_tensor *binq_model_tensor(const binq_model *model, const char *name) {
  if (model->tied_embedding && strcmp(name, "output.weight") == 0)
    name = "token_embd.weight";
  const binq_gguf *gguf = &((const open_model *)model)->gguf;
  int64_t index = binq_name_table_find(&gguf->names, (binq_bytes){name, strlen(name)});
  return index < 0 ? NULL : &gguf->tensors[index];
}

void binq_model_hash(const binq_model *model, char hex[65]) {
  binq_bytes file = file_bytes((const open_model *)model);
  binq_sha256(file.bytes, file.length, hex);
}
