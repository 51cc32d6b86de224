// T(v), the sum of the levels at the ones of v, for weight planes v of 32 rows over a group, by counting bits:
//   T(v) = sum over planes k of activations of plane_scale[k] * popcount(plane[k] & v)

// T(q), T(s) and T(q & s), in the order of @widen.
func.func private @sums_of_codes_by_popcount(
    %weights: memref<?xi8>, %codes_at: index, %activations: memref<?xi8>, %planes_at: index, %levels: memref<?xi32>,
    %planes: index, %channels: index) -> (vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c16 = arith.constant 16 : index
  %zeros16 = arith.constant dense<0> : vector<2x16xi16>
  %tq, %ts, %tqs = scf.for %plane = %c0 to %planes step %c2
      iter_args(%tq0 = %zeros16, %ts0 = %zeros16, %tqs0 = %zeros16)
      -> (vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>) {
    %plane_offset = arith.muli %plane, %c16 : index
    %plane_at = arith.addi %planes_at, %plane_offset : index
    %qa, %sa, %qsa, %qb, %sb, %qsb = func.call @count_two_planes(
        %weights, %codes_at, %activations, %plane_at, %channels)
        : (memref<?xi8>, index, memref<?xi8>, index, index)
        -> (vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>)
    %plane_b = arith.addi %plane, %c1 : index
    %ma = memref.load %levels[%plane] : memref<?xi32>
    %mb = memref.load %levels[%plane_b] : memref<?xi32>
    %tq1 = func.call @add_counts(%tq0, %qa, %qb, %ma, %mb)
        : (vector<2x16xi16>, vector<32xi8>, vector<32xi8>, i32, i32) -> vector<2x16xi16>
    %ts1 = func.call @add_counts(%ts0, %sa, %sb, %ma, %mb)
        : (vector<2x16xi16>, vector<32xi8>, vector<32xi8>, i32, i32) -> vector<2x16xi16>
    %tqs1 = func.call @add_counts(%tqs0, %qsa, %qsb, %ma, %mb)
        : (vector<2x16xi16>, vector<32xi8>, vector<32xi8>, i32, i32) -> vector<2x16xi16>
    scf.yield %tq1, %ts1, %tqs1 : vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>
  }
  return %tq, %ts, %tqs : vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>
}

// popcount(plane & q), popcount(plane & s) and popcount(plane & q & s) of 32 rows for the plane at `plane_at` and the
// next. Two planes at a time: their six counters, which fit a byte over 128 channels, stay in registers.
func.func private @count_two_planes(%weights: memref<?xi8>, %codes_at: index, %activations: memref<?xi8>,
                                    %plane_at: index, %channels: index)
    -> (vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %none = arith.constant dense<0> : vector<32xi8>
  %plane_b_at = arith.addi %plane_at, %c16 : index
  %steps = arith.divui %channels, %c8 : index
  %counts:6 = scf.for %step = %c0 to %steps step %c1
      iter_args(%qa0 = %none, %sa0 = %none, %qsa0 = %none, %qb0 = %none, %sb0 = %none, %qsb0 = %none)
      -> (vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>) {
    %step_offset = arith.muli %step, %c64 : index
    %q_at = arith.addi %codes_at, %step_offset : index
    %s_at = arith.addi %q_at, %c32 : index
    %q = vector.load %weights[%q_at] : memref<?xi8>, vector<32xi8>
    %s = vector.load %weights[%s_at] : memref<?xi8>, vector<32xi8>
    %qs = arith.andi %q, %s : vector<32xi8>
    %a_at = arith.addi %plane_at, %step : index
    %b_at = arith.addi %plane_b_at, %step : index
    %a_byte = memref.load %activations[%a_at] : memref<?xi8>
    %b_byte = memref.load %activations[%b_at] : memref<?xi8>
    %a = vector.broadcast %a_byte : i8 to vector<32xi8>
    %b = vector.broadcast %b_byte : i8 to vector<32xi8>
    %q_and_a = arith.andi %q, %a : vector<32xi8>
    %s_and_a = arith.andi %s, %a : vector<32xi8>
    %qs_and_a = arith.andi %qs, %a : vector<32xi8>
    %q_and_b = arith.andi %q, %b : vector<32xi8>
    %s_and_b = arith.andi %s, %b : vector<32xi8>
    %qs_and_b = arith.andi %qs, %b : vector<32xi8>
    %q_in_a = math.ctpop %q_and_a : vector<32xi8>
    %s_in_a = math.ctpop %s_and_a : vector<32xi8>
    %qs_in_a = math.ctpop %qs_and_a : vector<32xi8>
    %q_in_b = math.ctpop %q_and_b : vector<32xi8>
    %s_in_b = math.ctpop %s_and_b : vector<32xi8>
    %qs_in_b = math.ctpop %qs_and_b : vector<32xi8>
    %qa = arith.addi %qa0, %q_in_a : vector<32xi8>
    %sa = arith.addi %sa0, %s_in_a : vector<32xi8>
    %qsa = arith.addi %qsa0, %qs_in_a : vector<32xi8>
    %qb = arith.addi %qb0, %q_in_b : vector<32xi8>
    %sb = arith.addi %sb0, %s_in_b : vector<32xi8>
    %qsb = arith.addi %qsb0, %qs_in_b : vector<32xi8>
    scf.yield %qa, %sa, %qsa, %qb, %sb, %qsb
        : vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>
  }
  return %counts#0, %counts#1, %counts#2, %counts#3, %counts#4, %counts#5
      : vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>
}

// T of one to four weight planes; those that there are not give 0.
func.func private @sums_of_planes_by_popcount(
    %weights: memref<?xi8>, %codes_at: index, %weight_planes: index, %activations: memref<?xi8>, %planes_at: index,
    %levels: memref<?xi32>, %planes: index, %channels: index)
    -> (vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %a = func.call @sums_of_plane_by_popcount(%weights, %codes_at, %c0, %weight_planes, %activations, %planes_at,
                                            %levels, %planes, %channels)
      : (memref<?xi8>, index, index, index, memref<?xi8>, index, memref<?xi32>, index, index) -> vector<2x16xi16>
  %b = func.call @sums_of_plane_by_popcount(%weights, %codes_at, %c1, %weight_planes, %activations, %planes_at,
                                            %levels, %planes, %channels)
      : (memref<?xi8>, index, index, index, memref<?xi8>, index, memref<?xi32>, index, index) -> vector<2x16xi16>
  %c = func.call @sums_of_plane_by_popcount(%weights, %codes_at, %c2, %weight_planes, %activations, %planes_at,
                                            %levels, %planes, %channels)
      : (memref<?xi8>, index, index, index, memref<?xi8>, index, memref<?xi32>, index, index) -> vector<2x16xi16>
  %d = func.call @sums_of_plane_by_popcount(%weights, %codes_at, %c3, %weight_planes, %activations, %planes_at,
                                            %levels, %planes, %channels)
      : (memref<?xi8>, index, index, index, memref<?xi8>, index, memref<?xi32>, index, index) -> vector<2x16xi16>
  return %a, %b, %c, %d : vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>
}

// T of weight plane `weight_plane`, 0 if there is none.
func.func private @sums_of_plane_by_popcount(
    %weights: memref<?xi8>, %codes_at: index, %weight_plane: index, %weight_planes: index, %activations: memref<?xi8>,
    %planes_at: index, %levels: memref<?xi32>, %planes: index, %channels: index) -> vector<2x16xi16> {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c16 = arith.constant 16 : index
  %c32 = arith.constant 32 : index
  %zeros16 = arith.constant dense<0> : vector<2x16xi16>
  %is_there = arith.cmpi ult, %weight_plane, %weight_planes : index
  %counted = arith.select %is_there, %planes, %c0 : index
  %step_bytes = arith.muli %weight_planes, %c32 : index
  %plane_in = arith.muli %weight_plane, %c32 : index
  %bits_at = arith.addi %codes_at, %plane_in : index
  %t = scf.for %plane = %c0 to %counted step %c4 iter_args(%t0 = %zeros16) -> (vector<2x16xi16>) {
    %plane_offset = arith.muli %plane, %c16 : index
    %plane_at = arith.addi %planes_at, %plane_offset : index
    %t1 = func.call @add_four_planes(%t0, %weights, %bits_at, %step_bytes, %activations, %plane_at, %channels,
                                     %levels, %plane)
        : (vector<2x16xi16>, memref<?xi8>, index, index, memref<?xi8>, index, index, memref<?xi32>, index)
        -> vector<2x16xi16>
    scf.yield %t1 : vector<2x16xi16>
  }
  return %t : vector<2x16xi16>
}

// total + sum over four activation planes k, from `plane`, of plane_scale[k] * popcount(plane[k] & weight plane).
func.func private @add_four_planes(%total: vector<2x16xi16>, %weights: memref<?xi8>, %weight_plane_at: index,
                                   %step_bytes: index, %activations: memref<?xi8>, %plane_at: index, %channels: index,
                                   %levels: memref<?xi32>, %plane: index) -> vector<2x16xi16> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c32 = arith.constant 32 : index
  %c48 = arith.constant 48 : index
  %none = arith.constant dense<0> : vector<32xi8>
  %plane_b_at = arith.addi %plane_at, %c16 : index
  %plane_c_at = arith.addi %plane_at, %c32 : index
  %plane_d_at = arith.addi %plane_at, %c48 : index
  %steps = arith.divui %channels, %c8 : index
  // A counter fits a byte over 128 channels.
  %counts:4 = scf.for %step = %c0 to %steps step %c1
      iter_args(%a0 = %none, %b0 = %none, %c_0 = %none, %d0 = %none)
      -> (vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>) {
    %step_offset = arith.muli %step, %step_bytes : index
    %w_at = arith.addi %weight_plane_at, %step_offset : index
    %w = vector.load %weights[%w_at] : memref<?xi8>, vector<32xi8>
    %a_at = arith.addi %plane_at, %step : index
    %b_at = arith.addi %plane_b_at, %step : index
    %c_at = arith.addi %plane_c_at, %step : index
    %d_at = arith.addi %plane_d_at, %step : index
    %a_byte = memref.load %activations[%a_at] : memref<?xi8>
    %b_byte = memref.load %activations[%b_at] : memref<?xi8>
    %c_byte = memref.load %activations[%c_at] : memref<?xi8>
    %d_byte = memref.load %activations[%d_at] : memref<?xi8>
    %a = vector.broadcast %a_byte : i8 to vector<32xi8>
    %b = vector.broadcast %b_byte : i8 to vector<32xi8>
    %c = vector.broadcast %c_byte : i8 to vector<32xi8>
    %d = vector.broadcast %d_byte : i8 to vector<32xi8>
    %w_and_a = arith.andi %w, %a : vector<32xi8>
    %w_and_b = arith.andi %w, %b : vector<32xi8>
    %w_and_c = arith.andi %w, %c : vector<32xi8>
    %w_and_d = arith.andi %w, %d : vector<32xi8>
    %in_a = math.ctpop %w_and_a : vector<32xi8>
    %in_b = math.ctpop %w_and_b : vector<32xi8>
    %in_c = math.ctpop %w_and_c : vector<32xi8>
    %in_d = math.ctpop %w_and_d : vector<32xi8>
    %a1 = arith.addi %a0, %in_a : vector<32xi8>
    %b1 = arith.addi %b0, %in_b : vector<32xi8>
    %c_1 = arith.addi %c_0, %in_c : vector<32xi8>
    %d1 = arith.addi %d0, %in_d : vector<32xi8>
    scf.yield %a1, %b1, %c_1, %d1 : vector<32xi8>, vector<32xi8>, vector<32xi8>, vector<32xi8>
  }
  %plane_b = arith.addi %plane, %c1 : index
  %plane_c = arith.addi %plane, %c2 : index
  %plane_d = arith.addi %plane, %c3 : index
  %ma = memref.load %levels[%plane] : memref<?xi32>
  %mb = memref.load %levels[%plane_b] : memref<?xi32>
  %mc = memref.load %levels[%plane_c] : memref<?xi32>
  %md = memref.load %levels[%plane_d] : memref<?xi32>
  %with_ab = func.call @add_counts(%total, %counts#0, %counts#1, %ma, %mb)
      : (vector<2x16xi16>, vector<32xi8>, vector<32xi8>, i32, i32) -> vector<2x16xi16>
  %with_cd = func.call @add_counts(%with_ab, %counts#2, %counts#3, %mc, %md)
      : (vector<2x16xi16>, vector<32xi8>, vector<32xi8>, i32, i32) -> vector<2x16xi16>
  return %with_cd : vector<2x16xi16>
}
