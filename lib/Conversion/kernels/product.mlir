// c (+)= a b, blocks of 8 rows and 8 columns in registers over the whole depth, each step one fused multiply-add. Element
// (i, k) of a lies at a_at + min(i, a_last) * a_row + k * a_step, so that rows behind the last one repeat it; row k of b
// at b_at + k * b_row, row i of c at i * c_row.
func.func private @product(
    %a: memref<?xf32>, %a_at: index, %a_row: index, %a_step: index, %a_last: index,
    %b: memref<?xf32>, %b_at: index, %b_row: index, %c: memref<?xf32>, %c_row: index, %adds: i1,
    %rows: index, %columns: index, %depth: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zeros = arith.constant dense<0.0> : vector<8xf32>
  %n0 = arith.constant 0 : index
  %n1 = arith.constant 1 : index
  %n2 = arith.constant 2 : index
  %n3 = arith.constant 3 : index
  %n4 = arith.constant 4 : index
  %n5 = arith.constant 5 : index
  %n6 = arith.constant 6 : index
  %n7 = arith.constant 7 : index
  scf.for %i = %c0 to %rows step %c8 {
    %a0 = func.call @address_of_row(%i, %n0, %a_at, %a_row, %a_last) : (index, index, index, index, index) -> index
    %a1 = func.call @address_of_row(%i, %n1, %a_at, %a_row, %a_last) : (index, index, index, index, index) -> index
    %a2 = func.call @address_of_row(%i, %n2, %a_at, %a_row, %a_last) : (index, index, index, index, index) -> index
    %a3 = func.call @address_of_row(%i, %n3, %a_at, %a_row, %a_last) : (index, index, index, index, index) -> index
    %a4 = func.call @address_of_row(%i, %n4, %a_at, %a_row, %a_last) : (index, index, index, index, index) -> index
    %a5 = func.call @address_of_row(%i, %n5, %a_at, %a_row, %a_last) : (index, index, index, index, index) -> index
    %a6 = func.call @address_of_row(%i, %n6, %a_at, %a_row, %a_last) : (index, index, index, index, index) -> index
    %a7 = func.call @address_of_row(%i, %n7, %a_at, %a_row, %a_last) : (index, index, index, index, index) -> index
    scf.for %j = %c0 to %columns step %c8 {
      %c_at = arith.muli %i, %c_row : index
      %t0 = arith.addi %c_at, %j : index
      %t1 = arith.addi %t0, %c_row : index
      %t2 = arith.addi %t1, %c_row : index
      %t3 = arith.addi %t2, %c_row : index
      %t4 = arith.addi %t3, %c_row : index
      %t5 = arith.addi %t4, %c_row : index
      %t6 = arith.addi %t5, %c_row : index
      %t7 = arith.addi %t6, %c_row : index
      %o0 = vector.load %c[%t0] : memref<?xf32>, vector<8xf32>
      %o1 = vector.load %c[%t1] : memref<?xf32>, vector<8xf32>
      %o2 = vector.load %c[%t2] : memref<?xf32>, vector<8xf32>
      %o3 = vector.load %c[%t3] : memref<?xf32>, vector<8xf32>
      %o4 = vector.load %c[%t4] : memref<?xf32>, vector<8xf32>
      %o5 = vector.load %c[%t5] : memref<?xf32>, vector<8xf32>
      %o6 = vector.load %c[%t6] : memref<?xf32>, vector<8xf32>
      %o7 = vector.load %c[%t7] : memref<?xf32>, vector<8xf32>
      %s0 = arith.select %adds, %o0, %zeros : vector<8xf32>
      %s1 = arith.select %adds, %o1, %zeros : vector<8xf32>
      %s2 = arith.select %adds, %o2, %zeros : vector<8xf32>
      %s3 = arith.select %adds, %o3, %zeros : vector<8xf32>
      %s4 = arith.select %adds, %o4, %zeros : vector<8xf32>
      %s5 = arith.select %adds, %o5, %zeros : vector<8xf32>
      %s6 = arith.select %adds, %o6, %zeros : vector<8xf32>
      %s7 = arith.select %adds, %o7, %zeros : vector<8xf32>
      %b_first = arith.addi %b_at, %j : index
      %y:8 = scf.for %k = %c0 to %depth step %c1
          iter_args(%x0 = %s0, %x1 = %s1, %x2 = %s2, %x3 = %s3, %x4 = %s4, %x5 = %s5, %x6 = %s6, %x7 = %s7)
          -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
        %b_offset = arith.muli %k, %b_row : index
        %b_k = arith.addi %b_first, %b_offset : index
        %right = vector.load %b[%b_k] : memref<?xf32>, vector<8xf32>
        %a_offset = arith.muli %k, %a_step : index
        %z0 = func.call @add_multiple(%a, %a0, %a_offset, %right, %x0) : (memref<?xf32>, index, index, vector<8xf32>, vector<8xf32>) -> vector<8xf32>
        %z1 = func.call @add_multiple(%a, %a1, %a_offset, %right, %x1) : (memref<?xf32>, index, index, vector<8xf32>, vector<8xf32>) -> vector<8xf32>
        %z2 = func.call @add_multiple(%a, %a2, %a_offset, %right, %x2) : (memref<?xf32>, index, index, vector<8xf32>, vector<8xf32>) -> vector<8xf32>
        %z3 = func.call @add_multiple(%a, %a3, %a_offset, %right, %x3) : (memref<?xf32>, index, index, vector<8xf32>, vector<8xf32>) -> vector<8xf32>
        %z4 = func.call @add_multiple(%a, %a4, %a_offset, %right, %x4) : (memref<?xf32>, index, index, vector<8xf32>, vector<8xf32>) -> vector<8xf32>
        %z5 = func.call @add_multiple(%a, %a5, %a_offset, %right, %x5) : (memref<?xf32>, index, index, vector<8xf32>, vector<8xf32>) -> vector<8xf32>
        %z6 = func.call @add_multiple(%a, %a6, %a_offset, %right, %x6) : (memref<?xf32>, index, index, vector<8xf32>, vector<8xf32>) -> vector<8xf32>
        %z7 = func.call @add_multiple(%a, %a7, %a_offset, %right, %x7) : (memref<?xf32>, index, index, vector<8xf32>, vector<8xf32>) -> vector<8xf32>
        scf.yield %z0, %z1, %z2, %z3, %z4, %z5, %z6, %z7
            : vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>
      }
      vector.store %y#0, %c[%t0] : memref<?xf32>, vector<8xf32>
      vector.store %y#1, %c[%t1] : memref<?xf32>, vector<8xf32>
      vector.store %y#2, %c[%t2] : memref<?xf32>, vector<8xf32>
      vector.store %y#3, %c[%t3] : memref<?xf32>, vector<8xf32>
      vector.store %y#4, %c[%t4] : memref<?xf32>, vector<8xf32>
      vector.store %y#5, %c[%t5] : memref<?xf32>, vector<8xf32>
      vector.store %y#6, %c[%t6] : memref<?xf32>, vector<8xf32>
      vector.store %y#7, %c[%t7] : memref<?xf32>, vector<8xf32>
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

// a[at + offset] * x + y
func.func private @add_multiple(%a: memref<?xf32>, %at: index, %offset: index, %x: vector<8xf32>, %y: vector<8xf32>)
    -> vector<8xf32> {
  %place = arith.addi %at, %offset : index
  %factor = memref.load %a[%place] : memref<?xf32>
  %factors = vector.broadcast %factor : f32 to vector<8xf32>
  %sum = vector.fma %factors, %x, %y : vector<8xf32>
  return %sum : vector<8xf32>
}
