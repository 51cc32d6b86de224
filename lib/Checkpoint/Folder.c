#include "Folder.h"
#include <string.h>
#include <unistd.h>

binq_status binq_folder_path(const binq_folder *folder, const char *name, char **out) {
  return binq_arena_format(folder->opened->arena, out, "%s/%s", folder->path, name);
}

binq_status binq_folder_has(const binq_folder *folder, const char *name, bool *out) {
  char *path = NULL;
  BINQ_TRY(binq_folder_path(folder, name, &path));
  *out = access(path, F_OK) == 0;
  return BINQ_OK;
}

binq_status binq_folder_map(const binq_folder *folder, const char *name, binq_bytes *out) {
  char *path = NULL;
  BINQ_TRY(binq_folder_path(folder, name, &path));
  return binq_map_source(folder->opened, path, name, out);
}

binq_status binq_folder_annotate(const binq_folder *folder, binq_status status, const char *name) {
  return binq_annotate(status, "%s/%s", folder->path, name);
}

static binq_status load(const binq_folder *folder, const char *name, bool any_integer,
                        json_t **out) {
  binq_bytes file;
  BINQ_TRY(binq_folder_map(folder, name, &file));
  return binq_folder_annotate(folder, binq_json_parse(file, any_integer, out), name);
}

static binq_status read_files(binq_folder *folder) {
  BINQ_TRY(load(folder, "config.json", false, &folder->config));
  BINQ_TRY(binq_folder_annotate(folder, binq_folder_read_config(folder), "config.json"));
  BINQ_TRY(load(folder, "tokenizer.json", false, &folder->tokenizer));
  bool configured = false;
  BINQ_TRY(binq_folder_has(folder, "tokenizer_config.json", &configured));
  // Of this only names of tokens are read; as a limit of lengths, it has 10^30 for none.
  if (configured)
    BINQ_TRY(load(folder, "tokenizer_config.json", true, &folder->tokenizer_config));
  BINQ_TRY(binq_folder_read_vocabulary(folder));
  return binq_folder_read_tensors(folder);
}

binq_status binq_read_folder(binq_open_model *opened, const char *path) {
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/')
    length--;
  char *trimmed = NULL;
  BINQ_TRY(binq_arena_copy_string(opened->arena, path, length, &trimmed));
  binq_folder folder = {.opened = opened, .path = trimmed};
  binq_status status = read_files(&folder);
  json_decref(folder.config);
  json_decref(folder.tokenizer);
  json_decref(folder.tokenizer_config);
  return status;
}
