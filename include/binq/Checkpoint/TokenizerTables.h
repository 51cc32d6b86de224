/// The tables a compiled model's tokenizer works from (runtime/TokenizerFormat.h).
#ifndef BINQ_CHECKPOINT_TOKENIZERTABLES_H
#define BINQ_CHECKPOINT_TOKENIZERTABLES_H

#include "binq/Checkpoint/Model.h"

/// Builds them: *size bytes at *out, aligned to 64 and freed with free(). The same vocabulary gives
/// the same bytes.
binq_status binq_tokenizer_tables(const binq_vocabulary *vocabulary, uint8_t **out, size_t *size);

#endif
