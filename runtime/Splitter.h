/// Cuts a text into the pieces that byte pairs are merged in: the models' regular expressions, by
/// hand.
#ifndef BINQ_RUNTIME_SPLITTER_H
#define BINQ_RUNTIME_SPLITTER_H

#include "runtime/Tokenizer.h"

/// Length in bytes of the piece that `text` begins with; length >= 1. Bytes that are not UTF-8
/// count as characters that are neither letter, number nor white space.
size_t binq_split_piece(const binq_tokenizer *tokenizer, const uint8_t *text, size_t length);

#endif
