// The constants of a model: read from the module's attributes and the parameter file, written as a
// global of the code.
#include "Internal.h"
#include "binq/Dialect/Dialect.h"
#include "runtime/Model.h"
#include "runtime/Tokenizer.h"
#include <stdio.h>
#include <string.h>

/// The model's own name and its licence as a part of a comment: one line of plain characters.
static binq_status make_title(const binq_model_info *info, const char *name, char **out) {
  MlirStringRef title = info->name.length ? info->name : mlirStringRefCreateFromCString(name);
  bool is_licensed = info->license.length != 0;
  int length = asprintf(out, "%.*s%s%.*s%s", BINQ_STR_ARGS(title), is_licensed ? " (licence: " : "",
                        BINQ_STR_ARGS(info->license), is_licensed ? ")" : "");
  if (length < 0) {
    *out = NULL;
    return binq_errorf("out of memory");
  }
  for (char *c = *out; *c; ++c)
    if (*c < ' ' || *c > '~' || *c == '\\')
      *c = ' ';
  return BINQ_OK;
}

/// Room that binq_utf8_push needs for any token, and a NUL.
static int64_t text_size_of(const binq_tokenizer *tokenizer) {
  size_t longest = 0;
  for (int64_t token = 0; token < tokenizer->token_count; ++token) {
    const uint8_t *bytes;
    size_t length;
    if (!binq_tokenizer_token_bytes(tokenizer, token, &bytes, &length) && length > longest)
      longest = length;
  }
  return 3 * (int64_t)longest + 9 + 1;
}

static binq_status read_tokenizer(const binq_parameters *parameters, binq_target_model *out) {
  const binq_parameter *tables = binq_parameters_find(parameters, "tokenizer");
  binq_tokenizer tokenizer;
  if (!tables)
    return binq_errorf("the parameter file has no tensor 'tokenizer'");
  if (binq_tokenizer_open(tables->data, tables->size, &tokenizer))
    return binq_errorf("the tensor 'tokenizer' of the parameter file is damaged");
  out->tokenizer_offset = (int64_t)tables->offset;
  out->tokenizer_size = (int64_t)tables->size;
  out->text_size = text_size_of(&tokenizer);
  return BINQ_OK;
}

/// A size by which numbers of tokens can be multiplied.
static binq_status read_size(MlirOperation module, const char *name, int64_t *out) {
  BINQ_TRY(binq_get_integer(module, name, out));
  const int64_t most = INT64_C(1) << 40; // a piece's needs cannot overflow then
  if (*out < 0 || *out > most)
    return binq_op_error(module, "%s is out of range", name);
  return BINQ_OK;
}

/// Adds an instruction set. There is room for what any of them needs: the one that runs is not
/// known.
static binq_status read_level(MlirModule module, binq_target_model *out) {
  MlirStringRef name;
  int64_t workspace, cache;
  MlirOperation op = mlirModuleGetOperation(module);
  BINQ_TRY(binq_get_string(op, BINQ_ATTR_ISA, &name));
  const binq_isa *isa = binq_isa_find(name.data, name.length);
  if (!isa || (out->isa_count && (isa <= out->isas[out->isa_count - 1] ||
                                  strcmp(isa->target, out->isas[0]->target) != 0)))
    return binq_op_error(op,
                         "is for '%.*s', which is no instruction set, or out of order, or of "
                         "another target",
                         BINQ_STR_ARGS(name));
  BINQ_TRY(read_size(op, "binq.workspace_per_token", &workspace));
  BINQ_TRY(read_size(op, "binq.cache_per_position", &cache));
  out->platform = binq_platform_of(isa->target);
  out->isas[out->isa_count++] = isa;
  if (out->workspace_per_token < workspace)
    out->workspace_per_token = workspace;
  if (out->cache_per_position < cache)
    out->cache_per_position = cache;
  return BINQ_OK;
}

binq_status binq_target_model_read(const MlirModule *modules, size_t count,
                                   const binq_parameters *parameters, const char *name,
                                   binq_target_model *out) {
  binq_model_info info;
  size_t size;
  *out = (binq_target_model){.name = name};
  BINQ_TRY(binq_model_info_get(modules[0], &info));
  for (size_t i = 0; i < count; ++i)
    BINQ_TRY(read_level(modules[i], out));
  BINQ_TRY(read_tokenizer(parameters, out));
  out->weights = binq_parameters_data(parameters, &size);
  out->weights_size = size;
  out->vocabulary_size = info.vocabulary_size;
  out->hidden_size = info.hidden_size;
  out->layer_count = info.layer_count;
  out->context_length = info.context_length;
  out->head_size = info.head_size;
  out->bos = info.bos;
  out->eos = info.eos;
  out->rope_base = info.rope_base;
  return make_title(&info, name, &out->title);
}

void binq_target_isa_names(const binq_target_model *model, char out[BINQ_ISA_NAMES_SIZE]) {
  size_t used = 0;
  out[0] = 0;
  for (size_t i = 0; i < model->isa_count && used < BINQ_ISA_NAMES_SIZE; ++i)
    used += (size_t)snprintf(out + used, BINQ_ISA_NAMES_SIZE - used, "%s%s", i ? ", " : "",
                             model->isas[i]->name);
}

void binq_target_level_name(const char *function, const binq_isa *isa,
                            char out[BINQ_LEVEL_NAME_SIZE]) {
  snprintf(out, BINQ_LEVEL_NAME_SIZE, "%s.%s", function, isa->name);
}

/// A private constant.
static LLVMValueRef define_private(LLVMModuleRef code, LLVMValueRef value) {
  LLVMValueRef global = LLVMAddGlobal(code, LLVMTypeOf(value), "");
  LLVMSetInitializer(global, value);
  LLVMSetLinkage(global, LLVMPrivateLinkage);
  LLVMSetGlobalConstant(global, 1);
  LLVMSetUnnamedAddress(global, LLVMGlobalUnnamedAddr);
  return global;
}

static LLVMValueRef define_bytes(LLVMModuleRef code, const void *bytes, size_t size) {
  return define_private(
      code, LLVMConstStringInContext2(LLVMGetModuleContext(code), (const char *)bytes, size, 1));
}

static LLVMValueRef define_string(LLVMModuleRef code, const char *text) {
  return define_bytes(code, text, strlen(text) + 1);
}

static LLVMValueRef define_cpu_message(LLVMModuleRef code, const binq_target_model *model) {
  char names[BINQ_ISA_NAMES_SIZE], text[BINQ_ISA_NAMES_SIZE + 160];
  binq_target_isa_names(model, names);
  snprintf(text, sizeof text,
           "this CPU has none of the instruction sets %s, or not the one that the environment "
           "variable " BINQ_ISA_VARIABLE " names",
           names);
  return define_string(code, text);
}

/// A binq_level.
static LLVMValueRef level_of(LLVMModuleRef code, const binq_isa *isa) {
  LLVMContextRef context = LLVMGetModuleContext(code);
  LLVMTypeRef word = LLVMInt32TypeInContext(context);
  uint32_t words[sizeof isa->needs / sizeof(uint32_t)];
  LLVMValueRef needs[sizeof words / sizeof *words];
  char forward[BINQ_LEVEL_NAME_SIZE], head[BINQ_LEVEL_NAME_SIZE];
  memcpy(words, &isa->needs, sizeof words);
  for (size_t i = 0; i < sizeof words / sizeof *words; ++i)
    needs[i] = LLVMConstInt(word, words[i], 0);
  binq_target_level_name(BINQ_FORWARD_ENTRY, isa, forward);
  binq_target_level_name(BINQ_HEAD_ENTRY, isa, head);
  LLVMValueRef fields[] = {define_string(code, isa->name),
                           LLVMConstArray2(word, needs, sizeof words / sizeof *words),
                           LLVMGetNamedFunction(code, forward), LLVMGetNamedFunction(code, head)};
  return LLVMConstStructInContext(context, fields, sizeof fields / sizeof *fields, 0);
}

static LLVMValueRef define_levels(LLVMModuleRef code, const binq_target_model *model) {
  LLVMValueRef levels[BINQ_ISA_COUNT];
  if (model->isa_count == 0)
    return LLVMConstNull(LLVMPointerTypeInContext(LLVMGetModuleContext(code), 0));
  for (size_t i = 0; i < model->isa_count; ++i)
    levels[i] = level_of(code, model->isas[i]);
  return define_private(code, LLVMConstArray2(LLVMTypeOf(levels[0]), levels, model->isa_count));
}

static LLVMValueRef declare_weights(LLVMModuleRef code, const binq_target_model *model) {
  char symbol[96];
  LLVMTypeRef pointer = LLVMPointerTypeInContext(LLVMGetModuleContext(code), 0);
  if (!model->embedded)
    return LLVMConstNull(pointer);
  snprintf(symbol, sizeof symbol, "%s_weights", model->name);
  LLVMValueRef weights =
      LLVMAddGlobal(code, LLVMInt8TypeInContext(LLVMGetModuleContext(code)), symbol);
  LLVMSetVisibility(weights, LLVMHiddenVisibility);
  LLVMSetGlobalConstant(weights, 1);
  LLVMSetSection(weights, BINQ_WEIGHTS_SECTION); // which tells LLVM that it may be far away
  return weights;
}

void binq_target_define_constants(LLVMModuleRef code, const binq_target_model *model) {
  LLVMContextRef context = LLVMGetModuleContext(code);
  LLVMTypeRef integer = LLVMInt64TypeInContext(context);
#define INTEGER(value) LLVMConstInt(integer, (unsigned long long)(value), 1)
  LLVMValueRef fields[] = {
      define_string(code, model->name),
      define_levels(code, model),
      INTEGER(model->isa_count),
      define_cpu_message(code, model),
      declare_weights(code, model),
      define_bytes(code, model->weights_hash, sizeof model->weights_hash),
      INTEGER(model->weights_size),
      INTEGER(model->tokenizer_offset),
      INTEGER(model->tokenizer_size),
      INTEGER(model->vocabulary_size),
      INTEGER(model->hidden_size),
      INTEGER(model->layer_count),
      INTEGER(model->context_length),
      INTEGER(model->head_size),
      INTEGER(model->workspace_per_token),
      INTEGER(model->cache_per_position),
      INTEGER(model->text_size),
      LLVMConstReal(LLVMDoubleTypeInContext(context), model->rope_base),
  };
#undef INTEGER
  _Static_assert(sizeof fields / sizeof *fields * 8 == sizeof(binq_model_constants),
                 "a value for every field");
  LLVMValueRef value = LLVMConstStructInContext(context, fields, sizeof fields / sizeof *fields, 0);
  LLVMValueRef global = LLVMAddGlobal(code, LLVMTypeOf(value), "");
  LLVMSetInitializer(global, value);
  LLVMSetGlobalConstant(global, 1);
  LLVMSetAlignment(global, 8);
  LLVMValueRef declared = LLVMGetNamedGlobal(code, "binq_constants");
  if (declared) {
    LLVMReplaceAllUsesWith(declared, global);
    LLVMDeleteGlobal(declared);
  }
  LLVMSetValueName2(global, "binq_constants", strlen("binq_constants"));
  LLVMSetLinkage(global, LLVMInternalLinkage);
}
