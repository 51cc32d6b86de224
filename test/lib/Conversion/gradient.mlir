// The gradient of a layer: the layer, the host's gradient by its result, then one adjoint an operation in reverse; and
// what it is lowered to.
// RUN: binq-opt %s --binq-build-gradient | FileCheck %s
// RUN: binq-opt %s --binq-build-gradient --binq-lower | FileCheck --check-prefix=LOWERED %s
// RUN: binq-opt %s --binq-build-gradient --binq-lower | FileCheck --check-prefix=FUNCTIONS %s
// RUN: binq-opt %s --binq-build-gradient --binq-lower --binq-to-llvm | FileCheck --check-prefix=LLVM %s

#rows = affine_map<(m, n, k) -> (m, k)>
#weights = affine_map<(m, n, k) -> (n, k)>
#out = affine_map<(m, n, k) -> (m, n)>

// Both gradients have the same code; their parameters lie as the layers' do.
// FUNCTIONS: {base = 0 : i64, callee = @layer, linears = ["q0", "k0", "o0"], name = "layer_0", offsets = array<i64: 0, 256>, params = ["n0", "m0"]}
// FUNCTIONS-SAME: {base = 0 : i64, callee = @layer, linears = ["q1", "k1", "o1"], name = "layer_1", offsets = array<i64: 0, 256>, params = ["n1", "m1"]}
// FUNCTIONS-SAME: {base = 0 : i64, callee = @layer_0_gradient, linears = ["q0", "k0", "o0"], name = "layer_0_gradient", offsets = array<i64: 0, 256>, params = ["n0", "m0"]}
// FUNCTIONS-SAME: {base = 0 : i64, callee = @layer_0_gradient, linears = ["q1", "k1", "o1"], name = "layer_1_gradient", offsets = array<i64: 0, 256>, params = ["n1", "m1"]}
// FUNCTIONS-SAME: {base = 0 : i64, callee = @head_gradient, linears = ["u"], name = "head_gradient", offsets = array<i64: 0>, params = ["h"]}
// FUNCTIONS-NOT: @layer_1_gradient(

// CHECK-LABEL: func.func @layer_0(
// CHECK-NOT: gradient
// CHECK: return

// CHECK-LABEL: func.func @layer_0_gradient(
// CHECK-SAME: %[[X:.*]]: tensor<?x40xf32>, %[[P:.*]]: tensor<?xi32>, %{{.*}}: !binq.cache) -> (tensor<?x40xf32>, tensor<40xf32>, tensor<40xf32>)
// CHECK-SAME: binq.role = "gradient"
// CHECK-DAG: %[[W:.*]] = "binq.param"() {name = "n0"}
// CHECK-DAG: %[[M:.*]] = "binq.param"() {name = "m0"}
// CHECK-DAG: %[[WQ:.*]] = "binq.param"() {name = "q0"}
// CHECK-DAG: %[[WK:.*]] = "binq.param"() {name = "k0"}
// CHECK-DAG: %[[WO:.*]] = "binq.param"() {name = "o0"}
// CHECK: %[[N:.*]] = "binq.rms_norm"(%[[X]], %[[W]])
// CHECK: %[[Q:.*]] = linalg.matmul {{.*}} ins(%[[N]], %[[WQ]]
// CHECK: %[[K:.*]] = linalg.matmul {{.*}} ins(%[[N]], %[[WK]]
// CHECK: %[[QR:.*]] = "binq.rope"(%[[Q]], %[[P]])
// CHECK: %[[A:.*]] = "binq.attention"(%[[QR]], %[[K]], %[[K]],
// CHECK: %[[O:.*]] = linalg.matmul {{.*}} ins(%[[A]], %[[WO]]
// CHECK: %[[S:.*]] = arith.addf %[[X]], %[[O]]
// CHECK: %[[T:.*]] = "binq.rms_norm"(%[[S]], %[[M]])
// CHECK: %[[G:.*]] = "binq.swiglu"(%[[T]], %[[S]])
// CHECK-NEXT: %[[DG:.*]] = "binq.output_gradient"(%[[G]])
// CHECK-NEXT: %[[DGATE:.*]]:2 = "binq.swiglu_gradient"(%[[T]], %[[S]], %[[DG]])
// CHECK-NEXT: %[[DM:.*]]:2 = "binq.rms_norm_gradient"(%[[S]], %[[M]], %[[DGATE]]#0) {epsilon = 9.99999974E-6 : f32}
// A value that is read twice: its gradients are added up as they are found.
// CHECK-NEXT: %[[DS:.*]] = arith.addf %[[DGATE]]#1, %[[DM]]#0
// CHECK-NEXT: %[[DA:.*]] = "binq.linear_gradient"(%[[A]], %[[WO]], %[[DS]])
// CHECK-NEXT: %[[DQKV:.*]]:3 = "binq.attention_gradient"(%[[QR]], %[[K]], %[[K]], %[[A]], %[[DA]]) {head_count = 5 : i64, kv_head_count = 1 : i64}
// CHECK-NEXT: %[[DK:.*]] = arith.addf %[[DQKV]]#1, %[[DQKV]]#2
// CHECK-NEXT: %[[DQ:.*]] = "binq.rope_gradient"(%[[DQKV]]#0, %[[P]]) {base = 1.000000e+04 : f64, head_size = 8 : i64}
// CHECK-NEXT: %[[DN1:.*]] = "binq.linear_gradient"(%[[N]], %[[WK]], %[[DK]])
// CHECK-NEXT: %[[DN2:.*]] = "binq.linear_gradient"(%[[N]], %[[WQ]], %[[DQ]])
// CHECK-NEXT: %[[DN:.*]] = arith.addf %[[DN1]], %[[DN2]]
// CHECK-NEXT: %[[DW:.*]]:2 = "binq.rms_norm_gradient"(%[[X]], %[[W]], %[[DN]])
// CHECK-NEXT: %[[DX:.*]] = arith.addf %[[DS]], %[[DW]]#0
// CHECK-NEXT: return %[[DX]], %[[DW]]#1, %[[DM]]#1

// A head's result is of any size.
// CHECK-LABEL: func.func @head_gradient(
// CHECK-SAME: %[[X:.*]]: tensor<?x40xf32>) -> (tensor<?x40xf32>, tensor<40xf32>)
// CHECK-SAME: binq.role = "gradient"
// CHECK: %[[N:.*]] = "binq.rms_norm"(%[[X]], %[[W:[a-z0-9]+]])
// CHECK: %[[Y:.*]] = linalg.matmul {{.*}} ins(%[[N]], %[[U:[a-z0-9]+]] :
// CHECK-NEXT: %[[DY:.*]] = "binq.output_gradient"(%[[Y]]) : (tensor<?x288xf32>) -> tensor<?x288xf32>
// CHECK-NEXT: %[[DN:.*]] = "binq.linear_gradient"(%[[N]], %[[U]], %[[DY]])
// CHECK-NEXT: %[[DX:.*]]:2 = "binq.rms_norm_gradient"(%[[X]], %[[W]], %[[DN]])
// CHECK-NEXT: return %[[DX]]#0, %[[DX]]#1

// Adjoints of two steps meet between them; linears are called by the numbers they have forward.
// LOWERED-LABEL: func.func @layer_0_gradient(
// LOWERED-SAME: %[[X:[a-z0-9]+]]: memref<?xf32>, %[[P:[a-z0-9]+]]: memref<?xi32>, %[[DX:[a-z0-9]+]]: memref<?xf32>, %[[DW:[a-z0-9]+]]: memref<?xf32>, %[[DM:[a-z0-9]+]]: memref<?xf32>)
// LOWERED-SAME: binq.role = "gradient", llvm.emit_c_interface
// LOWERED: call @swiglu_64(
// LOWERED: call @binq_barrier
// LOWERED-NEXT: call @binq_host_output_gradient(%{{.*}}, %[[G:.*]], %[[DG:.*]], %arg5, %arg9, %arg10)
// LOWERED-NEXT: call @binq_barrier
// LOWERED-NEXT: call @swiglu_gradient_64(%{{.*}}, %{{.*}}, %[[DG]], %[[DGATE:.*]], %{{.*}}, %arg5, %arg9, %arg10)
// LOWERED-NEXT: call @binq_barrier
// LOWERED: call @rms_norm_gradient_40(%[[S:.*]], %{{.*}}, %[[DGATE]], %{{.*}}, %{{.*}}, %[[FACTORS:.*]], %arg5, %arg9, %arg10)
// LOWERED-NEXT: call @binq_barrier
// LOWERED-NEXT: call @rms_norm_weight_gradient_64(%[[S]], %[[DGATE]], %[[FACTORS]], %[[DM]], %arg5, %arg9, %arg10)
// LOWERED-NEXT: call @add_64(
// LOWERED-NEXT: call @binq_barrier
// LOWERED-NEXT: %[[TWO:.*]] = arith.constant 2 : index
// LOWERED-NEXT: call @binq_host_linear_gradient(%arg8, %[[TWO]], %[[A:.*]], %{{.*}}, %[[DA:.*]], %arg5, %arg9, %arg10)
// LOWERED-NEXT: call @binq_barrier
// LOWERED-NEXT: call @attention_query_gradient_5x1x8(%[[QR:.*]], %[[K:.*]], %[[K]], %[[A]], %[[DA]], %[[DQR:.*]], %[[STATISTICS:.*]], %arg6, %arg5, %arg9, %arg10)
// LOWERED-NEXT: call @binq_barrier
// LOWERED-NEXT: call @attention_key_gradient_5x1x8(%[[QR]], %[[K]], %[[K]], %[[DA]], %[[STATISTICS]], %{{.*}}, %{{.*}}, %arg6, %arg5, %arg9, %arg10)
// LOWERED-NEXT: call @binq_barrier
// LOWERED-NEXT: call @add_32(
// LOWERED-NEXT: call @rope_gradient_5x8(%[[DQR]], %[[P]], %arg3, %{{.*}}, %arg5, %arg9, %arg10)
// LOWERED-NEXT: call @binq_barrier
// LOWERED-NEXT: arith.constant 1 : index
// LOWERED-NEXT: call @binq_host_linear_gradient(
// LOWERED-NEXT: arith.constant 0 : index
// LOWERED-NEXT: call @binq_host_linear_gradient(
// LOWERED-NEXT: call @binq_barrier
// LOWERED-NEXT: call @add_64(
// LOWERED: call @rms_norm_weight_gradient_64(%[[X]], %{{.*}}, %{{.*}}, %[[DW]],
// LOWERED-NEXT: call @add_64(%{{.*}}, %{{.*}}, %[[DX]],
// LOWERED-NEXT: call @binq_barrier
// LOWERED-NEXT: return

// LLVM-NOT: unrealized_conversion_cast
// LLVM-NOT: fastmath
// LLVM-NOT: @malloc
// LLVM: llvm.func @_mlir_ciface_layer_0_gradient(
func.func @layer_0(%x: tensor<?x40xf32>, %p: tensor<?xi32>, %cache: !binq.cache) -> tensor<?x40xf32> attributes {binq.role = "layer"} {
  %w = "binq.param"() {name = "n0"} : () -> tensor<40xf32>
  %m = "binq.param"() {name = "m0"} : () -> tensor<40xf32>
  %wq = "binq.param"() {name = "q0"} : () -> tensor<40x40xf32>
  %wk = "binq.param"() {name = "k0"} : () -> tensor<8x40xf32>
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
  %qr = "binq.rope"(%q, %p) {head_size = 8 : i64, base = 1.0e4 : f64} : (tensor<?x40xf32>, tensor<?xi32>) -> tensor<?x40xf32>
  %a = "binq.attention"(%qr, %k, %k, %p, %cache) {head_count = 5 : i64, kv_head_count = 1 : i64} : (tensor<?x40xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, !binq.cache) -> tensor<?x40xf32>
  %o = linalg.matmul indexing_maps = [#rows, #weights, #out] ins(%a, %wo : tensor<?x40xf32>, tensor<40x40xf32>) outs(%zeros : tensor<?x40xf32>) -> tensor<?x40xf32>
  %s = arith.addf %x, %o : tensor<?x40xf32>
  %t = "binq.rms_norm"(%s, %m) {epsilon = 1.0e-5 : f32} : (tensor<?x40xf32>, tensor<40xf32>) -> tensor<?x40xf32>
  %g = "binq.swiglu"(%t, %s) : (tensor<?x40xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>
  return %g : tensor<?x40xf32>
}

func.func @layer_1(%x: tensor<?x40xf32>, %p: tensor<?xi32>, %cache: !binq.cache) -> tensor<?x40xf32> attributes {binq.role = "layer"} {
  %w = "binq.param"() {name = "n1"} : () -> tensor<40xf32>
  %m = "binq.param"() {name = "m1"} : () -> tensor<40xf32>
  %wq = "binq.param"() {name = "q1"} : () -> tensor<40x40xf32>
  %wk = "binq.param"() {name = "k1"} : () -> tensor<8x40xf32>
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
  %qr = "binq.rope"(%q, %p) {head_size = 8 : i64, base = 1.0e4 : f64} : (tensor<?x40xf32>, tensor<?xi32>) -> tensor<?x40xf32>
  %a = "binq.attention"(%qr, %k, %k, %p, %cache) {head_count = 5 : i64, kv_head_count = 1 : i64} : (tensor<?x40xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, !binq.cache) -> tensor<?x40xf32>
  %o = linalg.matmul indexing_maps = [#rows, #weights, #out] ins(%a, %wo : tensor<?x40xf32>, tensor<40x40xf32>) outs(%zeros : tensor<?x40xf32>) -> tensor<?x40xf32>
  %s = arith.addf %x, %o : tensor<?x40xf32>
  %t = "binq.rms_norm"(%s, %m) {epsilon = 1.0e-5 : f32} : (tensor<?x40xf32>, tensor<40xf32>) -> tensor<?x40xf32>
  %g = "binq.swiglu"(%t, %s) : (tensor<?x40xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>
  return %g : tensor<?x40xf32>
}

func.func @head(%x: tensor<?x40xf32>) -> tensor<?x288xf32> attributes {binq.role = "head"} {
  %w = "binq.param"() {name = "h"} : () -> tensor<40xf32>
  %u = "binq.param"() {name = "u"} : () -> tensor<288x40xf32>
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %rows = tensor.dim %x, %c0 : tensor<?x40xf32>
  %wide = tensor.empty(%rows) : tensor<?x288xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%wide : tensor<?x288xf32>) -> tensor<?x288xf32>
  %n = "binq.rms_norm"(%x, %w) {epsilon = 1.0e-5 : f32} : (tensor<?x40xf32>, tensor<40xf32>) -> tensor<?x40xf32>
  %y = linalg.matmul indexing_maps = [#rows, #weights, #out] ins(%n, %u : tensor<?x40xf32>, tensor<288x40xf32>) outs(%zeros : tensor<?x288xf32>) -> tensor<?x288xf32>
  return %y : tensor<?x288xf32>
}
