/// How SentencePiece vocabularies are written, and what their scores mean.
#ifndef BINQ_CHECKPOINT_SENTENCEPIECE_H
#define BINQ_CHECKPOINT_SENTENCEPIECE_H

#include "NameTable.h"
#include "binq/Checkpoint/Model.h"

/// Sets the bytes that a token of the text's kind stands for: "▁" (U+2581) is a space, and a
/// BINQ_TOKEN_BYTE is the byte that its "<0xNN>" names. A normal token that is written with a space
/// becomes an unused one, for the text that is encoded has no such spaces. False if a byte is not
/// written as one. The text must be in `token`, and is replaced by what lives as long as `arena`.
binq_status binq_sentencepiece_decode(binq_arena *arena, binq_token *token, bool *valid);

/// Tokens as they are written, and their scores, which are finite.
typedef struct {
  const binq_bytes *texts;
  const binq_name_table *names; ///< of the texts
  const float *scores;
} binq_scored_tokens;

/// Makes the list of merges: every way to cut a token into two, all of them normal or unused. Two
/// tokens that follow one another are merged by it in the order of the scores, which is what
/// SentencePiece does.
binq_status binq_sentencepiece_merges(const binq_scored_tokens *tokens, binq_arena *arena,
                                      binq_vocabulary *vocabulary);

#endif
