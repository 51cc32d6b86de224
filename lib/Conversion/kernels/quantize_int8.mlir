// Codes the INT8 columns of activations, the channels from `first` of the order on, at most 128 at a time:
//   a = max |x| / 127, code = ceil(x / a - 0.5) clamped to [-127, 127]; a = 0: codes 0
func.func private @quantize_int8(
    %x: memref<?xf32>, %order: memref<?xi16>, %y: memref<?xi8>,
    %count: index, %thread: index, %threads: index,
    // Sizes: the layout of quantized activations in bytes; a row of x has `row_stride` channels.
    %row_stride: index, %first: index, %token_bytes: index, %codes_offset: index, %scales_offset: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %c127 = arith.constant 127 : index
  %c128 = arith.constant 128 : index
  %zero = arith.constant 0.0 : f32
  %most = arith.constant 127.0 : f32
  %none = arith.constant dense<0> : vector<32xi8>
  %group_x = memref.alloca() {alignment = 64 : i64} : memref<128xf32>

  %bytes = arith.muli %count, %token_bytes : index
  %words = arith.divui %bytes, %c4 : index
  %y_floats = memref.view %y[%c0][%words] : memref<?xi8> to memref<?xf32>
  %columns = arith.subi %row_stride, %first : index
  %more = arith.addi %columns, %c127 : index
  %groups = arith.divui %more, %c128 : index
  %items = arith.muli %count, %groups : index
  %begin, %end = func.call @range_of(%items, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %item = %begin to %end step %c1 {
    %token = arith.divui %item, %groups : index
    %group = arith.remui %item, %groups : index
    %column = arith.muli %group, %c128 : index
    %left = arith.subi %columns, %column : index
    %channels = arith.minui %left, %c128 : index
    %row_at = arith.muli %token, %row_stride : index
    %order_at = arith.addi %first, %column : index
    %extreme = func.call @gather_group(%x, %row_at, %row_stride, %order, %order_at, %channels, %group_x)
        : (memref<?xf32>, index, index, memref<?xi16>, index, index, memref<128xf32>) -> f32
    %size = math.absf %extreme : f32
    %scale = arith.divf %size, %most : f32
    %is_zero = arith.cmpf oeq, %scale, %zero : f32
    %scales = vector.broadcast %scale : f32 to vector<32xf32>

    %token_at = arith.muli %token, %token_bytes : index
    %codes_at = arith.addi %token_at, %codes_offset : index
    %group_codes = arith.addi %codes_at, %column : index
    scf.for %channel = %c0 to %channels step %c32 {
      %values = vector.load %group_x[%channel] : memref<128xf32>, vector<32xf32>
      %ratios = arith.divf %values, %scales : vector<32xf32>
      %codes32 = func.call @nearest_symmetric(%ratios) : (vector<32xf32>) -> vector<32xi32>
      %codes8 = arith.trunci %codes32 : vector<32xi32> to vector<32xi8>
      %codes = arith.select %is_zero, %none, %codes8 : vector<32xi8>
      %at = arith.addi %group_codes, %channel : index
      vector.store %codes, %y[%at] : memref<?xi8>, vector<32xi8>
    }
    %scales_byte = arith.addi %token_at, %scales_offset : index
    %scales_at = arith.divui %scales_byte, %c4 : index
    %scale_at = arith.addi %scales_at, %group : index
    memref.store %scale, %y_floats[%scale_at] : memref<?xf32>
  }
  return
}

// ceil(v - 0.5), clamped to [-127, 127].
func.func private @nearest_symmetric(%v: vector<32xf32>) -> vector<32xi32> {
  %lowest = arith.constant dense<-127> : vector<32xi32>
  %whole = func.call @nearest_whole(%v) : (vector<32xf32>) -> vector<32xi32>
  %clamped = arith.maxsi %whole, %lowest : vector<32xi32>
  return %clamped : vector<32xi32>
}
