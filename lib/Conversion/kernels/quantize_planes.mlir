// Codes activations as bit planes, a group of 128 channels at a time; channel j is column order[j] of x, and zero where
// that is no column. Of a group:
//   mu = (value of largest size, the positive one of two) / (lowest level); all zero: mu = 0 and codes 0
//   level of x / mu, nearest; its code's bits go to the planes
//   sum = sum of the levels
// The levels come from `table` (binq_level_table in Layout.h), whose words are numbered here.
func.func private @quantize_planes(
    %x: memref<?xf32>, %order: memref<?xi16>, %table: memref<?xi32>, %y: memref<?xi8>,
    %count: index, %thread: index, %threads: index,
    // Sizes: the layout of quantized activations in bytes; `columns` without the INT8 ones.
    %row_stride: index, %columns: index, %planes: index,
    %token_bytes: index, %scales_offset: index, %sums_offset: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c32 = arith.constant 32 : index
  %c127 = arith.constant 127 : index
  %c128 = arith.constant 128 : index
  %zero32 = arith.constant 0 : i32
  %zero = arith.constant 0.0 : f32
  %zeros = arith.constant dense<0> : vector<32xi32>
  %group_x = memref.alloca() {alignment = 64 : i64} : memref<128xf32>

  %bytes = arith.muli %count, %token_bytes : index
  %words = arith.divui %bytes, %c4 : index
  %y_ints = memref.view %y[%c0][%words] : memref<?xi8> to memref<?xi32>
  %y_floats = memref.view %y[%c0][%words] : memref<?xi8> to memref<?xf32>
  %token_words = arith.divui %token_bytes, %c4 : index
  %scales_word = arith.divui %scales_offset, %c4 : index
  %sums_word = arith.divui %sums_offset, %c4 : index

  %lowest_word = memref.load %table[%c8] : memref<?xi32>
  %lowest = arith.bitcast %lowest_word : i32 to f32
  %is_8 = arith.cmpi eq, %planes, %c8 : index

  %more = arith.addi %columns, %c127 : index
  %groups = arith.divui %more, %c128 : index
  %items = arith.muli %count, %groups : index
  %begin, %end = func.call @range_of(%items, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %item = %begin to %end step %c1 {
    %token = arith.divui %item, %groups : index
    %group = arith.remui %item, %groups : index
    %first = arith.muli %group, %c128 : index
    %left = arith.subi %columns, %first : index
    %channels = arith.minui %left, %c128 : index
    %row_at = arith.muli %token, %row_stride : index

    %extreme = func.call @gather_group(%x, %row_at, %row_stride, %order, %first, %channels, %group_x)
        : (memref<?xf32>, index, index, memref<?xi16>, index, index, memref<128xf32>) -> f32
    %quotient = arith.divf %extreme, %lowest : f32
    %is_zero = arith.cmpf oeq, %quotient, %zero : f32
    %mu = arith.select %is_zero, %zero, %quotient : f32

    %token_word = arith.muli %token, %token_words : index
    %planes_before = arith.muli %group, %planes : index
    %plane_words = arith.muli %planes_before, %c4 : index
    %group_word = arith.addi %token_word, %plane_words : index
    %sum = scf.for %channel = %c0 to %channels step %c32 iter_args(%sum0 = %zero32) -> (i32) {
      %values = vector.load %group_x[%channel] : memref<128xf32>, vector<32xf32>
      %mus = vector.broadcast %mu : f32 to vector<32xf32>
      %ratios = arith.divf %values, %mus : vector<32xf32>
      %codes = scf.if %is_8 -> (vector<32xi32>) {
        %whole = func.call @nearest_whole(%ratios) : (vector<32xf32>) -> vector<32xi32>
        scf.yield %whole : vector<32xi32>
      } else {
        %nearest = func.call @nearest_code(%ratios, %table) : (vector<32xf32>, memref<?xi32>) -> vector<32xi32>
        scf.yield %nearest : vector<32xi32>
      }
      %kept = arith.select %is_zero, %zeros, %codes : vector<32xi32>

      // Four plane words lie side by side, one for each 32 channels.
      %chunk = arith.divui %channel, %c32 : index
      %chunk_word = arith.addi %group_word, %chunk : index
      %sum1 = scf.for %plane = %c0 to %planes step %c1 iter_args(%partial = %sum0) -> (i32) {
        %plane32 = arith.index_cast %plane : index to i32
        %shifts = vector.broadcast %plane32 : i32 to vector<32xi32>
        %shifted = arith.shrui %kept, %shifts : vector<32xi32>
        %bits = arith.trunci %shifted : vector<32xi32> to vector<32xi1>
        %word_vector = vector.bitcast %bits : vector<32xi1> to vector<1xi32>
        %word = vector.extract %word_vector[0] : i32 from vector<1xi32>
        %plane_offset = arith.muli %plane, %c4 : index
        %word_at = arith.addi %chunk_word, %plane_offset : index
        memref.store %word, %y_ints[%word_at] : memref<?xi32>
        %scale = memref.load %table[%plane] : memref<?xi32>
        %ones = math.ctpop %word : i32
        %levels = arith.muli %ones, %scale : i32
        %next = arith.addi %partial, %levels : i32
        scf.yield %next : i32
      }
      scf.yield %sum1 : i32
    }
    %token_scales = arith.addi %token_word, %scales_word : index
    %scale_at = arith.addi %token_scales, %group : index
    memref.store %mu, %y_floats[%scale_at] : memref<?xf32>
    %token_sums = arith.addi %token_word, %sums_word : index
    %sum_at = arith.addi %token_sums, %group : index
    memref.store %sum, %y_ints[%sum_at] : memref<?xi32>
  }
  return
}

// Copies the channels of a group, a multiple of 32, to `group_x`; returns the one of largest size, a positive one
// before a negative one.
func.func private @gather_group(%x: memref<?xf32>, %row_at: index, %row_stride: index, %order: memref<?xi16>,
                                %first: index, %channels: index, %group_x: memref<128xf32>) -> f32 {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %minus_infinity = arith.constant dense<0xFF800000> : vector<32xf32>
  %infinity = arith.constant dense<0x7F800000> : vector<32xf32>
  %maxs, %mins = scf.for %channel = %c0 to %channels step %c32
      iter_args(%max0 = %minus_infinity, %min0 = %infinity) -> (vector<32xf32>, vector<32xf32>) {
    %order_at = arith.addi %first, %channel : index
    %values = func.call @gather_32(%x, %row_at, %row_stride, %order, %order_at)
        : (memref<?xf32>, index, index, memref<?xi16>, index) -> vector<32xf32>
    vector.store %values, %group_x[%channel] : memref<128xf32>, vector<32xf32>
    %is_more = arith.cmpf ogt, %values, %max0 : vector<32xf32>
    %max1 = arith.select %is_more, %values, %max0 : vector<32xi1>, vector<32xf32>
    %is_less = arith.cmpf olt, %values, %min0 : vector<32xf32>
    %min1 = arith.select %is_less, %values, %min0 : vector<32xi1>, vector<32xf32>
    scf.yield %max1, %min1 : vector<32xf32>, vector<32xf32>
  }
  %max = vector.reduction <maxnumf>, %maxs : vector<32xf32> into f32
  %min = vector.reduction <minnumf>, %mins : vector<32xf32> into f32
  %size_of_min = arith.negf %min : f32
  %is_positive = arith.cmpf oge, %max, %size_of_min : f32
  %extreme = arith.select %is_positive, %max, %min : f32
  return %extreme : f32
}

// Columns order[at .. at + 32) of a row. What the order names beyond the columns is padding: a zero.
func.func private @gather_32(%x: memref<?xf32>, %row_at: index, %row_stride: index, %order: memref<?xi16>, %at: index)
    -> vector<32xf32> {
  %c1 = arith.constant 1 : index
  %everywhere = arith.constant dense<true> : vector<32xi1>
  %unused = arith.constant dense<0.0> : vector<32xf32>
  %narrow = vector.load %order[%at] : memref<?xi16>, vector<32xi16>
  %wide = arith.extui %narrow : vector<32xi16> to vector<32xi32>
  %last = arith.subi %row_stride, %c1 : index
  %last32 = arith.index_cast %last : index to i32
  %lasts = vector.broadcast %last32 : i32 to vector<32xi32>
  %columns = arith.minui %wide, %lasts : vector<32xi32>
  %values = vector.gather %x[%row_at] [%columns], %everywhere, %unused
      : memref<?xf32>, vector<32xi32>, vector<32xi1>, vector<32xf32> into vector<32xf32>
  return %values : vector<32xf32>
}

// ceil(v - 0.5), clamped to [-128, 127]: the nearest level of eight planes, the lower one of two.
func.func private @nearest_whole(%v: vector<32xf32>) -> vector<32xi32> {
  %half = arith.constant dense<0.5> : vector<32xf32>
  %lowest = arith.constant dense<-128.0> : vector<32xf32>
  %highest = arith.constant dense<127.0> : vector<32xf32>
  %shifted = arith.subf %v, %half : vector<32xf32>
  %rounded = math.ceil %shifted : vector<32xf32>
  %is_above = arith.cmpf olt, %rounded, %highest : vector<32xf32>
  %below = arith.select %is_above, %rounded, %highest : vector<32xi1>, vector<32xf32>
  %is_below = arith.cmpf ogt, %below, %lowest : vector<32xf32>
  %clamped = arith.select %is_below, %below, %lowest : vector<32xi1>, vector<32xf32>
  %whole = arith.fptosi %clamped : vector<32xf32> to vector<32xi32>
  return %whole : vector<32xi32>
}

// The code of the nearest of 16 levels, the lower one of two: number of thresholds below v, looked up in the table.
func.func private @nearest_code(%v: vector<32xf32>, %table: memref<?xi32>) -> vector<32xi32> {
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %c24 = arith.constant 24 : index
  %c32 = arith.constant 32 : index
  %zeros = arith.constant dense<0> : vector<32xi32>
  %rank = scf.for %word = %c9 to %c24 step %c1 iter_args(%rank0 = %zeros) -> (vector<32xi32>) {
    %threshold_word = memref.load %table[%word] : memref<?xi32>
    %threshold = arith.bitcast %threshold_word : i32 to f32
    %thresholds = vector.broadcast %threshold : f32 to vector<32xf32>
    %is_above = arith.cmpf ogt, %v, %thresholds : vector<32xf32>
    %one = arith.extui %is_above : vector<32xi1> to vector<32xi32>
    %rank1 = arith.addi %rank0, %one : vector<32xi32>
    scf.yield %rank1 : vector<32xi32>
  }

  // The codes of ranks 0 to 7 and 8 to 15, four bits each, in a word.
  %places = arith.constant dense<[0, 4, 8, 12, 16, 20, 24, 28]> : vector<8xi32>
  %low_codes = vector.load %table[%c24] : memref<?xi32>, vector<8xi32>
  %high_codes = vector.load %table[%c32] : memref<?xi32>, vector<8xi32>
  %low_placed = arith.shli %low_codes, %places : vector<8xi32>
  %high_placed = arith.shli %high_codes, %places : vector<8xi32>
  %low_word = vector.reduction <or>, %low_placed : vector<8xi32> into i32
  %high_word = vector.reduction <or>, %high_placed : vector<8xi32> into i32
  %low_words = vector.broadcast %low_word : i32 to vector<32xi32>
  %high_words = vector.broadcast %high_word : i32 to vector<32xi32>

  %two = arith.constant dense<2> : vector<32xi32>
  %seven = arith.constant dense<7> : vector<32xi32>
  %fifteen = arith.constant dense<15> : vector<32xi32>
  %is_high = arith.cmpi ugt, %rank, %seven : vector<32xi32>
  %words = arith.select %is_high, %high_words, %low_words : vector<32xi1>, vector<32xi32>
  %in_word = arith.andi %rank, %seven : vector<32xi32>
  %place = arith.shli %in_word, %two : vector<32xi32>
  %shifted = arith.shrui %words, %place : vector<32xi32>
  %code = arith.andi %shifted, %fifteen : vector<32xi32>
  return %code : vector<32xi32>
}
