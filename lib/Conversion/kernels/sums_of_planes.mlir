// D of a group of weights of one to four bit planes with plane weights a_j.

// D = sum over j of a_j T(weight plane j) - z T(all), and where the row scales are.
func.func private @dot_of_planes(
    %weights: memref<?xi8>, %codes_at: index, %weight_planes: index, %a0: i32, %a1: i32, %a2: i32, %a3: i32,
    %activations: memref<?xi8>, %input_at: index, %p: i32, %levels: memref<?xi32>, %planes: index, %channels: index,
    %by_tables: i1) -> (vector<32xi32>, index) {
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %none = arith.constant dense<0> : vector<32xi32>
  // z T(all)
  %channel_bytes = arith.muli %weight_planes, %c4 : index
  %code_bytes = arith.muli %channels, %channel_bytes : index
  %coefficients_at = arith.addi %codes_at, %code_bytes : index
  %z8 = vector.load %weights[%coefficients_at] : memref<?xi8>, vector<32xi8>
  %z = arith.extsi %z8 : vector<32xi8> to vector<32xi32>
  %all = vector.broadcast %p : i32 to vector<32xi32>
  %z_all = arith.muli %z, %all : vector<32xi32>
  %negative = arith.subi %none, %z_all : vector<32xi32>

  %t:4 = scf.if %by_tables -> (vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>) {
    %looked_up:4 = func.call @sums_of_planes_by_tables(%weights, %codes_at, %weight_planes, %activations, %input_at,
                                                       %levels, %planes, %channels)
        : (memref<?xi8>, index, index, memref<?xi8>, index, memref<?xi32>, index, index)
        -> (vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>)
    scf.yield %looked_up#0, %looked_up#1, %looked_up#2, %looked_up#3
        : vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>
  } else {
    %counted:4 = func.call @sums_of_planes_by_popcount(%weights, %codes_at, %weight_planes, %activations, %input_at,
                                                       %levels, %planes, %channels)
        : (memref<?xi8>, index, index, memref<?xi8>, index, memref<?xi32>, index, index)
        -> (vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>)
    scf.yield %counted#0, %counted#1, %counted#2, %counted#3
        : vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>
  }
  %of_two = func.call @add_weighted(%negative, %t#0, %t#1, %a0, %a1)
      : (vector<32xi32>, vector<2x16xi16>, vector<2x16xi16>, i32, i32) -> vector<32xi32>
  %dot = func.call @add_weighted(%of_two, %t#2, %t#3, %a2, %a3)
      : (vector<32xi32>, vector<2x16xi16>, vector<2x16xi16>, i32, i32) -> vector<32xi32>
  %row_scales_byte = arith.addi %coefficients_at, %c32 : index
  return %dot, %row_scales_byte : vector<32xi32>, index
}

// dot + a T + b U
func.func private @add_weighted(%dot: vector<32xi32>, %t: vector<2x16xi16>, %u: vector<2x16xi16>, %a: i32, %b: i32)
    -> vector<32xi32> {
  %half = arith.constant 16 : i32
  %low_half = arith.constant 65535 : i32
  %rows:4 = func.call @pairs_of_rows(%t, %u)
      : (vector<2x16xi16>, vector<2x16xi16>) -> (vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>)
  %low = arith.andi %a, %low_half : i32
  %high = arith.shli %b, %half : i32
  %pair = arith.ori %low, %high : i32
  %words = vector.broadcast %pair : i32 to vector<8xi32>
  %pairs = vector.bitcast %words : vector<8xi32> to vector<16xi16>
  %d0 = func.call @sums_of_products(%rows#0, %pairs) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  %d1 = func.call @sums_of_products(%rows#1, %pairs) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  %d2 = func.call @sums_of_products(%rows#2, %pairs) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  %d3 = func.call @sums_of_products(%rows#3, %pairs) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  %d = func.call @join_rows(%d0, %d1, %d2, %d3)
      : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<32xi32>
  %next = arith.addi %dot, %d : vector<32xi32>
  return %next : vector<32xi32>
}
