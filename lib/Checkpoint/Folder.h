/// A Hugging Face folder, read file by file.
#ifndef BINQ_CHECKPOINT_FOLDER_H
#define BINQ_CHECKPOINT_FOLDER_H

#include "Internal.h"
#include "Json.h"

/// A folder on its way to a model. The JSON is released when it is read.
typedef struct {
  binq_open_model *opened;
  const char *path; ///< without slashes at its end
  json_t *config, *tokenizer;
  json_t *tokenizer_config; ///< NULL if there is no such file
} binq_folder;

/// "FOLDER/name", in the arena.
binq_status binq_folder_path(const binq_folder *folder, const char *name, char **out);

/// Whether there is such a file.
binq_status binq_folder_has(const binq_folder *folder, const char *name, bool *out);

/// Maps the file of that name, which is kept.
binq_status binq_folder_map(const binq_folder *folder, const char *name, binq_bytes *out);

/// Puts the path of a file before the message of an error.
binq_status binq_folder_annotate(const binq_folder *folder, binq_status status, const char *name);

/// Hyper-parameters, name, and whether the head is the embedding: config.json.
binq_status binq_folder_read_config(const binq_folder *folder);

/// Tokens and merges, with the number of tokens that config.json says: tokenizer.json.
binq_status binq_folder_read_vocabulary(const binq_folder *folder);

/// How text is cut and where it gets spaces, from the fields `normalizer` and `pre_tokenizer`.
binq_status binq_folder_read_splitting(const json_t *tokenizer, binq_vocabulary *out);

/// The tokens that begin and end texts, from tokenizer_config.json or else config.json, and whether
/// one is put before texts, from tokenizer.json. `names` are the texts of the tokens.
binq_status binq_folder_read_ends(const binq_folder *folder, const binq_name_table *names,
                                  binq_vocabulary *out);

/// Weights: model.safetensors, or the files that model.safetensors.index.json lists.
binq_status binq_folder_read_tensors(const binq_folder *folder);

#endif
