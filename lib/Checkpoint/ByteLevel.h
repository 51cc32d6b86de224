/// The byte-level encoding that vocabularies are written in: a character of the alphabet stands for
/// a byte.
#ifndef BINQ_CHECKPOINT_BYTELEVEL_H
#define BINQ_CHECKPOINT_BYTELEVEL_H

#include "NameTable.h"
#include "binq/Checkpoint/Model.h"

enum { BINQ_BYTE_CHARACTERS = 324 }; ///< code points that the encoding uses are below this

/// From a code point to the byte it stands for, -1 for others.
typedef struct {
  int16_t bytes[BINQ_BYTE_CHARACTERS];
} binq_byte_alphabet;

void binq_byte_alphabet_fill(binq_byte_alphabet *out);

/// Undoes the encoding into `out`, which has room for the text's bytes; false if the text is no
/// such encoding.
bool binq_byte_level_decode(const binq_byte_alphabet *alphabet, binq_bytes text, uint8_t *out,
                            uint32_t *length);

/// The same for a token with its text in it: it gets the bytes, which live as long as the arena. A
/// text that is no such encoding stands for itself.
binq_status binq_byte_level_decode_token(const binq_byte_alphabet *alphabet, binq_arena *arena,
                                         binq_token *token);

#endif
