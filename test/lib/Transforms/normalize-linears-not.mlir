// What is no product with a weight, or not one that fits, is left as it is.
// RUN: binq-opt %s > %t.before
// RUN: binq-opt %s --binq-normalize-linears > %t.after
// RUN: diff %t.before %t.after

#mk = affine_map<(m, n, k) -> (m, k)>
#km = affine_map<(m, n, k) -> (k, m)>
#kn = affine_map<(m, n, k) -> (k, n)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// the form that is wanted
func.func @canonical(%x: tensor<4x3xf32>) -> tensor<4x2xf32> {
  %w = "binq.param"() {name = "w"} : () -> tensor<2x3xf32>
  %init = arith.constant dense<0.0> : tensor<4x2xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %w : tensor<4x3xf32>, tensor<2x3xf32>) outs(%init : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// two activations
func.func @scores(%x: tensor<4x3xf32>) -> tensor<4x4xf32> {
  %k = arith.negf %x : tensor<4x3xf32>
  %init = arith.constant dense<0.0> : tensor<4x4xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %k : tensor<4x3xf32>, tensor<4x3xf32>) outs(%init : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// another weight for each of the batch
func.func @batch(%x: tensor<2x4x3xf32>, %w: tensor<2x3x2xf32>) -> tensor<2x4x2xf32> {
  %init = arith.constant dense<0.0> : tensor<2x4x2xf32>
  %y = linalg.batch_matmul ins(%x, %w : tensor<2x4x3xf32>, tensor<2x3x2xf32>) outs(%init : tensor<2x4x2xf32>) -> tensor<2x4x2xf32>
  return %y : tensor<2x4x2xf32>
}

// not f32
func.func @half(%x: tensor<4x3xf16>, %w: tensor<3x2xf16>) -> tensor<4x2xf16> {
  %init = arith.constant dense<0.0> : tensor<4x2xf16>
  %y = linalg.matmul ins(%x, %w : tensor<4x3xf16>, tensor<3x2xf16>) outs(%init : tensor<4x2xf16>) -> tensor<4x2xf16>
  return %y : tensor<4x2xf16>
}

// a weight of a size that nobody knows
func.func @dynamic(%x: tensor<4x?xf32>, %w: tensor<?x2xf32>) -> tensor<4x2xf32> {
  %init = arith.constant dense<0.0> : tensor<4x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x?xf32>, tensor<?x2xf32>) outs(%init : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// an input that is transposed
func.func @transposed_input(%x: tensor<3x4xf32>, %w: tensor<3x2xf32>) -> tensor<4x2xf32> {
  %init = arith.constant dense<0.0> : tensor<4x2xf32>
  %y = linalg.matmul indexing_maps = [#km, #kn, #mn] ins(%x, %w : tensor<3x4xf32>, tensor<3x2xf32>) outs(%init : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// a generic that computes something on the way
func.func @scaled(%x: tensor<4x3xf32>, %a: tensor<2x3xf32>) -> tensor<4x2xf32> {
  %e = tensor.empty() : tensor<3x2xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<2x3xf32>) outs(%e : tensor<3x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %d = arith.addf %in, %in : f32
    linalg.yield %d : f32
  } -> tensor<3x2xf32>
  %init = arith.constant dense<0.0> : tensor<4x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x3xf32>, tensor<3x2xf32>) outs(%init : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// memory, not values
func.func @memory(%x: memref<4x3xf32>, %w: memref<3x2xf32>, %y: memref<4x2xf32>) {
  linalg.matmul ins(%x, %w : memref<4x3xf32>, memref<3x2xf32>) outs(%y : memref<4x2xf32>)
  return
}
