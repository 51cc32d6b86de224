/// Small helpers over the MLIR C API: checked attribute getters, building, finding and walking
/// operations, and errors that belong to an operation. Misuse of the C API is undefined behaviour,
/// so whatever comes from a file goes through the checked forms here.
#ifndef BINQ_DIALECT_IR_H
#define BINQ_DIALECT_IR_H

#include "binq/Support/Status.h"
#include "mlir-c/BuiltinAttributes.h"
#include "mlir-c/BuiltinTypes.h"
#include "mlir-c/Diagnostics.h"
#include "mlir-c/IR.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// --- strings

static inline MlirStringRef binq_str(const char *text) {
  return mlirStringRefCreateFromCString(text);
}
/// Whether the string is this text.
bool binq_str_equal(MlirStringRef string, const char *text);
/// Arguments for "%.*s".
#define BINQ_STR_ARGS(string) (int)(string).length, (string).data

// --- types

/// A dimension whose size is known only at run time, as binq_tensor_shape reports it.
#define BINQ_DYNAMIC ((int64_t)-1)

/// Whether `type` is a ranked tensor of `rank` dimensions; fills shape[rank] (BINQ_DYNAMIC where
/// dynamic) if not NULL.
bool binq_tensor_shape(MlirType type, int rank, int64_t *shape);
/// Element type of a shaped type; a null type for any other.
MlirType binq_element_type(MlirType type);
/// Whether the type is f32; a null type is none.
bool binq_type_is_f32(MlirType type);
/// Whether the type is a signless integer of that width; a null type is none.
bool binq_type_is_integer(MlirType type, unsigned width);
/// tensor<rows x columns x f32>; BINQ_DYNAMIC makes a dynamic dimension.
MlirType binq_matrix_type(MlirContext context, int64_t rows, int64_t columns);
/// tensor<size x element>, likewise.
MlirType binq_vector_type(MlirType element, int64_t size);
/// f32.
MlirType binq_f32(MlirContext context);
/// i`width`.
MlirType binq_integer(MlirContext context, unsigned width);

// --- attributes

/// value : i64, and likewise.
MlirAttribute binq_i64_attribute(MlirContext context, int64_t value);
MlirAttribute binq_f32_attribute(MlirContext context, float value);
MlirAttribute binq_f64_attribute(MlirContext context, double value);
MlirAttribute binq_string_attribute(MlirContext context, const char *text);
/// name = attribute.
MlirNamedAttribute binq_named(MlirContext context, const char *name, MlirAttribute attribute);

/// The attribute of that name, of an operation or a dictionary; null if there is none (or no
/// dictionary).
MlirAttribute binq_attribute(MlirOperation op, const char *name);
MlirAttribute binq_dictionary_entry(MlirAttribute dictionary, const char *name);

/// Checked readings: false if the attribute is null or of another kind.
bool binq_attribute_integer(MlirAttribute attribute, int64_t *out);
bool binq_attribute_number(MlirAttribute attribute, double *out);
bool binq_attribute_string(MlirAttribute attribute, MlirStringRef *out);

/// The same of an operation's attribute; the error names it and is emitted at the operation.
binq_status binq_get_integer(MlirOperation op, const char *name, int64_t *out);
binq_status binq_get_number(MlirOperation op, const char *name, double *out);
binq_status binq_get_string(MlirOperation op, const char *name, MlirStringRef *out);

// --- operations

/// Whether the operation has that full name, "binq.linear" say.
bool binq_op_is(MlirOperation op, const char *name);
/// The full name of an operation; valid as long as the context.
MlirStringRef binq_op_name(MlirOperation op);
/// The operation that `value` is a result of; null for a block argument.
MlirOperation binq_defining_op(MlirValue value);

/// Where operations go: before `before`, or at the end of `block` if that is null.
typedef struct {
  MlirContext context;
  MlirLocation location;
  MlirBlock block;
  MlirOperation before;
} binq_builder;

/// At the end of `block`.
binq_builder binq_builder_at_end(MlirBlock block, MlirLocation location);
/// Before `op`, with its location.
binq_builder binq_builder_before(MlirOperation op);

/// The parts of an operation; what is left out is empty.
typedef struct {
  const char *name;
  intptr_t operand_count;
  const MlirValue *operands;
  intptr_t result_count;
  const MlirType *results;
  bool infer_results; ///< instead of `results`
  intptr_t attribute_count;
  const MlirNamedAttribute *attributes;
  intptr_t region_count;
  MlirRegion *regions; ///< owned by the operation afterwards
} binq_op_parts;

/// Creates and inserts an operation; null if the results could not be inferred (which MLIR has then
/// emitted).
MlirOperation binq_build(const binq_builder *builder, const binq_op_parts *parts);
/// The same for an operation with one result.
MlirValue binq_build_value(const binq_builder *builder, const binq_op_parts *parts);

/// arith.constant : index.
MlirValue binq_build_index(const binq_builder *builder, int64_t value);
/// tensor.dim.
MlirValue binq_build_dim(const binq_builder *builder, MlirValue tensor, int64_t dimension);

/// Replaces every use of the only result of `op` and erases it.
void binq_replace_op(MlirOperation op, MlirValue value);

/// Erases `op` if its only result has no uses, then the operations that it alone kept alive, as far
/// as they are known to have no effects (constants, parameters, shapes, fills, transposes, copies).
void binq_erase_unused(MlirOperation op);

/// Visits `root` and everything nested in it, in program order, until a visit fails; that error is
/// returned. The visitor may not erase operations.
binq_status binq_walk(MlirOperation root, binq_status (*visit)(MlirOperation op, void *user),
                      void *user);

/// A list of operations, freed with binq_op_list_free: safe to iterate while the IR is rewritten.
typedef struct {
  MlirOperation *items;
  size_t count, capacity;
} binq_op_list;
/// Releases the list, not the operations. An empty one is ignored.
void binq_op_list_free(binq_op_list *list);

/// All operations of that name inside `root`, in program order.
binq_status binq_collect(MlirOperation root, const char *name, binq_op_list *out);

// --- modules and functions

/// The module's functions (func.func) in order; with that binq.role unless `role` is NULL.
binq_status binq_functions(MlirModule module, const char *role, binq_op_list *out);
/// The function of that name, or a null operation.
MlirOperation binq_function(MlirModule module, const char *name);
/// Its name; valid until it is renamed or erased.
MlirStringRef binq_function_name(MlirOperation function);
/// Its entry block; null for a declaration.
MlirBlock binq_function_body(MlirOperation function);
/// Appends an empty function, with a block that has an argument for every input; `role` may be
/// NULL.
MlirOperation binq_build_function(MlirModule module, const char *name, const char *role,
                                  MlirLocation location, intptr_t input_count,
                                  const MlirType *inputs, intptr_t result_count,
                                  const MlirType *results);
/// func.return
void binq_build_return(const binq_builder *builder, intptr_t count, const MlirValue *values);

// --- locations and errors

/// The place in a file that a location comes down to, if it comes down to one.
MlirLocation binq_file_location(MlirLocation location);

/// "file:3:5: ", or "name: ", or "" where nothing is known: the way a message begins.
void binq_location_text(MlirLocation location, char *out, size_t size);

/// Emits an error at the operation ("'binq.linear' op ...") and returns it, its location in front.
binq_status binq_op_error(MlirOperation op, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
