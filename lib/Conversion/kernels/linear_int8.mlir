// The INT8 columns of a linear, for each 128 of them:
//   acc = acc + float(dot) * (float(row scale) * activation scale)
// where acc starts from y, which the bit planes have left there, or from zero where all columns are INT8.
// A thread takes the same blocks of 32 rows as it does of the bit planes.
func.func private @linear_int8(
    %weights: memref<?xi8>, %activations: memref<?xi8>, %y: memref<?xf32>,
    %count: index, %thread: index, %threads: index,
    // Sizes: the layout of weights and activations in bytes; `columns` are the INT8 ones.
    %blocks: index, %block_bytes: index, %int8_offset: index, %columns: index, %starts_from_y: i1,
    %token_bytes: index, %int8_codes_offset: index, %int8_scales_offset: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %zeros = arith.constant dense<0.0> : vector<32xf32>

  %weight_bytes = arith.muli %blocks, %block_bytes : index
  %weight_halves = arith.divui %weight_bytes, %c2 : index
  %scales = memref.view %weights[%c0][%weight_halves] : memref<?xi8> to memref<?xf16>
  %activation_bytes = arith.muli %count, %token_bytes : index
  %activation_words = arith.divui %activation_bytes, %c4 : index
  %activation_floats = memref.view %activations[%c0][%activation_words] : memref<?xi8> to memref<?xf32>
  %row_stride = arith.muli %blocks, %c32 : index
  %code_bytes = arith.muli %columns, %c32 : index

  %begin, %end = func.call @range_of(%blocks, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %block = %begin to %end step %c1 {
    %block_offset = arith.muli %block, %block_bytes : index
    %block_at = arith.addi %block_offset, %int8_offset : index
    %row_scales_byte = arith.addi %block_at, %code_bytes : index
    %row_scales_at = arith.divui %row_scales_byte, %c2 : index
    scf.for %token = %c0 to %count step %c1 {
      %token_at = arith.muli %token, %token_bytes : index
      %codes_at = arith.addi %token_at, %int8_codes_offset : index
      %scales_byte = arith.addi %token_at, %int8_scales_offset : index
      %scales_at = arith.divui %scales_byte, %c4 : index
      %row_at = arith.muli %token, %row_stride : index
      %block_row = arith.muli %block, %c32 : index
      %y_at = arith.addi %row_at, %block_row : index
      %start = scf.if %starts_from_y -> (vector<32xf32>) {
        %from_y = vector.load %y[%y_at] : memref<?xf32>, vector<32xf32>
        scf.yield %from_y : vector<32xf32>
      } else {
        scf.yield %zeros : vector<32xf32>
      }
      %sum = scf.for %column = %c0 to %columns step %c128 iter_args(%acc = %start) -> (vector<32xf32>) {
        %left = arith.subi %columns, %column : index
        %width = arith.minui %left, %c128 : index
        %weights_offset = arith.muli %column, %c32 : index
        %weights_at = arith.addi %block_at, %weights_offset : index
        %activations_at = arith.addi %codes_at, %column : index
        %dot = func.call @dot_int8(%weights, %weights_at, %activations, %activations_at, %width)
            : (memref<?xi8>, index, memref<?xi8>, index, index) -> vector<32xi32>
        %group = arith.divui %column, %c128 : index
        %scale_at = arith.addi %scales_at, %group : index
        %scale = memref.load %activation_floats[%scale_at] : memref<?xf32>
        %next = func.call @add_term(%acc, %dot, %scales, %row_scales_at, %scale)
            : (vector<32xf32>, vector<32xi32>, memref<?xf16>, index, f32) -> vector<32xf32>
        scf.yield %next : vector<32xf32>
      }
      vector.store %sum, %y[%y_at] : memref<?xf32>, vector<32xf32>
    }
  }
  return
}
