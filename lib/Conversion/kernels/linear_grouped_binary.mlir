// y = W x for grouped-binary weights, group by group. T(v) is the sum of the levels at the ones of v, by counting bits
// (sums_popcount.mlir) or by tables (sums_lut.mlir):
//   D = c0 T(neither) + c1 T(q only) + c2 T(s only) + c3 T(q & s)
//   acc = acc + float(D) * (float(scale) * mu)
// A thread takes blocks of 32 rows and runs all tokens over one block, whose weights then stay in the cache.
func.func private @linear_grouped_binary(
    %weights: memref<?xi8>, %levels: memref<?xi32>, %activations: memref<?xi8>, %y: memref<?xf32>,
    %count: index, %thread: index, %threads: index,
    // Sizes: the layout of weights and activations in bytes; `columns` without the INT8 ones.
    %blocks: index, %block_bytes: index, %group_bytes: index, %columns: index, %planes: index,
    %token_bytes: index, %scales_offset: index, %sums_offset: index, %tables_offset: index, %by_tables: i1,
    %least: index, %most: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %zeros = arith.constant dense<0.0> : vector<32xf32>

  %weight_bytes = arith.muli %blocks, %block_bytes : index
  %weight_halves = arith.divui %weight_bytes, %c2 : index
  %scales = memref.view %weights[%c0][%weight_halves] : memref<?xi8> to memref<?xf16>
  %activation_bytes = arith.muli %count, %token_bytes : index
  %activation_words = arith.divui %activation_bytes, %c4 : index
  %activation_ints = memref.view %activations[%c0][%activation_words] : memref<?xi8> to memref<?xi32>
  %activation_floats = memref.view %activations[%c0][%activation_words] : memref<?xi8> to memref<?xf32>
  %row_stride = arith.muli %blocks, %c32 : index

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
        %tq, %ts, %tqs = scf.if %by_tables -> (vector<32xi16>, vector<32xi16>, vector<32xi16>) {
          %tables_at = func.call @tables_of_group(%token_at, %tables_offset, %group, %planes)
              : (index, index, index, index) -> index
          %t:3 = func.call @sums_of_codes_by_tables(
              %weights, %codes_at, %activations, %tables_at, %levels, %planes, %channels)
              : (memref<?xi8>, index, memref<?xi8>, index, memref<?xi32>, index, index)
              -> (vector<32xi16>, vector<32xi16>, vector<32xi16>)
          scf.yield %t#0, %t#1, %t#2 : vector<32xi16>, vector<32xi16>, vector<32xi16>
        } else {
          %planes_at = func.call @planes_of_group(%token_at, %group, %planes) : (index, index, index) -> index
          %t:3 = func.call @sums_of_codes_by_popcount(
              %weights, %codes_at, %activations, %planes_at, %levels, %planes, %channels)
              : (memref<?xi8>, index, memref<?xi8>, index, memref<?xi32>, index, index)
              -> (vector<32xi16>, vector<32xi16>, vector<32xi16>)
          scf.yield %t#0, %t#1, %t#2 : vector<32xi16>, vector<32xi16>, vector<32xi16>
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

// D = sum over codes k of c[k] * N[k], where N[k] is T of the channels with code k; all channels give P.
func.func private @weigh_codes(%weights: memref<?xi8>, %at: index, %p: i32, %tq: vector<32xi16>, %ts: vector<32xi16>,
                               %tqs: vector<32xi16>) -> vector<32xi32> {
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %c96 = arith.constant 96 : index
  %narrow_p = arith.trunci %p : i32 to i16
  %all = vector.broadcast %narrow_p : i16 to vector<32xi16>
  %n1 = arith.subi %tq, %tqs : vector<32xi16>
  %n2 = arith.subi %ts, %tqs : vector<32xi16>
  %not_q = arith.subi %all, %tq : vector<32xi16>
  %n0 = arith.subi %not_q, %n2 : vector<32xi16>
  %n12:4 = func.call @pairs_of_rows(%n1, %n2)
      : (vector<32xi16>, vector<32xi16>) -> (vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>)
  %n30:4 = func.call @pairs_of_rows(%tqs, %n0)
      : (vector<32xi16>, vector<32xi16>) -> (vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>)

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
