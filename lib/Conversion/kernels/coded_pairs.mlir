// Products with codes of the cache where instructions add products of 16 bits in pairs: four numbers are the pairs of
// the first and third, the second and fourth.

// 16 numbers as words, in the order in which bytes of the cache come up.
func.func private @words_of_codes(%codes: vector<16xi32>, %is_int4: i1) -> vector<8xi32> {
  %codes16 = arith.trunci %codes : vector<16xi32> to vector<16xi16>
  %of_bytes = vector.shuffle %codes16, %codes16 [0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15]
      : vector<16xi16>, vector<16xi16>
  %of_halves = vector.shuffle %codes16, %codes16 [0, 2, 1, 3, 8, 10, 9, 11, 4, 6, 5, 7, 12, 14, 13, 15]
      : vector<16xi16>, vector<16xi16>
  %ordered = arith.select %is_int4, %of_halves, %of_bytes : vector<16xi16>
  %words = vector.bitcast %ordered : vector<16xi16> to vector<8xi32>
  return %words : vector<8xi32>
}

// a, b + the codes in the low parts of the four bytes of every lane times the four numbers of two words.
func.func private @add_products(%a: vector<8xi32>, %b: vector<8xi32>, %lanes: vector<16xi16>, %is_int4: i1,
                                %word_a: i32, %word_b: i32) -> (vector<8xi32>, vector<8xi32>) {
  %c8s = arith.constant dense<8> : vector<16xi16>
  %mask4 = arith.constant dense<15> : vector<16xi16>
  %mask8 = arith.constant dense<255> : vector<16xi16>
  %masks = arith.select %is_int4, %mask4, %mask8 : vector<16xi16>
  %bytes_a = arith.andi %lanes, %masks : vector<16xi16>
  %shifted = arith.shrui %lanes, %c8s : vector<16xi16>
  %bytes_b = arith.andi %shifted, %masks : vector<16xi16>
  %words_a = vector.broadcast %word_a : i32 to vector<8xi32>
  %words_b = vector.broadcast %word_b : i32 to vector<8xi32>
  %pairs_a = vector.bitcast %words_a : vector<8xi32> to vector<16xi16>
  %pairs_b = vector.bitcast %words_b : vector<8xi32> to vector<16xi16>
  %products_a = func.call @sums_of_products(%bytes_a, %pairs_a) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  %products_b = func.call @sums_of_products(%bytes_b, %pairs_b) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  %sum_a = arith.addi %a, %products_a : vector<8xi32>
  %sum_b = arith.addi %b, %products_b : vector<8xi32>
  return %sum_a, %sum_b : vector<8xi32>, vector<8xi32>
}

func.func private @sum_of_parts(%a: vector<8xi32>, %b: vector<8xi32>) -> vector<8xi32> {
  %sum = arith.addi %a, %b : vector<8xi32>
  return %sum : vector<8xi32>
}
