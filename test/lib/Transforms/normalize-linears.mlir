// Products with weights, however they are written, become one form.
// RUN: binq-opt %s --binq-normalize-linears | FileCheck %s
// A second run finds nothing to do.
// RUN: binq-opt %s --binq-normalize-linears --binq-normalize-linears | FileCheck %s

// CHECK-DAG: #[[X:map[0-9]*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[W:map[0-9]*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG: #[[Y:map[0-9]*]] = affine_map<(d0, d1, d2) -> (d0, d1)>

#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
#bmk = affine_map<(b, m, n, k) -> (b, m, k)>
#bnk = affine_map<(b, m, n, k) -> (b, n, k)>
#kn = affine_map<(b, m, n, k) -> (k, n)>
#bmn = affine_map<(b, m, n, k) -> (b, m, n)>

// A constant [K, N] is transposed here.
// CHECK-LABEL: func.func @plain_constant(
// CHECK-SAME: %[[IN:.*]]: tensor<?x3xf32>
// CHECK: %[[C:.*]] = arith.constant dense<{{\[}}[1.000000e+00, 3.000000e+00, 5.000000e+00], [2.000000e+00, 4.000000e+00, 6.000000e+00]]> : tensor<2x3xf32>
// CHECK: %[[D:.*]] = tensor.dim %[[IN]]
// CHECK: %[[E:.*]] = tensor.empty(%[[D]])
// CHECK: %[[Z:.*]] = linalg.fill ins(%{{.*}} : f32) outs(%[[E]]
// CHECK: %[[R:.*]] = linalg.matmul indexing_maps = [#[[X]], #[[W]], #[[Y]]] ins(%[[IN]], %[[C]] : tensor<?x3xf32>, tensor<2x3xf32>) outs(%[[Z]]
// CHECK: return %[[R]]
func.func @plain_constant(%x: tensor<?x3xf32>, %out: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %init = linalg.fill ins(%zero : f32) outs(%out : tensor<?x2xf32>) -> tensor<?x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x3xf32>, tensor<3x2xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// Every value of a splat is the same, whichever way it lies.
// CHECK-LABEL: func.func @splat
// CHECK: arith.constant dense<5.000000e-01> : tensor<2x3xf32>
// CHECK: linalg.matmul indexing_maps
func.func @splat(%x: tensor<4x3xf32>) -> tensor<4x2xf32> {
  %w = arith.constant dense<0.5> : tensor<3x2xf32>
  %init = arith.constant dense<0.0> : tensor<4x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x3xf32>, tensor<3x2xf32>) outs(%init : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// A parameter that was transposed for a plain product is read as it is.
// CHECK-LABEL: func.func @transposed_parameter
// CHECK: %[[P:.*]] = "binq.param"() {name = "w"} : () -> tensor<2x3xf32>
// CHECK-NOT: linalg.transpose
// CHECK: linalg.matmul indexing_maps = [#[[X]], #[[W]], #[[Y]]] ins(%{{.*}}, %[[P]] :
func.func @transposed_parameter(%x: tensor<4x3xf32>) -> tensor<4x2xf32> {
  %p = "binq.param"() {name = "w"} : () -> tensor<2x3xf32>
  %e = tensor.empty() : tensor<3x2xf32>
  %w = linalg.transpose ins(%p : tensor<2x3xf32>) outs(%e : tensor<3x2xf32>) permutation = [1, 0]
  %init = arith.constant dense<0.0> : tensor<4x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x3xf32>, tensor<3x2xf32>) outs(%init : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// The same with a linalg.generic that transposes, and with tosa.transpose, of function arguments.
// CHECK-LABEL: func.func @transposed_argument(
// CHECK-SAME: %[[IN:.*]]: tensor<4x3xf32>, %[[A:.*]]: tensor<2x3xf32>, %[[B:.*]]: tensor<2x2xf32>
// CHECK-NOT: linalg.generic
// CHECK: %[[Y1:.*]] = linalg.matmul indexing_maps = [#[[X]], #[[W]], #[[Y]]] ins(%[[IN]], %[[A]] :
// CHECK-NOT: tosa.transpose
// CHECK: linalg.matmul indexing_maps = [#[[X]], #[[W]], #[[Y]]] ins(%[[Y1]], %[[B]] :
func.func @transposed_argument(%x: tensor<4x3xf32>, %a: tensor<2x3xf32>, %b: tensor<2x2xf32>) -> tensor<4x2xf32> {
  %e = tensor.empty() : tensor<3x2xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<2x3xf32>) outs(%e : tensor<3x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<3x2xf32>
  %init = arith.constant dense<0.0> : tensor<4x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x3xf32>, tensor<3x2xf32>) outs(%init : tensor<4x2xf32>) -> tensor<4x2xf32>
  %v = tosa.transpose %b {perms = array<i32: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %z = linalg.matmul ins(%y, %v : tensor<4x2xf32>, tensor<2x2xf32>) outs(%init : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %z : tensor<4x2xf32>
}

// An argument [K, N] cannot be read the other way round; it is transposed at run time.
// CHECK-LABEL: func.func @plain_argument(
// CHECK-SAME: %[[IN:.*]]: tensor<4x3xf32>, %[[A:.*]]: tensor<3x2xf32>
// CHECK: %[[T:.*]] = linalg.transpose ins(%[[A]] : tensor<3x2xf32>) {{.*}} permutation = [1, 0]
// CHECK-NOT: linalg.transpose
// CHECK: linalg.matmul indexing_maps = [#[[X]], #[[W]], #[[Y]]] ins(%[[IN]], %[[T]] :
func.func @plain_argument(%x: tensor<4x3xf32>, %w: tensor<3x2xf32>) -> tensor<4x2xf32> {
  %init = arith.constant dense<0.0> : tensor<4x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x3xf32>, tensor<3x2xf32>) outs(%init : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// A batch with one weight for all: broadcast, or of a batch of one, or by its indexing map.
// CHECK-LABEL: func.func @batch(
// CHECK-SAME: %[[IN:.*]]: tensor<?x?x3xf32>
// CHECK: %[[P:.*]] = "binq.param"() {name = "w"} : () -> tensor<2x3xf32>
// CHECK: %[[C:.*]] = tensor.collapse_shape %[[IN]] {{\[}}[0, 1], [2]] : tensor<?x?x3xf32> into tensor<?x3xf32>
// CHECK: %[[M:.*]] = linalg.matmul indexing_maps = [#[[X]], #[[W]], #[[Y]]] ins(%[[C]], %[[P]] : tensor<?x3xf32>, tensor<2x3xf32>)
// CHECK: %[[D0:.*]] = tensor.dim %[[IN]]
// CHECK: %[[D1:.*]] = tensor.dim %[[IN]]
// CHECK: tensor.expand_shape %[[M]] {{\[}}[0, 1], [2]] output_shape [%[[D0]], %[[D1]], 2] : tensor<?x2xf32> into tensor<?x?x2xf32>
func.func @batch(%x: tensor<?x?x3xf32>, %out: tensor<?x?x2xf32>, %b: index) -> tensor<?x?x2xf32> {
  %zero = arith.constant 0.0 : f32
  %p = "binq.param"() {name = "w"} : () -> tensor<2x3xf32>
  %e = tensor.empty(%b) : tensor<?x2x3xf32>
  %w = linalg.broadcast ins(%p : tensor<2x3xf32>) outs(%e : tensor<?x2x3xf32>) dimensions = [0]
  %init = linalg.fill ins(%zero : f32) outs(%out : tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %y = linalg.batch_matmul indexing_maps = [#bmk, #bnk, #bmn] ins(%x, %w : tensor<?x?x3xf32>, tensor<?x2x3xf32>) outs(%init : tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}

// CHECK-LABEL: func.func @batch_of_one
// CHECK: arith.constant dense<{{\[}}[1.000000e+00, 3.000000e+00], [2.000000e+00, 4.000000e+00]]> : tensor<2x2xf32>
// CHECK: tensor.collapse_shape {{.*}} : tensor<1x4x2xf32> into tensor<4x2xf32>
// CHECK: linalg.matmul indexing_maps
// CHECK: tensor.expand_shape {{.*}} : tensor<4x2xf32> into tensor<1x4x2xf32>
func.func @batch_of_one(%x: tensor<1x4x2xf32>) -> tensor<1x4x2xf32> {
  %w = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]]]> : tensor<1x2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x4x2xf32>
  %y = linalg.batch_matmul ins(%x, %w : tensor<1x4x2xf32>, tensor<1x2x2xf32>) outs(%init : tensor<1x4x2xf32>) -> tensor<1x4x2xf32>
  return %y : tensor<1x4x2xf32>
}

// CHECK-LABEL: func.func @batch_by_map
// CHECK-NOT: linalg.batch_matmul
// CHECK: linalg.matmul indexing_maps = [#[[X]], #[[W]], #[[Y]]] ins({{.*}} : tensor<8x3xf32>, tensor<2x3xf32>)
func.func @batch_by_map(%x: tensor<2x4x3xf32>) -> tensor<2x4x2xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %init = arith.constant dense<0.0> : tensor<2x4x2xf32>
  %y = linalg.batch_matmul indexing_maps = [#bmk, #kn, #bmn] ins(%x, %w : tensor<2x4x3xf32>, tensor<3x2xf32>) outs(%init : tensor<2x4x2xf32>) -> tensor<2x4x2xf32>
  return %y : tensor<2x4x2xf32>
}

// Vectors are matrices of one row.
// CHECK-LABEL: func.func @vectors(
// CHECK-SAME: %[[IN:.*]]: tensor<3xf32>, %[[A:.*]]: tensor<2x3xf32>
// CHECK: tensor.expand_shape %[[IN]] {{\[}}[0, 1]] output_shape [1, 3] : tensor<3xf32> into tensor<1x3xf32>
// CHECK: linalg.matmul
// CHECK: tensor.collapse_shape {{.*}} : tensor<1x2xf32> into tensor<2xf32>
// CHECK: linalg.matmul {{.*}} ins(%{{.*}}, %[[A]] :
// CHECK: tensor.collapse_shape
// CHECK-NOT: linalg.{{vecmat|matvec}}
func.func @vectors(%x: tensor<3xf32>, %a: tensor<2x3xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %init = arith.constant dense<0.0> : tensor<2xf32>
  %y = linalg.vecmat ins(%x, %w : tensor<3xf32>, tensor<3x2xf32>) outs(%init : tensor<2xf32>) -> tensor<2xf32>
  %z = linalg.matvec ins(%a, %x : tensor<2x3xf32>, tensor<3xf32>) outs(%init : tensor<2xf32>) -> tensor<2xf32>
  return %y, %z : tensor<2xf32>, tensor<2xf32>
}

// What is accumulated onto is added afterwards.
// CHECK-LABEL: func.func @bias(
// CHECK-SAME: %[[BIAS:[^:]*]]: tensor<4x2xf32>)
// CHECK: %[[M:.*]] = linalg.matmul indexing_maps
// CHECK: arith.addf %[[M]], %[[BIAS]] : tensor<4x2xf32>
func.func @bias(%x: tensor<4x3xf32>, %bias: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %w = "binq.param"() {name = "w"} : () -> tensor<2x3xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %w : tensor<4x3xf32>, tensor<2x3xf32>) outs(%bias : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}
