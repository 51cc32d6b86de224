// The row of a table in planes that each token names, its channels back in the model's order:
//   y[order[j]] = float(scale of the row and group) * float(sum over planes k of a_k bit_k - z)
//   y[order[j]] = float(row scale) * float(code)        where channel j is INT8
// Channels that the order puts beyond the columns are padding.
func.func private @embedding_planes(
    %table: memref<?xi8>, %order: memref<?xi16>, %tokens: memref<?xi32>, %y: memref<?xf32>,
    %count: index, %thread: index, %threads: index,
    // Sizes: the layout of the table in bytes; a row of y has `stride` values.
    %blocks: index, %block_bytes: index, %group_bytes: index, %plane_columns: index, %int8_offset: index,
    %columns: index, %stride: index, %planes: index, %a0: i32, %a1: i32, %a2: i32, %a3: i32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %zeros = arith.constant dense<0.0> : vector<32xf32>
  %table_bytes = arith.muli %blocks, %block_bytes : index
  %halves = arith.divui %table_bytes, %c2 : index
  %scales = memref.view %table[%c0][%halves] : memref<?xi8> to memref<?xf16>
  // Bytes that one channel of 32 rows takes, and a step of 8 channels.
  %channel_bytes = arith.muli %planes, %c4 : index
  %step_bytes = arith.muli %planes, %c32 : index
  %plane_weights = vector.from_elements %a0, %a1, %a2, %a3 : vector<4xi32>
  %begin, %end = func.call @range_of(%count, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %item = %begin to %end step %c1 {
    %token32 = memref.load %tokens[%item] : memref<?xi32>
    %token = arith.index_cast %token32 : i32 to index
    %block = arith.divui %token, %c32 : index
    %row = arith.remui %token, %c32 : index
    %block_at = arith.muli %block, %block_bytes : index
    %y_row = arith.muli %item, %stride : index
    scf.for %column = %c0 to %stride step %c32 {
      %y_at = arith.addi %y_row, %column : index
      vector.store %zeros, %y[%y_at] : memref<?xf32>, vector<32xf32>
    }

    %slot = func.call @slot_of(%row) : (index) -> index
    scf.for %first = %c0 to %plane_columns step %c128 {
      %left = arith.subi %plane_columns, %first : index
      %channels = arith.minui %left, %c128 : index
      %group = arith.divui %first, %c128 : index
      %group_offset = arith.muli %group, %group_bytes : index
      %codes_at = arith.addi %block_at, %group_offset : index
      %code_bytes = arith.muli %channels, %channel_bytes : index
      %coefficients_at = arith.addi %codes_at, %code_bytes : index
      %z_at = arith.addi %coefficients_at, %row : index
      %z8 = memref.load %table[%z_at] : memref<?xi8>
      %z = arith.extsi %z8 : i8 to i32
      %scales_byte = arith.addi %coefficients_at, %c32 : index
      %scale = func.call @scale_of_row(%scales, %scales_byte, %row) : (memref<?xf16>, index, index) -> f32
      %slot_at = arith.addi %codes_at, %slot : index
      scf.for %channel = %c0 to %channels step %c1 {
        %level = func.call @level_of(%table, %slot_at, %channel, %step_bytes, %planes, %plane_weights)
            : (memref<?xi8>, index, index, index, index, vector<4xi32>) -> i32
        %difference = arith.subi %level, %z : i32
        %number = arith.sitofp %difference : i32 to f32
        %value = arith.mulf %scale, %number : f32
        %place = arith.addi %first, %channel : index
        func.call @put_channel(%value, %y, %y_row, %order, %place, %columns)
            : (f32, memref<?xf32>, index, memref<?xi16>, index, index) -> ()
      }
    }

    %int8_columns = arith.subi %stride, %plane_columns : index
    %int8_bytes = arith.muli %int8_columns, %c32 : index
    %int8_at = arith.addi %block_at, %int8_offset : index
    scf.for %column = %c0 to %int8_columns step %c1 {
      %row_scales_byte = arith.addi %int8_at, %int8_bytes : index
      %scale = func.call @scale_of_row(%scales, %row_scales_byte, %row) : (memref<?xf16>, index, index) -> f32
      %quad = arith.divui %column, %c4 : index
      %quad_offset = arith.muli %quad, %c128 : index
      %row_offset = arith.muli %row, %c4 : index
      %within = arith.remui %column, %c4 : index
      %quad_at = arith.addi %int8_at, %quad_offset : index
      %row_at = arith.addi %quad_at, %row_offset : index
      %at = arith.addi %row_at, %within : index
      %code = memref.load %table[%at] : memref<?xi8>
      %number = arith.sitofp %code : i8 to f32
      %value = arith.mulf %scale, %number : f32
      %place = arith.addi %plane_columns, %column : index
      func.call @put_channel(%value, %y, %y_row, %order, %place, %columns)
          : (f32, memref<?xf32>, index, memref<?xi16>, index, index) -> ()
    }
  }
  return
}

// The byte of a 32-byte step that holds row 0 to 31: binq_row_slot.
func.func private @slot_of(%row: index) -> index {
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c12 = arith.constant 12 : index
  %c16 = arith.constant 16 : index
  %lane = arith.remui %row, %c16 : index
  %half = arith.divui %row, %c16 : index
  %past = arith.subi %lane, %c4 : index
  %is_middle = arith.cmpi ult, %past, %c8 : index
  %exchanged = arith.xori %lane, %c12 : index
  %place = arith.select %is_middle, %exchanged, %lane : index
  %twice = arith.muli %place, %c2 : index
  %slot = arith.addi %twice, %half : index
  return %slot : index
}

func.func private @scale_of_row(%scales: memref<?xf16>, %byte: index, %row: index) -> f32 {
  %c2 = arith.constant 2 : index
  %first = arith.divui %byte, %c2 : index
  %at = arith.addi %first, %row : index
  %scale16 = memref.load %scales[%at] : memref<?xf16>
  %scale = arith.extf %scale16 : f16 to f32
  return %scale : f32
}

// The sum of the plane weights whose bit is set for a channel of a group.
func.func private @level_of(%table: memref<?xi8>, %slot_at: index, %channel: index, %step_bytes: index,
                            %planes: index, %plane_weights: vector<4xi32>) -> i32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c32 = arith.constant 32 : index
  %none = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %step = arith.divui %channel, %c8 : index
  %bit = arith.remui %channel, %c8 : index
  %place = arith.index_cast %bit : index to i32
  %step_offset = arith.muli %step, %step_bytes : index
  %step_at = arith.addi %slot_at, %step_offset : index
  %sum = scf.for %plane = %c0 to %planes step %c1 iter_args(%sum0 = %none) -> (i32) {
    %offset = arith.muli %plane, %c32 : index
    %at = arith.addi %step_at, %offset : index
    %byte = memref.load %table[%at] : memref<?xi8>
    %wide = arith.extui %byte : i8 to i32
    %shifted = arith.shrui %wide, %place : i32
    %is_set = arith.andi %shifted, %one : i32
    %a = vector.extract %plane_weights[%plane] : i32 from vector<4xi32>
    %part = arith.muli %is_set, %a : i32
    %sum1 = arith.addi %sum0, %part : i32
    scf.yield %sum1 : i32
  }
  return %sum : i32
}

// y[order[place]] = value, unless that is padding.
func.func private @put_channel(%value: f32, %y: memref<?xf32>, %y_row: index, %order: memref<?xi16>, %place: index,
                               %columns: index) {
  %column16 = memref.load %order[%place] : memref<?xi16>
  %column = arith.index_castui %column16 : i16 to index
  %is_column = arith.cmpi ult, %column, %columns : index
  scf.if %is_column {
    %at = arith.addi %y_row, %column : index
    memref.store %value, %y[%at] : memref<?xf32>
  }
  return
}
