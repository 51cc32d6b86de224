// What AVX-512 with VNNI and VBMI has instructions for.

// tables[at + i] of 32 indices, each 0 to 63: one vpermi2b.
func.func private @look_up_64(%tables: memref<128xi8>, %at: index, %indices: vector<32xi8>) -> vector<32xi8> {
  %c32 = arith.constant 32 : index
  %next = arith.addi %at, %c32 : index
  %low = vector.load %tables[%at] : memref<128xi8>, vector<32xi8>
  %high = vector.load %tables[%next] : memref<128xi8>, vector<32xi8>
  %found = llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.256"(%low, %indices, %high)
      : (vector<32xi8>, vector<32xi8>, vector<32xi8>) -> vector<32xi8>
  return %found : vector<32xi8>
}

// sums + four products each of unsigned `a` and signed `b`: one vpdpbusd.
func.func private @add_quads(%sums: vector<16xi32>, %a: vector<64xi8>, %b: vector<64xi8>) -> vector<16xi32> {
  %next = llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%sums, %a, %b)
      : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
  return %next : vector<16xi32>
}

// The exact dot products of 32 rows of INT8 weights with INT8 activations over `width` columns. One side must be
// unsigned: these are the weights plus 128, and 128 times the sum of the activations is taken off again.
func.func private @dot_int8(%weights: memref<?xi8>, %weights_at: index, %activations: memref<?xi8>,
                            %activations_at: index, %width: index) -> vector<32xi32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %none = arith.constant dense<0> : vector<16xi32>
  %sign = arith.constant dense<-128> : vector<64xi8>
  %ones = arith.constant dense<1> : vector<64xi8>
  %shift = arith.constant dense<7> : vector<16xi32>
  %quads = arith.divui %width, %c4 : index
  %a, %b, %x_sum = scf.for %quad = %c0 to %quads step %c1 iter_args(%a0 = %none, %b0 = %none, %x_sum0 = %none)
      -> (vector<16xi32>, vector<16xi32>, vector<16xi32>) {
    %x = func.call @broadcast_quad_of(%activations, %activations_at, %quad)
        : (memref<?xi8>, index, index) -> vector<64xi8>
    %offset = arith.muli %quad, %c128 : index
    %wa_at = arith.addi %weights_at, %offset : index
    %wb_at = arith.addi %wa_at, %c64 : index
    %wa = vector.load %weights[%wa_at] : memref<?xi8>, vector<64xi8>
    %wb = vector.load %weights[%wb_at] : memref<?xi8>, vector<64xi8>
    %ua = arith.xori %wa, %sign : vector<64xi8>
    %ub = arith.xori %wb, %sign : vector<64xi8>
    %a1 = func.call @add_quads(%a0, %ua, %x) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    %b1 = func.call @add_quads(%b0, %ub, %x) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    %x_sum1 = func.call @add_quads(%x_sum0, %ones, %x)
        : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
    scf.yield %a1, %b1, %x_sum1 : vector<16xi32>, vector<16xi32>, vector<16xi32>
  }
  %added = arith.shli %x_sum, %shift : vector<16xi32>
  %dot_a = arith.subi %a, %added : vector<16xi32>
  %dot_b = arith.subi %b, %added : vector<16xi32>
  %dot = func.call @join_halves(%dot_a, %dot_b) : (vector<16xi32>, vector<16xi32>) -> vector<32xi32>
  return %dot : vector<32xi32>
}
