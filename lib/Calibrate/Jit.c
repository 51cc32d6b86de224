// Compiling in memory, by LLVM's ORC. MLIR's own execution engine would leave a profile of the code
// in the user's folders and print its errors.
#include "binq/Calibrate/Jit.h"

#include "binq/Dialect/Dialect.h"
#include "binq/Dialect/IR.h"
#include "binq/Support/Memory.h"
#include "mlir-c/RegisterEverything.h"
#include "mlir-c/Target/LLVMIR.h"
#include "runtime/Isa.h"
#include "llvm-c/Analysis.h"
#include "llvm-c/Error.h"
#include "llvm-c/LLJIT.h"
#include "llvm-c/Orc.h"
#include "llvm-c/Target.h"
#include "llvm-c/TargetMachine.h"
#include "llvm-c/Transforms/PassBuilder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIPLE "x86_64-unknown-linux-gnu"
#define ENTRY_PREFIX "entry of "
#define INTERFACE_PREFIX "_mlir_ciface_"

enum { SYMBOL_MAX = 16, ARGUMENT_MAX = 64 };

struct binq_jit {
  LLVMOrcLLJITRef engine;
};

/// A module on its way into the engine.
typedef struct {
  LLVMContextRef context;
  LLVMModuleRef code;
  LLVMTargetMachineRef machine;
} compilation;

static binq_status orc_error(const char *doing, LLVMErrorRef error) {
  if (!error)
    return BINQ_OK;
  char *message = LLVMGetErrorMessage(error);
  binq_status status = binq_errorf("%s: %s", doing, message);
  LLVMDisposeErrorMessage(message);
  return status;
}

/// The instruction set that the module was lowered for.
static const binq_isa *isa_of(MlirModule module) {
  MlirStringRef name;
  MlirAttribute attribute = binq_attribute(mlirModuleGetOperation(module), BINQ_ATTR_ISA);
  if (!binq_attribute_string(attribute, &name))
    name = binq_str(BINQ_JIT_ISA);
  return binq_isa_find(name.data, name.length);
}

static binq_status create_machine(const binq_isa *isa, LLVMTargetMachineRef *out) {
  binq_cpu cpu = binq_cpu_read();
  if (!isa || strcmp(isa->target, "x86_64-linux-gnu") != 0 || !binq_cpu_has(&cpu, &isa->needs))
    return binq_errorf("this CPU cannot run code for %s; lower for another instruction set",
                       isa ? isa->name : "the instruction set that binq.isa names");

  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  LLVMTargetRef target = NULL;
  char *message = NULL;
  if (LLVMGetTargetFromTriple(TRIPLE, &target, &message)) {
    binq_status status = binq_errorf("cannot compile for " TRIPLE ": %s", message);
    LLVMDisposeMessage(message);
    return status;
  }
  *out = LLVMCreateTargetMachine(target, TRIPLE, isa->cpu, isa->features,
                                 LLVMCodeGenLevelAggressive, LLVMRelocPIC, LLVMCodeModelJITDefault);
  return BINQ_OK;
}

/// The name of the entry to the function `name`, which is freed with free().
static binq_status make_entry_name(const char *name, char **out) {
  static const char prefix[] = ENTRY_PREFIX INTERFACE_PREFIX;
  size_t size = sizeof prefix + strlen(name);
  BINQ_TRY(binq_allocate(size, 1, "the name of a function", out));
  (void)snprintf(*out, size, "%s%s", prefix, name);
  return BINQ_OK;
}

/// Appends a function `name` that takes its arguments by an array of pointers and calls `callee`.
static void add_entry(LLVMModuleRef code, LLVMValueRef callee, const char *name) {
  LLVMContextRef context = LLVMGetModuleContext(code);
  LLVMTypeRef pointer = LLVMPointerTypeInContext(context, 0);
  LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(context), &pointer, 1, 0);
  LLVMValueRef entry = LLVMAddFunction(code, name, type);
  LLVMBuilderRef builder = LLVMCreateBuilderInContext(context);
  LLVMPositionBuilderAtEnd(builder, LLVMAppendBasicBlockInContext(context, entry, ""));
  unsigned count = LLVMCountParams(callee);
  LLVMValueRef arguments[ARGUMENT_MAX];
  for (unsigned i = 0; i < count; i++) {
    LLVMValueRef index = LLVMConstInt(LLVMInt64TypeInContext(context), i, 0);
    LLVMValueRef place =
        LLVMBuildInBoundsGEP2(builder, pointer, LLVMGetParam(entry, 0), &index, 1, "");
    LLVMValueRef argument = LLVMBuildLoad2(builder, pointer, place, "");
    arguments[i] = LLVMBuildLoad2(builder, LLVMTypeOf(LLVMGetParam(callee, i)), argument, "");
  }
  (void)LLVMBuildCall2(builder, LLVMGlobalGetValueType(callee), callee, arguments, count, "");
  (void)LLVMBuildRetVoid(builder);
  LLVMDisposeBuilder(builder);
}

/// Entries for all functions with a C interface, which return nothing.
static binq_status add_entries(LLVMModuleRef code) {
  static const char interface[] = INTERFACE_PREFIX;
  size_t length = 0;
  LLVMValueRef last = LLVMGetLastFunction(code);
  for (LLVMValueRef f = LLVMGetFirstFunction(code); f; f = LLVMGetNextFunction(f)) {
    const char *name = LLVMGetValueName2(f, &length);
    if (!LLVMIsDeclaration(f) && strncmp(name, interface, strlen(interface)) == 0) {
      if (LLVMCountParams(f) > ARGUMENT_MAX)
        return binq_errorf("%s has more than %d arguments", name, ARGUMENT_MAX);
      char *entry;
      BINQ_TRY(make_entry_name(name + strlen(interface), &entry));
      add_entry(code, f, entry);
      free(entry);
    }
    if (f == last)
      break;
  }
  return BINQ_OK;
}

static binq_status translate(compilation *c, MlirModule module) {
  mlirRegisterAllLLVMTranslations(mlirModuleGetContext(module));
  c->code = mlirTranslateModuleToLLVMIR(mlirModuleGetOperation(module), c->context);
  if (!c->code)
    return binq_errorf("the module cannot be translated to LLVM IR");
  LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(c->machine);
  LLVMSetModuleDataLayout(c->code, layout);
  LLVMDisposeTargetData(layout);
  LLVMSetTarget(c->code, TRIPLE);
  BINQ_TRY(add_entries(c->code));
  LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
  LLVMErrorRef error = LLVMRunPasses(c->code, "default<O3>", c->machine, options);
  LLVMDisposePassBuilderOptions(options);
  return orc_error("optimizing", error);
}

static binq_status define_symbols(const binq_jit *jit, const binq_jit_symbol *symbols,
                                  size_t count) {
  LLVMOrcCSymbolMapPair pairs[SYMBOL_MAX];
  if (count == 0)
    return BINQ_OK;
  if (count > SYMBOL_MAX)
    return binq_errorf("more than %d symbols for compiled code", SYMBOL_MAX);
  for (size_t i = 0; i < count; i++) {
    pairs[i].Name = LLVMOrcLLJITMangleAndIntern(jit->engine, symbols[i].name);
    pairs[i].Sym = (LLVMJITEvaluatedSymbol){
        (LLVMOrcExecutorAddress)symbols[i].address,
        {LLVMJITSymbolGenericFlagsExported | LLVMJITSymbolGenericFlagsCallable, 0}};
  }
  return orc_error("defining symbols for compiled code",
                   LLVMOrcJITDylibDefine(LLVMOrcLLJITGetMainJITDylib(jit->engine),
                                         LLVMOrcAbsoluteSymbols(pairs, count)));
}

/// What went wrong is told by the call that it happened in; nothing is printed.
static void drop_error(void *user, LLVMErrorRef error) {
  LLVMConsumeError(error);
}

/// An engine for the machine, which it takes.
static binq_status create_engine(LLVMTargetMachineRef machine, LLVMOrcLLJITRef *out) {
  LLVMOrcLLJITBuilderRef builder = LLVMOrcCreateLLJITBuilder();
  LLVMOrcLLJITBuilderSetJITTargetMachineBuilder(
      builder, LLVMOrcJITTargetMachineBuilderCreateFromTargetMachine(machine));
  BINQ_TRY(orc_error("starting the compiler in memory", LLVMOrcCreateLLJIT(out, builder)));
  LLVMOrcExecutionSessionSetErrorReporter(LLVMOrcLLJITGetExecutionSession(*out), drop_error, NULL);
  return BINQ_OK;
}

/// Hands the code over to the engine; both are the engine's from then on.
static binq_status add_code(binq_jit *jit, compilation *c) {
  LLVMOrcThreadSafeContextRef context =
      LLVMOrcCreateNewThreadSafeContextFromLLVMContext(c->context);
  LLVMOrcThreadSafeModuleRef module = LLVMOrcCreateNewThreadSafeModule(c->code, context);
  LLVMOrcDisposeThreadSafeContext(context);
  c->context = NULL;
  c->code = NULL;
  LLVMErrorRef error =
      LLVMOrcLLJITAddLLVMIRModule(jit->engine, LLVMOrcLLJITGetMainJITDylib(jit->engine), module);
  if (error)
    LLVMOrcDisposeThreadSafeModule(module);
  return orc_error("compiling in memory", error);
}

static binq_status compile(binq_jit *jit, compilation *c, MlirModule module) {
  BINQ_TRY(create_machine(isa_of(module), &c->machine));
  c->context = LLVMContextCreate();
  BINQ_TRY(translate(c, module));
  LLVMTargetMachineRef machine = c->machine;
  c->machine = NULL;
  BINQ_TRY(create_engine(machine, &jit->engine));
  return add_code(jit, c);
}

binq_status binq_jit_create(MlirModule module, const binq_jit_symbol *symbols, size_t count,
                            binq_jit **out) {
  binq_jit *jit = NULL;
  BINQ_TRY(binq_allocate(1, sizeof *jit, "compiled code", &jit));
  compilation c = {0};
  binq_status status = compile(jit, &c, module);
  if (!status)
    status = define_symbols(jit, symbols, count);
  if (c.code)
    LLVMDisposeModule(c.code);
  if (c.context)
    LLVMContextDispose(c.context);
  if (c.machine)
    LLVMDisposeTargetMachine(c.machine);
  if (status)
    binq_jit_destroy(jit);
  else
    *out = jit;
  return status;
}

void binq_jit_destroy(binq_jit *jit) {
  if (!jit)
    return;
  if (jit->engine)
    LLVMConsumeError(LLVMOrcDisposeLLJIT(jit->engine));
  free(jit);
}

binq_status binq_jit_find(const binq_jit *jit, const char *name, void (**out)(void **arguments)) {
  char *entry;
  BINQ_TRY(make_entry_name(name, &entry));
  LLVMOrcExecutorAddress address = 0;
  LLVMErrorRef error = LLVMOrcLLJITLookup(jit->engine, &address, entry);
  free(entry);
  BINQ_TRY(orc_error(name, error));
  *out = (void (*)(void **))address; // NOLINT(performance-no-int-to-ptr): so LLVM tells it
  return BINQ_OK;
}
