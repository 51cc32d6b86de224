/// Rows of the whole text, which layer after layer takes and gives back: fresh memory would cost
/// more than what most steps do with it.
#include "Text.h"

#include <stdlib.h>

binq_status binq_take_rows(binq_calibration *c, int64_t stride, float **out) {
  for (int64_t i = 0; i < BINQ_SPARE_ROWS; i++) {
    binq_spare_rows *spare = &c->spares[i];
    if (!spare->rows || spare->stride != stride)
      continue;
    *out = spare->rows;
    spare->rows = NULL;
    return BINQ_OK;
  }
  size_t floats;
  BINQ_TRY(
      binq_size_multiply((size_t)(c->windows * c->window), (size_t)stride, "activations", &floats));
  return binq_allocate(floats, sizeof **out, "activations", out);
}

void binq_give_rows_back(binq_calibration *c, int64_t stride, float **rows) {
  for (int64_t i = 0; i < BINQ_SPARE_ROWS && *rows; i++) {
    if (c->spares[i].rows)
      continue;
    c->spares[i] = (binq_spare_rows){*rows, stride};
    *rows = NULL;
  }
  free(*rows);
  *rows = NULL;
}

void binq_free_spare_rows(binq_calibration *c) {
  for (int64_t i = 0; i < BINQ_SPARE_ROWS; i++) {
    free(c->spares[i].rows);
    c->spares[i].rows = NULL;
  }
}
