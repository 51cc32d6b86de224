// Writes keys and values of all tokens to a coded cache at their positions, a head at a time; coded_heads has the layout.
// Keys are rotated first: that spreads channels of large size over all, and products with rotated queries are the same.
// Every byte belongs to one token, so threads that share the tokens write side by side.
func.func private @append_coded(
    %k: memref<?xf32>, %v: memref<?xf32>, %positions: memref<?xi32>, %cache: memref<?xi8>,
    %sequences: index, %capacity: index, %count: index, %thread: index, %threads: index,
    // Sizes: runs of `rotation` channels are rotated.
    %heads: index, %head_size: index, %row_stride: index, %row_bytes: index, %is_int4: i1,
    %rotation: index, %rotation_factor: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %one = arith.constant 1.0 : f32
  %x = memref.alloca() {alignment = 64 : i64} : memref<256xf32>
  %bytes = memref.alloca() {alignment = 64 : i64} : memref<256xi8>

  %block_bytes, %head_bytes, %sequence_bytes = func.call @coded_sizes(%heads, %capacity, %row_bytes)
      : (index, index, index) -> (index, index, index)
  %halves = func.call @coded_halves(%cache, %sequence_bytes, %sequences) : (memref<?xi8>, index, index) -> memref<?xf16>
  %part_bytes = arith.muli %row_bytes, %c32 : index
  %tokens = arith.divui %count, %sequences : index
  %begin, %end = func.call @range_of(%count, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %token = %begin to %end step %c1 {
    %row_at = arith.muli %token, %row_stride : index
    %sequence = arith.divui %token, %tokens : index
    %sequence_at = arith.muli %sequence, %sequence_bytes : index
    %position32 = memref.load %positions[%token] : memref<?xi32>
    %position = arith.index_cast %position32 : i32 to index
    %block = arith.divui %position, %c32 : index
    %lane = arith.remui %position, %c32 : index
    %block_offset = arith.muli %block, %block_bytes : index
    %block_at = arith.addi %sequence_at, %block_offset : index
    scf.for %head = %c0 to %heads step %c1 {
      %in_row = arith.muli %head, %head_size : index
      %from = arith.addi %row_at, %in_row : index
      %head_offset = arith.muli %head, %head_bytes : index
      %keys_at = arith.addi %block_at, %head_offset : index
      %key_scales_at = arith.addi %keys_at, %part_bytes : index
      %values_at = arith.addi %key_scales_at, %c128 : index
      %value_scales_at = arith.addi %values_at, %part_bytes : index

      func.call @copy_head(%k, %from, %head_size, %rotation_factor, %x) : (memref<?xf32>, index, index, f32, memref<256xf32>) -> ()
      func.call @rotate_head(%x, %head_size, %rotation) : (memref<256xf32>, index, index) -> ()
      %key_scale, %key_low = func.call @code_head(%x, %head_size, %is_int4, %bytes)
          : (memref<256xf32>, index, i1, memref<256xi8>) -> (f16, f16)
      func.call @store_factors(%halves, %key_scales_at, %lane, %key_scale, %key_low)
          : (memref<?xf16>, index, index, f16, f16) -> ()
      scf.for %byte = %c0 to %row_bytes step %c4 {
        %word = vector.load %bytes[%byte] : memref<256xi8>, vector<4xi8>
        %in_word = arith.muli %lane, %c4 : index
        %word_offset = arith.muli %byte, %c32 : index
        %word_at = arith.addi %keys_at, %word_offset : index
        %at = arith.addi %word_at, %in_word : index
        vector.store %word, %cache[%at] : memref<?xi8>, vector<4xi8>
      }

      func.call @copy_head(%v, %from, %head_size, %one, %x) : (memref<?xf32>, index, index, f32, memref<256xf32>) -> ()
      %value_scale, %value_low = func.call @code_head(%x, %head_size, %is_int4, %bytes)
          : (memref<256xf32>, index, i1, memref<256xi8>) -> (f16, f16)
      func.call @store_factors(%halves, %value_scales_at, %lane, %value_scale, %value_low)
          : (memref<?xf16>, index, index, f16, f16) -> ()
      %four = arith.divui %lane, %c4 : index
      %in_four = arith.remui %lane, %c4 : index
      %four_bytes = arith.muli %four, %row_bytes : index
      scf.for %byte = %c0 to %row_bytes step %c1 {
        %value = memref.load %bytes[%byte] : memref<256xi8>
        %column = arith.addi %four_bytes, %byte : index
        %column_offset = arith.muli %column, %c4 : index
        %column_at = arith.addi %values_at, %column_offset : index
        %at = arith.addi %column_at, %in_four : index
        memref.store %value, %cache[%at] : memref<?xi8>
      }
    }
  }
  return
}

// Bytes of a block of 32 positions, of all blocks of a head, and of a sequence.
func.func private @coded_sizes(%heads: index, %capacity: index, %row_bytes: index) -> (index, index, index) {
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %c256 = arith.constant 256 : index
  %codes = arith.muli %row_bytes, %c64 : index
  %block = arith.addi %codes, %c256 : index
  %blocks = arith.divui %capacity, %c32 : index
  %head = arith.muli %blocks, %block : index
  %sequence = arith.muli %heads, %head : index
  return %block, %head, %sequence : index, index, index
}

// The cache as fp16 numbers.
func.func private @coded_halves(%cache: memref<?xi8>, %sequence_bytes: index, %sequences: index) -> memref<?xf16> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %bytes = arith.muli %sequence_bytes, %sequences : index
  %count = arith.divui %bytes, %c2 : index
  %halves = memref.view %cache[%c0][%count] : memref<?xi8> to memref<?xf16>
  return %halves : memref<?xf16>
}

// Stores what is in the cache from byte `at` on for a position of a block: 32 scales, then 32 lows.
func.func private @store_factors(%halves: memref<?xf16>, %at: index, %lane: index, %scale: f16, %low: f16) {
  %c2 = arith.constant 2 : index
  %c32 = arith.constant 32 : index
  %scales = arith.divui %at, %c2 : index
  %scale_at = arith.addi %scales, %lane : index
  %low_at = arith.addi %scale_at, %c32 : index
  memref.store %scale, %halves[%scale_at] : memref<?xf16>
  memref.store %low, %halves[%low_at] : memref<?xf16>
  return
}
