// y = W x for weights of one to four bit planes with plane weights a_j, activations in bit planes, group by group:
//   T(v) = sum over planes k of plane_scale[k] * popcount(plane[k] & v)
//   D = sum over j of a_j T(weight plane j) - z T(all)
//   acc = acc + float(D) * (float(scale) * mu)
// A thread takes blocks of 32 rows and runs all tokens over one block, whose weights then stay in the cache.
func.func private @linear_planes(
    %weights: memref<?xi8>, %levels: memref<?xi32>, %activations: memref<?xi8>, %y: memref<?xf32>,
    %count: index, %thread: index, %threads: index,
    // Sizes: the layout of weights and activations in bytes; `columns` without the INT8 ones.
    %blocks: index, %block_bytes: index, %group_bytes: index, %columns: index, %planes: index,
    %token_bytes: index, %scales_offset: index, %sums_offset: index,
    %weight_planes: index, %a0: i32, %a1: i32, %a2: i32, %a3: i32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c16 = arith.constant 16 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %zeros = arith.constant dense<0.0> : vector<32xf32>
  %zeros16 = arith.constant dense<0> : vector<32xi16>
  %none = arith.constant dense<0> : vector<32xi32>

  %weight_bytes = arith.muli %blocks, %block_bytes : index
  %weight_halves = arith.divui %weight_bytes, %c2 : index
  %scales = memref.view %weights[%c0][%weight_halves] : memref<?xi8> to memref<?xf16>
  %activation_bytes = arith.muli %count, %token_bytes : index
  %activation_words = arith.divui %activation_bytes, %c4 : index
  %activation_ints = memref.view %activations[%c0][%activation_words] : memref<?xi8> to memref<?xi32>
  %activation_floats = memref.view %activations[%c0][%activation_words] : memref<?xi8> to memref<?xf32>
  %row_stride = arith.muli %blocks, %c32 : index
  %plane_weights = vector.from_elements %a0, %a1, %a2, %a3 : vector<4xi32>
  %step_bytes = arith.muli %weight_planes, %c32 : index
  // Bytes that one channel of 32 rows takes.
  %channel_bytes = arith.muli %weight_planes, %c4 : index

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

        // z T(all)
        %token_word = arith.divui %token_at, %c4 : index
        %first_sum = arith.divui %sums_offset, %c4 : index
        %token_sums = arith.addi %token_word, %first_sum : index
        %sum_at = arith.addi %token_sums, %group : index
        %p = memref.load %activation_ints[%sum_at] : memref<?xi32>
        %code_bytes = arith.muli %channels, %channel_bytes : index
        %coefficients_at = arith.addi %codes_at, %code_bytes : index
        %z8 = vector.load %weights[%coefficients_at] : memref<?xi8>, vector<32xi8>
        %z = arith.extsi %z8 : vector<32xi8> to vector<32xi32>
        %all = vector.broadcast %p : i32 to vector<32xi32>
        %z_all = arith.muli %z, %all : vector<32xi32>
        %negative = arith.subi %none, %z_all : vector<32xi32>

        %dot = scf.for %weight_plane = %c0 to %weight_planes step %c1 iter_args(%dot0 = %negative) -> (vector<32xi32>) {
          %weight_plane_offset = arith.muli %weight_plane, %c32 : index
          %weight_plane_at = arith.addi %codes_at, %weight_plane_offset : index
          %t = scf.for %plane = %c0 to %planes step %c4 iter_args(%t0 = %zeros16) -> (vector<32xi16>) {
            %plane_offset = arith.muli %plane, %c16 : index
            %plane_at = arith.addi %planes_at, %plane_offset : index
            %t1 = func.call @add_four_planes(%t0, %weights, %weight_plane_at, %step_bytes, %activations, %plane_at,
                                             %channels, %levels, %plane)
                : (vector<32xi16>, memref<?xi8>, index, index, memref<?xi8>, index, index, memref<?xi32>, index)
                -> vector<32xi16>
            scf.yield %t1 : vector<32xi16>
          }
          %rows = func.call @natural_order(%t) : (vector<32xi16>) -> vector<32xi32>
          %a = vector.extract %plane_weights[%weight_plane] : i32 from vector<4xi32>
          %as = vector.broadcast %a : i32 to vector<32xi32>
          %weighed = arith.muli %rows, %as : vector<32xi32>
          %dot1 = arith.addi %dot0, %weighed : vector<32xi32>
          scf.yield %dot1 : vector<32xi32>
        }

        %first_scale = arith.divui %scales_offset, %c4 : index
        %token_scales = arith.addi %token_word, %first_scale : index
        %scale_at = arith.addi %token_scales, %group : index
        %mu = memref.load %activation_floats[%scale_at] : memref<?xf32>
        %row_scales_byte = arith.addi %coefficients_at, %c32 : index
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

// total + sum over four activation planes k, from `plane`, of plane_scale[k] * popcount(plane[k] & weight plane).
func.func private @add_four_planes(%total: vector<32xi16>, %weights: memref<?xi8>, %weight_plane_at: index,
                                   %step_bytes: index, %activations: memref<?xi8>, %plane_at: index, %channels: index,
                                   %levels: memref<?xi32>, %plane: index) -> vector<32xi16> {
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
      : (vector<32xi16>, vector<32xi8>, vector<32xi8>, i32, i32) -> vector<32xi16>
  %with_cd = func.call @add_counts(%with_ab, %counts#2, %counts#3, %mc, %md)
      : (vector<32xi16>, vector<32xi8>, vector<32xi8>, i32, i32) -> vector<32xi16>
  return %with_cd : vector<32xi16>
}
