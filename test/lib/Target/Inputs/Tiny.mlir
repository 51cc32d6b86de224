// A "model" with the entry points of a real one, whose logits a test can compute by itself. With tokens x_0 .. x_p and
// the first byte b of the weights,
//   state(p) = b + sum over q <= p of x_q * (q + 1)
//   logits(p)[v] = (7 * state(p) + 13 * v) mod 97, but the last one is the cosine the rotary table has for p.
// The sum is taken over the cache, so a token that is lost, doubled or left over changes every logit behind it.
module attributes {
  binq.model = {hidden_size = 8 : i64, ffn_size = 32 : i64, layer_count = 1 : i64, head_count = 1 : i64,
                kv_head_count = 1 : i64, head_size = 8 : i64, vocabulary_size = 259 : i64, context_length = 4096 : i64,
                norm_epsilon = 1.0e-5 : f32, rope_base = 1.0e5 : f64, bos = 0 : i64, eos = 0 : i64,
                name = "Tiny\nModel */ \\", license = "none"},
  binq.workspace_per_token = 128 : i64, binq.cache_per_position = 64 : i64
} {
  func.func private @binq_barrier(!llvm.ptr) attributes {llvm.emit_c_interface}

  func.func @binq_forward(%workspace: memref<?xi8>, %weights: memref<?xi8>, %cache: memref<?xi8>, %rope: memref<?xf32>,
                          %base: index, %count: index, %sequences: index, %capacity: index, %host: !llvm.ptr,
                          %thread: index, %threads: index,
                          %tokens: memref<?xi32>, %positions: memref<?xi32>, %hidden: memref<?xf32>)
      attributes {llvm.emit_c_interface} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %row = arith.constant 32 : index
    %head_size = arith.constant 8 : index
    %zero = arith.constant 0.0 : f32
    %states = memref.view %cache[%c0][%capacity] : memref<?xi8> to memref<?xf32>
    scf.for %t = %thread to %count step %threads {
      %position = memref.load %positions[%t] : memref<?xi32>
      %p = arith.index_cast %position : i32 to index
      %token = memref.load %tokens[%t] : memref<?xi32>
      %value = arith.sitofp %token : i32 to f32
      memref.store %value, %states[%p] : memref<?xf32>
    }
    func.call @binq_barrier(%host) : (!llvm.ptr) -> ()

    // Sums go through the workspace, to its very end.
    %sums = memref.view %workspace[%c0][%count] : memref<?xi8> to memref<?x32xf32>
    %b = memref.load %weights[%c0] : memref<?xi8>
    %start = arith.uitofp %b : i8 to f32
    %last = arith.constant 31 : index
    scf.for %t = %thread to %count step %threads {
      %position = memref.load %positions[%t] : memref<?xi32>
      %p = arith.index_cast %position : i32 to index
      %end = arith.addi %p, %c1 : index
      %sum = scf.for %q = %c0 to %end step %c1 iter_args(%so_far = %start) -> f32 {
        %value = memref.load %states[%q] : memref<?xf32>
        %next = arith.addi %q, %c1 : index
        %next_integer = arith.index_cast %next : index to i32
        %weight = arith.sitofp %next_integer : i32 to f32
        %product = arith.mulf %value, %weight : f32
        %more = arith.addf %so_far, %product : f32
        scf.yield %more : f32
      }
      memref.store %sum, %sums[%t, %last] : memref<?x32xf32>
    }
    func.call @binq_barrier(%host) : (!llvm.ptr) -> ()

    scf.for %t = %thread to %count step %threads {
      %sum = memref.load %sums[%t, %last] : memref<?x32xf32>
      %at = arith.muli %t, %row : index
      memref.store %sum, %hidden[%at] : memref<?xf32>
      %position = memref.load %positions[%t] : memref<?xi32>
      %p = arith.index_cast %position : i32 to index
      %from = arith.muli %p, %head_size : index
      %cosine = memref.load %rope[%from] : memref<?xf32>
      %behind = arith.addi %at, %c1 : index
      memref.store %cosine, %hidden[%behind] : memref<?xf32>
    }
    func.call @binq_barrier(%host) : (!llvm.ptr) -> ()
    return
  }

  func.func @binq_head(%workspace: memref<?xi8>, %weights: memref<?xi8>, %cache: memref<?xi8>, %rope: memref<?xf32>,
                       %base: index, %count: index, %sequences: index, %capacity: index, %host: !llvm.ptr,
                       %thread: index, %threads: index, %hidden: memref<?xf32>, %logits: memref<?xf32>)
      attributes {llvm.emit_c_interface} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %row = arith.constant 32 : index
    %logits_row = arith.constant 288 : index
    %vocabulary = arith.constant 259 : index
    %c258 = arith.constant 258 : index
    %c7 = arith.constant 7 : i64
    %c13 = arith.constant 13 : i64
    %c97 = arith.constant 97 : i64
    scf.for %t = %c0 to %count step %c1 {
      %from = arith.muli %t, %row : index
      %state = memref.load %hidden[%from] : memref<?xf32>
      %integer = arith.fptosi %state : f32 to i64
      %scaled = arith.muli %integer, %c7 : i64
      %to = arith.muli %t, %logits_row : index
      scf.for %v = %thread to %vocabulary step %threads {
        %v_integer = arith.index_cast %v : index to i64
        %v_scaled = arith.muli %v_integer, %c13 : i64
        %sum = arith.addi %scaled, %v_scaled : i64
        %rest = arith.remui %sum, %c97 : i64
        %logit = arith.uitofp %rest : i64 to f32
        %behind = arith.addi %from, %c1 : index
        %cosine = memref.load %hidden[%behind] : memref<?xf32>
        %is_last = arith.cmpi eq, %v, %c258 : index
        %value = arith.select %is_last, %cosine, %logit : f32
        %at = arith.addi %to, %v : index
        memref.store %value, %logits[%at] : memref<?xf32>
      }
    }
    func.call @binq_barrier(%host) : (!llvm.ptr) -> ()
    return
  }
}
