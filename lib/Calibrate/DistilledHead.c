// The heads of both models over a step's text: the divergence of the one from the other, and its
// gradient by what the quantized one reads.
#include "Distillation.h"
#include "Divergence.h"

#include <stdlib.h>
#include <string.h>

/// Tokens whose logits are held at a time, of both models.
enum { PIECE = 128 };

/// A piece of the text: logits of the float model's are there, those of the other come by rows.
typedef struct {
  binq_distiller *d;
  const binq_quantized_input *input;
  binq_packed_table table;
  int64_t begin; ///< its first row
} piece;

static int64_t logit_stride(const binq_distiller *d) {
  return binq_round_up(d->graph->model.vocabulary_size, BINQ_ROW_MULTIPLE);
}

binq_status binq_distilled_head_allocate(binq_distiller *d) {
  if (d->graph->head->public.linear_count != 1)
    return binq_errorf("the head has %lld linears where one makes logits",
                       (long long)d->graph->head->public.linear_count);
  return binq_allocate((size_t)(PIECE * logit_stride(d)), sizeof(float), "logits",
                       &d->float_logits);
}

/// Rows of the table in channel order.
static void read_rows(void *user, int64_t linear, int64_t begin, int64_t end, float *tile) {
  const piece *p = user;
  int64_t padded = binq_round_up(p->table.format.columns, BINQ_CHANNEL_STEP);
  for (int64_t row = begin; row < end; row++, tile += padded)
    binq_packed_table_row(&p->table, row, tile);
}

static void compare_rows(void *user, int64_t begin, int64_t end, const float *y, float *dy) {
  const piece *p = user;
  int64_t stride = logit_stride(p->d);
  float scale = 1 / (float)(p->d->count * p->d->window);
  for (int64_t i = begin; i < end; i++, y += stride, dy += stride)
    p->d->divergences[p->begin + i] = binq_divergence_gradient(
        p->d->float_logits + i * stride, y, p->d->graph->model.vocabulary_size, scale, dy);
}

/// Rows [p->begin, p->begin + count). The gradient by vectors is of these rows alone.
static binq_status run_piece(piece *p, int64_t count, const float *x, float *vectors) {
  binq_distiller *d = p->d;
  int64_t offset = p->begin * d->stride;
  binq_layer_gradient gradient = {.inputs = p->input,
                                  .formats = d->model->head->formats,
                                  .vectors = d->head.vectors.value,
                                  .read = read_rows,
                                  .output_gradient = compare_rows,
                                  .vector_gradient = vectors,
                                  .user = p};
  binq_graph_run_head(d->graph, NULL, d->float_text[0] + offset, count, d->float_logits);
  return binq_graph_head_gradient(d->graph, count, &gradient, x + offset, d->gradients[0] + offset);
}

/// The head's weights in channel order: columns that are padding have a place there.
static binq_packed_table table_of(const binq_packed_function *head) {
  binq_packed_table table = {.format = head->formats[0], .packed = head->packed[0]};
  table.format.columns = binq_round_up(table.format.columns, BINQ_CHANNEL_STEP);
  return table;
}

binq_status binq_distilled_head_run(binq_distiller *d, const float *x) {
  int64_t rows = d->count * d->window, floats = d->graph->head->public.vector_floats;
  piece p = {.d = d, .input = d->model->head->inputs, .table = table_of(d->model->head)};
  float *part;
  BINQ_TRY(binq_allocate((size_t)floats, sizeof *part, "a gradient", &part));
  if (floats)
    memset(d->head.vector_gradient, 0, (size_t)floats * sizeof *part);
  binq_status status = BINQ_OK;
  for (; p.begin < rows && !status; p.begin += PIECE) {
    int64_t left = rows - p.begin;
    status = run_piece(&p, left < PIECE ? left : PIECE, x, part);
    for (int64_t i = 0; i < floats; i++)
      d->head.vector_gradient[i] += part[i];
  }
  free(part);
  return status;
}
