// y = W x for weights of one to four bit planes with plane weights a_j, group by group. T(v) is the sum of the levels at
// the ones of v, by counting bits (sums_popcount.mlir) or by tables (sums_lut.mlir):
//   D = sum over j of a_j T(weight plane j) - z T(all)
//   acc = acc + float(D) * (float(scale) * mu)
// A thread takes blocks of 32 rows and runs all tokens over one block, whose weights then stay in the cache.
func.func private @linear_planes(
    %weights: memref<?xi8>, %levels: memref<?xi32>, %activations: memref<?xi8>, %y: memref<?xf32>,
    %count: index, %thread: index, %threads: index,
    // Sizes: the layout of weights and activations in bytes; `columns` without the INT8 ones.
    %blocks: index, %block_bytes: index, %group_bytes: index, %columns: index, %planes: index,
    %token_bytes: index, %scales_offset: index, %sums_offset: index, %tables_offset: index, %by_tables: i1,
    %least: index, %most: index,
    %weight_planes: index, %a0: i32, %a1: i32, %a2: i32, %a3: i32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %zeros = arith.constant dense<0.0> : vector<32xf32>
  %none = arith.constant dense<0> : vector<32xi32>

  %weight_bytes = arith.muli %blocks, %block_bytes : index
  %weight_halves = arith.divui %weight_bytes, %c2 : index
  %scales = memref.view %weights[%c0][%weight_halves] : memref<?xi8> to memref<?xf16>
  %activation_bytes = arith.muli %count, %token_bytes : index
  %activation_words = arith.divui %activation_bytes, %c4 : index
  %activation_ints = memref.view %activations[%c0][%activation_words] : memref<?xi8> to memref<?xi32>
  %activation_floats = memref.view %activations[%c0][%activation_words] : memref<?xi8> to memref<?xf32>
  %row_stride = arith.muli %blocks, %c32 : index
  // Bytes that one channel of 32 rows takes.
  %channel_bytes = arith.muli %weight_planes, %c4 : index

  %begin, %end = func.call @range_for(%blocks, %count, %least, %most, %thread, %threads)
      : (index, index, index, index, index, index) -> (index, index)
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

        %t:4 = scf.if %by_tables -> (vector<32xi16>, vector<32xi16>, vector<32xi16>, vector<32xi16>) {
          %tables_at = func.call @tables_of_group(%token_at, %tables_offset, %group, %planes)
              : (index, index, index, index) -> index
          %looked_up:4 = func.call @sums_of_planes_by_tables(
              %weights, %codes_at, %weight_planes, %activations, %tables_at, %levels, %planes, %channels)
              : (memref<?xi8>, index, index, memref<?xi8>, index, memref<?xi32>, index, index)
              -> (vector<32xi16>, vector<32xi16>, vector<32xi16>, vector<32xi16>)
          scf.yield %looked_up#0, %looked_up#1, %looked_up#2, %looked_up#3
              : vector<32xi16>, vector<32xi16>, vector<32xi16>, vector<32xi16>
        } else {
          %planes_at = func.call @planes_of_group(%token_at, %group, %planes) : (index, index, index) -> index
          %counted:4 = func.call @sums_of_planes_by_popcount(
              %weights, %codes_at, %weight_planes, %activations, %planes_at, %levels, %planes, %channels)
              : (memref<?xi8>, index, index, memref<?xi8>, index, memref<?xi32>, index, index)
              -> (vector<32xi16>, vector<32xi16>, vector<32xi16>, vector<32xi16>)
          scf.yield %counted#0, %counted#1, %counted#2, %counted#3
              : vector<32xi16>, vector<32xi16>, vector<32xi16>, vector<32xi16>
        }
        %of_two = func.call @add_weighted(%negative, %t#0, %t#1, %a0, %a1)
            : (vector<32xi32>, vector<32xi16>, vector<32xi16>, i32, i32) -> vector<32xi32>
        %dot = func.call @add_weighted(%of_two, %t#2, %t#3, %a2, %a3)
            : (vector<32xi32>, vector<32xi16>, vector<32xi16>, i32, i32) -> vector<32xi32>

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

// dot + a T + b U
func.func private @add_weighted(%dot: vector<32xi32>, %t: vector<32xi16>, %u: vector<32xi16>, %a: i32, %b: i32)
    -> vector<32xi32> {
  %half = arith.constant 16 : i32
  %low_half = arith.constant 65535 : i32
  %rows:4 = func.call @pairs_of_rows(%t, %u)
      : (vector<32xi16>, vector<32xi16>) -> (vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>)
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
