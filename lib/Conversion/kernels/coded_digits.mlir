// Products with codes of the cache where an instruction adds four products of unsigned and signed bytes: four numbers
// are their high and their low digits, signed ones of base 256.

// 16 numbers as words, in the order in which bytes of the cache come up.
func.func private @words_of_codes(%codes: vector<16xi32>, %is_int4: i1) -> vector<8xi32> {
  %half = arith.constant dense<128> : vector<16xi32>
  %c8s = arith.constant dense<8> : vector<16xi32>
  %above = arith.addi %codes, %half : vector<16xi32>
  %high = arith.shrsi %above, %c8s : vector<16xi32>
  %high8 = arith.trunci %high : vector<16xi32> to vector<16xi8>
  %low8 = arith.trunci %codes : vector<16xi32> to vector<16xi8>
  %of_bytes = vector.shuffle %high8, %low8 [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23,
                                            8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31]
      : vector<16xi8>, vector<16xi8>
  %of_halves = vector.shuffle %high8, %low8 [0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27,
                                             4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31]
      : vector<16xi8>, vector<16xi8>
  %ordered = arith.select %is_int4, %of_halves, %of_bytes : vector<32xi8>
  %words = vector.bitcast %ordered : vector<32xi8> to vector<8xi32>
  return %words : vector<8xi32>
}

// a, b + the codes in the low parts of the four bytes of every lane times the high and the low digits: two vpdpbusd.
func.func private @add_products(%a: vector<8xi32>, %b: vector<8xi32>, %lanes: vector<16xi16>, %is_int4: i1,
                                %word_a: i32, %word_b: i32) -> (vector<8xi32>, vector<8xi32>) {
  %mask4 = arith.constant dense<15> : vector<32xi8>
  %bytes = vector.bitcast %lanes : vector<16xi16> to vector<32xi8>
  %low = arith.andi %bytes, %mask4 : vector<32xi8>
  %codes = arith.select %is_int4, %low, %bytes : vector<32xi8>
  %words_a = vector.broadcast %word_a : i32 to vector<8xi32>
  %words_b = vector.broadcast %word_b : i32 to vector<8xi32>
  %digits_a = vector.bitcast %words_a : vector<8xi32> to vector<32xi8>
  %digits_b = vector.bitcast %words_b : vector<8xi32> to vector<32xi8>
  %sum_a = llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.256"(%a, %codes, %digits_a)
      : (vector<8xi32>, vector<32xi8>, vector<32xi8>) -> vector<8xi32>
  %sum_b = llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.256"(%b, %codes, %digits_b)
      : (vector<8xi32>, vector<32xi8>, vector<32xi8>) -> vector<8xi32>
  return %sum_a, %sum_b : vector<8xi32>, vector<8xi32>
}

// 256 a + b
func.func private @sum_of_parts(%a: vector<8xi32>, %b: vector<8xi32>) -> vector<8xi32> {
  %c8s = arith.constant dense<8> : vector<8xi32>
  %placed = arith.shli %a, %c8s : vector<8xi32>
  %sum = arith.addi %placed, %b : vector<8xi32>
  return %sum : vector<8xi32>
}
