// Products with a panel of weights where an instruction adds four products of bytes to 32 bits: @add_quads.
// `is_large` is for dot_pairs only.

// For 32 rows `start` plus the sums over `quads` times four channels of weight * activation.
func.func private @dot_of_panel(%panel: memref<4096xi8>, %activations: memref<?xi8>, %at: index, %quads: index,
                                %is_large: i1, %start: vector<32xi32>) -> vector<32xi32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %start_a = vector.extract_strided_slice %start {offsets = [0], sizes = [16], strides = [1]}
      : vector<32xi32> to vector<16xi32>
  %start_b = vector.extract_strided_slice %start {offsets = [16], sizes = [16], strides = [1]}
      : vector<32xi32> to vector<16xi32>
  %a, %b = scf.for %quad = %c0 to %quads step %c1 iter_args(%a0 = %start_a, %b0 = %start_b)
      -> (vector<16xi32>, vector<16xi32>) {
    %wa, %wb = func.call @weights_of_quad(%panel, %quad) : (memref<4096xi8>, index) -> (vector<64xi8>, vector<64xi8>)
    %x = func.call @broadcast_quad_of(%activations, %at, %quad) : (memref<?xi8>, index, index) -> vector<64xi8>
    %a1 = func.call @add_quads(%a0, %x, %wa) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    %b1 = func.call @add_quads(%b0, %x, %wb) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    scf.yield %a1, %b1 : vector<16xi32>, vector<16xi32>
  }
  %dot = func.call @join_halves(%a, %b) : (vector<16xi32>, vector<16xi32>) -> vector<32xi32>
  return %dot : vector<32xi32>
}

// The same for four tokens. Per four channels of 32 rows with AVX-512: 2 loads, 4 broadcasts, 8 multiplications; 8
// registers for sums, 6 for what is multiplied.
func.func private @four_dots_of_panel(%panel: memref<4096xi8>, %activations: memref<?xi8>, %at: index,
                                      %token_bytes: index, %quads: index, %is_large: i1, %start: vector<32xi32>)
    -> (vector<32xi32>, vector<32xi32>, vector<32xi32>, vector<32xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = vector.extract_strided_slice %start {offsets = [0], sizes = [16], strides = [1]}
      : vector<32xi32> to vector<16xi32>
  %b = vector.extract_strided_slice %start {offsets = [16], sizes = [16], strides = [1]}
      : vector<32xi32> to vector<16xi32>
  %at1 = arith.addi %at, %token_bytes : index
  %at2 = arith.addi %at1, %token_bytes : index
  %at3 = arith.addi %at2, %token_bytes : index
  %sums:8 = scf.for %quad = %c0 to %quads step %c1
      iter_args(%a0 = %a, %b0 = %b, %a1 = %a, %b1 = %b, %a2 = %a, %b2 = %b, %a3 = %a, %b3 = %b)
      -> (vector<16xi32>, vector<16xi32>, vector<16xi32>, vector<16xi32>,
          vector<16xi32>, vector<16xi32>, vector<16xi32>, vector<16xi32>) {
    %wa, %wb = func.call @weights_of_quad(%panel, %quad) : (memref<4096xi8>, index) -> (vector<64xi8>, vector<64xi8>)
    %x0 = func.call @broadcast_quad_of(%activations, %at, %quad) : (memref<?xi8>, index, index) -> vector<64xi8>
    %x1 = func.call @broadcast_quad_of(%activations, %at1, %quad) : (memref<?xi8>, index, index) -> vector<64xi8>
    %x2 = func.call @broadcast_quad_of(%activations, %at2, %quad) : (memref<?xi8>, index, index) -> vector<64xi8>
    %x3 = func.call @broadcast_quad_of(%activations, %at3, %quad) : (memref<?xi8>, index, index) -> vector<64xi8>
    %na0 = func.call @add_quads(%a0, %x0, %wa) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    %nb0 = func.call @add_quads(%b0, %x0, %wb) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    %na1 = func.call @add_quads(%a1, %x1, %wa) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    %nb1 = func.call @add_quads(%b1, %x1, %wb) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    %na2 = func.call @add_quads(%a2, %x2, %wa) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    %nb2 = func.call @add_quads(%b2, %x2, %wb) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    %na3 = func.call @add_quads(%a3, %x3, %wa) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    %nb3 = func.call @add_quads(%b3, %x3, %wb) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    scf.yield %na0, %nb0, %na1, %nb1, %na2, %nb2, %na3, %nb3
        : vector<16xi32>, vector<16xi32>, vector<16xi32>, vector<16xi32>,
          vector<16xi32>, vector<16xi32>, vector<16xi32>, vector<16xi32>
  }
  %dot0 = func.call @join_halves(%sums#0, %sums#1) : (vector<16xi32>, vector<16xi32>) -> vector<32xi32>
  %dot1 = func.call @join_halves(%sums#2, %sums#3) : (vector<16xi32>, vector<16xi32>) -> vector<32xi32>
  %dot2 = func.call @join_halves(%sums#4, %sums#5) : (vector<16xi32>, vector<16xi32>) -> vector<32xi32>
  %dot3 = func.call @join_halves(%sums#6, %sums#7) : (vector<16xi32>, vector<16xi32>) -> vector<32xi32>
  return %dot0, %dot1, %dot2, %dot3 : vector<32xi32>, vector<32xi32>, vector<32xi32>, vector<32xi32>
}

func.func private @weights_of_quad(%panel: memref<4096xi8>, %quad: index) -> (vector<64xi8>, vector<64xi8>) {
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %a_at = arith.muli %quad, %c128 : index
  %b_at = arith.addi %a_at, %c64 : index
  %a = vector.load %panel[%a_at] : memref<4096xi8>, vector<64xi8>
  %b = vector.load %panel[%b_at] : memref<4096xi8>, vector<64xi8>
  return %a, %b : vector<64xi8>, vector<64xi8>
}

// Four activations, 16 times.
func.func private @broadcast_quad_of(%activations: memref<?xi8>, %at: index, %quad: index) -> vector<64xi8> {
  %c4 = arith.constant 4 : index
  %channel = arith.muli %quad, %c4 : index
  %x_at = arith.addi %at, %channel : index
  %scalar = func.call @load_word(%activations, %x_at) : (memref<?xi8>, index) -> i32
  %words = vector.broadcast %scalar : i32 to vector<16xi32>
  %bytes = vector.bitcast %words : vector<16xi32> to vector<64xi8>
  return %bytes : vector<64xi8>
}

func.func private @join_halves(%a: vector<16xi32>, %b: vector<16xi32>) -> vector<32xi32> {
  %all = vector.shuffle %a, %b [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
                                16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31]
      : vector<16xi32>, vector<16xi32>
  return %all : vector<32xi32>
}
