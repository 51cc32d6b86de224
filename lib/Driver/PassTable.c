#include "binq/Driver/Pipeline.h"

#include <string.h>

static const binq_pass *const table[] = {
#define BINQ_PASS(symbol) &(symbol),
#include "binq/Pass/Passes.def"
#undef BINQ_PASS
};

const binq_pass *const *binq_passes(size_t *count) {
  *count = sizeof(table) / sizeof(*table);
  return table;
}

const binq_pass *binq_pass_find(const char *flag, size_t length) {
  for (size_t i = 0; i < sizeof(table) / sizeof(*table); ++i)
    if (strlen(table[i]->flag) == length && memcmp(table[i]->flag, flag, length) == 0)
      return table[i];
  return NULL;
}
