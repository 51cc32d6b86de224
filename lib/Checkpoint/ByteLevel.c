#include "ByteLevel.h"
#include <string.h>

/// Bytes that print stand for themselves in Latin-1, the rest are the characters from U+0100 on.
void binq_byte_alphabet_fill(binq_byte_alphabet *out) {
  for (int i = 0; i < BINQ_BYTE_CHARACTERS; i++)
    out->bytes[i] = -1;
  int next = 256;
  for (int byte = 0; byte < 256; byte++) {
    bool prints = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
    out->bytes[prints ? byte : next++] = (int16_t)byte;
  }
}

bool binq_byte_level_decode(const binq_byte_alphabet *alphabet, binq_bytes text, uint8_t *out,
                            uint32_t *length) {
  const uint8_t *bytes = text.bytes;
  *length = 0;
  for (size_t i = 0; i < text.length; i++) {
    uint32_t code = bytes[i];
    if (code >= 0x80) { // all characters of the encoding have at most two bytes
      if (code >> 5 != 6 || i + 1 == text.length || bytes[i + 1] >> 6 != 2)
        return false;
      code = (code & 0x1f) << 6 | (bytes[++i] & 0x3f);
    }
    if (code >= BINQ_BYTE_CHARACTERS || alphabet->bytes[code] < 0)
      return false;
    out[(*length)++] = (uint8_t)alphabet->bytes[code];
  }
  return true;
}

binq_status binq_byte_level_decode_token(const binq_byte_alphabet *alphabet, binq_arena *arena,
                                         binq_token *token) {
  char *decoded = NULL;
  uint32_t length = 0;
  binq_bytes text = {token->bytes, token->length};
  BINQ_TRY(binq_arena_copy_string(arena, text.bytes, text.length, &decoded));
  // Decoding makes no text longer: it may be written over.
  bool encoded = binq_byte_level_decode(alphabet, text, (uint8_t *)decoded, &length);
  if (!encoded)
    memcpy(decoded, text.bytes, text.length);
  token->bytes = (const uint8_t *)decoded;
  token->length = encoded ? length : (uint32_t)text.length;
  return BINQ_OK;
}
