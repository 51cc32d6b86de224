// Which products of a module count as linears, and which of them share an input.
#include "binq/Calibrate/Linears.h"
#include "Check.h"
#include "binq/Dialect/Dialect.h"

static const char text[] =
    "#x = affine_map<(m, n, k) -> (m, k)>\n"
    "#w = affine_map<(m, n, k) -> (n, k)>\n"
    "#y = affine_map<(m, n, k) -> (m, n)>\n"
    "#t = affine_map<(m, n, k) -> (k, n)>\n"
    "func.func @f(%a: tensor<?x8xf32>, %b: tensor<?x8xf32>, %v: tensor<8x8xf32>,\n"
    "             %o: tensor<?x8xf32>, %if: i1) -> tensor<?x8xf32> {\n"
    "  %zero = arith.constant 0.0 : f32\n"
    "  %z = linalg.fill ins(%zero : f32) outs(%o : tensor<?x8xf32>) -> tensor<?x8xf32>\n"
    "  %p = \"binq.param\"() {name = \"p\"} : () -> tensor<8x8xf32>\n"
    "  %q = \"binq.param\"() {name = \"q\"} : () -> tensor<8x8xf32>\n"
    "  %0 = linalg.matmul indexing_maps = [#x, #w, #y]\n"
    "      ins(%a, %p : tensor<?x8xf32>, tensor<8x8xf32>) outs(%z : tensor<?x8xf32>)\n"
    "      -> tensor<?x8xf32>\n"
    "  %1 = linalg.matmul indexing_maps = [#x, #w, #y]\n"
    "      ins(%b, %q : tensor<?x8xf32>, tensor<8x8xf32>) outs(%z : tensor<?x8xf32>)\n"
    "      -> tensor<?x8xf32>\n"
    "  %2 = linalg.matmul indexing_maps = [#x, #w, #y]\n"
    "      ins(%a, %q : tensor<?x8xf32>, tensor<8x8xf32>) outs(%z : tensor<?x8xf32>)\n"
    "      -> tensor<?x8xf32>\n"
    "  %not_a_parameter = linalg.matmul indexing_maps = [#x, #w, #y]\n"
    "      ins(%a, %v : tensor<?x8xf32>, tensor<8x8xf32>) outs(%z : tensor<?x8xf32>)\n"
    "      -> tensor<?x8xf32>\n"
    "  %adds = linalg.matmul indexing_maps = [#x, #w, #y]\n"
    "      ins(%a, %p : tensor<?x8xf32>, tensor<8x8xf32>) outs(%o : tensor<?x8xf32>)\n"
    "      -> tensor<?x8xf32>\n"
    "  %not_transposed = linalg.matmul indexing_maps = [#x, #t, #y]\n"
    "      ins(%a, %p : tensor<?x8xf32>, tensor<8x8xf32>) outs(%z : tensor<?x8xf32>)\n"
    "      -> tensor<?x8xf32>\n"
    "  %inner = scf.if %if -> tensor<?x8xf32> {\n"
    "    %3 = linalg.matmul indexing_maps = [#x, #w, #y]\n"
    "        ins(%a, %p : tensor<?x8xf32>, tensor<8x8xf32>) outs(%z : tensor<?x8xf32>)\n"
    "        -> tensor<?x8xf32>\n"
    "    scf.yield %3 : tensor<?x8xf32>\n"
    "  } else {\n"
    "    scf.yield %0 : tensor<?x8xf32>\n"
    "  }\n"
    "  return %inner : tensor<?x8xf32>\n"
    "}\n";

int main(void) {
  static const struct {
    const char *name;
    int64_t input;
  } expected[] = {{"p", 0}, {"q", 1}, {"q", 0}, {"p", 2}};
  MlirContext context = mlirContextCreate();
  CHECK_STATUS_OK(binq_dialect_load(context));
  MlirModule module = mlirModuleCreateParse(context, mlirStringRefCreateFromCString(text));
  REQUIRE(!mlirModuleIsNull(module));
  binq_arena *arena;
  binq_linear_sites sites;
  CHECK_STATUS_OK(binq_arena_create(&arena));
  CHECK_STATUS_OK(binq_linear_sites_find(mlirModuleGetOperation(module), arena, &sites));
  CHECK_EQ_INT(sites.input_count, 3);
  REQUIRE(sites.linear_count == 4);
  for (int i = 0; i < 4; i++) {
    CHECK_EQ_STR(sites.linears[i].name, expected[i].name);
    CHECK_EQ_INT(sites.linears[i].input, expected[i].input);
    CHECK_EQ_INT(sites.linears[i].rows, 8);
    CHECK_EQ_INT(sites.linears[i].columns, 8);
  }
  binq_arena_destroy(arena);
  mlirModuleDestroy(module);
  mlirContextDestroy(context);
  return check_result();
}
