// Which tables get planes. A table has one order of its channels, so at most one input is coded for it.
// RUN: binq-opt %s --binq-move-constants="parameters=%t.float minimum-size=16" --binq-quantize="parameters=%t.params table-planes=2 int8-columns=0" | FileCheck %s

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>

// CHECK-LABEL: func.func @only_looked_up
// CHECK: "binq.embedding"({{.*}}form = "planes"
func.func @only_looked_up(%t: tensor<?xi32>) -> tensor<?x4xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [2.0, 4.0, 6.0, 8.0], [1.0, 3.0, 5.0, 7.0]]> : tensor<4x4xf32>
  %r = "binq.embedding"(%t, %w) : (tensor<?xi32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %r : tensor<?x4xf32>
}

// What reads a table is a linear of no head: INT8, and so is what reads the same input.
// CHECK-LABEL: func.func @read_by_another
// CHECK: "binq.embedding"({{.*}}form = "int8"
// CHECK: "binq.linear"({{.*}}form = "int8"
// CHECK: "binq.linear"({{.*}}form = "int8"
func.func @read_by_another(%t: tensor<?xi32>, %x: tensor<?x4xf32>, %z: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [2.0, 4.0, 6.0, 8.0], [1.0, 3.0, 5.0, 8.0]]> : tensor<4x4xf32>
  %v = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [2.0, 4.0, 6.0, 8.0], [1.0, 3.0, 5.0, 9.0]]> : tensor<4x4xf32>
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%n) : tensor<?x4xf32>
  %o = linalg.fill ins(%zero : f32) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  %r = "binq.embedding"(%t, %w) : (tensor<?xi32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %a = linalg.matmul indexing_maps = [#x, #w, #y] ins(%x, %w : tensor<?x4xf32>, tensor<4x4xf32>) outs(%o : tensor<?x4xf32>) -> tensor<?x4xf32>
  %b = linalg.matmul indexing_maps = [#x, #w, #y] ins(%x, %v : tensor<?x4xf32>, tensor<4x4xf32>) outs(%o : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %r, %a, %b : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// A head of two linears on one input is INT8, one on its own has planes.
// CHECK-LABEL: func.func @head
// CHECK: "binq.linear"({{.*}}form = "int8"
// CHECK: "binq.linear"({{.*}}form = "int8"
// CHECK: "binq.linear"({{.*}}activation_planes = 8 : i64, {{.*}}form = "planes"
func.func @head(%x: tensor<?x4xf32>, %z: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) attributes {binq.role = "head"} {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [2.0, 4.0, 6.0, 8.0], [1.0, 3.0, 5.0, 1.0]]> : tensor<4x4xf32>
  %v = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [2.0, 4.0, 6.0, 8.0], [1.0, 3.0, 5.0, 2.0]]> : tensor<4x4xf32>
  %u = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [2.0, 4.0, 6.0, 8.0], [1.0, 3.0, 5.0, 3.0]]> : tensor<4x4xf32>
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%n) : tensor<?x4xf32>
  %o = linalg.fill ins(%zero : f32) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  %a = linalg.matmul indexing_maps = [#x, #w, #y] ins(%x, %w : tensor<?x4xf32>, tensor<4x4xf32>) outs(%o : tensor<?x4xf32>) -> tensor<?x4xf32>
  %b = linalg.matmul indexing_maps = [#x, #w, #y] ins(%x, %v : tensor<?x4xf32>, tensor<4x4xf32>) outs(%o : tensor<?x4xf32>) -> tensor<?x4xf32>
  %c = linalg.matmul indexing_maps = [#x, #w, #y] ins(%z, %u : tensor<?x4xf32>, tensor<4x4xf32>) outs(%o : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %a, %b, %c : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}
