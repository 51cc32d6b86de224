// What has no gradient, and what of one has no lowering. Each part is one mistake.
// RUN: binq-opt %s --binq-build-gradient --binq-lower --split-input-file --verify-diagnostics

func.func @unknown(%x: tensor<?x8xf32>, %p: tensor<?xi32>) -> tensor<?x8xf32> attributes {binq.role = "layer"} {
  // expected-error@+1 {{'math.tanh' op has no adjoint}}
  %y = math.tanh %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

func.func @coded(%q: tensor<?x8xf32>, %p: tensor<?xi32>, %c: !binq.cache) -> tensor<?x8xf32> attributes {binq.role = "layer"} {
  // expected-error@+1 {{'binq.attention' op has no adjoint}}
  %y = "binq.attention"(%q, %q, %q, %p, %c) {head_count = 1 : i64, kv_head_count = 1 : i64, cache_format = "int8"} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, !binq.cache) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// expected-error@+1 {{has no gradient: a layer has one result, of the type of its first argument, and a head has one result}}
func.func @wide(%x: tensor<?x8xf32>, %z: tensor<?x16xf32>) -> tensor<?x16xf32> attributes {binq.role = "layer"} {
  %y = arith.addf %z, %z : tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

// expected-error@+1 {{has a result that does not depend on its first argument}}
func.func @constant(%x: tensor<?x8xf32>, %z: tensor<?x8xf32>) -> tensor<?x8xf32> attributes {binq.role = "layer"} {
  %y = arith.addf %z, %z : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

func.func @unused(%x: tensor<?x8xf32>, %z: tensor<?x8xf32>) -> tensor<?x8xf32> attributes {binq.role = "layer"} {
  // expected-error@+1 {{'binq.param' op is a parameter that the function's result does not depend on}}
  %w = "binq.param"() {name = "w"} : () -> tensor<8xf32>
  %y = arith.addf %x, %z : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// expected-error@+1 {{has no body to find the gradient of}}
func.func private @declared(%x: tensor<?x8xf32>) -> tensor<?x8xf32> attributes {binq.role = "layer"}

// -----

// expected-error@+1 {{has a gradient already: there is a function @f_gradient}}
func.func @f(%x: tensor<?x8xf32>) -> tensor<?x8xf32> attributes {binq.role = "layer"} {
  %y = arith.addf %x, %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
func.func @f_gradient(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = arith.addf %x, %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// A weight of two norms would need the sum of two vectors.
func.func @twice(%x: tensor<?x8xf32>) -> tensor<?x8xf32> attributes {binq.role = "layer"} {
  %w = "binq.param"() {name = "w"} : () -> tensor<8xf32>
  // expected-error@+1 {{'arith.addf' op has a result without lowering}}
  %n = "binq.rms_norm"(%x, %w) {epsilon = 1.0e-5 : f32} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %y = "binq.rms_norm"(%n, %w) {epsilon = 1.0e-5 : f32} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

func.func @kept(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = "binq.param"() {name = "w"} : () -> tensor<8xf32>
  %dx, %dw = "binq.rms_norm_gradient"(%x, %w, %x) {epsilon = 1.0e-5 : f32} : (tensor<?x8xf32>, tensor<8xf32>, tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<8xf32>)
  // expected-error@+1 {{does not return the gradient of a vector that is computed}}
  return %dx : tensor<?x8xf32>
}

// -----

func.func @alone(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = "binq.param"() {name = "w"} : () -> tensor<8x8xf32>
  // expected-error@+1 {{'binq.linear_gradient' op is not the adjoint of a linear of its function}}
  %dx = "binq.linear_gradient"(%x, %w, %x) : (tensor<?x8xf32>, tensor<8x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %dx : tensor<?x8xf32>
}

// -----

func.func @heads(%x: tensor<?x12xf32>) -> (tensor<?x12xf32>, tensor<?x12xf32>, tensor<?x12xf32>) {
  // expected-error@+1 {{'binq.attention_gradient' op has heads of 12 values, which is no multiple of 8}}
  %dq, %dk, %dv = "binq.attention_gradient"(%x, %x, %x, %x, %x) {head_count = 1 : i64, kv_head_count = 1 : i64} : (tensor<?x12xf32>, tensor<?x12xf32>, tensor<?x12xf32>, tensor<?x12xf32>, tensor<?x12xf32>) -> (tensor<?x12xf32>, tensor<?x12xf32>, tensor<?x12xf32>)
  return %dq, %dk, %dv : tensor<?x12xf32>, tensor<?x12xf32>, tensor<?x12xf32>
}

// -----

func.func @tables(%x: tensor<?x8xf32>, %p: tensor<?xi32>) -> tensor<?x8xf32> {
  %y = "binq.rope"(%x, %p) {head_size = 8 : i64, base = 1.0e4 : f64} : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  // expected-error@+1 {{'binq.rope_gradient' op has another head_size or base than the module's one rotary table}}
  %dx = "binq.rope_gradient"(%y, %p) {head_size = 8 : i64, base = 1.0e5 : f64} : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return %dx : tensor<?x8xf32>
}
