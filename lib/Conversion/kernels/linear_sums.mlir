// y = W x, group by group. T(v) is the sum of the levels at the ones of v, by counting bits
// (sums_popcount.mlir) or by tables (sums_lut.mlir); D is made of some T as the form of the weights tells
// (sums_of_codes.mlir, sums_of_planes.mlir):
//   acc = acc + float(D) * (float(scale) * mu)
// INT8 columns follow. A thread takes blocks of 32 rows and runs all tokens over one block, whose weights then stay in the
// cache: memory is read in its order, once, which is what the machine foresees and fetches ahead.
//
// Where the tables of all columns do not fit the first cache beside the weights, each half of a thread's blocks is a stream
// of its own, and a step takes a group of both: tables are fetched half as often.
func.func private @linear_sums(
    %weights: memref<?xi8>, %levels: memref<?xi32>, %activations: memref<?xi8>, %y: memref<?xf32>,
    %count: index, %thread: index, %threads: index,
    // Sizes: the layout of weights and activations in bytes; `columns` without the INT8 ones.
    %blocks: index, %block_bytes: index, %group_bytes: index, %columns: index, %planes: index,
    %token_bytes: index, %scales_offset: index, %sums_offset: index, %int8_columns: index, %int8_offset: index,
    %int8_codes_offset: index, %int8_scales_offset: index, %tables_offset: index, %by_tables: i1, %streams: index,
    %least: index, %most: index,
    %weight_planes: index, %a0: i32, %a1: i32, %a2: i32, %a3: i32, %is_planes: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %zeros = arith.constant dense<0.0> : vector<32xf32>
  %accs = memref.alloca() {alignment = 64 : i64} : memref<64xf32>

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
  %mine = arith.subi %end, %begin : index
  %steps = arith.ceildivui %mine, %streams : index
  scf.for %step = %c0 to %steps step %c1 {
    %first_block = arith.addi %begin, %step : index
    scf.for %token = %c0 to %count step %c1 {
      %token_at = arith.muli %token, %token_bytes : index
      scf.for %stream = %c0 to %streams step %c1 {
        %acc_at = arith.muli %stream, %c32 : index
        vector.store %zeros, %accs[%acc_at] : memref<64xf32>, vector<32xf32>
      }
      scf.for %column = %c0 to %columns step %c128 {
        %group = arith.divui %column, %c128 : index
        %left = arith.subi %columns, %column : index
        %channels = arith.minui %left, %c128 : index
        %group_offset = arith.muli %group, %group_bytes : index
        %planes_at = func.call @planes_of_group(%token_at, %group, %planes) : (index, index, index) -> index
        %tables_at = func.call @tables_of_group(%token_at, %tables_offset, %group, %planes)
            : (index, index, index, index) -> index
        %input_at = arith.select %by_tables, %tables_at, %planes_at : index
        %sums_byte = arith.addi %token_at, %sums_offset : index
        %sums_word = arith.divui %sums_byte, %c4 : index
        %sum_at = arith.addi %sums_word, %group : index
        %p = memref.load %activation_ints[%sum_at] : memref<?xi32>
        %scales_byte = arith.addi %token_at, %scales_offset : index
        %scales_word = arith.divui %scales_byte, %c4 : index
        %scale_at = arith.addi %scales_word, %group : index
        %mu = memref.load %activation_floats[%scale_at] : memref<?xf32>
        scf.for %stream = %c0 to %streams step %c1 {
          %before = arith.muli %stream, %steps : index
          %block = arith.addi %first_block, %before : index
          %is_mine = arith.cmpi ult, %block, %end : index
          scf.if %is_mine {
            %block_at = arith.muli %block, %block_bytes : index
            %codes_at = arith.addi %block_at, %group_offset : index
            %dot, %row_scales_byte = scf.if %is_planes -> (vector<32xi32>, index) {
              %d, %after = func.call @dot_of_planes(%weights, %codes_at, %weight_planes, %a0, %a1, %a2, %a3, %activations,
                                                    %input_at, %p, %levels, %planes, %channels, %by_tables)
                  : (memref<?xi8>, index, index, i32, i32, i32, i32, memref<?xi8>, index, i32, memref<?xi32>, index, index,
                     i1) -> (vector<32xi32>, index)
              scf.yield %d, %after : vector<32xi32>, index
            } else {
              %d, %after = func.call @dot_of_codes(%weights, %codes_at, %activations, %input_at, %p, %levels, %planes,
                                                   %channels, %by_tables)
                  : (memref<?xi8>, index, memref<?xi8>, index, i32, memref<?xi32>, index, index, i1)
                  -> (vector<32xi32>, index)
              scf.yield %d, %after : vector<32xi32>, index
            }
            %row_scales_at = arith.divui %row_scales_byte, %c2 : index
            %acc_at = arith.muli %stream, %c32 : index
            %acc = vector.load %accs[%acc_at] : memref<64xf32>, vector<32xf32>
            %next = func.call @add_term(%acc, %dot, %scales, %row_scales_at, %mu)
                : (vector<32xf32>, vector<32xi32>, memref<?xf16>, index, f32) -> vector<32xf32>
            vector.store %next, %accs[%acc_at] : memref<64xf32>, vector<32xf32>
          }
        }
      }
      scf.for %stream = %c0 to %streams step %c1 {
        %before = arith.muli %stream, %steps : index
        %block = arith.addi %first_block, %before : index
        %is_mine = arith.cmpi ult, %block, %end : index
        scf.if %is_mine {
          %acc_at = arith.muli %stream, %c32 : index
          %acc = vector.load %accs[%acc_at] : memref<64xf32>, vector<32xf32>
          %block_offset = arith.muli %block, %block_bytes : index
          %int8_at = arith.addi %block_offset, %int8_offset : index
          %sum = func.call @add_int8_columns(%acc, %weights, %int8_at, %int8_columns, %scales, %activations,
                                             %activation_floats, %token_at, %int8_codes_offset, %int8_scales_offset)
              : (vector<32xf32>, memref<?xi8>, index, index, memref<?xf16>, memref<?xi8>, memref<?xf32>, index, index,
                 index) -> vector<32xf32>
          %row_at = arith.muli %token, %row_stride : index
          %block_row = arith.muli %block, %c32 : index
          %y_at = arith.addi %row_at, %block_row : index
          vector.store %sum, %y[%y_at] : memref<?xf32>, vector<32xf32>
        }
      }
    }
  }
  return
}
