// What the dialect's text cannot say. Each part is one mistake.
// RUN: binq-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{'binq.param' op has an empty name}}
%0 = "binq.param"() {name = ""} : () -> tensor<8xf32>

// -----

// expected-error@+1 {{'binq.param' op has a name with a NUL character in it}}
%0 = "binq.param"() {name = "a\00b"} : () -> tensor<8xf32>

// -----

func.func @f(%tokens: tensor<?xi32>, %table: tensor<8x4xf32>) {
  // expected-error@+1 {{'binq.embedding' op needs a tensor of rows of f32, of known width, as its result}}
  "binq.embedding"(%tokens, %table) : (tensor<?xi32>, tensor<8x4xf32>) -> tensor<?x9223372036854775807xf32>
  return
}

// -----

func.func @f() {
  // expected-error@+1 {{'binq.param' op has an empty name}}
  %0 = "binq.param"() {name = ""} : () -> tensor<8xf32>
  %1 = "binq.param"() {name = "a"} : () -> tensor<8xf32>
  return
}

// -----

// expected-error@+1 {{'builtin.module' op has an attribute 'binq.parameters' that is no file name}}
module attributes {binq.parameters = "a\00b"} {}

// -----

// expected-error@+1 {{'binq.param' op needs a result whose size is known}}
%0 = "binq.param"() {name = "a"} : () -> tensor<?xf32>

// -----

// expected-error@+1 {{'binq.param' op needs a result of one or two dimensions}}
%0 = "binq.param"() {name = "a"} : () -> tensor<2x2x2xf32>

// -----

// expected-error@+1 {{'binq.param' op needs a result of f32, i8, i16 or i32}}
%0 = "binq.param"() {name = "a"} : () -> tensor<2xf64>

// -----

func.func @f() {
  %0 = "binq.param"() {name = "a"} : () -> tensor<8xf32>
  %1 = "binq.param"() {name = "b"} : () -> tensor<8xf32>
  // expected-error@+1 {{'binq.param' op reads 'a', which has another type elsewhere}}
  %2 = "binq.param"() {name = "a"} : () -> tensor<9xf32>
  return
}

// -----

func.func @f(%tokens: tensor<?xi64>, %table: tensor<8x4xf32>) {
  // expected-error@+1 {{'binq.embedding' op needs a vector of tokens}}
  "binq.embedding"(%tokens, %table) : (tensor<?xi64>, tensor<8x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%tokens: tensor<?xi32>, %table: tensor<8x4xf32>) {
  // expected-error@+1 {{'binq.embedding' op has rows of 8 values from a table 4 wide}}
  "binq.embedding"(%tokens, %table) : (tensor<?xi32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%tokens: tensor<3xi32>, %table: tensor<8x4xf32>) {
  // expected-error@+1 {{'binq.embedding' op needs one of its tokens a row}}
  "binq.embedding"(%tokens, %table) : (tensor<3xi32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @f(%tokens: tensor<?xi32>, %table: tensor<100xi8>) {
  // expected-error@+1 {{'binq.embedding' op has 100 packed bytes where its format has 2112}}
  "binq.embedding"(%tokens, %table) {format = {form = "int8", rows = 32 : i64, columns = 64 : i64, int8_columns = 64 : i64, plane_weights = array<i32>, planes = 0 : i64}} : (tensor<?xi32>, tensor<100xi8>) -> tensor<?x64xf32>
  return
}

// -----

func.func @f(%tokens: tensor<?xi32>, %table: tensor<1536xi8>) {
  // expected-error@+1 {{'binq.embedding' op needs a table of form "planes" or "int8"}}
  "binq.embedding"(%tokens, %table) {format = {form = "grouped_binary", rows = 32 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32>, planes = 2 : i64}} : (tensor<?xi32>, tensor<1536xi8>) -> tensor<?x64xf32>
  return
}

// -----

func.func @f(%tokens: tensor<?xi32>, %table: tensor<1536xi8>) {
  // expected-error@+1 {{'binq.embedding' op needs a string 'form' in its format}}
  "binq.embedding"(%tokens, %table) {format = 3 : i64} : (tensor<?xi32>, tensor<1536xi8>) -> tensor<?x64xf32>
  return
}

// -----

func.func @f(%tokens: tensor<?xi32>, %table: tensor<1472xi8>) {
  // expected-error@+1 {{'binq.embedding' op needs the order of its table's channels}}
  "binq.embedding"(%tokens, %table) {format = {form = "planes", rows = 32 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32: 1, 2>, planes = 2 : i64}} : (tensor<?xi32>, tensor<1472xi8>) -> tensor<?x64xf32>
  return
}

// -----

func.func @f(%tokens: tensor<?xi32>, %table: tensor<2112xi8>, %o: tensor<64xi16>) {
  // expected-error@+1 {{'binq.embedding' op has an order of channels for a table of form "int8"}}
  "binq.embedding"(%tokens, %table, %o) {format = {form = "int8", rows = 32 : i64, columns = 64 : i64, int8_columns = 64 : i64, plane_weights = array<i32>, planes = 0 : i64}} : (tensor<?xi32>, tensor<2112xi8>, tensor<64xi16>) -> tensor<?x64xf32>
  return
}

// -----

func.func @f(%tokens: tensor<?xi32>, %table: tensor<32x64xf32>, %o: tensor<64xi16>) {
  // expected-error@+1 {{'binq.embedding' op has an order of channels for a table of f32}}
  "binq.embedding"(%tokens, %table, %o) : (tensor<?xi32>, tensor<32x64xf32>, tensor<64xi16>) -> tensor<?x64xf32>
  return
}

// -----

func.func @f(%tokens: tensor<?xi32>, %table: tensor<1472xi8>, %o: tensor<32xi16>) {
  // expected-error@+1 {{'binq.embedding' op has an order of 32 channels where there are 64}}
  "binq.embedding"(%tokens, %table, %o) {format = {form = "planes", rows = 32 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32: 1, 2>, planes = 2 : i64}} : (tensor<?xi32>, tensor<1472xi8>, tensor<32xi16>) -> tensor<?x64xf32>
  return
}

// -----

func.func @f(%tokens: tensor<?xi32>, %table: tensor<1472xi8>, %o: tensor<64xi32>) {
  // expected-error@+1 {{'binq.embedding' op needs a vector of channels (i16)}}
  "binq.embedding"(%tokens, %table, %o) {format = {form = "planes", rows = 32 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32: 1, 2>, planes = 2 : i64}} : (tensor<?xi32>, tensor<1472xi8>, tensor<64xi32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @f(%tokens: tensor<?xi32>, %table: tensor<1536xi8>, %o: tensor<64xi16>) {
  // expected-error@+1 {{'binq.embedding' op has 1536 packed bytes where its format has 1472}}
  "binq.embedding"(%tokens, %table, %o) {format = {form = "planes", rows = 32 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32: 1, 2>, planes = 2 : i64}} : (tensor<?xi32>, tensor<1536xi8>, tensor<64xi16>) -> tensor<?x64xf32>
  return
}

// -----

func.func @f(%x: tensor<?x8xf32>, %w: tensor<16xf32>) {
  // expected-error@+1 {{'binq.rms_norm' op has 16 weights for rows of 8 values}}
  "binq.rms_norm"(%x, %w) {epsilon = 1.0e-5 : f32} : (tensor<?x8xf32>, tensor<16xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x8xf32>, %w: tensor<32xf32>) {
  // weights padded to 32 are fine; the epsilon is not
  // expected-error@+1 {{'binq.rms_norm' op has epsilon -1, which is not from 0 to 1}}
  "binq.rms_norm"(%x, %w) {epsilon = -1.0 : f32} : (tensor<?x8xf32>, tensor<32xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x8xf64>, %w: tensor<8xf32>) {
  // expected-error@+1 {{'binq.rms_norm' op needs a tensor of rows of f32, of known width, as its input}}
  "binq.rms_norm"(%x, %w) {epsilon = 1.0e-5 : f32} : (tensor<?x8xf64>, tensor<8xf32>) -> tensor<?x8xf64>
  return
}

// -----

func.func @f(%x: tensor<?x?xf32>, %p: tensor<?xi32>) {
  // expected-error@+1 {{'binq.rope' op needs a tensor of rows of f32, of known width, as its input}}
  "binq.rope"(%x, %p) {base = 1.0e4 : f64, head_size = 4 : i64} : (tensor<?x?xf32>, tensor<?xi32>) -> tensor<?x?xf32>
  return
}

// -----

func.func @f(%x: tensor<?x8xf32>, %p: tensor<?xi32>) {
  // expected-error@+1 {{'binq.rope' op has head_size 3, which is odd or does not divide the width 8}}
  "binq.rope"(%x, %p) {base = 1.0e4 : f64, head_size = 3 : i64} : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x8xf32>, %p: tensor<?xi32>) {
  // expected-error@+1 {{'binq.rope' op has base 0, which is not positive}}
  "binq.rope"(%x, %p) {base = 0.0 : f64, head_size = 4 : i64} : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%q: tensor<?x8xf32>, %kv: tensor<?x8xf32>, %p: tensor<?xi32>, %c: !binq.cache) {
  // expected-error@+1 {{'binq.attention' op has head_count 3, which does not divide the width 8}}
  "binq.attention"(%q, %kv, %kv, %p, %c) {head_count = 3 : i64, kv_head_count = 1 : i64} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, !binq.cache) -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%q: tensor<?x8xf32>, %kv: tensor<?x8xf32>, %p: tensor<?xi32>, %c: !binq.cache) {
  // expected-error@+1 {{'binq.attention' op has kv_head_count 3, which does not divide head_count 4}}
  "binq.attention"(%q, %kv, %kv, %p, %c) {head_count = 4 : i64, kv_head_count = 3 : i64} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, !binq.cache) -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%q: tensor<?x8xf32>, %kv: tensor<?x8xf32>, %p: tensor<?xi32>, %c: !binq.cache) {
  // expected-error@+1 {{'binq.attention' op has keys 8 wide where its queries ask for 4}}
  "binq.attention"(%q, %kv, %kv, %p, %c) {head_count = 4 : i64, kv_head_count = 2 : i64} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, !binq.cache) -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %o: tensor<32xi16>, %l: tensor<64xi32>) {
  // expected-error@+1 {{'binq.quantize_activations' op has an order of 32 channels where there are 64}}
  "binq.quantize_activations"(%x, %o, %l) {planes = 4 : i64, columns = 64 : i64, int8_columns = 32 : i64} : (tensor<?x64xf32>, tensor<32xi16>, tensor<64xi32>) -> !binq.activations
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %o: tensor<64xi16>, %l: tensor<64xi32>) {
  // expected-error@+1 {{'binq.quantize_activations' op has columns 32 for rows of 64 values}}
  "binq.quantize_activations"(%x, %o, %l) {planes = 0 : i64, columns = 32 : i64, int8_columns = 32 : i64} : (tensor<?x64xf32>, tensor<64xi16>, tensor<64xi32>) -> !binq.activations
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %o: tensor<64xi16>, %l: tensor<64xi32>) {
  // expected-error@+1 {{'binq.quantize_activations' op has 5 planes, which is not 4 or 8}}
  "binq.quantize_activations"(%x, %o, %l) {planes = 5 : i64, columns = 64 : i64, int8_columns = 32 : i64} : (tensor<?x64xf32>, tensor<64xi16>, tensor<64xi32>) -> !binq.activations
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %o: tensor<64xi16>, %l: tensor<64xi32>) {
  // expected-error@+1 {{'binq.quantize_activations' op has 4 planes though every column is INT8}}
  "binq.quantize_activations"(%x, %o, %l) {planes = 4 : i64, columns = 64 : i64, int8_columns = 64 : i64} : (tensor<?x64xf32>, tensor<64xi16>, tensor<64xi32>) -> !binq.activations
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %o: tensor<64xi16>, %l: tensor<16xi32>) {
  // expected-error@+1 {{'binq.quantize_activations' op has a level table of 16 entries where it takes 64}}
  "binq.quantize_activations"(%x, %o, %l) {planes = 4 : i64, columns = 64 : i64, int8_columns = 32 : i64} : (tensor<?x64xf32>, tensor<64xi16>, tensor<16xi32>) -> !binq.activations
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %o: tensor<64xi16>, %l: tensor<64xi32>) {
  // expected-error@+1 {{'binq.quantize_activations' op has int8_columns 16, which is not a multiple of 32 up to 64}}
  "binq.quantize_activations"(%x, %o, %l) {planes = 4 : i64, columns = 64 : i64, int8_columns = 16 : i64} : (tensor<?x64xf32>, tensor<64xi16>, tensor<64xi32>) -> !binq.activations
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %o: tensor<64xi16>, %l: tensor<64xi32>, %w: tensor<1536xi8>) {
  %a = "binq.quantize_activations"(%x, %o, %l) {planes = 4 : i64, columns = 64 : i64, int8_columns = 0 : i64} : (tensor<?x64xf32>, tensor<64xi16>, tensor<64xi32>) -> !binq.activations
  // expected-error@+1 {{'binq.linear' op reads 64 columns, 32 of them INT8, of activations with 64, 0}}
  "binq.linear"(%a, %w) {form = "grouped_binary", rows = 32 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32>, planes = 2 : i64, activation_planes = 4 : i64} : (!binq.activations, tensor<1536xi8>) -> tensor<?x32xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %o: tensor<64xi16>, %l: tensor<64xi32>, %w: tensor<1536xi8>) {
  %a = "binq.quantize_activations"(%x, %o, %l) {planes = 8 : i64, columns = 64 : i64, int8_columns = 32 : i64} : (tensor<?x64xf32>, tensor<64xi16>, tensor<64xi32>) -> !binq.activations
  // expected-error@+1 {{'binq.linear' op reads 4 planes of activations with 8}}
  "binq.linear"(%a, %w) {form = "grouped_binary", rows = 32 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32>, planes = 2 : i64, activation_planes = 4 : i64} : (!binq.activations, tensor<1536xi8>) -> tensor<?x32xf32>
  return
}

// -----

func.func @f(%a: !binq.activations, %w: tensor<1536xi8>) {
  // expected-error@+1 {{'binq.linear' op needs activations made by binq.quantize_activations}}
  "binq.linear"(%a, %w) {form = "grouped_binary", rows = 32 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32>, planes = 2 : i64, activation_planes = 4 : i64} : (!binq.activations, tensor<1536xi8>) -> tensor<?x32xf32>
  return
}

// -----

func.func @f(%a: !binq.activations, %w: tensor<1535xi8>) {
  // expected-error@+1 {{'binq.linear' op has 1535 packed bytes where its format has 1536}}
  "binq.linear"(%a, %w) {form = "grouped_binary", rows = 32 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32>, planes = 2 : i64, activation_planes = 4 : i64} : (!binq.activations, tensor<1535xi8>) -> tensor<?x32xf32>
  return
}

// -----

func.func @f(%a: !binq.activations, %w: tensor<1536xi8>) {
  // expected-error@+1 {{'binq.linear' op has a result 64 wide where its weights have 32 rows}}
  "binq.linear"(%a, %w) {form = "grouped_binary", rows = 32 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32>, planes = 2 : i64, activation_planes = 4 : i64} : (!binq.activations, tensor<1536xi8>) -> tensor<?x64xf32>
  return
}

// -----

func.func @f(%a: !binq.activations, %w: tensor<1536xi8>) {
  // expected-error@+1 {{'binq.linear' op has form "ternary", which is not grouped_binary, planes or int8}}
  "binq.linear"(%a, %w) {form = "ternary", rows = 32 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32>, planes = 2 : i64, activation_planes = 4 : i64} : (!binq.activations, tensor<1536xi8>) -> tensor<?x32xf32>
  return
}

// -----

func.func @f(%a: !binq.activations, %w: tensor<1536xi8>) {
  // expected-error@+1 {{'binq.linear' op has 2 plane weights where its form has 3}}
  "binq.linear"(%a, %w) {form = "planes", rows = 32 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32: 1, 2>, planes = 3 : i64, activation_planes = 4 : i64} : (!binq.activations, tensor<1536xi8>) -> tensor<?x32xf32>
  return
}

// -----

func.func @f(%a: !binq.activations, %w: tensor<1536xi8>) {
  // expected-error@+1 {{'binq.linear' op has 'rows' = -1, which is not from 0 to}}
  "binq.linear"(%a, %w) {form = "planes", rows = -1 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32: 1, 2>, planes = 2 : i64, activation_planes = 4 : i64} : (!binq.activations, tensor<1536xi8>) -> tensor<?x32xf32>
  return
}

// -----

func.func @f(%a: !binq.activations, %w: tensor<1536xi8>) {
  // expected-error@+1 {{'binq.linear' op has an impossible format: grouped-binary weights have 2 planes, not 3}}
  "binq.linear"(%a, %w) {form = "grouped_binary", rows = 32 : i64, columns = 64 : i64, int8_columns = 32 : i64, plane_weights = array<i32>, planes = 3 : i64, activation_planes = 4 : i64} : (!binq.activations, tensor<1536xi8>) -> tensor<?x32xf32>
  return
}

// -----

// expected-error@+1 {{'builtin.module' op has an attribute 'binq.source' that is no file name}}
module attributes {binq.source = 3 : i64} {}

// -----

// expected-error@+1 {{'builtin.module' op needs an integer 'hidden_size' in its attribute binq.model}}
module attributes {binq.model = {}} {}

// -----

// expected-error@+1 {{'builtin.module' op has head_count = 0 in binq.model, which is not from 1 to 2147483647}}
module attributes {binq.model = {hidden_size = 64 : i64, ffn_size = 96 : i64, layer_count = 1 : i64, head_count = 0 : i64}} {}

// -----

// expected-error@+1 {{has a binq.role that is not "embed", "layer", "head" or "gradient"}}
func.func private @f() attributes {binq.role = "tail"}

// -----

func.func @f(%q: tensor<?x8xf32>, %kv: tensor<?x8xf32>, %p: tensor<?xi32>, %c: !binq.cache) {
  // expected-error@+1 {{'binq.attention' op has a 'cache_format' that is not "int8" or "int4"}}
  "binq.attention"(%q, %kv, %kv, %p, %c) {head_count = 1 : i64, kv_head_count = 1 : i64, cache_format = "int2"} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, !binq.cache) -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%q: tensor<?x8xf32>, %kv: tensor<?x8xf32>, %p: tensor<?xi32>, %c: !binq.cache) {
  // expected-error@+1 {{'binq.attention' op has a 'cache_format' that is not "int8" or "int4"}}
  "binq.attention"(%q, %kv, %kv, %p, %c) {head_count = 1 : i64, kv_head_count = 1 : i64, cache_format = 8 : i64} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, !binq.cache) -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x8xf32>, %w: tensor<4x9xf32>, %dy: tensor<?x4xf32>) {
  // expected-error@+1 {{'binq.linear_gradient' op has a weight that does not take rows of 8 values to 4}}
  "binq.linear_gradient"(%x, %w, %dy) : (tensor<?x8xf32>, tensor<4x9xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %dy: tensor<3x4xf32>) {
  // expected-error@+1 {{'binq.linear_gradient' op has an input and a gradient of different row counts}}
  "binq.linear_gradient"(%x, %w, %dy) : (tensor<?x8xf32>, tensor<4x8xf32>, tensor<3x4xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x8xf32>, %w: tensor<9xf32>) {
  // expected-error@+1 {{'binq.rms_norm_gradient' op has 9 weights for rows of 8 values}}
  "binq.rms_norm_gradient"(%x, %w, %x) {epsilon = 1.0e-5 : f32} : (tensor<?x8xf32>, tensor<9xf32>, tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<9xf32>)
  return
}

// -----

func.func @f(%dy: tensor<?x8xf32>, %p: tensor<?xi32>) {
  // expected-error@+1 {{'binq.rope_gradient' op has head_size 3, which is odd or does not divide the width 8}}
  "binq.rope_gradient"(%dy, %p) {head_size = 3 : i64, base = 1.0e4 : f64} : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%q: tensor<?x8xf32>, %k: tensor<?x8xf32>) {
  // expected-error@+1 {{'binq.attention_gradient' op has keys 8 wide where its queries ask for 4}}
  "binq.attention_gradient"(%q, %k, %k, %q, %q) {head_count = 2 : i64, kv_head_count = 1 : i64} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>)
  return
}

// -----

func.func @f(%x: tensor<?xf32>) {
  // expected-error@+1 {{'binq.output_gradient' op needs a tensor of rows of f32, of known width, as its first operand}}
  "binq.output_gradient"(%x) : (tensor<?xf32>) -> tensor<?xf32>
  return
}
