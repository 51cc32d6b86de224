// A float graph: linears and embedding call the host, the rest are kernels; layers of one shape share their code.
// RUN: binq-opt %s --binq-lower | FileCheck %s
// RUN: binq-opt %s --binq-lower | FileCheck --check-prefix=FUNCTIONS %s
// RUN: binq-opt %s --binq-lower --binq-to-llvm | FileCheck --check-prefix=LLVM %s

#rows = affine_map<(m, n, k) -> (m, k)>
#weights = affine_map<(m, n, k) -> (n, k)>
#out = affine_map<(m, n, k) -> (m, n)>

// Bytes a token: the values that are live together in a layer.
// FUNCTIONS: module attributes {binq.functions = [
// FUNCTIONS-SAME: {base = 0 : i64, callee = @embed, linears = [], name = "embed", offsets = array<i64>, params = []}
// FUNCTIONS-SAME: {base = 0 : i64, callee = @layer, linears = ["q0", "k0", "v0", "o0"], name = "layer_0", offsets = array<i64: 0>, params = ["n0"]}
// FUNCTIONS-SAME: {base = 0 : i64, callee = @layer, linears = ["q1", "k1", "v1", "o1"], name = "layer_1", offsets = array<i64: 0>, params = ["n1"]}
// FUNCTIONS-SAME: {base = 0 : i64, callee = @layer_2, linears = [], name = "layer_2", offsets = array<i64: 0, 256>, params = ["n2", "m2"]}
// FUNCTIONS-SAME: binq.workspace_per_token = 896 : i64}
// FUNCTIONS-NOT: @layer_0(
// FUNCTIONS-NOT: @layer_1(

// CHECK-LABEL: func.func @embed(
// CHECK-SAME: %[[WORKSPACE:[a-z0-9]+]]: memref<?xi8>, %[[WEIGHTS:[a-z0-9]+]]: memref<?xi8>, %[[CACHE:[a-z0-9]+]]: memref<?xi8>, %[[ROPE:[a-z0-9]+]]: memref<?xf32>,
// CHECK-SAME: %[[BASE:[a-z0-9]+]]: index, %[[COUNT:[a-z0-9]+]]: index, %[[SEQUENCES:[a-z0-9]+]]: index, %[[CAPACITY:[a-z0-9]+]]: index,
// CHECK-SAME: %[[HOST:[a-z0-9]+]]: !llvm.ptr, %[[THREAD:[a-z0-9]+]]: index, %[[THREADS:[a-z0-9]+]]: index,
// CHECK-SAME: %[[TOKENS:[a-z0-9]+]]: memref<?xi32>, %[[Y:[a-z0-9]+]]: memref<?xf32>)
// CHECK-SAME: binq.role = "embed", llvm.emit_c_interface
// CHECK-NEXT: call @binq_host_embedding(%[[HOST]], %[[TOKENS]], %[[Y]], %[[COUNT]], %[[THREAD]], %[[THREADS]])
// CHECK-NEXT: call @binq_barrier(%[[HOST]])
// CHECK-NEXT: return
func.func @embed(%t: tensor<?xi32>) -> tensor<?x40xf32> attributes {binq.role = "embed"} {
  %table = "binq.param"() {name = "table"} : () -> tensor<100x40xf32>
  %x = "binq.embedding"(%t, %table) : (tensor<?xi32>, tensor<100x40xf32>) -> tensor<?x40xf32>
  return %x : tensor<?x40xf32>
}

// q, k and v meet at one barrier; keys and values are in the cache before anyone reads them; the result goes to the
// caller's memory.
// CHECK-LABEL: func.func @layer(
// CHECK-SAME: %[[HOST:[a-z0-9]+]]: !llvm.ptr, %[[THREAD:[a-z0-9]+]]: index, %[[THREADS:[a-z0-9]+]]: index,
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<?xf32>, %[[POSITIONS:[a-z0-9]+]]: memref<?xi32>, %[[Y:[a-z0-9]+]]: memref<?xf32>)
// CHECK: %[[N:.*]] = memref.view %arg0{{.*}} : memref<?xi8> to memref<?xf32>
// CHECK: %[[Q:.*]] = memref.view %arg0
// CHECK: %[[K:.*]] = memref.view %arg0
// CHECK: %[[V:.*]] = memref.view %arg0
// CHECK: %[[QR:.*]] = memref.view %arg0
// CHECK: %[[KR:.*]] = memref.view %arg0
// CHECK: %[[A:.*]] = memref.view %arg0
// CHECK: %[[O:.*]] = memref.view %arg0
// CHECK: %[[AT:.*]] = arith.addi %arg4, %{{.*}} : index
// CHECK: %[[W:.*]] = memref.view %arg1[%[[AT]]]
// CHECK: %[[EPSILON:.*]] = arith.constant 9.99999974E-6 : f32
// CHECK: call @rms_norm_40(%[[X]], %[[W]], %[[EPSILON]], %[[N]],
// CHECK-NEXT: call @binq_barrier
// CHECK-NEXT: %[[ID0:.*]] = arith.constant 0
// CHECK-NEXT: call @binq_host_linear(%[[HOST]], %[[ID0]], %[[N]], %[[Q]],
// CHECK-NEXT: %[[ID1:.*]] = arith.constant 1
// CHECK-NEXT: call @binq_host_linear(%[[HOST]], %[[ID1]], %[[N]], %[[K]],
// CHECK-NEXT: %[[ID2:.*]] = arith.constant 2
// CHECK-NEXT: call @binq_host_linear(%[[HOST]], %[[ID2]], %[[N]], %[[V]],
// CHECK-NEXT: call @binq_barrier
// CHECK-NEXT: call @rope_5x8(%[[Q]], %[[POSITIONS]], %arg3, %[[QR]],
// CHECK-NEXT: call @rope_1x8(%[[K]], %[[POSITIONS]], %arg3, %[[KR]],
// CHECK-NEXT: call @binq_barrier
// CHECK-NEXT: call @append_cache_1x8(%[[KR]], %[[V]], %[[POSITIONS]], %arg2,
// CHECK-NEXT: call @binq_barrier
// CHECK-NEXT: call @attention_5x1x8(%[[QR]], %[[POSITIONS]], %arg2, %[[A]],
// CHECK-NEXT: call @binq_barrier
// CHECK-NEXT: %[[ID3:.*]] = arith.constant 3
// CHECK-NEXT: call @binq_host_linear(%[[HOST]], %[[ID3]], %[[A]], %[[O]],
// CHECK-NEXT: call @binq_barrier
// CHECK-NEXT: call @add_64(%[[X]], %[[O]], %[[Y]],
// CHECK-NEXT: call @binq_barrier
// CHECK-NEXT: return

// The copy of a kernel has its sizes as constants, 64 floats a row and 40 columns here.
// CHECK-LABEL: func.func private @rms_norm_40(
// CHECK-SAME: %{{.*}}: memref<?xf32>, %{{.*}}: memref<?xf32>, %{{.*}}: f32, %{{.*}}: memref<?xf32>, %{{.*}}: index, %{{.*}}: index, %{{.*}}: index)
// CHECK-SAME: binq.kernel, llvm.linkage = #llvm.linkage<internal>, passthrough = ["noinline"]
// CHECK-NEXT: arith.constant 64 : index
// CHECK-NEXT: arith.constant 4.000000e+01 : f32
func.func @layer_0(%x: tensor<?x40xf32>, %p: tensor<?xi32>, %cache: !binq.cache) -> tensor<?x40xf32> attributes {binq.role = "layer"} {
  %w = "binq.param"() {name = "n0"} : () -> tensor<40xf32>
  %wq = "binq.param"() {name = "q0"} : () -> tensor<40x40xf32>
  %wk = "binq.param"() {name = "k0"} : () -> tensor<8x40xf32>
  %wv = "binq.param"() {name = "v0"} : () -> tensor<8x40xf32>
  %wo = "binq.param"() {name = "o0"} : () -> tensor<40x40xf32>
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %rows = tensor.dim %x, %c0 : tensor<?x40xf32>
  %wide = tensor.empty(%rows) : tensor<?x40xf32>
  %narrow = tensor.empty(%rows) : tensor<?x8xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%wide : tensor<?x40xf32>) -> tensor<?x40xf32>
  %few = linalg.fill ins(%zero : f32) outs(%narrow : tensor<?x8xf32>) -> tensor<?x8xf32>
  %n = "binq.rms_norm"(%x, %w) {epsilon = 1.0e-5 : f32} : (tensor<?x40xf32>, tensor<40xf32>) -> tensor<?x40xf32>
  %q = linalg.matmul indexing_maps = [#rows, #weights, #out] ins(%n, %wq : tensor<?x40xf32>, tensor<40x40xf32>) outs(%zeros : tensor<?x40xf32>) -> tensor<?x40xf32>
  %k = linalg.matmul indexing_maps = [#rows, #weights, #out] ins(%n, %wk : tensor<?x40xf32>, tensor<8x40xf32>) outs(%few : tensor<?x8xf32>) -> tensor<?x8xf32>
  %v = linalg.matmul indexing_maps = [#rows, #weights, #out] ins(%n, %wv : tensor<?x40xf32>, tensor<8x40xf32>) outs(%few : tensor<?x8xf32>) -> tensor<?x8xf32>
  %qr = "binq.rope"(%q, %p) {head_size = 8 : i64, base = 1.0e4 : f64} : (tensor<?x40xf32>, tensor<?xi32>) -> tensor<?x40xf32>
  %kr = "binq.rope"(%k, %p) {head_size = 8 : i64, base = 1.0e4 : f64} : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  %a = "binq.attention"(%qr, %kr, %v, %p, %cache) {head_count = 5 : i64, kv_head_count = 1 : i64} : (tensor<?x40xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, !binq.cache) -> tensor<?x40xf32>
  %o = linalg.matmul indexing_maps = [#rows, #weights, #out] ins(%a, %wo : tensor<?x40xf32>, tensor<40x40xf32>) outs(%zeros : tensor<?x40xf32>) -> tensor<?x40xf32>
  %y = arith.addf %x, %o : tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

func.func @layer_1(%x: tensor<?x40xf32>, %p: tensor<?xi32>, %cache: !binq.cache) -> tensor<?x40xf32> attributes {binq.role = "layer"} {
  %w = "binq.param"() {name = "n1"} : () -> tensor<40xf32>
  %wq = "binq.param"() {name = "q1"} : () -> tensor<40x40xf32>
  %wk = "binq.param"() {name = "k1"} : () -> tensor<8x40xf32>
  %wv = "binq.param"() {name = "v1"} : () -> tensor<8x40xf32>
  %wo = "binq.param"() {name = "o1"} : () -> tensor<40x40xf32>
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %rows = tensor.dim %x, %c0 : tensor<?x40xf32>
  %wide = tensor.empty(%rows) : tensor<?x40xf32>
  %narrow = tensor.empty(%rows) : tensor<?x8xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%wide : tensor<?x40xf32>) -> tensor<?x40xf32>
  %few = linalg.fill ins(%zero : f32) outs(%narrow : tensor<?x8xf32>) -> tensor<?x8xf32>
  %n = "binq.rms_norm"(%x, %w) {epsilon = 1.0e-5 : f32} : (tensor<?x40xf32>, tensor<40xf32>) -> tensor<?x40xf32>
  %q = linalg.matmul indexing_maps = [#rows, #weights, #out] ins(%n, %wq : tensor<?x40xf32>, tensor<40x40xf32>) outs(%zeros : tensor<?x40xf32>) -> tensor<?x40xf32>
  %k = linalg.matmul indexing_maps = [#rows, #weights, #out] ins(%n, %wk : tensor<?x40xf32>, tensor<8x40xf32>) outs(%few : tensor<?x8xf32>) -> tensor<?x8xf32>
  %v = linalg.matmul indexing_maps = [#rows, #weights, #out] ins(%n, %wv : tensor<?x40xf32>, tensor<8x40xf32>) outs(%few : tensor<?x8xf32>) -> tensor<?x8xf32>
  %qr = "binq.rope"(%q, %p) {head_size = 8 : i64, base = 1.0e4 : f64} : (tensor<?x40xf32>, tensor<?xi32>) -> tensor<?x40xf32>
  %kr = "binq.rope"(%k, %p) {head_size = 8 : i64, base = 1.0e4 : f64} : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  %a = "binq.attention"(%qr, %kr, %v, %p, %cache) {head_count = 5 : i64, kv_head_count = 1 : i64} : (tensor<?x40xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, !binq.cache) -> tensor<?x40xf32>
  %o = linalg.matmul indexing_maps = [#rows, #weights, #out] ins(%a, %wo : tensor<?x40xf32>, tensor<40x40xf32>) outs(%zeros : tensor<?x40xf32>) -> tensor<?x40xf32>
  %y = arith.addf %x, %o : tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// Another shape: a function of its own. Its second parameter lies behind the first one's padding.
// CHECK-LABEL: func.func @layer_2(
// CHECK: %[[OFFSET:.*]] = arith.constant 256 : index
// CHECK-NEXT: %[[SECOND:.*]] = arith.addi %arg4, %[[OFFSET]]
// CHECK: memref.view %arg1[%[[SECOND]]]
func.func @layer_2(%x: tensor<?x40xf32>, %p: tensor<?xi32>, %cache: !binq.cache) -> tensor<?x40xf32> attributes {binq.role = "layer"} {
  %w = "binq.param"() {name = "n2"} : () -> tensor<40xf32>
  %m = "binq.param"() {name = "m2"} : () -> tensor<40xf32>
  %n = "binq.rms_norm"(%x, %w) {epsilon = 1.0e-5 : f32} : (tensor<?x40xf32>, tensor<40xf32>) -> tensor<?x40xf32>
  %y = "binq.rms_norm"(%n, %m) {epsilon = 1.0e-6 : f32} : (tensor<?x40xf32>, tensor<40xf32>) -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// LLVM-NOT: unrealized_conversion_cast
// LLVM-NOT: fastmath
// LLVM-NOT: fmuladd
// LLVM-NOT: @malloc
// LLVM: llvm.func @_mlir_ciface_layer(
