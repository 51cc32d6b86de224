#include "Merges.h"
#include <string.h>

bool binq_cut_merge(binq_bytes text, binq_bytes *left, binq_bytes *right) {
  const uint8_t *bytes = text.bytes;
  const uint8_t *space = text.length > 0 ? memchr(bytes, ' ', text.length) : NULL;
  if (!space)
    return false;
  *left = (binq_bytes){bytes, (size_t)(space - bytes)};
  *right = (binq_bytes){space + 1, text.length - left->length - 1};
  return true;
}

static binq_status find(const binq_name_table *names, binq_bytes text, uint32_t index,
                        const char *part, uint32_t *out) {
  int64_t found = binq_name_table_find(names, text);
  if (found < 0)
    return binq_errorf("the %s of merge %u is no token", part, index);
  *out = (uint32_t)found;
  return BINQ_OK;
}

binq_status binq_find_merge(const binq_name_table *names, binq_bytes left, binq_bytes right,
                            uint32_t index, uint8_t *joined, binq_merge *out) {
  BINQ_TRY(find(names, left, index, "left side", &out->left));
  BINQ_TRY(find(names, right, index, "right side", &out->right));
  memcpy(joined, left.bytes, left.length);
  memcpy(joined + left.length, right.bytes, right.length);
  out->rank = index;
  return find(names, (binq_bytes){joined, left.length + right.length}, index, "result",
              &out->result);
}
