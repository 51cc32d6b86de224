// Linears of a module that is no model graph: every Hessian is the identity.
// RUN: binq-opt %s --binq-move-constants="parameters=%t.float minimum-size=16" --binq-quantize="parameters=%t.params preset=paper" -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: head -c 2000 %t.params | FileCheck --check-prefix=FILE %s

// The vector stays what it is, padded; a weight that is read twice is stored once.
// FILE: "constant_1":{"dtype":"F32","shape":[32],
// FILE-SAME: "constant_0.order":{"dtype":"U16","shape":[32],
// FILE-SAME: "constant_0.levels":{"dtype":"I32","shape":[64],
// FILE-SAME: "constant_0":{"dtype":"U8",
// FILE-NOT: tokenizer

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>

// CHECK: func.func @two_blocks(%[[X:[^:]*]]: tensor<?x4xf32>
// CHECK: %[[A:.*]] = "binq.quantize_activations"(%[[X]],
// CHECK: "binq.linear"(%[[A]],
// CHECK: scf.if
// The activations of one block are not used in another.
// CHECK: %[[B:.*]] = "binq.quantize_activations"(%[[X]],
// CHECK: "binq.linear"(%[[B]],
func.func @two_blocks(%x: tensor<?x4xf32>, %rows: index, %condition: i1) -> tensor<?x16xf32> {
  %w = arith.constant dense<[[-1.25, 2.25, -1.75, -0.25],
                              [-1.5, 1.5, 1.25, 1.5],
                              [0.75, -0.75, -1.5, 1.5],
                              [-2.25, 0.75, 1.0, -2.25],
                              [1.25, -0.25, -0.5, 2.25],
                              [-1.5, 0.25, -2.25, -2.25],
                              [-2.25, 2.0, -2.25, 0.75],
                              [-0.75, 1.0, -2.25, 1.75],
                              [-0.5, 1.25, 1.5, 2.0],
                              [-0.5, 0.5, -0.5, -0.5],
                              [1.25, 0.0, -2.25, 1.0],
                              [2.0, -1.5, -1.0, 0.0],
                              [-1.5, 0.25, 1.75, 1.0],
                              [1.75, -0.75, 0.0, 0.0],
                              [2.25, 1.5, 1.75, 0.75],
                              [2.25, -2.0, 1.5, -0.5]]> : tensor<16x4xf32>
  %bias = arith.constant dense<[0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]> : tensor<16xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%rows) : tensor<?x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %0 = linalg.matmul indexing_maps = [#x, #w, #y] ins(%x, %w : tensor<?x4xf32>, tensor<16x4xf32>) outs(%z : tensor<?x16xf32>) -> tensor<?x16xf32>
  %1 = scf.if %condition -> tensor<?x16xf32> {
    %2 = linalg.matmul indexing_maps = [#x, #w, #y] ins(%x, %w : tensor<?x4xf32>, tensor<16x4xf32>) outs(%z : tensor<?x16xf32>) -> tensor<?x16xf32>
    scf.yield %2 : tensor<?x16xf32>
  } else {
    scf.yield %0 : tensor<?x16xf32>
  }
  %3 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%1, %bias : tensor<?x16xf32>, tensor<16xf32>) outs(%e : tensor<?x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<?x16xf32>
  return %3 : tensor<?x16xf32>
}
