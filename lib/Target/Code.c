// LLVM IR to objects: the model's functions for every instruction set and the runtime become one
// module, whose only global symbols are the model's interface, so that everything else can be
// inlined, specialized or dropped.
#include "Internal.h"
#include "binq/Support/Memory.h"
#include "mlir-c/RegisterEverything.h"
#include "mlir-c/Target/LLVMIR.h"
#include "llvm-c/Analysis.h"
#include "llvm-c/BitReader.h"
#include "llvm-c/Error.h"
#include "llvm-c/Linker.h"
#include "llvm-c/Target.h"
#include "llvm-c/TargetMachine.h"
#include "llvm-c/Transforms/PassBuilder.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "binq_"
#define INTERFACE "_mlir_ciface_" // what MLIR puts before the names of C interfaces

/// One compilation. `error` is LLVM's first complaint.
typedef struct {
  const binq_platform *platform;
  LLVMContextRef context;
  LLVMModuleRef code;
  LLVMTargetMachineRef machine;
  char *error;
} compilation;

static void remember_error(LLVMDiagnosticInfoRef diagnostic, void *user) {
  compilation *c = user;
  if (LLVMGetDiagInfoSeverity(diagnostic) != LLVMDSError || c->error)
    return;
  c->error = LLVMGetDiagInfoDescription(diagnostic);
}

/// An error that quotes LLVM's message and frees it.
static binq_status llvm_error(const char *doing, char *message) {
  binq_status status = binq_errorf("%s: %s", doing, message && *message ? message : "LLVM failed");
  LLVMDisposeMessage(message);
  return status;
}

static void initialize_targets(void) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  LLVMInitializeX86AsmParser(); // the runtime has inline assembly
  LLVMInitializeAArch64TargetInfo();
  LLVMInitializeAArch64Target();
  LLVMInitializeAArch64TargetMC();
  LLVMInitializeAArch64AsmPrinter();
  LLVMInitializeAArch64AsmParser();
}

/// Functions say themselves what they are compiled for; the machine is what all have.
static binq_status begin(compilation *c, const binq_platform *platform) {
  *c = (compilation){.platform = platform};
  initialize_targets();
  LLVMTargetRef target;
  char *message = NULL;
  if (LLVMGetTargetFromTriple(platform->triple, &target, &message))
    return llvm_error("this LLVM does not compile for the target", message);
  c->machine =
      LLVMCreateTargetMachine(target, platform->triple, platform->baseline, "",
                              LLVMCodeGenLevelAggressive, LLVMRelocPIC, LLVMCodeModelSmall);
  c->context = LLVMContextCreate();
  LLVMContextSetDiagnosticHandler(c->context, remember_error, c);
  return BINQ_OK;
}

static void end(compilation *c) {
  if (c->code)
    LLVMDisposeModule(c->code);
  if (c->context)
    LLVMContextDispose(c->context);
  if (c->machine)
    LLVMDisposeTargetMachine(c->machine);
  LLVMDisposeMessage(c->error);
}

static binq_status load_bitcode(const compilation *c, const binq_bitcode *bitcode,
                                LLVMModuleRef *out) {
  LLVMMemoryBufferRef bytes = LLVMCreateMemoryBufferWithMemoryRange(
      bitcode->begin, (size_t)(bitcode->end - bitcode->begin), "runtime", 0);
  LLVMBool failed = LLVMParseBitcodeInContext2(c->context, bytes, out);
  LLVMDisposeMemoryBuffer(bytes);
  return failed ? binq_errorf("the runtime inside this compiler is damaged") : BINQ_OK;
}

/// Declaration and definition must agree, or calls would go wrong without a word.
static binq_status check_entry(LLVMModuleRef code, const char *symbol, unsigned arguments) {
  const char *name = symbol + strlen(INTERFACE);
  LLVMValueRef function = LLVMGetNamedFunction(code, symbol);
  if (!function || LLVMIsDeclaration(function))
    return binq_errorf("the module does not define @%s with llvm.emit_c_interface", name);
  if (LLVMCountParams(function) != arguments)
    return binq_errorf("@%s has %u arguments in its C interface, not %u", name,
                       LLVMCountParams(function), arguments);
  return BINQ_OK;
}

/// Once the runtime is there, nothing of ours may be missing: a graph that is not quantized, say,
/// calls functions that only the compiler has.
static binq_status check_calls(LLVMModuleRef code) {
  size_t length;
  for (LLVMValueRef f = LLVMGetFirstFunction(code); f; f = LLVMGetNextFunction(f)) {
    const char *name = LLVMGetValueName2(f, &length);
    if (strncmp(name, INTERFACE, strlen(INTERFACE)) == 0)
      name += strlen(INTERFACE);
    if (LLVMIsDeclaration(f) && LLVMGetFirstUse(f) && strncmp(name, PREFIX, strlen(PREFIX)) == 0)
      return binq_errorf("the module calls @%s, which the runtime does not have", name);
  }
  return BINQ_OK;
}

static binq_status translate(const compilation *c, MlirModule module, LLVMModuleRef *out) {
  mlirRegisterAllLLVMTranslations(mlirModuleGetContext(module));
  *out = mlirTranslateModuleToLLVMIR(mlirModuleGetOperation(module), c->context);
  if (!*out)
    return binq_errorf("the module cannot be translated to LLVM IR");
  LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(c->machine);
  LLVMSetModuleDataLayout(*out, layout);
  LLVMDisposeTargetData(layout);
  LLVMSetTarget(*out, c->platform->triple);
  return BINQ_OK;
}

/// Compiles a function for an instruction set, in a schedule that suits most CPUs that have it. It
/// does not unwind.
static void set_isa(LLVMValueRef function, const binq_isa *isa) {
  const LLVMAttributeIndex place = (LLVMAttributeIndex)LLVMAttributeFunctionIndex;
  const char *const strings[][2] = {
      {"target-cpu", isa->cpu}, {"target-features", isa->features}, {"tune-cpu", "generic"}};
  LLVMContextRef context = LLVMGetModuleContext(LLVMGetGlobalParent(function));
  unsigned nounwind = LLVMGetEnumAttributeKindForName("nounwind", strlen("nounwind"));
  for (size_t i = 0; i < sizeof strings / sizeof *strings; ++i)
    LLVMAddAttributeAtIndex(
        function, place,
        LLVMCreateStringAttribute(context, strings[i][0], (unsigned)strlen(strings[i][0]),
                                  strings[i][1], (unsigned)strlen(strings[i][1])));
  LLVMAddAttributeAtIndex(function, place, LLVMCreateEnumAttribute(context, nounwind, 0));
}

/// Sets the functions of a module apart from those of the same name for other instruction sets.
static void separate(LLVMModuleRef code, const binq_isa *isa) {
  char name[BINQ_LEVEL_NAME_SIZE];
  size_t length;
  for (LLVMValueRef f = LLVMGetFirstFunction(code); f; f = LLVMGetNextFunction(f)) {
    if (LLVMIsDeclaration(f))
      continue;
    set_isa(f, isa);
    binq_target_level_name(LLVMGetValueName2(f, &length), isa, name);
    LLVMSetValueName2(f, name, strlen(name));
  }
}

/// Gives a function of the interface the model's name.
static void rename_function(LLVMValueRef function, const char *name) {
  char symbol[256];
  size_t length;
  const char *old = LLVMGetValueName2(function, &length);
  int size = snprintf(symbol, sizeof symbol, "%s_%s", name, old + strlen(PREFIX));
  LLVMSetValueName2(function, symbol, (size_t)size);
}

static bool has_prefix(LLVMValueRef function) {
  size_t length;
  return strncmp(LLVMGetValueName2(function, &length), PREFIX, strlen(PREFIX)) == 0;
}

static int compare_strings(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static binq_status add_symbol(binq_object *object, const char *symbol) {
  char *copy = strdup(symbol);
  if (!copy)
    return binq_errorf("out of memory");
  object->symbols[object->symbol_count++] = copy;
  return BINQ_OK;
}

/// Renames the interface, which is what the runtime leaves visible, and lists it.
static binq_status take_interface(LLVMModuleRef runtime, const char *name, binq_object *out) {
  size_t count = 0, length;
  for (LLVMValueRef f = LLVMGetFirstFunction(runtime); f; f = LLVMGetNextFunction(f))
    ++count;
  BINQ_TRY(binq_allocate(count, sizeof *out->symbols, "symbols", &out->symbols));
  for (LLVMValueRef f = LLVMGetFirstFunction(runtime); f; f = LLVMGetNextFunction(f)) {
    if (LLVMIsDeclaration(f) || LLVMGetLinkage(f) != LLVMExternalLinkage ||
        LLVMGetVisibility(f) != LLVMDefaultVisibility)
      continue;
    rename_function(f, name);
    BINQ_TRY(add_symbol(out, LLVMGetValueName2(f, &length)));
  }
  qsort(out->symbols, out->symbol_count, sizeof *out->symbols, compare_strings);
  return BINQ_OK;
}

/// Whether `symbols`, sorted, hold the name of a value.
static bool is_listed(LLVMValueRef value, const binq_object *object) {
  size_t length;
  const char *name = LLVMGetValueName2(value, &length);
  return bsearch(&name, object->symbols, object->symbol_count, sizeof *object->symbols,
                 compare_strings) != NULL;
}

static void make_internal(LLVMValueRef value, const binq_object *object) {
  if (LLVMIsDeclaration(value) || is_listed(value, object))
    return;
  LLVMSetVisibility(value, LLVMDefaultVisibility); // internal symbols may have no other
  LLVMSetLinkage(value, LLVMInternalLinkage);
}

/// Optimizes c->code and makes an object of it whose only global symbols are those listed.
static binq_status finish(compilation *c, const char *name, binq_object *object) {
  char *message = NULL;
  for (LLVMValueRef f = LLVMGetFirstFunction(c->code); f; f = LLVMGetNextFunction(f))
    make_internal(f, object);
  for (LLVMValueRef g = LLVMGetFirstGlobal(c->code); g; g = LLVMGetNextGlobal(g))
    make_internal(g, object);
  LLVMSetSourceFileName(c->code, name, strlen(name));
  if (LLVMVerifyModule(c->code, LLVMReturnStatusAction, &message))
    return llvm_error("the linked LLVM IR is invalid", message);
  LLVMDisposeMessage(message);
  LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
  LLVMErrorRef error = LLVMRunPasses(c->code, "default<O3>", c->machine, options);
  LLVMDisposePassBuilderOptions(options);
  if (error) {
    message = LLVMGetErrorMessage(error);
    binq_status status = binq_errorf("optimizing: %s", message);
    LLVMDisposeErrorMessage(message);
    return status;
  }
  message = NULL;
  if (LLVMTargetMachineEmitToMemoryBuffer(c->machine, c->code, LLVMObjectFile, &message,
                                          &object->bytes))
    return llvm_error("writing the object", message);
  return c->error ? binq_errorf("LLVM: %s", c->error) : BINQ_OK;
}

/// Links the model's code for one instruction set to c->code.
static binq_status link_level(const compilation *c, MlirModule module, const binq_isa *isa) {
  LLVMModuleRef level;
  BINQ_TRY(translate(c, module, &level));
  binq_status status = check_entry(level, BINQ_FORWARD_ENTRY, 14);
  if (!status)
    status = check_entry(level, BINQ_HEAD_ENTRY, 13);
  if (status) {
    LLVMDisposeModule(level);
    return status;
  }
  separate(level, isa);
  if (LLVMLinkModules2(c->code, level)) // which frees the level
    return binq_errorf("linking with the runtime: %s", c->error ? c->error : "LLVM failed");
  return BINQ_OK;
}

binq_status binq_target_compile(const MlirModule *modules, const binq_target_model *model,
                                binq_object *out) {
  compilation c;
  *out = (binq_object){0};
  binq_status status = begin(&c, model->platform);
  if (!status)
    status = load_bitcode(&c, &model->platform->runtime, &c.code);
  if (!status)
    status = take_interface(c.code, model->name, out);
  for (size_t i = 0; i < model->isa_count && !status; ++i)
    status = link_level(&c, modules[i], model->isas[i]);
  if (!status)
    status = check_calls(c.code);
  if (!status) {
    binq_target_define_constants(c.code, model);
    status = finish(&c, model->name, out);
  }
  end(&c);
  return status;
}

binq_status binq_target_compile_program(const binq_target_model *model, binq_object *out) {
  compilation c;
  *out = (binq_object){0};
  binq_status status = begin(&c, model->platform);
  if (!status)
    status = load_bitcode(&c, &model->platform->program, &c.code);
  if (!status)
    status = binq_allocate(1, sizeof *out->symbols, "symbols", &out->symbols);
  if (!status)
    status = add_symbol(out, "main");
  if (!status) {
    binq_target_model without_code = *model; // which the archive has
    without_code.isa_count = 0;
    binq_target_define_constants(c.code, &without_code);
    for (LLVMValueRef f = LLVMGetFirstFunction(c.code); f; f = LLVMGetNextFunction(f))
      if (LLVMIsDeclaration(f) && has_prefix(f))
        rename_function(f, model->name);
    status = finish(&c, model->name, out);
  }
  end(&c);
  return status;
}

void binq_object_free(binq_object *object) {
  if (object->bytes)
    LLVMDisposeMemoryBuffer(object->bytes);
  for (size_t i = 0; i < object->symbol_count; ++i)
    free(object->symbols[i]);
  free(object->symbols);
  *object = (binq_object){0};
}
