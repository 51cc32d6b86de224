// c (+)= a b, blocks of 4 rows and 16 columns in registers over the whole depth, each step one fused multiply-add. Element
// (i, k) of a lies at a_at + min(i, a_last) * a_row + k * a_step, so that rows behind the last one repeat it; row k of b
// at b_at + k * b_row, row i of c at i * c_row. Rows are a multiple of 4, columns of 8: where only 8 are left, both halves
// of a block are the same ones.
func.func private @product(
    %a: memref<?xf32>, %a_at: index, %a_row: index, %a_step: index, %a_last: index,
    %b: memref<?xf32>, %b_at: index, %b_row: index, %c: memref<?xf32>, %c_row: index, %adds: i1,
    %rows: index, %columns: index, %depth: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %zeros = arith.constant dense<0.0> : vector<8xf32>
  %last_columns = arith.subi %columns, %c8 : index
  scf.for %i = %c0 to %rows step %c4 {
    %a0 = func.call @address_of_row(%i, %c0, %a_at, %a_row, %a_last)
        : (index, index, index, index, index) -> index
    %a1 = func.call @address_of_row(%i, %c1, %a_at, %a_row, %a_last)
        : (index, index, index, index, index) -> index
    %a2 = func.call @address_of_row(%i, %c2, %a_at, %a_row, %a_last)
        : (index, index, index, index, index) -> index
    %a3 = func.call @address_of_row(%i, %c3, %a_at, %a_row, %a_last)
        : (index, index, index, index, index) -> index
    %c_at0 = arith.muli %i, %c_row : index
    %c_at1 = arith.addi %c_at0, %c_row : index
    %c_at2 = arith.addi %c_at1, %c_row : index
    %c_at3 = arith.addi %c_at2, %c_row : index
    scf.for %low = %c0 to %columns step %c16 {
      %next = arith.addi %low, %c8 : index
      %high = arith.minui %next, %last_columns : index
      %l0_at = arith.addi %c_at0, %low : index
      %h0_at = arith.addi %c_at0, %high : index
      %l1_at = arith.addi %c_at1, %low : index
      %h1_at = arith.addi %c_at1, %high : index
      %l2_at = arith.addi %c_at2, %low : index
      %h2_at = arith.addi %c_at2, %high : index
      %l3_at = arith.addi %c_at3, %low : index
      %h3_at = arith.addi %c_at3, %high : index
      %l0_old = vector.load %c[%l0_at] : memref<?xf32>, vector<8xf32>
      %h0_old = vector.load %c[%h0_at] : memref<?xf32>, vector<8xf32>
      %l1_old = vector.load %c[%l1_at] : memref<?xf32>, vector<8xf32>
      %h1_old = vector.load %c[%h1_at] : memref<?xf32>, vector<8xf32>
      %l2_old = vector.load %c[%l2_at] : memref<?xf32>, vector<8xf32>
      %h2_old = vector.load %c[%h2_at] : memref<?xf32>, vector<8xf32>
      %l3_old = vector.load %c[%l3_at] : memref<?xf32>, vector<8xf32>
      %h3_old = vector.load %c[%h3_at] : memref<?xf32>, vector<8xf32>
      %l0_first = arith.select %adds, %l0_old, %zeros : vector<8xf32>
      %h0_first = arith.select %adds, %h0_old, %zeros : vector<8xf32>
      %l1_first = arith.select %adds, %l1_old, %zeros : vector<8xf32>
      %h1_first = arith.select %adds, %h1_old, %zeros : vector<8xf32>
      %l2_first = arith.select %adds, %l2_old, %zeros : vector<8xf32>
      %h2_first = arith.select %adds, %h2_old, %zeros : vector<8xf32>
      %l3_first = arith.select %adds, %l3_old, %zeros : vector<8xf32>
      %h3_first = arith.select %adds, %h3_old, %zeros : vector<8xf32>
      %b_low = arith.addi %b_at, %low : index
      %b_high = arith.addi %b_at, %high : index
      %sums:8 = scf.for %k = %c0 to %depth step %c1
          iter_args(%l0 = %l0_first, %h0 = %h0_first, %l1 = %l1_first, %h1 = %h1_first,
                    %l2 = %l2_first, %h2 = %h2_first, %l3 = %l3_first, %h3 = %h3_first)
          -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>,
              vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
        %b_offset = arith.muli %k, %b_row : index
        %b_low_at = arith.addi %b_low, %b_offset : index
        %b_high_at = arith.addi %b_high, %b_offset : index
        %bl = vector.load %b[%b_low_at] : memref<?xf32>, vector<8xf32>
        %bh = vector.load %b[%b_high_at] : memref<?xf32>, vector<8xf32>
        %a_offset = arith.muli %k, %a_step : index
        %f0 = func.call @broadcast_at(%a, %a0, %a_offset) : (memref<?xf32>, index, index) -> vector<8xf32>
        %f1 = func.call @broadcast_at(%a, %a1, %a_offset) : (memref<?xf32>, index, index) -> vector<8xf32>
        %f2 = func.call @broadcast_at(%a, %a2, %a_offset) : (memref<?xf32>, index, index) -> vector<8xf32>
        %f3 = func.call @broadcast_at(%a, %a3, %a_offset) : (memref<?xf32>, index, index) -> vector<8xf32>
        %l0_next = vector.fma %f0, %bl, %l0 : vector<8xf32>
        %h0_next = vector.fma %f0, %bh, %h0 : vector<8xf32>
        %l1_next = vector.fma %f1, %bl, %l1 : vector<8xf32>
        %h1_next = vector.fma %f1, %bh, %h1 : vector<8xf32>
        %l2_next = vector.fma %f2, %bl, %l2 : vector<8xf32>
        %h2_next = vector.fma %f2, %bh, %h2 : vector<8xf32>
        %l3_next = vector.fma %f3, %bl, %l3 : vector<8xf32>
        %h3_next = vector.fma %f3, %bh, %h3 : vector<8xf32>
        scf.yield %l0_next, %h0_next, %l1_next, %h1_next, %l2_next, %h2_next, %l3_next, %h3_next
            : vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>,
              vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>
      }
      vector.store %sums#0, %c[%l0_at] : memref<?xf32>, vector<8xf32>
      vector.store %sums#1, %c[%h0_at] : memref<?xf32>, vector<8xf32>
      vector.store %sums#2, %c[%l1_at] : memref<?xf32>, vector<8xf32>
      vector.store %sums#3, %c[%h1_at] : memref<?xf32>, vector<8xf32>
      vector.store %sums#4, %c[%l2_at] : memref<?xf32>, vector<8xf32>
      vector.store %sums#5, %c[%h2_at] : memref<?xf32>, vector<8xf32>
      vector.store %sums#6, %c[%l3_at] : memref<?xf32>, vector<8xf32>
      vector.store %sums#7, %c[%h3_at] : memref<?xf32>, vector<8xf32>
    }
  }
  return
}

// at + min(i + n, last) * row
func.func private @address_of_row(%i: index, %n: index, %at: index, %row: index, %last: index) -> index {
  %in = arith.addi %i, %n : index
  %kept = arith.minui %in, %last : index
  %offset = arith.muli %kept, %row : index
  %address = arith.addi %at, %offset : index
  return %address : index
}

// x[at + offset] eight times
func.func private @broadcast_at(%x: memref<?xf32>, %at: index, %offset: index) -> vector<8xf32> {
  %place = arith.addi %at, %offset : index
  %value = memref.load %x[%place] : memref<?xf32>
  %values = vector.broadcast %value : f32 to vector<8xf32>
  return %values : vector<8xf32>
}
