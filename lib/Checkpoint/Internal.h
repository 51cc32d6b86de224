/// What the files behind binq/Checkpoint/Model.h share.
#ifndef BINQ_CHECKPOINT_INTERNAL_H
#define BINQ_CHECKPOINT_INTERNAL_H

#include "Gguf.h"

/// The arguments of "%.*s" for a value from the file that is text; long ones are cut.
#define BINQ_QUOTED(bytes_)                                                                        \
  (int)((bytes_).length < 64 ? (bytes_).length : 64), (const char *)(bytes_).bytes

/// Reads and checks the hyper-parameters, all but `tied_embedding`.
binq_status binq_read_hyperparameters(const binq_gguf *gguf, binq_arena *arena, binq_model *model);

/// Checks that the tensors are those the hyper-parameters ask for, in their shapes and no others.
binq_status binq_check_tensors(const binq_gguf *gguf, binq_arena *arena, binq_model *model);

/// Reads and checks the tokenizer's tables.
binq_status binq_read_vocabulary(const binq_gguf *gguf, binq_arena *arena, binq_vocabulary *out);

/// Whether `bytes` are the characters of `text`.
bool binq_bytes_equal(binq_bytes bytes, const char *text);

#endif
