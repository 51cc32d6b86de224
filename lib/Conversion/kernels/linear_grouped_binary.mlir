// y = W x for grouped-binary weights and activations in bit planes, group by group:
//   T(v) = sum over planes k of plane_scale[k] * popcount(plane[k] & v)
//   D = c0 T(neither) + c1 T(q only) + c2 T(s only) + c3 T(q & s)
//   acc = acc + float(D) * (float(scale) * mu)
// A thread takes blocks of 32 rows and runs all tokens over one block, whose weights then stay in the cache.
func.func private @linear_grouped_binary(
    %weights: memref<?xi8>, %levels: memref<?xi32>, %activations: memref<?xi8>, %y: memref<?xf32>,
    %count: index, %thread: index, %threads: index,
    // Sizes: the layout of weights and activations in bytes; `columns` without the INT8 ones.
    %blocks: index, %block_bytes: index, %group_bytes: index, %columns: index, %planes: index,
    %token_bytes: index, %scales_offset: index, %sums_offset: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %zeros = arith.constant dense<0.0> : vector<32xf32>
  %zeros16 = arith.constant dense<0> : vector<32xi16>

  %weight_bytes = arith.muli %blocks, %block_bytes : index
  %weight_halves = arith.divui %weight_bytes, %c2 : index
  %scales = memref.view %weights[%c0][%weight_halves] : memref<?xi8> to memref<?xf16>
  %activation_bytes = arith.muli %count, %token_bytes : index
  %activation_words = arith.divui %activation_bytes, %c4 : index
  %activation_ints = memref.view %activations[%c0][%activation_words] : memref<?xi8> to memref<?xi32>
  %activation_floats = memref.view %activations[%c0][%activation_words] : memref<?xi8> to memref<?xf32>
  %row_stride = arith.muli %blocks, %c32 : index

  %begin, %end = func.call @range_of(%blocks, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %block = %begin to %end step %c1 {
    %block_at = arith.muli %block, %block_bytes : index
    scf.for %token = %c0 to %count step %c1 {
      %token_at = arith.muli %token, %token_bytes : index
      %sum = scf.for %column = %c0 to %columns step %c128 iter_args(%acc = %zeros) -> (vector<32xf32>) {
        %group = arith.divui %column, %c128 : index
        %left = arith.subi %columns, %column : index
        %channels = arith.minui %left, %c128 : index
        %group_offset = arith.muli %group, %group_bytes : index
        %codes_at = arith.addi %block_at, %group_offset : index
        %first_plane = arith.muli %group, %planes : index
        %planes_offset = arith.muli %first_plane, %c16 : index
        %planes_at = arith.addi %token_at, %planes_offset : index

        %tq, %ts, %tqs = scf.for %plane = %c0 to %planes step %c2
            iter_args(%tq0 = %zeros16, %ts0 = %zeros16, %tqs0 = %zeros16)
            -> (vector<32xi16>, vector<32xi16>, vector<32xi16>) {
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
              : (vector<32xi16>, vector<32xi8>, vector<32xi8>, i32, i32) -> vector<32xi16>
          %ts1 = func.call @add_counts(%ts0, %sa, %sb, %ma, %mb)
              : (vector<32xi16>, vector<32xi8>, vector<32xi8>, i32, i32) -> vector<32xi16>
          %tqs1 = func.call @add_counts(%tqs0, %qsa, %qsb, %ma, %mb)
              : (vector<32xi16>, vector<32xi8>, vector<32xi8>, i32, i32) -> vector<32xi16>
          scf.yield %tq1, %ts1, %tqs1 : vector<32xi16>, vector<32xi16>, vector<32xi16>
        }

        %token_word = arith.divui %token_at, %c4 : index
        %first_sum = arith.divui %sums_offset, %c4 : index
        %token_sums = arith.addi %token_word, %first_sum : index
        %sum_at = arith.addi %token_sums, %group : index
        %p = memref.load %activation_ints[%sum_at] : memref<?xi32>
        %first_scale = arith.divui %scales_offset, %c4 : index
        %token_scales = arith.addi %token_word, %first_scale : index
        %scale_at = arith.addi %token_scales, %group : index
        %mu = memref.load %activation_floats[%scale_at] : memref<?xf32>

        %code_bytes = arith.muli %channels, %c8 : index
        %coefficients_at = arith.addi %codes_at, %code_bytes : index
        %dot = func.call @weigh_codes(%weights, %coefficients_at, %p, %tq, %ts, %tqs)
            : (memref<?xi8>, index, i32, vector<32xi16>, vector<32xi16>, vector<32xi16>) -> vector<32xi32>
        %row_scales_byte = arith.addi %coefficients_at, %c128 : index
        %row_scales_at = arith.divui %row_scales_byte, %c2 : index
        %next = func.call @add_term(%acc, %dot, %scales, %row_scales_at, %mu)
            : (vector<32xf32>, vector<32xi32>, memref<?xf16>, index, f32) -> vector<32xf32>
        scf.yield %next : vector<32xf32>
      }
      %row_at = arith.muli %token, %row_stride : index
      %block_row = arith.muli %block, %c32 : index
      %y_at = arith.addi %row_at, %block_row : index
      vector.store %sum, %y[%y_at] : memref<?xf32>, vector<32xf32>
    }
  }
  return
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

// D = sum over codes k of c[k] * N[k], where N[k] is T of the channels with code k; all channels give P.
func.func private @weigh_codes(%weights: memref<?xi8>, %at: index, %p: i32, %tq: vector<32xi16>, %ts: vector<32xi16>,
                               %tqs: vector<32xi16>) -> vector<32xi32> {
  %narrow_p = arith.trunci %p : i32 to i16
  %all = vector.broadcast %narrow_p : i16 to vector<32xi16>
  %n1_16 = arith.subi %tq, %tqs : vector<32xi16>
  %n2_16 = arith.subi %ts, %tqs : vector<32xi16>
  %not_q = arith.subi %all, %tq : vector<32xi16>
  %n0_16 = arith.subi %not_q, %n2_16 : vector<32xi16>
  %n0 = func.call @natural_order(%n0_16) : (vector<32xi16>) -> vector<32xi32>
  %n1 = func.call @natural_order(%n1_16) : (vector<32xi16>) -> vector<32xi32>
  %n2 = func.call @natural_order(%n2_16) : (vector<32xi16>) -> vector<32xi32>
  %n3 = func.call @natural_order(%tqs) : (vector<32xi16>) -> vector<32xi32>

  // For every 8 rows 8 pairs (c1, c2), then 8 pairs (c3, c0).
  %pairs = vector.load %weights[%at] : memref<?xi8>, vector<128xi8>
  %c1_8 = vector.shuffle %pairs, %pairs [0, 2, 4, 6, 8, 10, 12, 14, 32, 34, 36, 38, 40, 42, 44, 46,
                                         64, 66, 68, 70, 72, 74, 76, 78, 96, 98, 100, 102, 104, 106, 108, 110]
      : vector<128xi8>, vector<128xi8>
  %c2_8 = vector.shuffle %pairs, %pairs [1, 3, 5, 7, 9, 11, 13, 15, 33, 35, 37, 39, 41, 43, 45, 47,
                                         65, 67, 69, 71, 73, 75, 77, 79, 97, 99, 101, 103, 105, 107, 109, 111]
      : vector<128xi8>, vector<128xi8>
  %c3_8 = vector.shuffle %pairs, %pairs [16, 18, 20, 22, 24, 26, 28, 30, 48, 50, 52, 54, 56, 58, 60, 62,
                                         80, 82, 84, 86, 88, 90, 92, 94, 112, 114, 116, 118, 120, 122, 124, 126]
      : vector<128xi8>, vector<128xi8>
  %c0_8 = vector.shuffle %pairs, %pairs [17, 19, 21, 23, 25, 27, 29, 31, 49, 51, 53, 55, 57, 59, 61, 63,
                                         81, 83, 85, 87, 89, 91, 93, 95, 113, 115, 117, 119, 121, 123, 125, 127]
      : vector<128xi8>, vector<128xi8>
  %c0 = arith.extsi %c0_8 : vector<32xi8> to vector<32xi32>
  %c1 = arith.extsi %c1_8 : vector<32xi8> to vector<32xi32>
  %c2 = arith.extsi %c2_8 : vector<32xi8> to vector<32xi32>
  %c3 = arith.extsi %c3_8 : vector<32xi8> to vector<32xi32>
  %d0 = arith.muli %c0, %n0 : vector<32xi32>
  %d1 = arith.muli %c1, %n1 : vector<32xi32>
  %d2 = arith.muli %c2, %n2 : vector<32xi32>
  %d3 = arith.muli %c3, %n3 : vector<32xi32>
  %d01 = arith.addi %d0, %d1 : vector<32xi32>
  %d23 = arith.addi %d2, %d3 : vector<32xi32>
  %d = arith.addi %d01, %d23 : vector<32xi32>
  return %d : vector<32xi32>
}
