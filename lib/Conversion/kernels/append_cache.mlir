// Writes keys and values of all tokens to the cache at their positions. For each sequence the cache holds keys
// [heads][capacity / 32][head_size][32], then values [heads][capacity][head_size].
func.func private @append_cache(
    %k: memref<?xf32>, %v: memref<?xf32>, %positions: memref<?xi32>, %cache: memref<?xi8>,
    %sequences: index, %capacity: index, %count: index, %thread: index, %threads: index,
    %heads: index, %head_size: index, %row_stride: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %c32 = arith.constant 32 : index
  %head_floats = arith.muli %capacity, %head_size : index
  %half_floats = arith.muli %heads, %head_floats : index
  %sequence_floats = arith.muli %half_floats, %c2 : index
  %all_floats = arith.muli %sequence_floats, %sequences : index
  %floats = memref.view %cache[%c0][%all_floats] : memref<?xi8> to memref<?xf32>
  %tokens = arith.divui %count, %sequences : index
  %begin, %end = func.call @range_of(%count, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %token = %begin to %end step %c1 {
    %row_at = arith.muli %token, %row_stride : index
    %sequence = arith.divui %token, %tokens : index
    %keys_at = arith.muli %sequence, %sequence_floats : index
    %values_at = arith.addi %keys_at, %half_floats : index
    %position32 = memref.load %positions[%token] : memref<?xi32>
    %position = arith.index_cast %position32 : i32 to index
    %block = arith.divui %position, %c32 : index
    %lane = arith.remui %position, %c32 : index
    scf.for %head = %c0 to %heads step %c1 {
      %head_offset = arith.muli %head, %head_floats : index
      %in_row = arith.muli %head, %head_size : index
      %from = arith.addi %row_at, %in_row : index

      %head_keys = arith.addi %keys_at, %head_offset : index
      %block_dimensions = arith.muli %block, %head_size : index
      scf.for %d = %c0 to %head_size step %c1 {
        %dimension = arith.addi %block_dimensions, %d : index
        %dimension_offset = arith.muli %dimension, %c32 : index
        %dimension_at = arith.addi %head_keys, %dimension_offset : index
        %key_at = arith.addi %dimension_at, %lane : index
        %k_at = arith.addi %from, %d : index
        %key = memref.load %k[%k_at] : memref<?xf32>
        memref.store %key, %floats[%key_at] : memref<?xf32>
      }

      %head_values = arith.addi %values_at, %head_offset : index
      %position_offset = arith.muli %position, %head_size : index
      %position_at = arith.addi %head_values, %position_offset : index
      scf.for %d = %c0 to %head_size step %c8 {
        %v_at = arith.addi %from, %d : index
        %value_at = arith.addi %position_at, %d : index
        %value = vector.load %v[%v_at] : memref<?xf32>, vector<8xf32>
        vector.store %value, %floats[%value_at] : memref<?xf32>, vector<8xf32>
      }
    }
  }
  return
}
