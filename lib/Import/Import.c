#include "binq/Import/Import.h"

#include "binq/Checkpoint/Model.h"
#include "binq/Dialect/Dialect.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct {
  const binq_model *model;
  const char *path;
  MlirModule module;
  MlirContext context;
  MlirType rows_type, indices_type; ///< hidden states; tokens and positions
} importer;

/// A function in the making, and what its linears share.
typedef struct {
  const importer *import;
  binq_builder builder;
  int64_t layer;
  MlirValue row_count, zero;
} scope;

static scope begin(const importer *import, const char *name, const char *role, intptr_t input_count,
                   const MlirType *inputs, MlirType result, MlirBlock *body) {
  MlirLocation location =
      mlirLocationNameGet(import->context, binq_str(name), mlirLocationUnknownGet(import->context));
  MlirOperation function =
      binq_build_function(import->module, name, role, location, input_count, inputs, 1, &result);
  *body = binq_function_body(function);
  return (scope){.import = import, .builder = binq_builder_at_end(*body, location)};
}

/// binq.param of a tensor, which a checked model has, in this shape. `matrix` tells a matrix of one
/// row from a vector.
static MlirValue param(const scope *s, const char *name, bool matrix) {
  MlirContext context = s->import->context;
  const binq_tensor *tensor = binq_model_tensor(s->import->model, name);
  MlirType type = matrix ? binq_matrix_type(context, tensor->rows, tensor->columns)
                         : binq_vector_type(binq_f32(context), tensor->columns);
  return binq_build_param(&s->builder, tensor->name, type);
}

static MlirValue layer_param(const scope *s, const char *part, bool matrix) {
  char name[64];
  snprintf(name, sizeof(name), "blk.%" PRId64 ".%s.weight", s->layer, part);
  return param(s, name, matrix);
}

static MlirValue norm(const scope *s, const char *part, MlirValue x) {
  return binq_build_rms_norm(&s->builder, x, layer_param(s, part, false),
                             s->import->model->norm_epsilon);
}

static MlirValue linear(const scope *s, const char *part, MlirValue x) {
  return binq_build_matmul_with(&s->builder, x, layer_param(s, part, true), s->row_count, s->zero);
}

static MlirValue add(const scope *s, MlirValue a, MlirValue b) {
  return binq_build_value(&s->builder, &(binq_op_parts){.name = "arith.addf",
                                                        .operand_count = 2,
                                                        .operands = (MlirValue[]){a, b},
                                                        .infer_results = true});
}

static MlirValue attention(const scope *s, MlirValue x, MlirValue positions, MlirValue cache) {
  const binq_model *model = s->import->model;
  const binq_builder *b = &s->builder;
  MlirValue normed = norm(s, "attn_norm", x);
  MlirValue q = linear(s, "attn_q", normed);
  MlirValue k = linear(s, "attn_k", normed);
  MlirValue v = linear(s, "attn_v", normed);
  q = binq_build_rope(b, q, positions, model->head_size, model->rope_base);
  k = binq_build_rope(b, k, positions, model->head_size, model->rope_base);
  MlirValue mixed =
      binq_build_attention(b, q, k, v, positions, cache, model->head_count, model->kv_head_count);
  return add(s, x, linear(s, "attn_output", mixed));
}

static MlirValue feed_forward(const scope *s, MlirValue x) {
  MlirValue normed = norm(s, "ffn_norm", x);
  MlirValue gate = linear(s, "ffn_gate", normed);
  MlirValue up = linear(s, "ffn_up", normed);
  MlirValue gated = binq_build_swiglu(&s->builder, gate, up);
  return add(s, x, linear(s, "ffn_down", gated));
}

static void import_embed(const importer *import) {
  MlirBlock body;
  scope s = begin(import, "embed", "embed", 1, &import->indices_type, import->rows_type, &body);
  MlirValue table = param(&s, "token_embd.weight", true);
  MlirValue rows = binq_build_embedding(&s.builder, mlirBlockGetArgument(body, 0), table,
                                        import->model->hidden_size);
  binq_build_return(&s.builder, 1, &rows);
}

static void import_layer(const importer *import, int64_t layer) {
  char name[32];
  MlirBlock body;
  snprintf(name, sizeof(name), "layer_%" PRId64, layer);
  MlirType inputs[] = {import->rows_type, import->indices_type, binq_cache_type(import->context)};
  scope s = begin(import, name, "layer", 3, inputs, import->rows_type, &body);
  MlirValue x = mlirBlockGetArgument(body, 0);
  s.layer = layer;
  s.row_count = binq_build_dim(&s.builder, x, 0);
  s.zero = binq_build_zero(&s.builder);
  x = attention(&s, x, mlirBlockGetArgument(body, 1), mlirBlockGetArgument(body, 2));
  x = feed_forward(&s, x);
  binq_build_return(&s.builder, 1, &x);
}

static void import_head(const importer *import) {
  const binq_model *model = import->model;
  MlirBlock body;
  MlirType logits = binq_matrix_type(import->context, BINQ_DYNAMIC, model->vocabulary_size);
  scope s = begin(import, "head", "head", 1, &import->rows_type, logits, &body);
  MlirValue x = mlirBlockGetArgument(body, 0);
  x = binq_build_rms_norm(&s.builder, x, param(&s, "output_norm.weight", false),
                          model->norm_epsilon);
  x = binq_build_matmul(&s.builder, x, param(&s, "output.weight", true));
  binq_build_return(&s.builder, 1, &x);
}

static void set_attributes(const importer *import) {
  const binq_model *model = import->model;
  mlirOperationSetAttributeByName(mlirModuleGetOperation(import->module),
                                  binq_str(BINQ_ATTR_SOURCE),
                                  binq_string_attribute(import->context, import->path));
  binq_model_info info = {.hidden_size = model->hidden_size,
                          .ffn_size = model->ffn_size,
                          .layer_count = model->layer_count,
                          .head_count = model->head_count,
                          .kv_head_count = model->kv_head_count,
                          .head_size = model->head_size,
                          .vocabulary_size = model->vocabulary_size,
                          .context_length = model->context_length,
                          .norm_epsilon = model->norm_epsilon,
                          .rope_base = model->rope_base,
                          .bos = model->vocabulary.bos,
                          .eos = model->vocabulary.eos,
                          .name = binq_str(model->name),
                          .license = binq_str(model->license)};
  binq_model_info_set(import->module, &info);
}

binq_status binq_import_into(MlirModule module, const char *path) {
  MlirOperation first = mlirBlockGetFirstOperation(mlirModuleGetBody(module));
  if (!mlirOperationIsNull(first))
    return binq_op_error(first, "is in the module that a model is to be imported into");
  const binq_model *model = NULL;
  BINQ_TRY(binq_model_open(path, &model));
  MlirContext context = mlirModuleGetContext(module);
  importer import = {.model = model,
                     .path = path,
                     .module = module,
                     .context = context,
                     .rows_type = binq_matrix_type(context, BINQ_DYNAMIC, model->hidden_size),
                     .indices_type = binq_vector_type(binq_integer(context, 32), BINQ_DYNAMIC)};
  set_attributes(&import);
  import_embed(&import);
  for (int64_t layer = 0; layer < model->layer_count; ++layer)
    import_layer(&import, layer);
  import_head(&import);
  binq_model_close(model);
  return BINQ_OK;
}

binq_status binq_import(MlirContext context, const char *path, MlirModule *out) {
  MlirModule module = mlirModuleCreateEmpty(mlirLocationUnknownGet(context));
  binq_status status = binq_import_into(module, path);
  if (status)
    mlirModuleDestroy(module);
  else
    *out = module;
  return status;
}
