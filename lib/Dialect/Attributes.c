#include "binq/Dialect/IR.h"

#include <string.h>

bool binq_str_equal(MlirStringRef string, const char *text) {
  return string.length == strlen(text) && memcmp(string.data, text, string.length) == 0;
}

// --- types

bool binq_tensor_shape(MlirType type, int rank, int64_t *shape) {
  if (!mlirTypeIsARankedTensor(type) || mlirShapedTypeGetRank(type) != rank)
    return false;
  for (int i = 0; shape && i < rank; ++i)
    shape[i] =
        mlirShapedTypeIsDynamicDim(type, i) ? BINQ_DYNAMIC : mlirShapedTypeGetDimSize(type, i);
  return true;
}

MlirType binq_element_type(MlirType type) {
  return mlirTypeIsAShaped(type) ? mlirShapedTypeGetElementType(type) : (MlirType){NULL};
}

bool binq_type_is_f32(MlirType type) {
  return !mlirTypeIsNull(type) && mlirTypeIsAF32(type);
}

bool binq_type_is_integer(MlirType type, unsigned width) {
  return !mlirTypeIsNull(type) && mlirTypeIsAInteger(type) && mlirIntegerTypeIsSignless(type) &&
         mlirIntegerTypeGetWidth(type) == width;
}

static MlirType tensor_type(MlirType element, int rank, const int64_t *shape) {
  int64_t sizes[2];
  for (int i = 0; i < rank; ++i)
    sizes[i] = shape[i] == BINQ_DYNAMIC ? mlirShapedTypeGetDynamicSize() : shape[i];
  return mlirRankedTensorTypeGet(rank, sizes, element, mlirAttributeGetNull());
}

MlirType binq_matrix_type(MlirContext context, int64_t rows, int64_t columns) {
  return tensor_type(binq_f32(context), 2, (int64_t[]){rows, columns});
}

MlirType binq_vector_type(MlirType element, int64_t size) {
  return tensor_type(element, 1, &size);
}

MlirType binq_f32(MlirContext context) {
  return mlirF32TypeGet(context);
}

MlirType binq_integer(MlirContext context, unsigned width) {
  return mlirIntegerTypeGet(context, width);
}

// --- attributes

MlirAttribute binq_i64_attribute(MlirContext context, int64_t value) {
  return mlirIntegerAttrGet(mlirIntegerTypeGet(context, 64), value);
}

MlirAttribute binq_f32_attribute(MlirContext context, float value) {
  return mlirFloatAttrDoubleGet(context, mlirF32TypeGet(context), value);
}

MlirAttribute binq_f64_attribute(MlirContext context, double value) {
  return mlirFloatAttrDoubleGet(context, mlirF64TypeGet(context), value);
}

MlirAttribute binq_string_attribute(MlirContext context, const char *text) {
  return mlirStringAttrGet(context, binq_str(text));
}

MlirNamedAttribute binq_named(MlirContext context, const char *name, MlirAttribute attribute) {
  return mlirNamedAttributeGet(mlirIdentifierGet(context, binq_str(name)), attribute);
}

MlirAttribute binq_attribute(MlirOperation op, const char *name) {
  return mlirOperationGetAttributeByName(op, binq_str(name));
}

MlirAttribute binq_dictionary_entry(MlirAttribute dictionary, const char *name) {
  if (mlirAttributeIsNull(dictionary) || !mlirAttributeIsADictionary(dictionary))
    return mlirAttributeGetNull();
  return mlirDictionaryAttrGetElementByName(dictionary, binq_str(name));
}

bool binq_attribute_integer(MlirAttribute attribute, int64_t *out) {
  if (mlirAttributeIsNull(attribute) || !mlirAttributeIsAInteger(attribute))
    return false;
  MlirType type = mlirAttributeGetType(attribute);
  if (!mlirTypeIsAIndex(type) &&
      (!mlirIntegerTypeIsSignless(type) || mlirIntegerTypeGetWidth(type) > 64))
    return false;
  *out = mlirIntegerAttrGetValueInt(attribute);
  return true;
}

bool binq_attribute_number(MlirAttribute attribute, double *out) {
  if (mlirAttributeIsNull(attribute) || !mlirAttributeIsAFloat(attribute))
    return false;
  *out = mlirFloatAttrGetValueDouble(attribute);
  return true;
}

bool binq_attribute_string(MlirAttribute attribute, MlirStringRef *out) {
  if (mlirAttributeIsNull(attribute) || !mlirAttributeIsAString(attribute))
    return false;
  *out = mlirStringAttrGetValue(attribute);
  return true;
}

binq_status binq_get_integer(MlirOperation op, const char *name, int64_t *out) {
  if (binq_attribute_integer(binq_attribute(op, name), out))
    return BINQ_OK;
  return binq_op_error(op, "needs an integer attribute '%s'", name);
}

binq_status binq_get_number(MlirOperation op, const char *name, double *out) {
  if (binq_attribute_number(binq_attribute(op, name), out))
    return BINQ_OK;
  return binq_op_error(op, "needs a floating-point attribute '%s'", name);
}

binq_status binq_get_string(MlirOperation op, const char *name, MlirStringRef *out) {
  if (binq_attribute_string(binq_attribute(op, name), out))
    return BINQ_OK;
  return binq_op_error(op, "needs a string attribute '%s'", name);
}
