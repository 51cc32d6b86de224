// What SSSE3 has instructions for: half as many lanes as AVX2, so everything twice.

// table[i] of 32 indices, each 0 to 15: two pshufb.
func.func private @look_up(%table: vector<16xi8>, %indices: vector<32xi8>) -> vector<32xi8> {
  %low, %high = func.call @halves_of_32(%indices) : (vector<32xi8>) -> (vector<16xi8>, vector<16xi8>)
  %a = llvm.call_intrinsic "llvm.x86.ssse3.pshuf.b.128"(%table, %low) : (vector<16xi8>, vector<16xi8>) -> vector<16xi8>
  %b = llvm.call_intrinsic "llvm.x86.ssse3.pshuf.b.128"(%table, %high) : (vector<16xi8>, vector<16xi8>) -> vector<16xi8>
  %found = func.call @join_16(%a, %b) : (vector<16xi8>, vector<16xi8>) -> vector<32xi8>
  return %found : vector<32xi8>
}

// Sums of two products each of unsigned `a` and signed `b`, which must fit 16 bits: two pmaddubsw.
func.func private @products_of_pairs(%a: vector<32xi8>, %b: vector<32xi8>) -> vector<16xi16> {
  %a0, %a1 = func.call @halves_of_32(%a) : (vector<32xi8>) -> (vector<16xi8>, vector<16xi8>)
  %b0, %b1 = func.call @halves_of_32(%b) : (vector<32xi8>) -> (vector<16xi8>, vector<16xi8>)
  %low = llvm.call_intrinsic "llvm.x86.ssse3.pmadd.ub.sw.128"(%a0, %b0)
      : (vector<16xi8>, vector<16xi8>) -> vector<8xi16>
  %high = llvm.call_intrinsic "llvm.x86.ssse3.pmadd.ub.sw.128"(%a1, %b1)
      : (vector<16xi8>, vector<16xi8>) -> vector<8xi16>
  %sums = vector.shuffle %low, %high [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
      : vector<8xi16>, vector<8xi16>
  return %sums : vector<16xi16>
}

// Sums of two neighbours: two pmaddwd.
func.func private @sums_of_pairs(%x: vector<16xi16>) -> vector<8xi32> {
  %ones = arith.constant dense<1> : vector<8xi16>
  %x0 = vector.extract_strided_slice %x {offsets = [0], sizes = [8], strides = [1]} : vector<16xi16> to vector<8xi16>
  %x1 = vector.extract_strided_slice %x {offsets = [8], sizes = [8], strides = [1]} : vector<16xi16> to vector<8xi16>
  %low = llvm.call_intrinsic "llvm.x86.sse2.pmadd.wd"(%x0, %ones) : (vector<8xi16>, vector<8xi16>) -> vector<4xi32>
  %high = llvm.call_intrinsic "llvm.x86.sse2.pmadd.wd"(%x1, %ones) : (vector<8xi16>, vector<8xi16>) -> vector<4xi32>
  %sums = vector.shuffle %low, %high [0, 1, 2, 3, 4, 5, 6, 7] : vector<4xi32>, vector<4xi32>
  return %sums : vector<8xi32>
}

// b with the sign of a, 0 where a is: two psignb.
func.func private @with_sign_of(%b: vector<32xi8>, %a: vector<32xi8>) -> vector<32xi8> {
  %b0, %b1 = func.call @halves_of_32(%b) : (vector<32xi8>) -> (vector<16xi8>, vector<16xi8>)
  %a0, %a1 = func.call @halves_of_32(%a) : (vector<32xi8>) -> (vector<16xi8>, vector<16xi8>)
  %low = llvm.call_intrinsic "llvm.x86.ssse3.psign.b.128"(%b0, %a0) : (vector<16xi8>, vector<16xi8>) -> vector<16xi8>
  %high = llvm.call_intrinsic "llvm.x86.ssse3.psign.b.128"(%b1, %a1) : (vector<16xi8>, vector<16xi8>) -> vector<16xi8>
  %signed = func.call @join_16(%low, %high) : (vector<16xi8>, vector<16xi8>) -> vector<32xi8>
  return %signed : vector<32xi8>
}

func.func private @halves_of_32(%x: vector<32xi8>) -> (vector<16xi8>, vector<16xi8>) {
  %low = vector.extract_strided_slice %x {offsets = [0], sizes = [16], strides = [1]} : vector<32xi8> to vector<16xi8>
  %high = vector.extract_strided_slice %x {offsets = [16], sizes = [16], strides = [1]}
      : vector<32xi8> to vector<16xi8>
  return %low, %high : vector<16xi8>, vector<16xi8>
}

func.func private @join_16(%a: vector<16xi8>, %b: vector<16xi8>) -> vector<32xi8> {
  %all = vector.shuffle %a, %b [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
                                16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31]
      : vector<16xi8>, vector<16xi8>
  return %all : vector<32xi8>
}
