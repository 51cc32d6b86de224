// A coded cache has kernels of its own, whose sizes are constants; one module may have several formats.
// RUN: binq-opt %s --binq-lower | FileCheck %s

// CHECK-LABEL: func.func @float(
// CHECK: call @append_cache_1x24(
// CHECK: call @binq_barrier
// CHECK: call @attention_2x1x24(
func.func @float(%q: tensor<?x48xf32>, %kv: tensor<?x24xf32>, %p: tensor<?xi32>, %c: !binq.cache) -> tensor<?x48xf32> {
  %y = "binq.attention"(%q, %kv, %kv, %p, %c) {head_count = 2 : i64, kv_head_count = 1 : i64} : (tensor<?x48xf32>, tensor<?x24xf32>, tensor<?x24xf32>, tensor<?xi32>, !binq.cache) -> tensor<?x48xf32>
  return %y : tensor<?x48xf32>
}

// CHECK-LABEL: func.func @int8(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: memref<?xf32>, %[[KV:[a-z0-9]+]]: memref<?xf32>, %[[P:[a-z0-9]+]]: memref<?xi32>, %[[Y:[a-z0-9]+]]: memref<?xf32>)
// CHECK-NEXT: call @append_coded_int8_1x24(%[[KV]], %[[KV]], %[[P]], %arg2,
// CHECK-NEXT: call @binq_barrier
// CHECK-NEXT: call @attention_coded_int8_2x1x24(%[[Q]], %[[P]], %arg2, %[[Y]],

// A head, its row of 32 floats, 24 bytes, not 4 bits; runs of 8 channels are rotated.
// CHECK-LABEL: func.func private @append_coded_int8_1x24(
// CHECK-NEXT: arith.constant 1 : index
// CHECK-NEXT: arith.constant 24 : index
// CHECK-NEXT: arith.constant 32 : index
// CHECK-NEXT: arith.constant 24 : index
// CHECK-NEXT: arith.constant false
// CHECK-NEXT: arith.constant 8 : index
// CHECK-NEXT: arith.constant 1.250000e-01 : f32
func.func @int8(%q: tensor<?x48xf32>, %kv: tensor<?x24xf32>, %p: tensor<?xi32>, %c: !binq.cache) -> tensor<?x48xf32> {
  %y = "binq.attention"(%q, %kv, %kv, %p, %c) {head_count = 2 : i64, kv_head_count = 1 : i64, cache_format = "int8"} : (tensor<?x48xf32>, tensor<?x24xf32>, tensor<?x24xf32>, tensor<?xi32>, !binq.cache) -> tensor<?x48xf32>
  return %y : tensor<?x48xf32>
}

// Rows of 4 bits are whole units of 16 channels.
// CHECK-LABEL: func.func private @append_coded_int4_1x24(
// CHECK: arith.constant 16 : index
// CHECK-NEXT: arith.constant true
func.func @int4(%q: tensor<?x48xf32>, %kv: tensor<?x24xf32>, %p: tensor<?xi32>, %c: !binq.cache) -> tensor<?x48xf32> {
  %y = "binq.attention"(%q, %kv, %kv, %p, %c) {head_count = 2 : i64, kv_head_count = 1 : i64, cache_format = "int4"} : (tensor<?x48xf32>, tensor<?x24xf32>, tensor<?x24xf32>, tensor<?xi32>, !binq.cache) -> tensor<?x48xf32>
  return %y : tensor<?x48xf32>
}
