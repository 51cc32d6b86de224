// D of a group of grouped-binary weights.

// D = c0 T(neither) + c1 T(q only) + c2 T(s only) + c3 T(q & s), and where the row scales are.
func.func private @dot_of_codes(
    %weights: memref<?xi8>, %codes_at: index, %activations: memref<?xi8>, %input_at: index, %p: i32,
    %levels: memref<?xi32>, %planes: index, %channels: index, %by_tables: i1) -> (vector<32xi32>, index) {
  %c8 = arith.constant 8 : index
  %c128 = arith.constant 128 : index
  %tq, %ts, %tqs = scf.if %by_tables -> (vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>) {
    %t:3 = func.call @sums_of_codes_by_tables(%weights, %codes_at, %activations, %input_at, %levels, %planes, %channels)
        : (memref<?xi8>, index, memref<?xi8>, index, memref<?xi32>, index, index)
        -> (vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>)
    scf.yield %t#0, %t#1, %t#2 : vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>
  } else {
    %t:3 = func.call @sums_of_codes_by_popcount(%weights, %codes_at, %activations, %input_at, %levels, %planes, %channels)
        : (memref<?xi8>, index, memref<?xi8>, index, memref<?xi32>, index, index)
        -> (vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>)
    scf.yield %t#0, %t#1, %t#2 : vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>
  }
  %code_bytes = arith.muli %channels, %c8 : index
  %coefficients_at = arith.addi %codes_at, %code_bytes : index
  %dot = func.call @weigh_codes(%weights, %coefficients_at, %p, %tq, %ts, %tqs)
      : (memref<?xi8>, index, i32, vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>) -> vector<32xi32>
  %row_scales_byte = arith.addi %coefficients_at, %c128 : index
  return %dot, %row_scales_byte : vector<32xi32>, index
}

// D = sum over codes k of c[k] * N[k], where N[k] is T of the channels with code k; all channels give P.
func.func private @weigh_codes(%weights: memref<?xi8>, %at: index, %p: i32, %tq: vector<2x16xi16>, %ts: vector<2x16xi16>,
                               %tqs: vector<2x16xi16>) -> vector<32xi32> {
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %c96 = arith.constant 96 : index
  %narrow_p = arith.trunci %p : i32 to i16
  %all = vector.broadcast %narrow_p : i16 to vector<2x16xi16>
  %n1 = arith.subi %tq, %tqs : vector<2x16xi16>
  %n2 = arith.subi %ts, %tqs : vector<2x16xi16>
  %not_q = arith.subi %all, %tq : vector<2x16xi16>
  %n0 = arith.subi %not_q, %n2 : vector<2x16xi16>
  %n12:4 = func.call @pairs_of_rows(%n1, %n2)
      : (vector<2x16xi16>, vector<2x16xi16>) -> (vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>)
  %n30:4 = func.call @pairs_of_rows(%tqs, %n0)
      : (vector<2x16xi16>, vector<2x16xi16>) -> (vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>)

  %at1 = arith.addi %at, %c32 : index
  %at2 = arith.addi %at, %c64 : index
  %at3 = arith.addi %at, %c96 : index
  %d0 = func.call @weigh_pairs(%weights, %at, %n12#0, %n30#0)
      : (memref<?xi8>, index, vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  %d1 = func.call @weigh_pairs(%weights, %at1, %n12#1, %n30#1)
      : (memref<?xi8>, index, vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  %d2 = func.call @weigh_pairs(%weights, %at2, %n12#2, %n30#2)
      : (memref<?xi8>, index, vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  %d3 = func.call @weigh_pairs(%weights, %at3, %n12#3, %n30#3)
      : (memref<?xi8>, index, vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  %d = func.call @join_rows(%d0, %d1, %d2, %d3)
      : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<32xi32>
  return %d : vector<32xi32>
}

// The same of 8 rows, whose coefficients are 8 pairs (c1, c2), then 8 pairs (c3, c0).
func.func private @weigh_pairs(%weights: memref<?xi8>, %at: index, %n12: vector<16xi16>, %n30: vector<16xi16>)
    -> vector<8xi32> {
  %c16 = arith.constant 16 : index
  %next = arith.addi %at, %c16 : index
  %c12_8 = vector.load %weights[%at] : memref<?xi8>, vector<16xi8>
  %c30_8 = vector.load %weights[%next] : memref<?xi8>, vector<16xi8>
  %c12 = arith.extsi %c12_8 : vector<16xi8> to vector<16xi16>
  %c30 = arith.extsi %c30_8 : vector<16xi8> to vector<16xi16>
  %d12 = func.call @sums_of_products(%n12, %c12) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  %d30 = func.call @sums_of_products(%n30, %c30) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  %d = arith.addi %d12, %d30 : vector<8xi32>
  return %d : vector<8xi32>
}
