#include "runtime/Program/Program.h"
#include <stdio.h>
#include <unistd.h>

/// Each window as its tokens, then a row of logits for every one of them, as they are in memory:
/// int32 and float32, little-endian.
static bool write_piece(void *user, const program_piece *piece) {
  size_t floats = (size_t)(piece->count * binq_constants.vocabulary_size);
  size_t tokens = piece->begin ? 0 : (size_t)piece->window;
  return fwrite(piece->tokens, sizeof(int32_t), tokens, stdout) == tokens &&
         fwrite(piece->logits, sizeof(float), floats, stdout) == floats;
}

int program_logits(const program_options *options) {
  if (isatty(STDOUT_FILENO))
    return program_fail("logits are no text for a terminal: send them to a file or a program");
  return program_windows(options, write_piece, NULL);
}
