// What NEON has instructions for. Products of pairs are written out: LLVM makes smull and addp of them.

// table[i] of 32 indices, each 0 to 15: two tbl.
func.func private @look_up(%table: vector<16xi8>, %indices: vector<32xi8>) -> vector<32xi8> {
  %low = vector.extract_strided_slice %indices {offsets = [0], sizes = [16], strides = [1]}
      : vector<32xi8> to vector<16xi8>
  %high = vector.extract_strided_slice %indices {offsets = [16], sizes = [16], strides = [1]}
      : vector<32xi8> to vector<16xi8>
  %a = llvm.call_intrinsic "llvm.aarch64.neon.tbl1.v16i8"(%table, %low)
      : (vector<16xi8>, vector<16xi8>) -> vector<16xi8>
  %b = llvm.call_intrinsic "llvm.aarch64.neon.tbl1.v16i8"(%table, %high)
      : (vector<16xi8>, vector<16xi8>) -> vector<16xi8>
  %found = vector.shuffle %a, %b [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
                                  16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31]
      : vector<16xi8>, vector<16xi8>
  return %found : vector<32xi8>
}

// Sums of two products each of unsigned `a` and signed `b`, which must fit 16 bits.
func.func private @products_of_pairs(%a: vector<32xi8>, %b: vector<32xi8>) -> vector<16xi16> {
  %a16 = arith.extui %a : vector<32xi8> to vector<32xi16>
  %b16 = arith.extsi %b : vector<32xi8> to vector<32xi16>
  %products = arith.muli %a16, %b16 : vector<32xi16>
  %even = vector.shuffle %products, %products [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30]
      : vector<32xi16>, vector<32xi16>
  %odd = vector.shuffle %products, %products [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31]
      : vector<32xi16>, vector<32xi16>
  %sums = arith.addi %even, %odd : vector<16xi16>
  return %sums : vector<16xi16>
}

// Sums of two neighbours.
func.func private @sums_of_pairs(%x: vector<16xi16>) -> vector<8xi32> {
  %wide = arith.extsi %x : vector<16xi16> to vector<16xi32>
  %even = vector.shuffle %wide, %wide [0, 2, 4, 6, 8, 10, 12, 14] : vector<16xi32>, vector<16xi32>
  %odd = vector.shuffle %wide, %wide [1, 3, 5, 7, 9, 11, 13, 15] : vector<16xi32>, vector<16xi32>
  %sums = arith.addi %even, %odd : vector<8xi32>
  return %sums : vector<8xi32>
}

// b with the sign of a, 0 where a is.
func.func private @with_sign_of(%b: vector<32xi8>, %a: vector<32xi8>) -> vector<32xi8> {
  %none = arith.constant dense<0> : vector<32xi8>
  %negative = arith.subi %none, %b : vector<32xi8>
  %is_negative = arith.cmpi slt, %a, %none : vector<32xi8>
  %is_zero = arith.cmpi eq, %a, %none : vector<32xi8>
  %signed = arith.select %is_negative, %negative, %b : vector<32xi1>, vector<32xi8>
  %kept = arith.select %is_zero, %none, %signed : vector<32xi1>, vector<32xi8>
  return %kept : vector<32xi8>
}
