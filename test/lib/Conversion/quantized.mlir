// A quantized graph: packed weights, activations coded once for the linears that read them.
// RUN: binq-opt %s --binq-lower | FileCheck %s
// RUN: binq-opt %s --binq-lower=lowering=popcount | FileCheck --check-prefix=KERNELS %s
// RUN: binq-opt %s --binq-lower=lowering=popcount --binq-to-llvm | FileCheck --check-prefix=LLVM %s
// RUN: binq-opt %s --binq-lower=lowering=lut --binq-to-llvm | FileCheck --check-prefix=LUT %s
// RUN: binq-opt %s "--binq-lower=lowering=dot isa=x86-64-v4" --binq-to-llvm | FileCheck --check-prefix=DOT %s

// CHECK-LABEL: func.func @gate_and_up(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<?xf32>, %[[Y:[a-z0-9]+]]: memref<?xf32>)
// Activations take 2 * 8 bytes of scales and sums, 64 of INT8 columns, 4 of their scale, rounded up to 128; 2 * 128 of
// levels and 2 * 32 * 16 of tables.
// CHECK: %[[ELEMENTS:.*]] = arith.constant 1408 : index
// CHECK: %[[A:.*]] = memref.view %arg0{{.*}} : memref<?xi8> to memref<?xi8>
// CHECK: %[[GATE:.*]] = memref.view %arg0{{.*}} : memref<?xi8> to memref<?xf32>
// CHECK: %[[UP:.*]] = memref.view %arg0{{.*}} : memref<?xi8> to memref<?xf32>
// CHECK: %[[ORDER:.*]] = memref.view %arg1{{.*}} : memref<?xi8> to memref<?xi16>
// CHECK: %[[LEVELS:.*]] = memref.view %arg1{{.*}} : memref<?xi8> to memref<?xi32>
// CHECK: %[[WGATE:.*]] = memref.view %arg1{{.*}} : memref<?xi8> to memref<?xi8>
// CHECK: %[[WUP:.*]] = memref.view %arg1{{.*}} : memref<?xi8> to memref<?xi8>
// CHECK-NEXT: call @quantize_planes_200_i64_a4(%[[X]], %[[ORDER]], %[[LEVELS]], %[[A]], %arg5, %arg9, %arg10)
// CHECK-NEXT: call @quantize_int8_200_i64_a4(%[[X]], %[[ORDER]], %[[A]], %arg5, %arg9, %arg10)
// CHECK-NEXT: call @binq_barrier
// CHECK-NEXT: call @linear_sums_grouped_binary_40x200_i64_a4_lut(%[[WGATE]], %[[LEVELS]], %[[A]], %[[GATE]], %arg5, %arg9, %arg10)
// CHECK: call @linear_dot_grouped_binary(%[[WGATE]], %[[LEVELS]], %[[A]], %[[GATE]], %arg5, %arg9, %arg10, 
// CHECK-NEXT: call @linear_sums_planes_40x200_w1_2_4_i64_a4_lut(%[[WUP]], %[[LEVELS]], %[[A]], %[[UP]], %arg5, %arg9, %arg10)
// CHECK: call @linear_dot_planes(%[[WUP]], %[[LEVELS]], %[[A]], %[[UP]], %arg5, %arg9, %arg10, 
// CHECK-NEXT: call @binq_barrier
// CHECK-NEXT: call @swiglu_64(%[[GATE]], %[[UP]], %[[Y]], %arg5, %arg9, %arg10)
// CHECK-NEXT: call @binq_barrier
// CHECK-NEXT: return
func.func @gate_and_up(%x: tensor<?x200xf32>) -> tensor<?x40xf32> {
  %order = "binq.param"() {name = "order"} : () -> tensor<224xi16>
  %levels = "binq.param"() {name = "levels"} : () -> tensor<64xi32>
  %wgate = "binq.param"() {name = "gate"} : () -> tensor<7552xi8>
  %wup = "binq.param"() {name = "up"} : () -> tensor<8448xi8>
  %a = "binq.quantize_activations"(%x, %order, %levels) {planes = 4 : i64, columns = 200 : i64, int8_columns = 64 : i64}
      : (tensor<?x200xf32>, tensor<224xi16>, tensor<64xi32>) -> !binq.activations
  %gate = "binq.linear"(%a, %wgate) {form = "grouped_binary", rows = 40 : i64, columns = 200 : i64, int8_columns = 64 : i64,
      planes = 2 : i64, activation_planes = 4 : i64, plane_weights = array<i32>} : (!binq.activations, tensor<7552xi8>) -> tensor<?x40xf32>
  %up = "binq.linear"(%a, %wup) {form = "planes", rows = 40 : i64, columns = 200 : i64, int8_columns = 64 : i64,
      planes = 3 : i64, activation_planes = 4 : i64, plane_weights = array<i32: 1, 2, 4>} : (!binq.activations, tensor<8448xi8>) -> tensor<?x40xf32>
  %y = "binq.swiglu"(%gate, %up) : (tensor<?x40xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// The output head: INT8 throughout, no planes.
// CHECK-LABEL: func.func @head(
// CHECK: call @quantize_int8_40_i64_a0(
// CHECK-NEXT: call @binq_barrier
// CHECK-NEXT: call @linear_int8_100x40(
// CHECK-NEXT: call @binq_barrier
// CHECK-NEXT: return
func.func @head(%x: tensor<?x40xf32>) -> tensor<?x100xf32> {
  %order = "binq.param"() {name = "head.order"} : () -> tensor<64xi16>
  %levels = "binq.param"() {name = "head.levels"} : () -> tensor<64xi32>
  %w = "binq.param"() {name = "head"} : () -> tensor<8448xi8>
  %a = "binq.quantize_activations"(%x, %order, %levels) {planes = 0 : i64, columns = 40 : i64, int8_columns = 64 : i64}
      : (tensor<?x40xf32>, tensor<64xi16>, tensor<64xi32>) -> !binq.activations
  %y = "binq.linear"(%a, %w) {form = "int8", rows = 100 : i64, columns = 40 : i64, int8_columns = 64 : i64,
      planes = 0 : i64, activation_planes = 0 : i64, plane_weights = array<i32>} : (!binq.activations, tensor<8448xi8>) -> tensor<?x100xf32>
  return %y : tensor<?x100xf32>
}

// CHECK-LABEL: func.func @embed(
// CHECK: call @embedding_int8_100x40(%{{.*}}, %arg11, %arg12, %arg5, %arg9, %arg10)
func.func @embed(%t: tensor<?xi32>) -> tensor<?x40xf32> {
  %w = "binq.param"() {name = "head"} : () -> tensor<8448xi8>
  %y = "binq.embedding"(%t, %w) {format = {form = "int8", rows = 100 : i64, columns = 40 : i64, int8_columns = 64 : i64,
      planes = 0 : i64, plane_weights = array<i32>}} : (tensor<?xi32>, tensor<8448xi8>) -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// A table in planes comes with its order.
// CHECK-LABEL: func.func @embed_planes(
// CHECK: call @embedding_planes_100x40_w1_2_4_i32(%{{.*}}, %{{.*}}, %arg11, %arg12, %arg5, %arg9, %arg10)
func.func @embed_planes(%t: tensor<?xi32>) -> tensor<?x40xf32> {
  %o = "binq.param"() {name = "planes.order"} : () -> tensor<64xi16>
  %w = "binq.param"() {name = "planes"} : () -> tensor<6272xi8>
  %y = "binq.embedding"(%t, %w, %o) {format = {form = "planes", rows = 100 : i64, columns = 40 : i64, int8_columns = 32 : i64,
      planes = 3 : i64, plane_weights = array<i32: 1, 2, 4>}} : (tensor<?xi32>, tensor<6272xi8>, tensor<64xi16>) -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// Sizes are constants of the copy: here 2 blocks of 3776 bytes, groups of 1216.
// KERNELS-LABEL: func.func private @linear_sums_grouped_binary_40x200_i64_a4_popcount(
// KERNELS-NEXT: arith.constant 2 : index
// KERNELS-NEXT: arith.constant 3776 : index
// KERNELS-NEXT: arith.constant 1216 : index
// Bits are counted in vectors of bytes.
// KERNELS-LABEL: func.func private @count_two_planes(
// KERNELS: math.ctpop %{{.*}} : vector<32xi8>

// LLVM-LABEL: llvm.func internal @count_two_planes(
// LLVM: llvm.intr.ctpop(%{{.*}}) : (vector<32xi8>) -> vector<32xi8>

// LUT: llvm.call_intrinsic "llvm.x86.avx2.pshuf.b"
// DOT: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
