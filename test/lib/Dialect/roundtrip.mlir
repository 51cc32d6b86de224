// Every operation and type of the dialect, printed and read again.
// RUN: binq-opt %s | FileCheck %s
// RUN: binq-opt %s | binq-opt | FileCheck %s

// CHECK: module attributes {binq.parameters = "model.params", binq.source = "model.gguf"}
module attributes {binq.source = "model.gguf", binq.parameters = "model.params"} {

// CHECK-LABEL: func.func @embed
// CHECK-SAME: binq.role = "embed"
func.func @embed(%tokens: tensor<?xi32>) -> tensor<?x64xf32> attributes {binq.role = "embed"} {
  // CHECK: "binq.param"() {name = "token_embd.weight"} : () -> tensor<96x64xf32>
  %table = "binq.param"() {name = "token_embd.weight"} : () -> tensor<96x64xf32>
  // CHECK: "binq.embedding"(%{{.*}}, %{{.*}}) : (tensor<?xi32>, tensor<96x64xf32>) -> tensor<?x64xf32>
  %x = "binq.embedding"(%tokens, %table) : (tensor<?xi32>, tensor<96x64xf32>) -> tensor<?x64xf32>
  return %x : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @layer
// CHECK-SAME: !binq.cache
func.func @layer(%x: tensor<?x64xf32>, %positions: tensor<?xi32>, %cache: !binq.cache) -> tensor<?x64xf32> attributes {binq.role = "layer"} {
  %w = "binq.param"() {name = "norm"} : () -> tensor<64xf32>
  // CHECK: "binq.rms_norm"(%{{.*}}, %{{.*}}) {epsilon = {{.*}} : f32}
  %n = "binq.rms_norm"(%x, %w) {epsilon = 1.0e-5 : f32} : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  // CHECK: "binq.rope"(%{{.*}}, %{{.*}}) {base = 1.000000e+05 : f64, head_size = 16 : i64}
  %q = "binq.rope"(%n, %positions) {base = 1.0e5 : f64, head_size = 16 : i64} : (tensor<?x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
  // CHECK: "binq.attention"(%{{.*}}) {head_count = 4 : i64, kv_head_count = 4 : i64}
  %a = "binq.attention"(%q, %q, %n, %positions, %cache) {head_count = 4 : i64, kv_head_count = 4 : i64} : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?xi32>, !binq.cache) -> tensor<?x64xf32>
  // CHECK: "binq.swiglu"(%{{.*}}, %{{.*}})
  %s = "binq.swiglu"(%a, %n) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %s : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @quantized
func.func @quantized(%x: tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x20xf32>, tensor<?x32xf32>) {
  %order = "binq.param"() {name = "a.order"} : () -> tensor<64xi16>
  %levels = "binq.param"() {name = "a.levels"} : () -> tensor<64xi32>
  // CHECK: "binq.quantize_activations"({{.*}}) {columns = 64 : i64, int8_columns = 32 : i64, planes = 4 : i64} : (tensor<?x64xf32>, tensor<64xi16>, tensor<64xi32>) -> !binq.activations
  %acts = "binq.quantize_activations"(%x, %order, %levels) {planes = 4 : i64, columns = 64 : i64, int8_columns = 32 : i64} : (tensor<?x64xf32>, tensor<64xi16>, tensor<64xi32>) -> !binq.activations
  %grouped = "binq.param"() {name = "a.weight"} : () -> tensor<1536xi8>
  // CHECK: "binq.linear"({{.*}}) {activation_planes = 4 : i64, columns = 64 : i64, form = "grouped_binary", int8_columns = 32 : i64, plane_weights = array<i32>, planes = 2 : i64, rows = 32 : i64}
  %y = "binq.linear"(%acts, %grouped) {form = "grouped_binary", rows = 32 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32>, planes = 2 : i64, activation_planes = 4 : i64} : (!binq.activations, tensor<1536xi8>) -> tensor<?x32xf32>
  %planes = "binq.param"() {name = "b.weight"} : () -> tensor<1600xi8>
  // CHECK: "binq.linear"({{.*}}plane_weights = array<i32: 1, 2, 4>, planes = 3 : i64, rows = 20 : i64
  %z = "binq.linear"(%acts, %planes) {form = "planes", rows = 20 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32: 1, 2, 4>, planes = 3 : i64, activation_planes = 4 : i64} : (!binq.activations, tensor<1600xi8>) -> tensor<?x20xf32>
  %identity = "binq.param"() {name = "c.order"} : () -> tensor<64xi16>
  %bytes = "binq.quantize_activations"(%x, %identity, %levels) {planes = 0 : i64, columns = 64 : i64, int8_columns = 64 : i64} : (tensor<?x64xf32>, tensor<64xi16>, tensor<64xi32>) -> !binq.activations
  %int8 = "binq.param"() {name = "c.weight"} : () -> tensor<2112xi8>
  // CHECK: "binq.linear"({{.*}}form = "int8"
  %u = "binq.linear"(%bytes, %int8) {form = "int8", rows = 32 : i64, columns = 64 : i64, int8_columns = 64 : i64, plane_weights = array<i32>, planes = 0 : i64, activation_planes = 0 : i64} : (!binq.activations, tensor<2112xi8>) -> tensor<?x32xf32>
  return %y, %z, %u : tensor<?x32xf32>, tensor<?x20xf32>, tensor<?x32xf32>
}

// CHECK-LABEL: func.func @quantized_embed
func.func @quantized_embed(%tokens: tensor<?xi32>) -> tensor<?x64xf32> {
  %table = "binq.param"() {name = "table"} : () -> tensor<2112xi8>
  // CHECK: "binq.embedding"({{.*}}) {format = {columns = 64 : i64, form = "int8", int8_columns = 64 : i64, plane_weights = array<i32>, planes = 0 : i64, rows = 32 : i64}}
  %x = "binq.embedding"(%tokens, %table) {format = {form = "int8", rows = 32 : i64, columns = 64 : i64, int8_columns = 64 : i64, plane_weights = array<i32>, planes = 0 : i64}} : (tensor<?xi32>, tensor<2112xi8>) -> tensor<?x64xf32>
  return %x : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @embed_planes
func.func @embed_planes(%tokens: tensor<?xi32>) -> tensor<?x64xf32> {
  %order = "binq.param"() {name = "table.order"} : () -> tensor<64xi16>
  %table = "binq.param"() {name = "table.planes"} : () -> tensor<1472xi8>
  // CHECK: "binq.embedding"(%{{.*}}, %{{.*}}, %{{.*}}) {format = {columns = 64 : i64, form = "planes", int8_columns = 32 : i64, plane_weights = array<i32: 1, 2>, planes = 2 : i64, rows = 32 : i64}} : (tensor<?xi32>, tensor<1472xi8>, tensor<64xi16>)
  %x = "binq.embedding"(%tokens, %table, %order) {format = {form = "planes", rows = 32 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32: 1, 2>, planes = 2 : i64}} : (tensor<?xi32>, tensor<1472xi8>, tensor<64xi16>) -> tensor<?x64xf32>
  return %x : tensor<?x64xf32>
}
}
