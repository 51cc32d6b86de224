// y = float(scale of the row) * code, for the row of an INT8 table that each token names.
func.func private @embedding_int8(
    %table: memref<?xi8>, %tokens: memref<?xi32>, %y: memref<?xf32>,
    %count: index, %thread: index, %threads: index,
    // Sizes: the layout of the table in bytes; a row of y has `columns` values.
    %blocks: index, %block_bytes: index, %columns: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %table_bytes = arith.muli %blocks, %block_bytes : index
  %halves = arith.divui %table_bytes, %c2 : index
  %scales = memref.view %table[%c0][%halves] : memref<?xi8> to memref<?xf16>
  %code_bytes = arith.muli %columns, %c32 : index
  %begin, %end = func.call @range_of(%count, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %item = %begin to %end step %c1 {
    %token32 = memref.load %tokens[%item] : memref<?xi32>
    %token = arith.index_cast %token32 : i32 to index
    %block = arith.divui %token, %c32 : index
    %row = arith.remui %token, %c32 : index
    %block_at = arith.muli %block, %block_bytes : index
    %row_offset = arith.muli %row, %c4 : index
    %row_at = arith.addi %block_at, %row_offset : index
    %scales_byte = arith.addi %block_at, %code_bytes : index
    %scales_at = arith.divui %scales_byte, %c2 : index
    %scale_at = arith.addi %scales_at, %row : index
    %scale16 = memref.load %scales[%scale_at] : memref<?xf16>
    %scale = arith.extf %scale16 : f16 to f32
    %factors = vector.broadcast %scale : f32 to vector<4xf32>
    %y_row = arith.muli %item, %columns : index
    scf.for %column = %c0 to %columns step %c4 {
      %offset = arith.muli %column, %c32 : index
      %at = arith.addi %row_at, %offset : index
      %codes8 = vector.load %table[%at] : memref<?xi8>, vector<4xi8>
      %codes32 = arith.extsi %codes8 : vector<4xi8> to vector<4xi32>
      %codes = arith.sitofp %codes32 : vector<4xi32> to vector<4xf32>
      %values = arith.mulf %factors, %codes : vector<4xf32>
      %y_at = arith.addi %y_row, %column : index
      vector.store %values, %y[%y_at] : memref<?xf32>, vector<4xf32>
    }
  }
  return
}
