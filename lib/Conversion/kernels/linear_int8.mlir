// y = W x for INT8 weights: of all columns of a linear, or of those that others leave to them.

// `start` and the terms of the INT8 columns of a block, which begin at `at`, in groups of 128:
//   acc = acc + float(dot) * (float(row scale) * activation scale)
func.func private @add_int8_columns(
    %start: vector<32xf32>, %weights: memref<?xi8>, %at: index, %columns: index, %row_scales: memref<?xf16>,
    %activations: memref<?xi8>, %activation_floats: memref<?xf32>, %token_at: index, %codes_offset: index,
    %scales_offset: index) -> vector<32xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %code_bytes = arith.muli %columns, %c32 : index
  %row_scales_byte = arith.addi %at, %code_bytes : index
  %row_scales_at = arith.divui %row_scales_byte, %c2 : index
  %codes_at = arith.addi %token_at, %codes_offset : index
  %scales_byte = arith.addi %token_at, %scales_offset : index
  %scales_at = arith.divui %scales_byte, %c4 : index
  %sum = scf.for %column = %c0 to %columns step %c128 iter_args(%acc = %start) -> (vector<32xf32>) {
    %left = arith.subi %columns, %column : index
    %width = arith.minui %left, %c128 : index
    %weights_offset = arith.muli %column, %c32 : index
    %weights_at = arith.addi %at, %weights_offset : index
    %activations_at = arith.addi %codes_at, %column : index
    %dot = func.call @dot_int8(%weights, %weights_at, %activations, %activations_at, %width)
        : (memref<?xi8>, index, memref<?xi8>, index, index) -> vector<32xi32>
    %group = arith.divui %column, %c128 : index
    %scale_at = arith.addi %scales_at, %group : index
    %scale = memref.load %activation_floats[%scale_at] : memref<?xf32>
    %next = func.call @add_term(%acc, %dot, %row_scales, %row_scales_at, %scale)
        : (vector<32xf32>, vector<32xi32>, memref<?xf16>, index, f32) -> vector<32xf32>
    scf.yield %next : vector<32xf32>
  }
  return %sum : vector<32xf32>
}

// All columns. A thread takes blocks of 32 rows and runs all tokens over one block.
func.func private @linear_int8(
    %weights: memref<?xi8>, %activations: memref<?xi8>, %y: memref<?xf32>,
    %count: index, %thread: index, %threads: index,
    // Sizes: the layout of weights and activations in bytes.
    %blocks: index, %block_bytes: index, %columns: index, %token_bytes: index, %codes_offset: index,
    %scales_offset: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %zeros = arith.constant dense<0.0> : vector<32xf32>

  %weight_bytes = arith.muli %blocks, %block_bytes : index
  %weight_halves = arith.divui %weight_bytes, %c2 : index
  %scales = memref.view %weights[%c0][%weight_halves] : memref<?xi8> to memref<?xf16>
  %activation_bytes = arith.muli %count, %token_bytes : index
  %activation_words = arith.divui %activation_bytes, %c4 : index
  %activation_floats = memref.view %activations[%c0][%activation_words] : memref<?xi8> to memref<?xf32>
  %row_stride = arith.muli %blocks, %c32 : index

  %begin, %end = func.call @range_of(%blocks, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %block = %begin to %end step %c1 {
    %block_at = arith.muli %block, %block_bytes : index
    %block_row = arith.muli %block, %c32 : index
    scf.for %token = %c0 to %count step %c1 {
      %token_at = arith.muli %token, %token_bytes : index
      %sum = func.call @add_int8_columns(%zeros, %weights, %block_at, %columns, %scales, %activations, %activation_floats,
                                         %token_at, %codes_offset, %scales_offset)
          : (vector<32xf32>, memref<?xi8>, index, index, memref<?xf16>, memref<?xi8>, memref<?xf32>, index, index, index)
          -> vector<32xf32>
      %row_at = arith.muli %token, %row_stride : index
      %y_at = arith.addi %row_at, %block_row : index
      vector.store %sum, %y[%y_at] : memref<?xf32>, vector<32xf32>
    }
  }
  return
}
