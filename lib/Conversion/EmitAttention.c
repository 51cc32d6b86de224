// Calls of the kernels of attention: keys and values go to the cache, then queries meet it.
#include "EmitSteps.h"

#include <math.h>

/// What names of kernels tell of the cache.
static const char *word_of(binq_cache_format format) {
  static const char *const words[] = {
      [BINQ_CACHE_FLOAT] = "", [BINQ_CACHE_INT8] = "int8_", [BINQ_CACHE_INT4] = "int4_"};
  return words[format];
}

/// Sizes that both kernels of a coded cache take.
static void add_code_sizes(binq_kernel_call *call, const binq_attention_shape *shape) {
  binq_call_size(call, shape->row_bytes);
  binq_call_integer(call, 1, shape->format == BINQ_CACHE_INT4);
  binq_call_size(call, shape->rotation);
}

binq_status binq_emit_append_cache(binq_emitter *e, const binq_step *step) {
  binq_attention_shape shape;
  BINQ_TRY(binq_attention_shape_of(step->op, &shape));
  bool is_coded = shape.format != BINQ_CACHE_FLOAT;
  binq_kernel_call call =
      binq_call_of(e, is_coded ? "append_coded" : "append_cache", "%s%lldx%lld",
                   word_of(shape.format), (long long)shape.kv_heads, (long long)shape.head_size);
  for (int i = 1; i <= 3; i++)
    binq_call_operand(&call, binq_memory(e, binq_operand(step, i)));
  binq_call_operand(&call, e->environment[BINQ_ENV_CACHE]);
  binq_call_cache_share(&call);
  binq_call_size(&call, shape.kv_heads);
  binq_call_size(&call, shape.head_size);
  binq_call_size(&call, binq_stride_of(binq_operand(step, 1)));
  if (is_coded) {
    add_code_sizes(&call, &shape);
    binq_call_float(&call, 1.0f / (float)shape.rotation);
  }
  return binq_call_finish(&call);
}

binq_status binq_emit_attention(binq_emitter *e, const binq_step *step) {
  binq_attention_shape shape;
  BINQ_TRY(binq_attention_shape_of(step->op, &shape));
  bool is_coded = shape.format != BINQ_CACHE_FLOAT;
  binq_kernel_call call = binq_call_of(
      e, is_coded ? "attention_coded" : "attention", "%s%lldx%lldx%lld", word_of(shape.format),
      (long long)shape.heads, (long long)shape.kv_heads, (long long)shape.head_size);
  binq_call_operand(&call, binq_memory(e, binq_operand(step, 0)));
  binq_call_operand(&call, binq_memory(e, binq_operand(step, 3)));
  binq_call_operand(&call, e->environment[BINQ_ENV_CACHE]);
  binq_call_operand(&call, binq_memory(e, binq_result(step)));
  binq_call_cache_share(&call);
  binq_call_size(&call, shape.heads);
  binq_call_size(&call, shape.kv_heads);
  binq_call_size(&call, shape.head_size);
  binq_call_size(&call, binq_stride_of(binq_result(step)));
  binq_call_float(&call, (float)(1.0 / sqrt((double)shape.head_size)));
  if (is_coded)
    add_code_sizes(&call, &shape);
  return binq_call_finish(&call);
}
