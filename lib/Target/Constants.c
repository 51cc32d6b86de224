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

binq_status binq_target_model_read(MlirModule module, const binq_parameters *parameters,
                                   const char *name, binq_target_model *out) {
  binq_model_info info;
  size_t size;
  *out = (binq_target_model){.name = name};
  BINQ_TRY(binq_model_info_get(module, &info));
  MlirOperation op = mlirModuleGetOperation(module);
  BINQ_TRY(read_size(op, "binq.workspace_per_token", &out->workspace_per_token));
  BINQ_TRY(read_size(op, "binq.cache_per_position", &out->cache_per_position));
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

/// The constant weights_hash or name: private bytes.
static LLVMValueRef define_bytes(LLVMModuleRef code, const void *bytes, size_t size) {
  LLVMValueRef value =
      LLVMConstStringInContext2(LLVMGetModuleContext(code), (const char *)bytes, size, 1);
  LLVMValueRef global = LLVMAddGlobal(code, LLVMTypeOf(value), "");
  LLVMSetInitializer(global, value);
  LLVMSetLinkage(global, LLVMPrivateLinkage);
  LLVMSetGlobalConstant(global, 1);
  LLVMSetUnnamedAddress(global, LLVMGlobalUnnamedAddr);
  return global;
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
      define_bytes(code, model->name, strlen(model->name) + 1),
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
