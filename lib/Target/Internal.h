/// What the files of this room share.
#ifndef BINQ_TARGET_INTERNAL_H
#define BINQ_TARGET_INTERNAL_H

#include "binq/Checkpoint/Parameters.h"
#include "binq/Support/File.h"
#include "binq/Target/Target.h"
#include "runtime/Isa.h"
#include "llvm-c/Core.h"
#include <stddef.h>

/// Bitcode that is part of the compiler.
typedef struct {
  const char *begin, *end;
} binq_bitcode;

/// A system that models are compiled for.
typedef struct {
  const char *name;              ///< as runtime/Isa.h has it
  const char *triple;            ///< what LLVM calls it
  const char *baseline;          ///< the CPU that every one of the system's has the instructions of
  const char *compiler;          ///< the command that links programs, where CC names none
  uint16_t elf_machine;          ///< of object files
  uint64_t weights_flags;        ///< of the section of the weights, besides those of any
  binq_bitcode runtime, program; ///< the program is the one that comes with a model
} binq_platform;

/// The one of that name, which is the target of an instruction set.
const binq_platform *binq_platform_of(const char *target);

/// What is put into code and header of a model.
typedef struct {
  const binq_platform *platform;
  const char *name; ///< of the symbols
  char *title;      ///< the model's own name and its licence, one line of printable ASCII
  const binq_isa *isas[BINQ_ISA_COUNT]; ///< what there is code for, from the least to the most
  size_t isa_count;
  bool embedded;          ///< the weights are in the archive
  const uint8_t *weights; ///< in the mapped parameter file
  uint64_t weights_size;
  uint8_t weights_hash[32];
  int64_t tokenizer_offset, tokenizer_size; ///< within the weights
  int64_t vocabulary_size, hidden_size, layer_count, context_length, head_size;
  int64_t workspace_per_token, cache_per_position;
  int64_t bos, eos;
  int64_t text_size; ///< room for the text of any token, see binq_utf8_push
  double rope_base;
} binq_target_model;

/// Reads the attributes of the modules and looks for the tokenizer in `parameters`; everything but
/// embedded and weights_hash. `title` is freed with free().
binq_status binq_target_model_read(const MlirModule *modules, size_t count,
                                   const binq_parameters *parameters, const char *name,
                                   binq_target_model *out);

/// The names of the instruction sets: "x86-64-v2, x86-64-v3".
enum { BINQ_ISA_NAMES_SIZE = 32 * BINQ_ISA_COUNT };
void binq_target_isa_names(const binq_target_model *model, char out[BINQ_ISA_NAMES_SIZE]);

/// Two big models in one program may be further apart than 2 GiB, which other sections of a program
/// must not be. So weights are in a section for large data: linkers for x86-64 put it away from the
/// rest, and code reaches it by 64-bit addresses. On AArch64 anything may be 4 GiB away.
#define BINQ_WEIGHTS_SECTION ".lrodata.weights"

/// Defines the constant binq_constants (runtime/Model.h) in an LLVM module, which may declare it
/// already. The module has the entries of every instruction set of the model's.
void binq_target_define_constants(LLVMModuleRef code, const binq_target_model *model);

/// What a function that is compiled for an instruction set is called.
enum { BINQ_LEVEL_NAME_SIZE = 256 };
void binq_target_level_name(const char *function, const binq_isa *isa,
                            char out[BINQ_LEVEL_NAME_SIZE]);

/// The entries of a module, as its C interface has them.
#define BINQ_FORWARD_ENTRY "_mlir_ciface_binq_forward"
#define BINQ_HEAD_ENTRY "_mlir_ciface_binq_head"

/// An object file and its global symbols.
typedef struct {
  LLVMMemoryBufferRef bytes;
  char **symbols; ///< sorted
  size_t symbol_count;
} binq_object;
void binq_object_free(binq_object *object);

/// Compiles the modules, one for each of the model's instruction sets, together with the runtime;
/// the symbols are the model's interface.
binq_status binq_target_compile(const MlirModule *modules, const binq_target_model *model,
                                binq_object *out);

/// Compiles the program that comes with a model.
binq_status binq_target_compile_program(const binq_target_model *model, binq_object *out);

/// A part of an archive: `size` bytes that `write` appends to the output.
typedef struct {
  const char *name; ///< at most 15 characters
  uint64_t size;
  size_t symbol_count;
  char *const *symbols;
  binq_status (*write)(binq_output *output, const void *source);
  const void *source;
} binq_archive_member;

/// Writes a whole archive with an index of its symbols, in the form of GNU ar; without times and
/// owners.
binq_status binq_archive_write(binq_output *output, const binq_archive_member *members,
                               size_t count);

/// The size of binq_weights_object_write's object file.
uint64_t binq_weights_object_size(const binq_target_model *model);

/// Appends an ELF object file that has the weights as its only, hidden symbol NAME_weights.
binq_status binq_weights_object_write(binq_output *output, const binq_target_model *model);

/// Appends the bytes of the weights alone. Little of them stays in memory.
binq_status binq_weights_write(binq_output *output, const binq_target_model *model);

/// Their hash (runtime/Hash.h), likewise.
void binq_weights_hash(const binq_target_model *model, uint8_t out[32]);

/// Writes NAME.h at `path`.
binq_status binq_target_write_header(const char *path, const binq_target_model *model);

/// Links object and archive to a program by the C compiler; everything is named by its path.
binq_status binq_target_link(const binq_platform *platform, const char *object, const char *archive,
                             const char *program);

#endif
