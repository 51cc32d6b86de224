#include "Internal.h"
#include "binq/Checkpoint/Hash.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

binq_status binq_map_source(binq_open_model *opened, const char *path, const char *name,
                            binq_bytes *out) {
  binq_source_file *file = NULL;
  BINQ_TRY(binq_arena_allocate(opened->arena, 1, sizeof *file, &file));
  file->name = name;
  BINQ_TRY(binq_mapping_open(path, &file->mapping));
  binq_source_file **end = &opened->files;
  while (*end)
    end = &(*end)->next;
  *end = file;
  *out = (binq_bytes){binq_mapping_data(file->mapping), binq_mapping_size(file->mapping)};
  return BINQ_OK;
}

static bool is_folder(const char *path) {
  struct stat information;
  return stat(path, &information) == 0 && S_ISDIR(information.st_mode);
}

binq_status binq_model_open(const char *path, const binq_model **out) {
  binq_open_model *opened = NULL;
  BINQ_TRY(binq_allocate(1, sizeof *opened, path, &opened));
  opened->is_folder = is_folder(path);
  binq_status status = binq_arena_create(&opened->arena);
  if (!status)
    status = opened->is_folder ? binq_read_folder(opened, path) : binq_read_gguf(opened, path);
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
  binq_open_model *opened = (binq_open_model *)model;
  for (const binq_source_file *file = opened->files; file; file = file->next)
    binq_mapping_close(file->mapping);
  binq_arena_destroy(opened->arena);
  free(opened);
}

const binq_tensor *binq_model_tensor(const binq_model *model, const char *name) {
  if (model->tied_embedding && strcmp(name, "output.weight") == 0)
    name = "token_embd.weight";
  const binq_name_table *names = &((const binq_open_model *)model)->names;
  int64_t index = binq_name_table_find(names, (binq_bytes){name, strlen(name)});
  return index < 0 ? NULL : &model->tensors[index];
}

void binq_model_hash(const binq_model *model, char hex[65]) {
  const binq_open_model *opened = (const binq_open_model *)model;
  if (opened->is_folder)
    binq_sha256_listing(opened->files, hex);
  else
    binq_sha256(binq_mapping_data(opened->files->mapping),
                binq_mapping_size(opened->files->mapping), hex);
}
