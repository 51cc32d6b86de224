#include "TinyGraph.h"

#include "binq/Import/Import.h"
#include "support/ModelFile.h"
#include <unistd.h>

static binq_status find(void *user, const char *name, int64_t rows, int64_t columns,
                        const void **tensor) {
  const binq_tensor *found = binq_model_tensor(user, name);
  if (!found || found->rows != rows || found->columns != columns)
    return binq_errorf("no tensor %s of that shape", name);
  *tensor = found;
  return BINQ_OK;
}

static void read_rows(const void *tensor, int64_t begin, int64_t end, float *out) {
  binq_tensor_dequantize(tensor, begin, end, out);
}

void tiny_graph_create(int threads, tiny_graph *out) {
  static const char path[] = "tiny.gguf";
  model_file_options options = model_file_defaults();
  options.hidden = 40;
  options.heads = 5;
  options.kv_heads = 1;
  options.ffn = 136;
  model_file *file = model_file_create(&options);
  REQUIRE(model_file_write(file, path));
  model_file_destroy(file);
  out->context = mlirContextCreate();
  CHECK_STATUS_OK(binq_dialect_load(out->context));
  CHECK_STATUS_OK(binq_import(out->context, path, &out->module));
  CHECK_STATUS_OK(binq_model_open(path, &out->model));
  REQUIRE(binq_pool_create(threads, &out->pool) == 0);
  binq_weights weights = {find, read_rows, (void *)out->model};
  CHECK_STATUS_OK(binq_graph_create(out->module, &weights, out->pool, &out->graph));
}

void tiny_graph_destroy(tiny_graph *tiny) {
  binq_graph_destroy(tiny->graph);
  binq_pool_destroy(tiny->pool);
  binq_model_close(tiny->model);
  mlirModuleDestroy(tiny->module);
  mlirContextDestroy(tiny->context);
  unlink("tiny.gguf");
}

float tiny_random(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (float)(int32_t)(*state >> 32) * 0x1p-31F;
}

bool tiny_same_bits(const float *a, const float *b, size_t count) {
  return memcmp((const char *)a, (const char *)b, count * sizeof *a) == 0;
}

int32_t *tiny_tokens(int64_t count, uint64_t seed) {
  int32_t *tokens = malloc((size_t)count * sizeof *tokens);
  REQUIRE(tokens);
  for (int64_t i = 0; i < count; i++)
    tokens[i] = (int32_t)((tiny_random(&seed) + 1) * 143);
  return tokens;
}

uint64_t tiny_digest_floats(uint64_t hash, const float *values, int64_t count) {
  const unsigned char *bytes = (const unsigned char *)values;
  for (size_t b = 0; b < (size_t)count * sizeof *values; b++)
    hash = (hash ^ bytes[b]) * UINT64_C(0x100000001b3);
  return hash;
}

void tiny_tell(void *told, const char *phase, const char *step, double done) {
  tiny_told *t = told;
  CHECK_EQ_STR(phase, t->phase);
  CHECK(done >= t->done && done < 1);
  t->steps++;
  t->done = done;
  snprintf(t->last, sizeof t->last, "%s", step);
}
