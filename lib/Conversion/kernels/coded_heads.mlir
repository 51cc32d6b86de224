// What the kernels of a coded cache share: heads of keys, values and queries as whole numbers. These functions are
// always inlined.
//
// A head of a key or value in the cache is `row_bytes` bytes: a byte a channel with 8 bits; with 4 bits byte 8 g + j has
// channel 16 g + j in its low half and channel 16 g + 8 + j in its high half, where channels past the head are zero.
// 32 positions of one head are a block:
//   keys [row_bytes / 4][32 positions][4 bytes], 32 fp16 scales, 32 fp16 lows,
//   values [8][row_bytes][4 positions], 32 fp16 scales, 32 fp16 lows

// Copies a head from row to scratch, times `factor`; zeros up to a multiple of 16 follow.
func.func private @copy_head(%from: memref<?xf32>, %at: index, %head_size: index, %factor: f32,
                             %x: memref<256xf32>) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %zeros = arith.constant dense<0.0> : vector<8xf32>
  %factors = vector.broadcast %factor : f32 to vector<8xf32>
  %rest = arith.remui %head_size, %c16 : index
  %has_rest = arith.cmpi ne, %rest, %c0 : index
  scf.if %has_rest {
    vector.store %zeros, %x[%head_size] : memref<256xf32>, vector<8xf32>
  }
  scf.for %d = %c0 to %head_size step %c8 {
    %from_at = arith.addi %at, %d : index
    %values = vector.load %from[%from_at] : memref<?xf32>, vector<8xf32>
    %scaled = arith.mulf %values, %factors : vector<8xf32>
    vector.store %scaled, %x[%d] : memref<256xf32>, vector<8xf32>
  }
  return
}

// Rotates every run of `size` channels, a power of two from 8, by the Hadamard matrix of that size: sums and differences
// of channels 1 apart, then 2, 4 and so on. Lengths grow by the root of `size`.
func.func private @rotate_head(%x: memref<256xf32>, %head_size: index, %size: index) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %signs1 = arith.constant dense<[1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0]> : vector<8xf32>
  %signs2 = arith.constant dense<[1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0]> : vector<8xf32>
  %signs4 = arith.constant dense<[1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0]> : vector<8xf32>
  scf.for %d = %c0 to %head_size step %c8 {
    %x0 = vector.load %x[%d] : memref<256xf32>, vector<8xf32>
    %other0 = vector.shuffle %x0, %x0 [1, 0, 3, 2, 5, 4, 7, 6] : vector<8xf32>, vector<8xf32>
    %own0 = arith.mulf %x0, %signs1 : vector<8xf32>
    %x1 = arith.addf %other0, %own0 : vector<8xf32>
    %other1 = vector.shuffle %x1, %x1 [2, 3, 0, 1, 6, 7, 4, 5] : vector<8xf32>, vector<8xf32>
    %own1 = arith.mulf %x1, %signs2 : vector<8xf32>
    %x2 = arith.addf %other1, %own1 : vector<8xf32>
    %other2 = vector.shuffle %x2, %x2 [4, 5, 6, 7, 0, 1, 2, 3] : vector<8xf32>, vector<8xf32>
    %own2 = arith.mulf %x2, %signs4 : vector<8xf32>
    %x3 = arith.addf %other2, %own2 : vector<8xf32>
    vector.store %x3, %x[%d] : memref<256xf32>, vector<8xf32>
  }
  %last = scf.while (%stride = %c8) : (index) -> index {
    %more = arith.cmpi ult, %stride, %size : index
    scf.condition(%more) %stride : index
  } do {
  ^bb0(%stride: index):
    %twice = arith.muli %stride, %c2 : index
    scf.for %run = %c0 to %head_size step %twice {
      scf.for %i = %c0 to %stride step %c8 {
        %at = arith.addi %run, %i : index
        %other_at = arith.addi %at, %stride : index
        %a = vector.load %x[%at] : memref<256xf32>, vector<8xf32>
        %b = vector.load %x[%other_at] : memref<256xf32>, vector<8xf32>
        %sum = arith.addf %a, %b : vector<8xf32>
        %difference = arith.subf %a, %b : vector<8xf32>
        vector.store %sum, %x[%at] : memref<256xf32>, vector<8xf32>
        vector.store %difference, %x[%other_at] : memref<256xf32>, vector<8xf32>
      }
    }
    scf.yield %twice : index
  }
  return
}

// Codes a head with its own scale and low, in that order: low = min x, scale = (max x - low) / most, both rounded to
// fp16; code = ceil((x - low) / scale - 0.5), clamped to [0, most], 0 where scale is 0. `most` is 255, or 15 with 4 bits.
func.func private @code_head(%x: memref<256xf32>, %head_size: index, %is_int4: i1, %bytes: memref<256xi8>)
    -> (f16, f16) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c4s = arith.constant dense<4> : vector<8xi8>
  %most8 = arith.constant 255.0 : f32
  %most4 = arith.constant 15.0 : f32
  %most = arith.select %is_int4, %most4, %most8 : f32

  %first = vector.load %x[%c0] : memref<256xf32>, vector<8xf32>
  %lows, %highs = scf.for %d = %c8 to %head_size step %c8 iter_args(%low0 = %first, %high0 = %first)
      -> (vector<8xf32>, vector<8xf32>) {
    %values = vector.load %x[%d] : memref<256xf32>, vector<8xf32>
    %is_lower = arith.cmpf olt, %values, %low0 : vector<8xf32>
    %low1 = arith.select %is_lower, %values, %low0 : vector<8xi1>, vector<8xf32>
    %is_higher = arith.cmpf ogt, %values, %high0 : vector<8xf32>
    %high1 = arith.select %is_higher, %values, %high0 : vector<8xi1>, vector<8xf32>
    scf.yield %low1, %high1 : vector<8xf32>, vector<8xf32>
  }
  %negatives = arith.negf %lows : vector<8xf32>
  %negative = func.call @max_of_8(%negatives) : (vector<8xf32>) -> f32
  %lowest = arith.negf %negative : f32
  %highest = func.call @max_of_8(%highs) : (vector<8xf32>) -> f32
  %low16 = arith.truncf %lowest : f32 to f16
  %low = arith.extf %low16 : f16 to f32
  %range = arith.subf %highest, %low : f32
  %step = arith.divf %range, %most : f32
  %scale16 = arith.truncf %step : f32 to f16
  %scale = arith.extf %scale16 : f16 to f32

  scf.if %is_int4 {
    scf.for %d = %c0 to %head_size step %c16 {
      %next = arith.addi %d, %c8 : index
      %in_low = func.call @codes_of_8(%x, %d, %low, %scale, %most) : (memref<256xf32>, index, f32, f32, f32) -> vector<8xi8>
      %in_high = func.call @codes_of_8(%x, %next, %low, %scale, %most) : (memref<256xf32>, index, f32, f32, f32) -> vector<8xi8>
      %high = arith.shli %in_high, %c4s : vector<8xi8>
      %both = arith.ori %in_low, %high : vector<8xi8>
      %byte = arith.divui %d, %c2 : index
      vector.store %both, %bytes[%byte] : memref<256xi8>, vector<8xi8>
    }
  } else {
    scf.for %d = %c0 to %head_size step %c8 {
      %codes = func.call @codes_of_8(%x, %d, %low, %scale, %most) : (memref<256xf32>, index, f32, f32, f32) -> vector<8xi8>
      vector.store %codes, %bytes[%d] : memref<256xi8>, vector<8xi8>
    }
  }
  return %scale16, %low16 : f16, f16
}

func.func private @codes_of_8(%x: memref<256xf32>, %at: index, %low: f32, %scale: f32, %most: f32) -> vector<8xi8> {
  %zero = arith.constant 0.0 : f32
  %zeros = arith.constant dense<0.0> : vector<8xf32>
  %half = arith.constant dense<0.5> : vector<8xf32>
  %mosts = vector.broadcast %most : f32 to vector<8xf32>
  %lows = vector.broadcast %low : f32 to vector<8xf32>
  %scales = vector.broadcast %scale : f32 to vector<8xf32>
  %values = vector.load %x[%at] : memref<256xf32>, vector<8xf32>
  %above = arith.subf %values, %lows : vector<8xf32>
  %ratios = arith.divf %above, %scales : vector<8xf32>
  %shifted = arith.subf %ratios, %half : vector<8xf32>
  %whole = math.ceil %shifted : vector<8xf32>
  %is_below = arith.cmpf olt, %whole, %mosts : vector<8xf32>
  %below = arith.select %is_below, %whole, %mosts : vector<8xi1>, vector<8xf32>
  %is_above = arith.cmpf ogt, %below, %zeros : vector<8xf32>
  %clamped = arith.select %is_above, %below, %zeros : vector<8xi1>, vector<8xf32>
  %is_zero = arith.cmpf oeq, %scale, %zero : f32
  %kept = arith.select %is_zero, %zeros, %clamped : vector<8xf32>
  %codes = arith.fptosi %kept : vector<8xf32> to vector<8xi32>
  %bytes = arith.trunci %codes : vector<8xi32> to vector<8xi8>
  return %bytes : vector<8xi8>
}

// The larger of sizes so far and |x|; what is no number is passed over.
func.func private @larger_size(%largest: vector<16xf32>, %x: vector<16xf32>) -> vector<16xf32> {
  %size = math.absf %x : vector<16xf32>
  %is_larger = arith.cmpf ogt, %size, %largest : vector<16xf32>
  %larger = arith.select %is_larger, %size, %largest : vector<16xi1>, vector<16xf32>
  return %larger : vector<16xf32>
}

// The unit of numbers coded in 16 bits, two signed digits of base 256: max |x| / 32639, which is 127 * 256 + 127.
func.func private @unit_of_codes(%sizes: vector<16xf32>) -> f32 {
  %most = arith.constant 32639.0 : f32
  %largest = func.call @max_of_16(%sizes) : (vector<16xf32>) -> f32
  %unit = arith.divf %largest, %most : f32
  return %unit : f32
}

// Codes ceil(x / unit - 0.5), clamped to [-32639, 32639], 0 where unit is 0.
func.func private @codes_of_16(%x: vector<16xf32>, %unit: f32) -> vector<16xi32> {
  %zero = arith.constant 0.0 : f32
  %zeros = arith.constant dense<0.0> : vector<16xf32>
  %half = arith.constant dense<0.5> : vector<16xf32>
  %mosts = arith.constant dense<32639.0> : vector<16xf32>
  %leasts = arith.constant dense<-32639.0> : vector<16xf32>
  %units = vector.broadcast %unit : f32 to vector<16xf32>
  %is_zero = arith.cmpf oeq, %unit, %zero : f32
  %ratios = arith.divf %x, %units : vector<16xf32>
  %shifted = arith.subf %ratios, %half : vector<16xf32>
  %whole = math.ceil %shifted : vector<16xf32>
  %is_below = arith.cmpf olt, %whole, %mosts : vector<16xf32>
  %below = arith.select %is_below, %whole, %mosts : vector<16xi1>, vector<16xf32>
  %is_above = arith.cmpf ogt, %below, %leasts : vector<16xf32>
  %clamped = arith.select %is_above, %below, %leasts : vector<16xi1>, vector<16xf32>
  %kept = arith.select %is_zero, %zeros, %clamped : vector<16xf32>
  %codes = arith.fptosi %kept : vector<16xf32> to vector<16xi32>
  return %codes : vector<16xi32>
}
