// The conversions of binary16 for CPUs that have none (kernels/isa_halves.mlir), against those of
// this CPU: bit for bit, but for which NaN comes out.
#include "Check.h"
#include "binq/Calibrate/Jit.h"
#include "binq/Conversion/Conversion.h"
#include "binq/Dialect/Dialect.h"
#include "runtime/Model.h"
#include <immintrin.h>
#include <math.h>

extern const char binq_kernel_isa_halves[];

static const char entries[] =
    "func.func @widen_all(%in: memref<?xf16>, %out: memref<?xf32>, %one: memref<?xf32>)\n"
    "    attributes {llvm.emit_c_interface} {\n"
    "  %c0 = arith.constant 0 : index\n"
    "  %c1 = arith.constant 1 : index\n"
    "  %c32 = arith.constant 32 : index\n"
    "  %size = memref.dim %in, %c0 : memref<?xf16>\n"
    "  scf.for %i = %c0 to %size step %c32 {\n"
    "    %halves = vector.load %in[%i] : memref<?xf16>, vector<32xf16>\n"
    "    %wide = func.call @widen_halves(%halves) : (vector<32xf16>) -> vector<32xf32>\n"
    "    vector.store %wide, %out[%i] : memref<?xf32>, vector<32xf32>\n"
    "  }\n"
    "  scf.for %i = %c0 to %size step %c1 {\n"
    "    %half = memref.load %in[%i] : memref<?xf16>\n"
    "    %wide = func.call @widen_half(%half) : (f16) -> f32\n"
    "    memref.store %wide, %one[%i] : memref<?xf32>\n"
    "  }\n"
    "  return\n"
    "}\n"
    "func.func @narrow_all(%in: memref<?xf32>, %out: memref<?xf16>)\n"
    "    attributes {llvm.emit_c_interface} {\n"
    "  %c0 = arith.constant 0 : index\n"
    "  %c1 = arith.constant 1 : index\n"
    "  %size = memref.dim %in, %c0 : memref<?xf32>\n"
    "  scf.for %i = %c0 to %size step %c1 {\n"
    "    %wide = memref.load %in[%i] : memref<?xf32>\n"
    "    %half = func.call @narrow_to_half(%wide) : (f32) -> f16\n"
    "    memref.store %half, %out[%i] : memref<?xf16>\n"
    "  }\n"
    "  return\n"
    "}\n";

enum { HALVES = 1 << 16 };

static binq_memref view(void *data) {
  return (binq_memref){.allocated = data, .aligned = data, .size = HALVES, .stride = 1};
}

static void test_widening(const binq_jit *jit) {
  static uint16_t in[HALVES];
  static float out[HALVES], one[HALVES];
  for (int i = 0; i < HALVES; i++)
    in[i] = (uint16_t)i;
  void (*entry)(void **);
  binq_memref views[] = {view(in), view(out), view(one)};
  binq_memref *pointers[] = {&views[0], &views[1], &views[2]};
  CHECK_STATUS_OK(binq_jit_find(jit, "widen_all", &entry));
  entry((void *[]){(void *)&pointers[0], (void *)&pointers[1], (void *)&pointers[2]});
  for (int i = 0; i < HALVES; i++) {
    float expected = _cvtsh_ss((unsigned short)i);
    CHECK(isnan(expected) ? isnan(out[i]) : memcmp(&out[i], &expected, sizeof expected) == 0);
    CHECK(isnan(expected) ? isnan(one[i]) : memcmp(&one[i], &expected, sizeof expected) == 0);
  }
}

/// Whether the numbers with the bits first, first + step, .. are narrowed as they should be.
static void test_narrowing(const binq_jit *jit, uint32_t first, uint32_t step) {
  static float in[HALVES];
  static uint16_t out[HALVES];
  for (uint32_t i = 0; i < HALVES; i++)
    memcpy(&in[i], &(uint32_t){first + i * step}, sizeof in[i]);
  void (*entry)(void **);
  binq_memref views[] = {view(in), view(out)};
  binq_memref *pointers[] = {&views[0], &views[1]};
  CHECK_STATUS_OK(binq_jit_find(jit, "narrow_all", &entry));
  entry((void *[]){(void *)&pointers[0], (void *)&pointers[1]});
  int wrong = 0;
  for (int i = 0; i < HALVES; i++) {
    uint16_t expected = _cvtss_sh(in[i], _MM_FROUND_TO_NEAREST_INT);
    wrong += isnan(in[i]) ? (out[i] & 0x7fff) <= 0x7c00 : out[i] != expected;
  }
  CHECK_EQ_INT(wrong, 0);
}

int main(void) {
  char text[1 << 14];
  CHECK(snprintf(text, sizeof text, "%s%s", binq_kernel_isa_halves, entries) < (int)sizeof text);
  MlirContext context = mlirContextCreate();
  binq_jit *jit = NULL;
  CHECK_STATUS_OK(binq_dialect_load(context));
  MlirModule module = mlirModuleCreateParse(context, binq_str(text));
  REQUIRE(!mlirModuleIsNull(module));
  CHECK_STATUS_OK(binq_to_llvm(module));
  CHECK_STATUS_OK(binq_jit_create(module, NULL, 0, &jit));
  mlirModuleDestroy(module);

  test_widening(jit);
  // All exponents; all halves, what is halfway between them, and next to that.
  for (uint32_t i = 0; i < 16; i++)
    test_narrowing(jit, i * 4097, (1u << 16) + 1);
  static const uint32_t near[] = {0, 1, 0xfff, 0x1000, 0x1001, 0x1fff};
  for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
    test_narrowing(jit, 0x33000000 + near[i], 0x1000); // the least subnormals and up
    test_narrowing(jit, 0x38000000 + near[i], 0x1000);
    test_narrowing(jit, 0x47000000 + near[i], 0x1000); // the largest numbers
    test_narrowing(jit, 0xb8000000 + near[i], 0x1000);
  }
  binq_jit_destroy(jit);
  mlirContextDestroy(context);
  return check_result();
}
