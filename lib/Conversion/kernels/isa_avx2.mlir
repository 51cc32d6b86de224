// What AVX2 has instructions for.

// table[i] of 32 indices, each 0 to 15: one vpshufb.
func.func private @look_up(%table: vector<16xi8>, %indices: vector<32xi8>) -> vector<32xi8> {
  %both = vector.shuffle %table, %table [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
                                         0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
      : vector<16xi8>, vector<16xi8>
  %found = llvm.call_intrinsic "llvm.x86.avx2.pshuf.b"(%both, %indices)
      : (vector<32xi8>, vector<32xi8>) -> vector<32xi8>
  return %found : vector<32xi8>
}

// Sums of two products each of unsigned `a` and signed `b`, which must fit 16 bits: one vpmaddubsw.
func.func private @products_of_pairs(%a: vector<32xi8>, %b: vector<32xi8>) -> vector<16xi16> {
  %sums = llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"(%a, %b)
      : (vector<32xi8>, vector<32xi8>) -> vector<16xi16>
  return %sums : vector<16xi16>
}

// Sums of two neighbours: one vpmaddwd.
func.func private @sums_of_pairs(%x: vector<16xi16>) -> vector<8xi32> {
  %ones = arith.constant dense<1> : vector<16xi16>
  %sums = llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"(%x, %ones)
      : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  return %sums : vector<8xi32>
}

// b with the sign of a, 0 where a is: one vpsignb.
func.func private @with_sign_of(%b: vector<32xi8>, %a: vector<32xi8>) -> vector<32xi8> {
  %signed = llvm.call_intrinsic "llvm.x86.avx2.psign.b"(%b, %a) : (vector<32xi8>, vector<32xi8>) -> vector<32xi8>
  return %signed : vector<32xi8>
}

// The sums of products of neighbours, a[2i] b[2i] + a[2i+1] b[2i+1]: one vpmaddwd.
func.func private @sums_of_products(%a: vector<16xi16>, %b: vector<16xi16>) -> vector<8xi32> {
  %sums = llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"(%a, %b) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  return %sums : vector<8xi32>
}
