// ggml as a peer: a library of its own, compiled against what bench/peer has built. Weights are put
// where llama.cpp would put them, which may repack them.
#include "ggml.h"
#include "Contestant.h"
#include "ggml-alloc.h"
#include "ggml-backend.h"
#include "ggml-cpu.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_NODES = 16 };

typedef struct {
  bench_shape shape;
  enum ggml_type type;
  ggml_backend_t backend;
  struct ggml_context *weights_context, *graph_context;
  ggml_backend_buffer_t weights_buffer, graph_buffer;
  struct ggml_tensor **weights;
  struct ggml_cgraph *graph;
  int node_count;
} linear;

static bool find_type(const char *name, enum ggml_type *out) {
  for (int i = 0; i < GGML_TYPE_COUNT; i++) {
    *out = (enum ggml_type)i;
    const char *known = ggml_type_name(*out);
    if (known && strcasecmp(known, name) == 0)
      return true;
  }
  return false;
}

static struct ggml_context *create_context(size_t tensors) {
  return ggml_init((struct ggml_init_params){
      ggml_tensor_overhead() * tensors + ggml_graph_overhead(), NULL, true});
}

/// Whether a buffer of this type takes the weights of a product: what llama.cpp asks, too.
static bool suits(ggml_backend_buffer_type_t type, ggml_backend_dev_t device, const linear *l) {
  struct ggml_context *context = create_context(4);
  struct ggml_tensor *w = ggml_new_tensor_2d(context, l->type, l->shape.columns, l->shape.rows);
  struct ggml_tensor *x = ggml_new_tensor_2d(context, GGML_TYPE_F32, l->shape.columns, 512);
  w->buffer = ggml_backend_buft_alloc_buffer(type, 0);
  bool fits = ggml_backend_dev_supports_op(device, ggml_mul_mat(context, w, x));
  ggml_backend_buffer_free(w->buffer);
  ggml_free(context);
  return fits;
}

/// Where llama.cpp would put the weights.
static ggml_backend_buffer_type_t choose_buffer_type(const linear *l) {
  ggml_backend_reg_t registry = ggml_backend_cpu_reg();
  ggml_backend_dev_t device = ggml_backend_reg_dev_get(registry, 0);
  ggml_backend_dev_get_extra_bufts_t find =
      (ggml_backend_dev_get_extra_bufts_t)ggml_backend_reg_get_proc_address(
          registry, "ggml_backend_dev_get_extra_bufts");
  ggml_backend_buffer_type_t *extra = find ? find(device) : NULL;
  for (; extra && *extra; extra++)
    if (suits(*extra, device, l))
      return *extra;
  return ggml_backend_get_default_buffer_type(l->backend);
}

/// One copy of the quantized weights, freed with free().
static void *quantize(const linear *l, const bench_problem *problem) {
  size_t part = ggml_row_size(l->type, l->shape.columns) * BENCH_DISTINCT_ROWS;
  int64_t parts = l->shape.rows / BENCH_DISTINCT_ROWS;
  char *all = malloc(part * (size_t)parts);
  if (!all)
    return NULL;
  ggml_quantize_chunk(l->type, problem->values, all, 0, BENCH_DISTINCT_ROWS, l->shape.columns,
                      NULL);
  for (int64_t i = 1; i < parts; i++)
    memcpy(all + part * (size_t)i, all, part);
  return all;
}

static bool place_weights(linear *l, const bench_problem *problem, ggml_backend_buffer_type_t type,
                          int64_t copies, void (*use_huge_pages)(void *memory, int64_t bytes)) {
  l->weights_context = create_context((size_t)copies);
  l->weights = calloc((size_t)copies, sizeof(struct ggml_tensor *));
  if (!l->weights)
    return false;
  for (int64_t i = 0; i < copies; i++)
    l->weights[i] =
        ggml_new_tensor_2d(l->weights_context, l->type, l->shape.columns, l->shape.rows);
  l->weights_buffer = ggml_backend_alloc_ctx_tensors_from_buft(l->weights_context, type);
  void *one = quantize(l, problem);
  if (!l->weights_buffer || !one)
    return false;
  use_huge_pages(ggml_backend_buffer_get_base(l->weights_buffer),
                 (int64_t)ggml_backend_buffer_get_size(l->weights_buffer));
  for (int64_t i = 0; i < copies; i++)
    ggml_backend_tensor_set(l->weights[i], one, 0, ggml_nbytes(l->weights[i]));
  free(one);
  return true;
}

static void free_graph(linear *l) {
  ggml_backend_buffer_free(l->graph_buffer);
  ggml_free(l->graph_context);
  l->graph_buffer = NULL;
  l->graph_context = NULL;
}

static void destroy(void *state) {
  linear *l = state;
  free_graph(l);
  ggml_backend_buffer_free(l->weights_buffer);
  ggml_free(l->weights_context);
  ggml_backend_free(l->backend);
  free((void *)l->weights);
  free(l);
}

/// Several products make a graph where they are small: in a model, too, a graph has hundreds, and
/// to start one costs more than to go to the next product.
static int count_nodes(const linear *l, int64_t tokens) {
  int64_t count = 100000000 / (l->shape.rows * l->shape.columns * tokens);
  if (count < 1)
    return 1;
  return count < MOST_NODES ? (int)count : MOST_NODES;
}

static int64_t prepare(void *state, const bench_setting *setting) {
  linear *l = state;
  free_graph(l);
  l->node_count = count_nodes(l, setting->tokens);
  l->graph_context = create_context(MOST_NODES + 1);
  struct ggml_tensor *x =
      ggml_new_tensor_2d(l->graph_context, GGML_TYPE_F32, l->shape.columns, setting->tokens);
  l->graph = ggml_new_graph(l->graph_context);
  for (int i = 0; i < l->node_count; i++)
    ggml_build_forward_expand(l->graph, ggml_mul_mat(l->graph_context, l->weights[0], x));
  l->graph_buffer = ggml_backend_alloc_ctx_tensors(l->graph_context, l->backend);
  if (!l->graph_buffer)
    abort();
  ggml_backend_tensor_set(x, setting->x, 0, ggml_nbytes(x));
  ggml_backend_cpu_set_n_threads(l->backend, setting->threads);
  return l->node_count;
}

static void run(void *state, int64_t first, int64_t calls, int64_t copies) {
  linear *l = state;
  for (int64_t done = 0; done < calls; done += l->node_count) {
    for (int i = 0; i < l->node_count; i++)
      ggml_graph_node(l->graph, i)->src[0] = l->weights[(first + done + i) % copies];
    if (ggml_backend_graph_compute(l->backend, l->graph) != GGML_STATUS_SUCCESS)
      abort();
  }
}

static const float *output(void *state) {
  linear *l = state;
  return ggml_graph_node(l->graph, -1)->data;
}

/// "Q4_0 CPU_REPACK" where weights are not kept as they are in files.
static void name_contestant(const linear *l, ggml_backend_buffer_type_t type, char *out,
                            size_t size) {
  bool is_plain = type == ggml_backend_get_default_buffer_type(l->backend);
  snprintf(out, size, "%s%s%s", ggml_type_name(l->type), is_plain ? "" : " ",
           is_plain ? "" : ggml_backend_buft_name(type));
}

static void drop_log(enum ggml_log_level level, const char *text, void *user) {
  (void)level, (void)text, (void)user;
}

static bench_fit create(const char *format, const bench_problem *problem,
                        void (*use_huge_pages)(void *memory, int64_t bytes),
                        bench_contestant *out) {
  enum ggml_type type;
  if (!find_type(format, &type))
    return BENCH_FAILED;
  if (problem->shape.columns % ggml_blck_size(type))
    return BENCH_DOES_NOT_FIT;
  linear *l = calloc(1, sizeof *l);
  if (!l)
    return BENCH_FAILED;
  l->shape = problem->shape;
  l->type = type;
  ggml_log_set(drop_log, NULL); // it tells of every tensor that is repacked
  l->backend = ggml_backend_cpu_init();
  ggml_backend_buffer_type_t place = choose_buffer_type(l);
  int64_t bytes = (int64_t)ggml_row_size(type, l->shape.columns) * l->shape.rows;
  int64_t copies = (problem->least_bytes + bytes - 1) / bytes;
  if (!place_weights(l, problem, place, copies, use_huge_pages)) {
    destroy(l);
    return BENCH_FAILED;
  }
  *out = (bench_contestant){.bytes = bytes,
                            .copies = copies,
                            .state = l,
                            .prepare = prepare,
                            .run = run,
                            .output = output,
                            .destroy = destroy};
  name_contestant(l, place, out->name, sizeof out->name);
  return BENCH_FITS;
}

extern const bench_peer_interface bench_peer;
const bench_peer_interface bench_peer = {create};
