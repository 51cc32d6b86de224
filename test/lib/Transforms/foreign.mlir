// From a plain linalg module that no importer made to quantized linears.
// RUN: binq-opt %s --binq-normalize-linears --binq-move-constants="parameters=%t.float minimum-size=16" -o %t.mlir
// RUN: FileCheck --check-prefix=MOVED %s < %t.mlir
// RUN: binq-opt %t.mlir --binq-quantize="parameters=%t.quantized windows=0 preset=paper" | FileCheck %s

// MOVED: binq.parameters = "{{.*}}.float"
// MOVED: func.func @mlp(%[[X:.*]]: tensor<?x4xf32>)
// MOVED: %[[UP:.*]] = "binq.param"() {name = "constant_0"} : () -> tensor<8x4xf32>
// MOVED: linalg.matmul indexing_maps = {{.*}} ins(%[[X]], %[[UP]] :
// MOVED: %[[DOWN:.*]] = "binq.param"() {name = "constant_1"} : () -> tensor<4x8xf32>
// MOVED: linalg.matmul indexing_maps = {{.*}} ins(%{{.*}}, %[[DOWN]] :

// CHECK: binq.parameters = "{{.*}}.quantized"
// CHECK: func.func @mlp(%[[X:.*]]: tensor<?x4xf32>)
// CHECK-NOT: linalg.matmul
// CHECK: %[[A:.*]] = "binq.quantize_activations"(%[[X]],
// CHECK: "binq.linear"(%[[A]], {{.*}}columns = 4 : i64, form = "grouped_binary", {{.*}}rows = 8 : i64
// CHECK: math.tanh
// CHECK: "binq.quantize_activations"
// CHECK: "binq.linear"({{.*}}columns = 8 : i64, form = "grouped_binary", {{.*}}rows = 4 : i64
#identity = affine_map<(i, j) -> (i, j)>
#swap = affine_map<(i, j) -> (j, i)>
func.func @mlp(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %rows = tensor.dim %x, %c0 : tensor<?x4xf32>
  %up = arith.constant dense<[[0.5, 0.25, -0.5, 1.0, 2.0, -1.0, 0.125, 0.75], [1.5, -0.25, 0.5, -1.0, 0.0, 1.0, 0.5, 0.25],
                              [0.5, 0.125, -1.5, 1.0, -2.0, 1.0, 0.125, -0.75], [-0.5, 0.25, 0.5, 1.5, 1.0, -1.0, -0.125, 0.5]]> : tensor<4x8xf32>
  %e0 = tensor.empty(%rows) : tensor<?x8xf32>
  %i0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x8xf32>) -> tensor<?x8xf32>
  %h = linalg.matmul ins(%x, %up : tensor<?x4xf32>, tensor<4x8xf32>) outs(%i0 : tensor<?x8xf32>) -> tensor<?x8xf32>
  %a = math.tanh %h : tensor<?x8xf32>
  %down = arith.constant dense<[[0.5, 0.25, -0.5, 1.0, 2.0, -1.0, 0.125, 0.75], [1.5, -0.25, 0.5, -1.0, 0.0, 1.0, 0.5, 0.25],
                                [1.5, 0.125, -1.5, 1.0, -2.0, 1.0, 0.125, -0.75], [-1.5, 0.25, 0.5, 1.5, 1.0, -1.0, -0.125, 0.5]]> : tensor<4x8xf32>
  %e1 = tensor.empty() : tensor<8x4xf32>
  %t = linalg.generic {indexing_maps = [#swap, #identity], iterator_types = ["parallel", "parallel"]} ins(%down : tensor<4x8xf32>) outs(%e1 : tensor<8x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<8x4xf32>
  %e2 = tensor.empty(%rows) : tensor<?x4xf32>
  %i2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = linalg.matmul ins(%a, %t : tensor<?x8xf32>, tensor<8x4xf32>) outs(%i2 : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
