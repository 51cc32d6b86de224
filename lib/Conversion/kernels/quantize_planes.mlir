// Codes activations, a group of 128 channels at a time; channel j is column order[j] of x, and zero where
// that is no column. Of a group:
//   mu = (value of largest size, the positive one of two) / (lowest level); all zero: mu = 0 and codes 0
//   level of x / mu, nearest
//   sum = sum of the levels
// Kernels that count bits read the codes of the levels as planes; others read levels as they are, less the lowest, and
// tables of their sums (sums_lut.mlir), which are made for up to `table_tokens` tokens.
// The levels come from `table` (binq_level_table in Layout.h), whose words are numbered here.
func.func private @quantize_planes(
    %x: memref<?xf32>, %order: memref<?xi16>, %table: memref<?xi32>, %y: memref<?xi8>,
    %count: index, %thread: index, %threads: index,
    // Sizes: the layout of quantized activations in bytes; `columns` without the INT8 ones.
    %row_stride: index, %columns: index, %planes: index,
    %token_bytes: index, %scales_offset: index, %sums_offset: index,
    %levels_offset: index, %tables_offset: index, %has_planes: i1, %has_levels: i1, %table_tokens: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c32 = arith.constant 32 : index
  %c127 = arith.constant 127 : index
  %c128 = arith.constant 128 : index
  %zero = arith.constant 0.0 : f32
  %zero32 = arith.constant 0 : i32
  %none = arith.constant dense<0> : vector<32xi8>
  %no_sums = arith.constant dense<0> : vector<32xi16>
  %group_x = memref.alloca() {alignment = 64 : i64} : memref<128xf32>
  %of_halves = memref.alloca() {alignment = 64 : i64} : memref<128xi8>

  %bytes = arith.muli %count, %token_bytes : index
  %words = arith.divui %bytes, %c4 : index
  %y_ints = memref.view %y[%c0][%words] : memref<?xi8> to memref<?xi32>
  %y_floats = memref.view %y[%c0][%words] : memref<?xi8> to memref<?xf32>
  %token_words = arith.divui %token_bytes, %c4 : index
  %scales_word = arith.divui %scales_offset, %c4 : index
  %sums_word = arith.divui %sums_offset, %c4 : index

  %lowest_word = memref.load %table[%c8] : memref<?xi32>
  %lowest = arith.bitcast %lowest_word : i32 to f32
  %lowest_level = func.call @lowest_level(%table, %planes) : (memref<?xi32>, index) -> i32
  %above_zero = arith.subi %zero32, %lowest_level : i32
  %above_zero8 = arith.trunci %above_zero : i32 to i8
  %levels_of_zero = vector.broadcast %above_zero8 : i8 to vector<32xi8>
  func.call @levels_of_halves(%table, %of_halves) : (memref<?xi32>, memref<128xi8>) -> ()

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
    %sums = scf.for %channel = %c0 to %channels step %c32 iter_args(%sums0 = %no_sums) -> (vector<32xi16>) {
      %values = vector.load %group_x[%channel] : memref<128xf32>, vector<32xf32>
      %mus = vector.broadcast %mu : f32 to vector<32xf32>
      %ratios = arith.divf %values, %mus : vector<32xf32>
      %nearest, %code = func.call @nearest_level(%ratios, %lowest_level, %planes, %of_halves)
          : (vector<32xf32>, i32, index, memref<128xi8>) -> (vector<32xi8>, vector<32xi8>)
      // A code of zero stands for a level of zero.
      %above = arith.select %is_zero, %levels_of_zero, %nearest : vector<32xi8>
      %codes = arith.select %is_zero, %none, %code : vector<32xi8>

      scf.if %has_planes {
        func.call @store_planes(%codes, %y_ints, %group_word, %channel, %planes)
            : (vector<32xi8>, memref<?xi32>, index, index, index) -> ()
      }
      scf.if %has_levels {
        %token_at = arith.muli %token, %token_bytes : index
        %levels_at = arith.addi %token_at, %levels_offset : index
        %channel_at = arith.addi %first, %channel : index
        %at = arith.addi %levels_at, %channel_at : index
        vector.store %above, %y[%at] : memref<?xi8>, vector<32xi8>
      }
      %wide = arith.extui %above : vector<32xi8> to vector<32xi16>
      %sums1 = arith.addi %sums0, %wide : vector<32xi16>
      scf.yield %sums1 : vector<32xi16>
    }
    %sums32 = arith.extui %sums : vector<32xi16> to vector<32xi32>
    %sum_above = vector.reduction <add>, %sums32 : vector<32xi32> into i32
    %channels32 = arith.index_cast %channels : index to i32
    %of_lowest = arith.muli %channels32, %lowest_level : i32
    %sum = arith.addi %sum_above, %of_lowest : i32
    %is_few = arith.cmpi ule, %count, %table_tokens : index
    scf.if %is_few {
      %token_at = arith.muli %token, %token_bytes : index
      %levels_at = arith.addi %token_at, %levels_offset : index
      %group_levels = arith.addi %levels_at, %first : index
      %group_tables = func.call @tables_of_group(%token_at, %tables_offset, %group, %planes)
          : (index, index, index, index) -> index
      func.call @store_tables(%y, %group_levels, %group_tables, %channels, %table, %planes)
          : (memref<?xi8>, index, index, index, memref<?xi32>, index) -> ()
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

// Four plane words lie side by side, one for each 32 channels.
func.func private @store_planes(%codes: vector<32xi8>, %y: memref<?xi32>, %group_word: index, %channel: index,
                                %planes: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %chunk = arith.divui %channel, %c32 : index
  %chunk_word = arith.addi %group_word, %chunk : index
  scf.for %plane = %c0 to %planes step %c1 {
    %plane8 = arith.index_cast %plane : index to i8
    %shifts = vector.broadcast %plane8 : i8 to vector<32xi8>
    %shifted = arith.shrui %codes, %shifts : vector<32xi8>
    %bits = arith.trunci %shifted : vector<32xi8> to vector<32xi1>
    %word_vector = vector.bitcast %bits : vector<32xi1> to vector<1xi32>
    %word = vector.extract %word_vector[0] : i32 from vector<1xi32>
    %plane_offset = arith.muli %plane, %c4 : index
    %word_at = arith.addi %chunk_word, %plane_offset : index
    memref.store %word, %y[%word_at] : memref<?xi32>
  }
  return
}

// Tables of 16 bytes for every four channels: entry v is the sum of the levels at the ones of v, with what makes all
// entries of a table unsigned added. With eight planes there are two for every four channels, for the digits of
// level = low + 16 high: those of all low digits, 0 to 15, then those of all high digits, -8 to 7.
func.func private @store_tables(%y: memref<?xi8>, %levels_at: index, %tables_at: index, %channels: index,
                                %table: memref<?xi32>, %planes: index) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c512 = arith.constant 512 : index
  %shift = arith.constant dense<4> : vector<4xi8>
  %low_mask = arith.constant dense<15> : vector<4xi8>
  %high_lowest = arith.constant dense<8> : vector<4xi8>
  %nothing = arith.constant dense<0> : vector<16xi8>
  %high_added = arith.constant dense<32> : vector<16xi8>
  %minus_4 = arith.constant -4 : i32
  %is_8 = arith.cmpi eq, %planes, %c8 : index
  %lowest = func.call @lowest_level(%table, %planes) : (memref<?xi32>, index) -> i32
  %lowest8 = arith.trunci %lowest : i32 to i8
  %lowests = vector.broadcast %lowest8 : i8 to vector<4xi8>
  %added32 = arith.muli %lowest, %minus_4 : i32
  %added8 = arith.trunci %added32 : i32 to i8
  %added = vector.broadcast %added8 : i8 to vector<16xi8>
  scf.for %channel = %c0 to %channels step %c4 {
    %at = arith.addi %levels_at, %channel : index
    %above = vector.load %y[%at] : memref<?xi8>, vector<4xi8>
    %offset = arith.muli %channel, %c4 : index
    %table_at = arith.addi %tables_at, %offset : index
    scf.if %is_8 {
      %low = arith.andi %above, %low_mask : vector<4xi8>
      func.call @store_table(%low, %nothing, %y, %table_at) : (vector<4xi8>, vector<16xi8>, memref<?xi8>, index) -> ()
      %shifted = arith.shrui %above, %shift : vector<4xi8>
      %high = arith.subi %shifted, %high_lowest : vector<4xi8>
      %high_at = arith.addi %table_at, %c512 : index
      func.call @store_table(%high, %high_added, %y, %high_at)
          : (vector<4xi8>, vector<16xi8>, memref<?xi8>, index) -> ()
    } else {
      %levels = arith.addi %above, %lowests : vector<4xi8>
      func.call @store_table(%levels, %added, %y, %table_at)
          : (vector<4xi8>, vector<16xi8>, memref<?xi8>, index) -> ()
    }
  }
  return
}

func.func private @store_table(%digits: vector<4xi8>, %added: vector<16xi8>, %y: memref<?xi8>, %at: index) {
  %has_0 = arith.constant dense<[0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1]> : vector<16xi8>
  %has_1 = arith.constant dense<[0, 0, -1, -1, 0, 0, -1, -1, 0, 0, -1, -1, 0, 0, -1, -1]> : vector<16xi8>
  %has_2 = arith.constant dense<[0, 0, 0, 0, -1, -1, -1, -1, 0, 0, 0, 0, -1, -1, -1, -1]> : vector<16xi8>
  %has_3 = arith.constant dense<[0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1]> : vector<16xi8>
  %d0 = vector.shuffle %digits, %digits [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] : vector<4xi8>, vector<4xi8>
  %d1 = vector.shuffle %digits, %digits [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] : vector<4xi8>, vector<4xi8>
  %d2 = vector.shuffle %digits, %digits [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2] : vector<4xi8>, vector<4xi8>
  %d3 = vector.shuffle %digits, %digits [3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3] : vector<4xi8>, vector<4xi8>
  %t0 = arith.andi %d0, %has_0 : vector<16xi8>
  %t1 = arith.andi %d1, %has_1 : vector<16xi8>
  %t2 = arith.andi %d2, %has_2 : vector<16xi8>
  %t3 = arith.andi %d3, %has_3 : vector<16xi8>
  %t01 = arith.addi %t0, %t1 : vector<16xi8>
  %t23 = arith.addi %t2, %t3 : vector<16xi8>
  %t = arith.addi %t01, %t23 : vector<16xi8>
  %entries = arith.addi %t, %added : vector<16xi8>
  vector.store %entries, %y[%at] : memref<?xi8>, vector<16xi8>
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
  %max = func.call @max_of_32(%maxs) : (vector<32xf32>) -> f32
  %negatives = arith.negf %mins : vector<32xf32>
  %size_of_min = func.call @max_of_32(%negatives) : (vector<32xf32>) -> f32
  %min = arith.negf %size_of_min : f32
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
  %is_above = arith.cmpf ogt, %rounded, %lowest : vector<32xf32>
  %above = arith.select %is_above, %rounded, %lowest : vector<32xi1>, vector<32xf32>
  %is_below = arith.cmpf olt, %above, %highest : vector<32xf32>
  %clamped = arith.select %is_below, %above, %highest : vector<32xi1>, vector<32xf32>
  %whole = arith.fptosi %clamped : vector<32xf32> to vector<32xi32>
  return %whole : vector<32xi32>
}

// The levels less the lowest one and the codes that are nearest to the lowest level, to half a step above it and so on,
// the lower level of two: 64 levels, then 64 codes. Of 16 levels, which the table has in their order and their codes with
// them; the span of levels is at most 31.
func.func private @levels_of_halves(%table: memref<?xi32>, %to: memref<128xi8>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c15 = arith.constant 15 : index
  %c24 = arith.constant 24 : index
  %c32 = arith.constant 32 : index
  %c40 = arith.constant 40 : index
  %c64 = arith.constant 64 : index
  %none = arith.constant dense<0> : vector<32xi8>
  %indices = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
                                   25, 26, 27, 28, 29, 30, 31]> : vector<32xi8>
  %lowest = memref.load %table[%c40] : memref<?xi32>
  %first_code = memref.load %table[%c24] : memref<?xi32>
  %first_code8 = arith.trunci %first_code : i32 to i8
  %first_codes = vector.broadcast %first_code8 : i8 to vector<32xi8>
  scf.for %half = %c0 to %c64 step %c32 {
    %half8 = arith.index_cast %half : index to i8
    %halves = vector.broadcast %half8 : i8 to vector<32xi8>
    %twice = arith.addi %indices, %halves : vector<32xi8>
    %above, %code = scf.for %i = %c0 to %c15 step %c1 iter_args(%above0 = %none, %code0 = %first_codes)
        -> (vector<32xi8>, vector<32xi8>) {
      %level_at = arith.addi %i, %c40 : index
      %next_level_at = arith.addi %level_at, %c1 : index
      %code_at = arith.addi %i, %c24 : index
      %next_code_at = arith.addi %code_at, %c1 : index
      %level = memref.load %table[%level_at] : memref<?xi32>
      %next_level = memref.load %table[%next_level_at] : memref<?xi32>
      %this_code = memref.load %table[%code_at] : memref<?xi32>
      %next_code = memref.load %table[%next_code_at] : memref<?xi32>
      // Twice the threshold, from twice the lowest level on.
      %level_above = arith.subi %level, %lowest : i32
      %next_above = arith.subi %next_level, %lowest : i32
      %bound = arith.addi %level_above, %next_above : i32
      %level_step = arith.subi %next_level, %level : i32
      %code_step = arith.subi %next_code, %this_code : i32
      %bound8 = arith.trunci %bound : i32 to i8
      %level_step8 = arith.trunci %level_step : i32 to i8
      %code_step8 = arith.trunci %code_step : i32 to i8
      %bounds = vector.broadcast %bound8 : i8 to vector<32xi8>
      %level_steps = vector.broadcast %level_step8 : i8 to vector<32xi8>
      %code_steps = vector.broadcast %code_step8 : i8 to vector<32xi8>
      %is_above = arith.cmpi sgt, %twice, %bounds : vector<32xi8>
      %level_term = arith.select %is_above, %level_steps, %none : vector<32xi1>, vector<32xi8>
      %code_term = arith.select %is_above, %code_steps, %none : vector<32xi1>, vector<32xi8>
      %above1 = arith.addi %above0, %level_term : vector<32xi8>
      %code1 = arith.addi %code0, %code_term : vector<32xi8>
      scf.yield %above1, %code1 : vector<32xi8>, vector<32xi8>
    }
    %code_to = arith.addi %half, %c64 : index
    vector.store %above, %to[%half] : memref<128xi8>, vector<32xi8>
    vector.store %code, %to[%code_to] : memref<128xi8>, vector<32xi8>
  }
  return
}

// The nearest level less the lowest one, the lower one of two, and its code. Of eight planes a code is its level; of four,
// twice v is above a threshold where it is when rounded up, and looked up. What is no number counts as the lowest.
func.func private @nearest_level(%v: vector<32xf32>, %lowest: i32, %planes: index, %of_halves: memref<128xi8>)
    -> (vector<32xi8>, vector<32xi8>) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  %sign = arith.constant dense<-128> : vector<32xi8>
  %zeros = arith.constant dense<0.0> : vector<32xf32>
  %last = arith.constant dense<63.0> : vector<32xf32>
  %is_8 = arith.cmpi eq, %planes, %c8 : index
  %above, %code = scf.if %is_8 -> (vector<32xi8>, vector<32xi8>) {
    %whole = func.call @nearest_whole(%v) : (vector<32xf32>) -> vector<32xi32>
    %level = arith.trunci %whole : vector<32xi32> to vector<32xi8>
    %above_lowest = arith.xori %level, %sign : vector<32xi8>
    scf.yield %above_lowest, %level : vector<32xi8>, vector<32xi8>
  } else {
    %lowest32 = arith.sitofp %lowest : i32 to f32
    %twice_lowest = arith.addf %lowest32, %lowest32 : f32
    %from = vector.broadcast %twice_lowest : f32 to vector<32xf32>
    %twice = arith.addf %v, %v : vector<32xf32>
    %up = math.ceil %twice : vector<32xf32>
    %halves = arith.subf %up, %from : vector<32xf32>
    %is_above = arith.cmpf ogt, %halves, %zeros : vector<32xf32>
    %not_below = arith.select %is_above, %halves, %zeros : vector<32xi1>, vector<32xf32>
    %is_below = arith.cmpf olt, %not_below, %last : vector<32xf32>
    %inside = arith.select %is_below, %not_below, %last : vector<32xi1>, vector<32xf32>
    %whole = arith.fptosi %inside : vector<32xf32> to vector<32xi32>
    %index = arith.trunci %whole : vector<32xi32> to vector<32xi8>
    %level = func.call @look_up_64(%of_halves, %c0, %index) : (memref<128xi8>, index, vector<32xi8>) -> vector<32xi8>
    %its_code = func.call @look_up_64(%of_halves, %c64, %index) : (memref<128xi8>, index, vector<32xi8>) -> vector<32xi8>
    scf.yield %level, %its_code : vector<32xi8>, vector<32xi8>
  }
  return %above, %code : vector<32xi8>, vector<32xi8>
}
