// What has no lowering. Each part is one mistake.
// RUN: binq-opt %s --binq-lower --split-input-file --verify-diagnostics

func.func @unknown(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-error@+1 {{'math.tanh' op has no lowering}}
  %y = math.tanh %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// expected-error@+1 {{argument 0 has a type without lowering}}
func.func @fixed(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %y = arith.addf %x, %x : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// expected-error@+1 {{argument 0 has a type without lowering}}
func.func @wide(%x: tensor<?x4611686018427387904xf32>) -> tensor<?x4611686018427387904xf32> {
  %y = arith.addf %x, %x : tensor<?x4611686018427387904xf32>
  return %y : tensor<?x4611686018427387904xf32>
}

// -----

func.func @given_back(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-error@+1 {{operand 0 is not computed in the function, or returned twice}}
  return %x : tensor<?x8xf32>
}

// -----

func.func @twice(%x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %y = arith.addf %x, %x : tensor<?x8xf32>
  // expected-error@+1 {{operand 1 is not computed in the function, or returned twice}}
  return %y, %y : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

func.func @constant(%x: tensor<?x8xf32>, %n: index) -> tensor<?x8xf32> {
  return %x : tensor<?x8xf32>
}
// expected-error@-3 {{argument 1 has a type without lowering}}

// -----

// Only products with the weights transposed, onto zeros, are linears.
func.func @product(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = "binq.param"() {name = "w"} : () -> tensor<8x8xf32>
  // expected-error@+1 {{'linalg.matmul' op has no lowering}}
  %y = linalg.matmul ins(%x, %w : tensor<?x8xf32>, tensor<8x8xf32>) outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

#rows = affine_map<(m, n, k) -> (m, k)>
#weights = affine_map<(m, n, k) -> (n, k)>
#out = affine_map<(m, n, k) -> (m, n)>
func.func @weights(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = arith.constant dense<1.0> : tensor<8x8xf32>
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%n) : tensor<?x8xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  // expected-error@+1 {{reads weights that are no binq.param}}
  %y = linalg.matmul indexing_maps = [#rows, #weights, #out] ins(%x, %w : tensor<?x8xf32>, tensor<8x8xf32>) outs(%z : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

func.func @norm(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = arith.constant dense<1.0> : tensor<8xf32>
  // expected-error@+1 {{reads parameters that are no binq.param}}
  %y = "binq.rms_norm"(%x, %w) {epsilon = 1.0e-5 : f32} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

func.func @sum(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x8xf32>
  %w = tensor.empty(%n) : tensor<?x8xf32>
  // expected-error@+1 {{operand 1 is neither computed in the function nor its argument}}
  %y = arith.addf %x, %w : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

func.func @clash(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = arith.addf %x, %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
// expected-error@+1 {{has the name of a kernel; choose another}}
func.func @add_32(%x: i32) {
  return
}

// -----

func.func @heads(%x: tensor<?x12xf32>, %p: tensor<?xi32>) -> tensor<?x12xf32> {
  // expected-error@+1 {{has heads of 12 values, which is no multiple of 8}}
  %y = "binq.rope"(%x, %p) {head_size = 12 : i64, base = 1.0e4 : f64} : (tensor<?x12xf32>, tensor<?xi32>) -> tensor<?x12xf32>
  return %y : tensor<?x12xf32>
}

// -----

func.func @tables(%x: tensor<?x16xf32>, %p: tensor<?xi32>) -> tensor<?x16xf32> {
  %y = "binq.rope"(%x, %p) {head_size = 16 : i64, base = 1.0e4 : f64} : (tensor<?x16xf32>, tensor<?xi32>) -> tensor<?x16xf32>
  // expected-error@+1 {{has another head_size or base than the module's one rotary table}}
  %z = "binq.rope"(%y, %p) {head_size = 16 : i64, base = 2.0e4 : f64} : (tensor<?x16xf32>, tensor<?xi32>) -> tensor<?x16xf32>
  return %z : tensor<?x16xf32>
}

// -----

func.func @coded(%q: tensor<?x264xf32>, %p: tensor<?xi32>, %c: !binq.cache) -> tensor<?x264xf32> {
  // expected-error@+1 {{has heads of 264 values, above 256, which have no codes}}
  %y = "binq.attention"(%q, %q, %q, %p, %c) {head_count = 1 : i64, kv_head_count = 1 : i64, cache_format = "int8"} : (tensor<?x264xf32>, tensor<?x264xf32>, tensor<?x264xf32>, tensor<?xi32>, !binq.cache) -> tensor<?x264xf32>
  return %y : tensor<?x264xf32>
}
