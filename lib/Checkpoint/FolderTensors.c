#include "Folder.h"
#include "Safetensors.h"
#include <stdlib.h>
#include <string.h>

static const char single_file[] = "model.safetensors",
                  index_file[] = "model.safetensors.index.json";
static const char embedding[] = "model.embed_tokens.weight", head[] = "lm_head.weight";

/// The tensors of all files.
typedef struct {
  const binq_folder *folder;
  json_t *map; ///< of the index: from a tensor's name to its file; NULL without an index
  const char **files;
  size_t file_count;
  binq_tensor *tensors;
  size_t count;
  binq_name_table names;
} tensor_reader;

/// A vector or matrix of one of the types; `types` are binq's numbers for those of the rules.
static binq_status take_entry(const binq_safetensors_entry *entry, const binq_tensor_type *types,
                              binq_tensor *out) {
  if (entry->rank > 2)
    return binq_errorf("shape: has %d dimensions, only vectors and matrices are supported",
                       entry->rank);
  *out = (binq_tensor){.name = entry->name,
                       .type = types[entry->type],
                       .rows = entry->rank == 2 ? entry->shape[0] : 1,
                       .columns = entry->shape[entry->rank - 1],
                       .data = entry->data,
                       .size = entry->size};
  return BINQ_OK;
}

/// Files of older models have what the rotation follows from, in every layer.
static bool is_derived(const char *name) {
  static const char end[] = ".rotary_emb.inv_freq";
  size_t length = strlen(name), end_length = sizeof end - 1;
  return length > end_length && strcmp(name + length - end_length, end) == 0;
}

/// Whether the index says that the tensor is in that file.
static binq_status check_place(const tensor_reader *reader, const char *name, const char *file) {
  if (!reader->map)
    return BINQ_OK;
  const json_t *place = json_object_get(reader->map, name);
  if (!place)
    return binq_errorf("%.1024s: is not in %s", name, index_file);
  if (strcmp(json_string_value(place), file) != 0)
    return binq_errorf("%.1024s: is in this file, but %s says %.64s", name, index_file,
                       json_string_value(place));
  return BINQ_OK;
}

static binq_status add_tensors(tensor_reader *reader, const binq_safetensors *file,
                               const char *name) {
  static const binq_tensor_type types[] = {BINQ_TENSOR_F32, BINQ_TENSOR_F16, BINQ_TENSOR_BF16};
  for (size_t i = 0; i < file->count; i++) {
    const binq_safetensors_entry *entry = &file->entries[i];
    BINQ_TRY(check_place(reader, entry->name, name));
    if (is_derived(entry->name))
      continue;
    BINQ_TRY(binq_annotate(take_entry(entry, types, &reader->tensors[reader->count]), "%.1024s",
                           entry->name));
    reader->count++;
  }
  return BINQ_OK;
}

static binq_status parse_file(const tensor_reader *reader, const char *name,
                              binq_safetensors *out) {
  static const binq_safetensors_type types[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}};
  static const binq_safetensors_rules rules = {types, sizeof types / sizeof *types, 1};
  binq_bytes file;
  BINQ_TRY(binq_folder_map(reader->folder, name, &file));
  return binq_folder_annotate(
      reader->folder, binq_safetensors_parse(file, &rules, reader->folder->opened->arena, out),
      name);
}

static binq_status read_files(tensor_reader *reader) {
  binq_arena *arena = reader->folder->opened->arena;
  binq_safetensors *parsed = NULL;
  size_t count = 0;
  BINQ_TRY(binq_arena_allocate(arena, reader->file_count, sizeof *parsed, &parsed));
  for (size_t i = 0; i < reader->file_count; i++) {
    BINQ_TRY(parse_file(reader, reader->files[i], &parsed[i]));
    count += parsed[i].count;
    if (count > BINQ_TENSOR_COUNT_LIMIT)
      return binq_errorf("%s: has more than the %d tensors supported", reader->folder->path,
                         BINQ_TENSOR_COUNT_LIMIT);
  }
  BINQ_TRY(binq_arena_allocate(arena, count, sizeof *reader->tensors, &reader->tensors));
  for (size_t i = 0; i < reader->file_count; i++)
    BINQ_TRY(binq_folder_annotate(reader->folder, add_tensors(reader, &parsed[i], reader->files[i]),
                                  reader->files[i]));
  return BINQ_OK;
}

static binq_status make_names(tensor_reader *reader) {
  BINQ_TRY(binq_name_table_create(reader->folder->opened->arena, reader->count, &reader->names));
  for (size_t i = 0; i < reader->count; i++) {
    const char *name = reader->tensors[i].name;
    if (binq_name_table_insert(&reader->names, (binq_bytes){name, strlen(name)}, (uint32_t)i) >= 0)
      return binq_errorf("%s: %.1024s: this tensor is there twice", reader->folder->path, name);
  }
  return BINQ_OK;
}

/// All that the index lists must have been found.
static binq_status check_index(const tensor_reader *reader) {
  const char *name = NULL;
  json_t *place = NULL;
  json_object_foreach(reader->map, name, place) {
    if (!is_derived(name) &&
        binq_name_table_find(&reader->names, (binq_bytes){name, strlen(name)}) < 0)
      return binq_errorf("%s/%s: %.1024s: this tensor is missing", reader->folder->path,
                         json_string_value(place), name);
  }
  return BINQ_OK;
}

/// A tied model may hold its one table under either name, or both.
static binq_status merge_tied(tensor_reader *reader) {
  binq_tensor *tables[2] = {NULL, NULL};
  for (size_t i = 0; i < reader->count; i++) {
    if (strcmp(reader->tensors[i].name, embedding) == 0)
      tables[0] = &reader->tensors[i];
    else if (strcmp(reader->tensors[i].name, head) == 0)
      tables[1] = &reader->tensors[i];
  }
  if (!tables[1])
    return BINQ_OK;
  if (!tables[0]) {
    tables[1]->name = embedding;
    return BINQ_OK;
  }
  if (tables[0]->type != tables[1]->type || tables[0]->size != tables[1]->size ||
      memcmp(tables[0]->data, tables[1]->data, tables[0]->size) != 0)
    return binq_errorf("%s: %s: differs from %s, though tie_word_embeddings is set",
                       reader->folder->path, head, embedding);
  *tables[1] = reader->tensors[--reader->count];
  return BINQ_OK;
}

/// A shard is a file of the folder itself: nothing else may be reached by its name.
static bool is_file_name(const char *name) {
  static const char end[] = ".safetensors";
  size_t length = strlen(name), end_length = sizeof end - 1;
  return length > end_length && name[0] != '.' && !strpbrk(name, "/\\") &&
         strcmp(name + length - end_length, end) == 0;
}

static int compare_names(const void *left, const void *right) {
  return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/// The files of the index, each once, sorted.
static binq_status list_files(tensor_reader *reader) {
  const char *name = NULL;
  json_t *place = NULL;
  size_t count = 0;
  binq_arena *arena = reader->folder->opened->arena;
  if (json_object_size(reader->map) > BINQ_TENSOR_COUNT_LIMIT)
    return binq_errorf("weight_map: has more than the %d tensors supported",
                       BINQ_TENSOR_COUNT_LIMIT);
  BINQ_TRY(binq_arena_allocate(arena, json_object_size(reader->map), sizeof *reader->files,
                               (void *)&reader->files));
  json_object_foreach(reader->map, name, place) {
    if (!binq_is_text((binq_bytes){name, strlen(name)}))
      return binq_errorf("weight_map: the name of a tensor is no text");
    const char *file = json_string_value(place);
    binq_bytes text = {file ? file : "", json_string_length(place)};
    if (!binq_is_text(text) || !is_file_name(text.bytes))
      return binq_errorf("weight_map: %.64s: is no name of a *.safetensors file of the folder",
                         name);
    char *copy = NULL;
    BINQ_TRY(binq_arena_copy_string(arena, text.bytes, text.length, &copy));
    reader->files[count++] = copy;
  }
  if (count > 0)
    qsort((void *)reader->files, count, sizeof *reader->files, compare_names);
  for (size_t i = 0; i < count; i++)
    if (i == 0 || strcmp(reader->files[i], reader->files[i - 1]) != 0)
      reader->files[reader->file_count++] = reader->files[i];
  return BINQ_OK;
}

static binq_status read_index(tensor_reader *reader, const json_t *index) {
  const json_t *map = NULL;
  BINQ_TRY(binq_json_object(index, "weight_map", true, &map));
  reader->map = json_object_get(index, "weight_map");
  return list_files(reader);
}

static binq_status read_tensors(tensor_reader *reader) {
  BINQ_TRY(read_files(reader));
  BINQ_TRY(make_names(reader));
  BINQ_TRY(check_index(reader));
  if (reader->folder->opened->model.tied_embedding) {
    BINQ_TRY(merge_tied(reader));
    BINQ_TRY(make_names(reader));
  }
  binq_tensor_table table = {BINQ_NAMES_HUGGING_FACE, reader->tensors, reader->count,
                             reader->names};
  return binq_annotate(binq_take_tensors(reader->folder->opened, &table), "%s",
                       reader->folder->path);
}

static binq_status read_sharded(tensor_reader *reader) {
  binq_bytes file;
  json_t *index = NULL;
  BINQ_TRY(binq_folder_map(reader->folder, index_file, &file));
  binq_status status = binq_json_parse(file, false, &index);
  if (!status)
    status = read_index(reader, index);
  status = binq_folder_annotate(reader->folder, status, index_file);
  if (!status)
    status = read_tensors(reader);
  json_decref(index);
  return status;
}

binq_status binq_folder_read_tensors(const binq_folder *folder) {
  bool whole = false, sharded = false;
  BINQ_TRY(binq_folder_has(folder, single_file, &whole));
  BINQ_TRY(binq_folder_has(folder, index_file, &sharded));
  if (whole)
    return read_tensors(
        &(tensor_reader){.folder = folder, .files = &(const char *){single_file}, .file_count = 1});
  if (sharded)
    return read_sharded(&(tensor_reader){.folder = folder});
  return binq_errorf("%s: has neither %s nor %s", folder->path, single_file, index_file);
}
