// The panel of a block of 32 rows and a group: for every four channels, for every row, four bytes. 16 rows at a time.

// c[q + 2 s] of every channel. Per eight channels of 16 rows with AVX2: 2 loads, 4 to spread bytes, 16 to tell ones, 12 to
// choose, 4 stores.
func.func private @expand_codes(%weights: memref<?xi8>, %codes_at: index, %channels: index, %coefficients_at: index,
                                %panel: memref<4096xi8>) attributes {binq.outlined} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %c256 = arith.constant 256 : index
  %steps = arith.divui %channels, %c8 : index
  scf.for %half = %c0 to %c2 step %c1 {
    %rows_offset = arith.muli %half, %c64 : index
    // Of 8 rows, 8 pairs (c1, c2), then 8 pairs (c3, c0); then of the other 8.
    %pairs_at = arith.addi %coefficients_at, %rows_offset : index
    %pairs = vector.load %weights[%pairs_at] : memref<?xi8>, vector<64xi8>
    %level1 = vector.shuffle %pairs, %pairs [0, 0, 0, 0, 2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6,
                                             8, 8, 8, 8, 10, 10, 10, 10, 12, 12, 12, 12, 14, 14, 14, 14,
                                             32, 32, 32, 32, 34, 34, 34, 34, 36, 36, 36, 36, 38, 38, 38, 38,
                                             40, 40, 40, 40, 42, 42, 42, 42, 44, 44, 44, 44, 46, 46, 46, 46]
        : vector<64xi8>, vector<64xi8>
    %level2 = vector.shuffle %pairs, %pairs [1, 1, 1, 1, 3, 3, 3, 3, 5, 5, 5, 5, 7, 7, 7, 7,
                                             9, 9, 9, 9, 11, 11, 11, 11, 13, 13, 13, 13, 15, 15, 15, 15,
                                             33, 33, 33, 33, 35, 35, 35, 35, 37, 37, 37, 37, 39, 39, 39, 39,
                                             41, 41, 41, 41, 43, 43, 43, 43, 45, 45, 45, 45, 47, 47, 47, 47]
        : vector<64xi8>, vector<64xi8>
    %level3 = vector.shuffle %pairs, %pairs [16, 16, 16, 16, 18, 18, 18, 18, 20, 20, 20, 20, 22, 22, 22, 22,
                                             24, 24, 24, 24, 26, 26, 26, 26, 28, 28, 28, 28, 30, 30, 30, 30,
                                             48, 48, 48, 48, 50, 50, 50, 50, 52, 52, 52, 52, 54, 54, 54, 54,
                                             56, 56, 56, 56, 58, 58, 58, 58, 60, 60, 60, 60, 62, 62, 62, 62]
        : vector<64xi8>, vector<64xi8>
    %level0 = vector.shuffle %pairs, %pairs [17, 17, 17, 17, 19, 19, 19, 19, 21, 21, 21, 21, 23, 23, 23, 23,
                                             25, 25, 25, 25, 27, 27, 27, 27, 29, 29, 29, 29, 31, 31, 31, 31,
                                             49, 49, 49, 49, 51, 51, 51, 51, 53, 53, 53, 53, 55, 55, 55, 55,
                                             57, 57, 57, 57, 59, 59, 59, 59, 61, 61, 61, 61, 63, 63, 63, 63]
        : vector<64xi8>, vector<64xi8>
    scf.for %step = %c0 to %steps step %c1 {
      %step_offset = arith.muli %step, %c64 : index
      %q_at = arith.addi %codes_at, %step_offset : index
      %s_at = arith.addi %q_at, %c32 : index
      %q_low, %q_high = func.call @ones_of_rows(%weights, %q_at, %half)
          : (memref<?xi8>, index, index) -> (vector<64xi1>, vector<64xi1>)
      %s_low, %s_high = func.call @ones_of_rows(%weights, %s_at, %half)
          : (memref<?xi8>, index, index) -> (vector<64xi1>, vector<64xi1>)
      %low01 = arith.select %q_low, %level1, %level0 : vector<64xi1>, vector<64xi8>
      %low23 = arith.select %q_low, %level3, %level2 : vector<64xi1>, vector<64xi8>
      %low = arith.select %s_low, %low23, %low01 : vector<64xi1>, vector<64xi8>
      %high01 = arith.select %q_high, %level1, %level0 : vector<64xi1>, vector<64xi8>
      %high23 = arith.select %q_high, %level3, %level2 : vector<64xi1>, vector<64xi8>
      %high = arith.select %s_high, %high23, %high01 : vector<64xi1>, vector<64xi8>
      %step_at = arith.muli %step, %c256 : index
      %low_at = arith.addi %step_at, %rows_offset : index
      %high_at = arith.addi %low_at, %c128 : index
      vector.store %low, %panel[%low_at] : memref<4096xi8>, vector<64xi8>
      vector.store %high, %panel[%high_at] : memref<4096xi8>, vector<64xi8>
    }
  }
  return
}

// sum over k of a_k b_k of every channel.
func.func private @expand_planes(%weights: memref<?xi8>, %codes_at: index, %channels: index, %weight_planes: index,
                                 %plane_weights: vector<4xi32>, %panel: memref<4096xi8>)
    attributes {binq.outlined} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %c256 = arith.constant 256 : index
  %none = arith.constant dense<0> : vector<64xi8>
  %steps = arith.divui %channels, %c8 : index
  %step_bytes = arith.muli %weight_planes, %c32 : index
  scf.for %half = %c0 to %c2 step %c1 {
    %rows_offset = arith.muli %half, %c64 : index
    scf.for %step = %c0 to %steps step %c1 {
      %step_offset = arith.muli %step, %step_bytes : index
      %step_codes = arith.addi %codes_at, %step_offset : index
      %low, %high = scf.for %plane = %c0 to %weight_planes step %c1 iter_args(%low0 = %none, %high0 = %none)
          -> (vector<64xi8>, vector<64xi8>) {
        %plane_offset = arith.muli %plane, %c32 : index
        %b_at = arith.addi %step_codes, %plane_offset : index
        %b_low, %b_high = func.call @ones_of_rows(%weights, %b_at, %half)
            : (memref<?xi8>, index, index) -> (vector<64xi1>, vector<64xi1>)
        %a32 = vector.extract %plane_weights[%plane] : i32 from vector<4xi32>
        %a = arith.trunci %a32 : i32 to i8
        %as = vector.broadcast %a : i8 to vector<64xi8>
        %low_term = arith.select %b_low, %as, %none : vector<64xi1>, vector<64xi8>
        %high_term = arith.select %b_high, %as, %none : vector<64xi1>, vector<64xi8>
        %low1 = arith.addi %low0, %low_term : vector<64xi8>
        %high1 = arith.addi %high0, %high_term : vector<64xi8>
        scf.yield %low1, %high1 : vector<64xi8>, vector<64xi8>
      }
      %step_at = arith.muli %step, %c256 : index
      %low_at = arith.addi %step_at, %rows_offset : index
      %high_at = arith.addi %low_at, %c128 : index
      vector.store %low, %panel[%low_at] : memref<4096xi8>, vector<64xi8>
      vector.store %high, %panel[%high_at] : memref<4096xi8>, vector<64xi8>
    }
  }
  return
}

// The bits of channels 0-3 and 4-7 of a plane's step, for the rows of a half, four neighbours a row. These rows lie in every
// other byte, from byte `half` on (binq_row_slot).
func.func private @ones_of_rows(%weights: memref<?xi8>, %at: index, %half: index) -> (vector<64xi1>, vector<64xi1>) {
  %low_bits = arith.constant dense<[1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8,
                                    1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8,
                                    1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8,
                                    1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8]> : vector<64xi8>
  %high_bits = arith.constant dense<[16, 32, 64, -128, 16, 32, 64, -128, 16, 32, 64, -128, 16, 32, 64, -128,
                                     16, 32, 64, -128, 16, 32, 64, -128, 16, 32, 64, -128, 16, 32, 64, -128,
                                     16, 32, 64, -128, 16, 32, 64, -128, 16, 32, 64, -128, 16, 32, 64, -128,
                                     16, 32, 64, -128, 16, 32, 64, -128, 16, 32, 64, -128, 16, 32, 64, -128]>
      : vector<64xi8>
  %none = arith.constant dense<0> : vector<64xi8>
  // The last byte may be another plane's or a coefficient, which nobody takes.
  %first_at = arith.addi %at, %half : index
  %sixteen_rows = vector.load %weights[%first_at] : memref<?xi8>, vector<32xi8>
  %bytes = vector.shuffle %sixteen_rows, %sixteen_rows [0, 0, 0, 0, 2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6,
                                                        16, 16, 16, 16, 18, 18, 18, 18, 20, 20, 20, 20, 22, 22, 22, 22,
                                                        8, 8, 8, 8, 10, 10, 10, 10, 12, 12, 12, 12, 14, 14, 14, 14,
                                                        24, 24, 24, 24, 26, 26, 26, 26, 28, 28, 28, 28, 30, 30, 30, 30]
      : vector<32xi8>, vector<32xi8>
  %low_ones = arith.andi %bytes, %low_bits : vector<64xi8>
  %high_ones = arith.andi %bytes, %high_bits : vector<64xi8>
  %low = arith.cmpi ne, %low_ones, %none : vector<64xi8>
  %high = arith.cmpi ne, %high_ones, %none : vector<64xi8>
  return %low, %high : vector<64xi1>, vector<64xi1>
}
