#include "Entries.h"

#include "Emit.h"
#include "binq/Conversion/Conversion.h"

static bool has_role(const binq_lowered_function *function, const char *role) {
  MlirStringRef text;
  return binq_attribute_string(function->role, &text) && binq_str_equal(text, role);
}

/// The only function of a role; NULL if there is none or more than one.
static const binq_lowered_function *only(const binq_lowered_function *functions, int count,
                                         const char *role) {
  const binq_lowered_function *found = NULL;
  for (int i = 0; i < count; i++)
    if (has_role(&functions[i], role)) {
      if (found)
        return NULL;
      found = &functions[i];
    }
  return found;
}

/// Calls a lowered function with this environment but its own base and cache.
static void call(const binq_emitter *e, const binq_lowered_function *function, MlirValue cache,
                 int argument_count, const MlirValue *arguments) {
  MlirValue operands[BINQ_ENV_SIZE + BINQ_MAX_LOWERED_ARGUMENTS];
  for (int i = 0; i < BINQ_ENV_SIZE; i++)
    operands[i] = e->environment[i];
  operands[BINQ_ENV_BASE] = binq_emit_index(e, function->base);
  operands[BINQ_ENV_CACHE] = cache;
  for (int i = 0; i < argument_count; i++)
    operands[BINQ_ENV_SIZE + i] = arguments[i];
  binq_emit_call(e, binq_function_name(function->callee).data, BINQ_ENV_SIZE + argument_count,
                 operands);
}

static void begin(binq_emitter *e, const char *name, int argument_count,
                  const MlirType *arguments) {
  MlirContext context = mlirModuleGetContext(e->module);
  binq_emit_function(e, name, (MlirStringRef){"", 0}, mlirLocationUnknownGet(context),
                     argument_count, arguments);
}

/// Hidden rows go back and forth between the caller's memory and the workspace, so that they end in
/// the former. Returns what a position takes in the caches of all layers.
static int64_t emit_layers(binq_emitter *e, const binq_model_info *model,
                           const binq_lowered_function *functions, int count, int64_t workspace) {
  const MlirValue *environment = e->environment;
  MlirType f32 = binq_f32(e->builder.context), i8 = binq_integer(e->builder.context, 8);
  MlirValue tokens = binq_emit_argument(e, 0), positions = binq_emit_argument(e, 1);
  MlirValue offset =
      binq_emit_multiply(e, environment[BINQ_ENV_COUNT], binq_emit_index(e, workspace));
  MlirValue floats = binq_emit_multiply(e, environment[BINQ_ENV_COUNT],
                                        binq_emit_index(e, binq_row_stride(model->hidden_size)));
  MlirValue rows[] = {binq_emit_argument(e, 2),
                      binq_emit_view(e, environment[BINQ_ENV_WORKSPACE], offset, f32, floats)};
  int64_t at = model->layer_count % 2;
  call(e, only(functions, count, "embed"), environment[BINQ_ENV_CACHE], 2,
       (MlirValue[]){tokens, rows[at]});
  MlirValue places =
      binq_emit_multiply(e, environment[BINQ_ENV_SEQUENCES], environment[BINQ_ENV_CAPACITY]);
  int64_t before = 0;
  for (int i = 0; i < count; i++) {
    if (!has_role(&functions[i], "layer"))
      continue;
    MlirValue start = binq_emit_multiply(e, places, binq_emit_index(e, before));
    MlirValue size = binq_emit_multiply(e, places, binq_emit_index(e, functions[i].cache));
    MlirValue cache = binq_emit_view(e, environment[BINQ_ENV_CACHE], start, i8, size);
    call(e, &functions[i], cache, 3, (MlirValue[]){rows[at], positions, rows[1 - at]});
    before += functions[i].cache;
    at = 1 - at;
  }
  binq_build_return(&e->builder, 0, NULL);
  return before;
}

/// The arguments of a function behind the environment have these types.
static bool takes(const binq_lowered_function *function, int count, const MlirType *types) {
  MlirBlock body = binq_function_body(function->callee);
  if (mlirBlockGetNumArguments(body) != BINQ_ENV_SIZE + count)
    return false;
  for (int i = 0; i < count; i++)
    if (!mlirTypeEqual(mlirValueGetType(mlirBlockGetArgument(body, BINQ_ENV_SIZE + i)), types[i]))
      return false;
  return true;
}

/// Whether the functions are those of a model, with the arguments that a model's have.
static binq_status check(MlirModule module, const binq_model_info *model,
                         const binq_lowered_function *functions, int count, const MlirType *ids,
                         const MlirType *floats) {
  MlirOperation op = mlirModuleGetOperation(module);
  const binq_lowered_function *embed = only(functions, count, "embed");
  const binq_lowered_function *head = only(functions, count, "head");
  if (!embed || !head)
    return binq_op_error(op, "needs one function of role \"embed\" and one of role \"head\"");
  bool as_expected = takes(embed, 2, (MlirType[]){*ids, *floats}) &&
                     takes(head, 2, (MlirType[]){*floats, *floats});
  int64_t layers = 0;
  for (int i = 0; i < count; i++)
    if (has_role(&functions[i], "layer")) {
      layers++;
      as_expected = as_expected && takes(&functions[i], 3, (MlirType[]){*floats, *ids, *floats});
    }
  if (!as_expected)
    return binq_op_error(op, "has a function whose arguments are not those of its role");
  if (layers != model->layer_count)
    return binq_op_error(op, "has %lld functions of role \"layer\" where its model has %lld layers",
                         (long long)layers, (long long)model->layer_count);
  return BINQ_OK;
}

binq_status binq_emit_entries(MlirModule module, const binq_lowered_function *functions, int count,
                              int64_t *workspace) {
  MlirContext context = mlirModuleGetContext(module);
  if (mlirAttributeIsNull(binq_attribute(mlirModuleGetOperation(module), BINQ_ATTR_MODEL)))
    return BINQ_OK;
  binq_model_info model;
  BINQ_TRY(binq_model_info_get(module, &model));
  MlirType ids = binq_memref_type(binq_integer(context, 32));
  MlirType floats = binq_memref_type(binq_f32(context));
  BINQ_TRY(check(module, &model, functions, count, &ids, &floats));

  binq_emitter e = {.module = module};
  begin(&e, "binq_forward", 3, (MlirType[]){ids, ids, floats});
  int64_t cache = emit_layers(&e, &model, functions, count, *workspace);
  mlirOperationSetAttributeByName(mlirModuleGetOperation(module),
                                  binq_str(BINQ_ATTR_CACHE_PER_POSITION),
                                  binq_i64_attribute(context, cache));
  *workspace += binq_row_stride(model.hidden_size) * (int64_t)sizeof(float);

  begin(&e, "binq_head", 2, (MlirType[]){floats, floats});
  call(&e, only(functions, count, "head"), e.environment[BINQ_ENV_CACHE], 2,
       (MlirValue[]){binq_emit_argument(&e, 0), binq_emit_argument(&e, 1)});
  binq_build_return(&e.builder, 0, NULL);
  return BINQ_OK;
}
