// What NEON with the dot product extension has instructions for.

// sums + four products each of unsigned `a` and signed `b`. An sdot takes signed bytes only: the low seven bits of `a`,
// then the high one. Levels of four planes have no high bit, but nothing here knows that.
func.func private @add_quads(%sums: vector<16xi32>, %a: vector<64xi8>, %b: vector<64xi8>) -> vector<16xi32> {
  %none = arith.constant dense<0> : vector<16xi32>
  %seven_bits = arith.constant dense<127> : vector<64xi8>
  %c7 = arith.constant dense<7> : vector<64xi8>
  %shift = arith.constant dense<7> : vector<16xi32>
  %low = arith.andi %a, %seven_bits : vector<64xi8>
  %high = arith.shrui %a, %c7 : vector<64xi8>
  %with_low = func.call @add_signed_quads(%sums, %low, %b)
      : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
  %of_high = func.call @add_signed_quads(%none, %high, %b)
      : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
  %placed = arith.shli %of_high, %shift : vector<16xi32>
  %next = arith.addi %with_low, %placed : vector<16xi32>
  return %next : vector<16xi32>
}

// sums + four products each of signed `a` and `b`: four sdot.
func.func private @add_signed_quads(%sums: vector<16xi32>, %a: vector<64xi8>, %b: vector<64xi8>) -> vector<16xi32> {
  %s0 = vector.extract_strided_slice %sums {offsets = [0], sizes = [4], strides = [1]}
      : vector<16xi32> to vector<4xi32>
  %a0 = vector.extract_strided_slice %a {offsets = [0], sizes = [16], strides = [1]}
      : vector<64xi8> to vector<16xi8>
  %b0 = vector.extract_strided_slice %b {offsets = [0], sizes = [16], strides = [1]}
      : vector<64xi8> to vector<16xi8>
  %r0 = llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"(%s0, %a0, %b0)
      : (vector<4xi32>, vector<16xi8>, vector<16xi8>) -> vector<4xi32>
  %s1 = vector.extract_strided_slice %sums {offsets = [4], sizes = [4], strides = [1]}
      : vector<16xi32> to vector<4xi32>
  %a1 = vector.extract_strided_slice %a {offsets = [16], sizes = [16], strides = [1]}
      : vector<64xi8> to vector<16xi8>
  %b1 = vector.extract_strided_slice %b {offsets = [16], sizes = [16], strides = [1]}
      : vector<64xi8> to vector<16xi8>
  %r1 = llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"(%s1, %a1, %b1)
      : (vector<4xi32>, vector<16xi8>, vector<16xi8>) -> vector<4xi32>
  %s2 = vector.extract_strided_slice %sums {offsets = [8], sizes = [4], strides = [1]}
      : vector<16xi32> to vector<4xi32>
  %a2 = vector.extract_strided_slice %a {offsets = [32], sizes = [16], strides = [1]}
      : vector<64xi8> to vector<16xi8>
  %b2 = vector.extract_strided_slice %b {offsets = [32], sizes = [16], strides = [1]}
      : vector<64xi8> to vector<16xi8>
  %r2 = llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"(%s2, %a2, %b2)
      : (vector<4xi32>, vector<16xi8>, vector<16xi8>) -> vector<4xi32>
  %s3 = vector.extract_strided_slice %sums {offsets = [12], sizes = [4], strides = [1]}
      : vector<16xi32> to vector<4xi32>
  %a3 = vector.extract_strided_slice %a {offsets = [48], sizes = [16], strides = [1]}
      : vector<64xi8> to vector<16xi8>
  %b3 = vector.extract_strided_slice %b {offsets = [48], sizes = [16], strides = [1]}
      : vector<64xi8> to vector<16xi8>
  %r3 = llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"(%s3, %a3, %b3)
      : (vector<4xi32>, vector<16xi8>, vector<16xi8>) -> vector<4xi32>
  %low = vector.shuffle %r0, %r1 [0, 1, 2, 3, 4, 5, 6, 7] : vector<4xi32>, vector<4xi32>
  %high = vector.shuffle %r2, %r3 [0, 1, 2, 3, 4, 5, 6, 7] : vector<4xi32>, vector<4xi32>
  %all = vector.shuffle %low, %high [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
      : vector<8xi32>, vector<8xi32>
  return %all : vector<16xi32>
}

// The exact dot products of 32 rows of INT8 weights with INT8 activations over `width` columns.
func.func private @dot_int8(%weights: memref<?xi8>, %weights_at: index, %activations: memref<?xi8>,
                            %activations_at: index, %width: index) -> vector<32xi32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %none = arith.constant dense<0> : vector<16xi32>
  %quads = arith.divui %width, %c4 : index
  %a, %b = scf.for %quad = %c0 to %quads step %c1 iter_args(%a0 = %none, %b0 = %none)
      -> (vector<16xi32>, vector<16xi32>) {
    %x = func.call @broadcast_quad_of(%activations, %activations_at, %quad)
        : (memref<?xi8>, index, index) -> vector<64xi8>
    %offset = arith.muli %quad, %c128 : index
    %wa_at = arith.addi %weights_at, %offset : index
    %wb_at = arith.addi %wa_at, %c64 : index
    %wa = vector.load %weights[%wa_at] : memref<?xi8>, vector<64xi8>
    %wb = vector.load %weights[%wb_at] : memref<?xi8>, vector<64xi8>
    %a1 = func.call @add_signed_quads(%a0, %x, %wa) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    %b1 = func.call @add_signed_quads(%b0, %x, %wb) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    scf.yield %a1, %b1 : vector<16xi32>, vector<16xi32>
  }
  %dot = func.call @join_halves(%a, %b) : (vector<16xi32>, vector<16xi32>) -> vector<32xi32>
  return %dot : vector<32xi32>
}
