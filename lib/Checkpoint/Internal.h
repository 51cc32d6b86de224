/// What the files behind binq/Checkpoint/Model.h share.
#ifndef BINQ_CHECKPOINT_INTERNAL_H
#define BINQ_CHECKPOINT_INTERNAL_H

#include "Gguf.h"
#include "binq/Support/File.h"

enum {
  BINQ_CHANNEL_LIMIT =
      65504, ///< channel orders are 16-bit numbers, groups have 32 channels or more
  BINQ_CONTEXT_LIMIT = 1 << 24, ///< exact as a float, and as a 32-bit position
  BINQ_TENSOR_COUNT_LIMIT =
      1 << 16,                      ///< far above real models, and small enough to allocate at once
  BINQ_TOKEN_COUNT_LIMIT = 1 << 22, ///< of tokens, and of merges
  BINQ_TOKEN_LENGTH_LIMIT = 65535,  ///< bytes of a token
};

/// The arguments of "%.*s" for a value from the file that is text; long ones are cut.
#define BINQ_QUOTED(bytes_)                                                                        \
  (int)((bytes_).length < 64 ? (bytes_).length : 64), (const char *)(bytes_).bytes

/// A file that a model was read from.
typedef struct binq_source_file {
  const char *name; ///< in its folder
  binq_mapping *mapping;
  struct binq_source_file *next;
} binq_source_file;

/// A model and what it lies in.
typedef struct {
  binq_model model; // first: a pointer to it is one to the whole
  binq_arena *arena;
  binq_name_table names; ///< of the model's tensors
  bool is_folder;
  binq_source_file *files; ///< in the order they were mapped in
} binq_open_model;

/// Maps a file that the model is read from; `name` is kept.
binq_status binq_map_source(binq_open_model *opened, const char *path, const char *name,
                            binq_bytes *out);

/// SHA-256 of the lines that `sha256sum` prints for the files.
void binq_sha256_listing(const binq_source_file *files, char hex[65]);

/// Reads a GGUF file.
binq_status binq_read_gguf(binq_open_model *opened, const char *path);

/// Reads a Hugging Face folder.
binq_status binq_read_folder(binq_open_model *opened, const char *path);

/// What a format calls the fields that several checks are about.
typedef struct {
  const char *head_count, *kv_head_count, *norm_epsilon, *rope_base;
} binq_field_names;

/// Checks the numbers of heads against one another and the size of a head, which is derived where
/// it is 0.
binq_status binq_check_heads(binq_model *model, const binq_field_names *names);
binq_status binq_set_norm_epsilon(binq_model *model, const binq_field_names *names, double epsilon);
binq_status binq_check_rope_base(const binq_model *model, const binq_field_names *names);

/// Reads and checks the hyper-parameters of a GGUF file, all but `tied_embedding`.
binq_status binq_read_hyperparameters(const binq_gguf *gguf, binq_arena *arena, binq_model *model);

/// Whose names tensors have in a file.
typedef enum { BINQ_NAMES_GGUF, BINQ_NAMES_HUGGING_FACE } binq_naming;

/// The tensors of a file or folder, by their names there.
typedef struct {
  binq_naming naming;
  const binq_tensor *tensors;
  size_t count;
  binq_name_table names;
} binq_tensor_table;

/// Checks that the tensors are those the hyper-parameters ask for, in their shapes and no others,
/// and makes them the model's.
binq_status binq_take_tensors(binq_open_model *opened, const binq_tensor_table *table);

/// Reads and checks the tokenizer's tables of a GGUF file.
binq_status binq_read_vocabulary(const binq_gguf *gguf, binq_arena *arena, binq_vocabulary *out);

/// Whether `bytes` are the characters of `text`.
bool binq_bytes_equal(binq_bytes bytes, const char *text);

#endif
