// The binq dialect. What its text cannot say is checked by binq_verify (Verify.c).
irdl.dialect @binq {
  // Keys and values of the tokens so far, of one decoder layer.
  irdl.type @cache

  // Rows of activations as quantized linears read them: bit planes, scales and INT8 columns.
  irdl.type @activations

  // A tensor in the model file (binq.source) or in the parameter file (binq.parameters).
  irdl.operation @param {
    %string = irdl.base "#builtin.string"
    %tensor = irdl.base "!builtin.tensor"
    irdl.attributes { "name" = %string }
    irdl.operands()
    irdl.results(result: %tensor)
  }

  // Rows of a table, by index. A quantized table is bytes, and the attribute `format` says how they are packed; one in
  // planes comes with the order of its channels.
  irdl.operation @embedding {
    %tokens = irdl.base "!builtin.tensor"
    %table = irdl.base "!builtin.tensor"
    %result = irdl.base "!builtin.tensor"
    %order = irdl.base "!builtin.tensor"
    irdl.operands(tokens: %tokens, table: %table, order: optional %order)
    irdl.results(result: %result)
  }

  // x / sqrt(mean(x^2) + epsilon) * weight, a row at a time.
  irdl.operation @rms_norm {
    %float = irdl.base "#builtin.float"
    %x = irdl.base "!builtin.tensor"
    %weight = irdl.base "!builtin.tensor"
    irdl.attributes { "epsilon" = %float }
    irdl.operands(x: %x, weight: %weight)
    irdl.results(result: %x)
  }

  // Rotates the pairs (2i, 2i+1) of every head by position * base^(-2i/head_size).
  irdl.operation @rope {
    %integer = irdl.base "#builtin.integer"
    %float = irdl.base "#builtin.float"
    %x = irdl.base "!builtin.tensor"
    %positions = irdl.base "!builtin.tensor"
    irdl.attributes { "head_size" = %integer, "base" = %float }
    irdl.operands(x: %x, positions: %positions)
    irdl.results(result: %x)
  }

  // Appends keys and values to the cache at their positions; then every head attends to the tokens up to its own.
  irdl.operation @attention {
    %head_count = irdl.base "#builtin.integer"
    %kv_head_count = irdl.base "#builtin.integer"
    %q = irdl.base "!builtin.tensor"
    %kv = irdl.base "!builtin.tensor"
    %positions = irdl.base "!builtin.tensor"
    %cache = irdl.base @binq::@cache
    irdl.attributes { "head_count" = %head_count, "kv_head_count" = %kv_head_count }
    irdl.operands(q: %q, k: %kv, v: %kv, positions: %positions, cache: %cache)
    irdl.results(result: %q)
  }

  // gate / (1 + exp(-gate)) * up
  irdl.operation @swiglu {
    %x = irdl.base "!builtin.tensor"
    irdl.operands(gate: %x, up: %x)
    irdl.results(result: %x)
  }

  // Codes rows of activations: `planes` bit planes for most channels, INT8 for the last `int8_columns` in the order.
  irdl.operation @quantize_activations {
    %planes = irdl.base "#builtin.integer"
    %columns = irdl.base "#builtin.integer"
    %int8_columns = irdl.base "#builtin.integer"
    %x = irdl.base "!builtin.tensor"
    %order = irdl.base "!builtin.tensor"
    %levels = irdl.base "!builtin.tensor"
    %activations = irdl.base @binq::@activations
    irdl.attributes { "planes" = %planes, "columns" = %columns, "int8_columns" = %int8_columns }
    irdl.operands(x: %x, order: %order, levels: %levels)
    irdl.results(result: %activations)
  }

  // y[t][i] = sum over j of w[i][j] x[t][j] with packed weights.
  irdl.operation @linear {
    %form = irdl.base "#builtin.string"
    %rows = irdl.base "#builtin.integer"
    %columns = irdl.base "#builtin.integer"
    %int8_columns = irdl.base "#builtin.integer"
    %planes = irdl.base "#builtin.integer"
    %activation_planes = irdl.base "#builtin.integer"
    %plane_weights = irdl.any
    %activations = irdl.base @binq::@activations
    %packed = irdl.base "!builtin.tensor"
    %result = irdl.base "!builtin.tensor"
    irdl.attributes { "form" = %form, "rows" = %rows, "columns" = %columns, "int8_columns" = %int8_columns,
                      "plane_weights" = %plane_weights, "planes" = %planes,
                      "activation_planes" = %activation_planes }
    irdl.operands(activations: %activations, packed: %packed)
    irdl.results(result: %result)
  }

  // --- adjoints: with dy the gradient of a loss by an operation's result, its gradients by the operands

  // The gradient by y, which the program that runs the code gives.
  irdl.operation @output_gradient {
    %y = irdl.base "!builtin.tensor"
    irdl.operands(y: %y)
    irdl.results(dy: %y)
  }

  // Of a linear with float weights. The program that runs the code takes the gradient by the weights.
  irdl.operation @linear_gradient {
    %x = irdl.base "!builtin.tensor"
    %weight = irdl.base "!builtin.tensor"
    %dy = irdl.base "!builtin.tensor"
    irdl.operands(x: %x, weight: %weight, dy: %dy)
    irdl.results(dx: %x)
  }

  irdl.operation @rms_norm_gradient {
    %float = irdl.base "#builtin.float"
    %x = irdl.base "!builtin.tensor"
    %weight = irdl.base "!builtin.tensor"
    irdl.attributes { "epsilon" = %float }
    irdl.operands(x: %x, weight: %weight, dy: %x)
    irdl.results(dx: %x, dweight: %weight)
  }

  irdl.operation @rope_gradient {
    %integer = irdl.base "#builtin.integer"
    %float = irdl.base "#builtin.float"
    %x = irdl.base "!builtin.tensor"
    %positions = irdl.base "!builtin.tensor"
    irdl.attributes { "head_size" = %integer, "base" = %float }
    irdl.operands(dy: %x, positions: %positions)
    irdl.results(dx: %x)
  }

  // Every sequence starts at position 0: its keys and values are k and v. y is what attention gave.
  irdl.operation @attention_gradient {
    %head_count = irdl.base "#builtin.integer"
    %kv_head_count = irdl.base "#builtin.integer"
    %q = irdl.base "!builtin.tensor"
    %kv = irdl.base "!builtin.tensor"
    irdl.attributes { "head_count" = %head_count, "kv_head_count" = %kv_head_count }
    irdl.operands(q: %q, k: %kv, v: %kv, y: %q, dy: %q)
    irdl.results(dq: %q, dk: %kv, dv: %kv)
  }

  irdl.operation @swiglu_gradient {
    %x = irdl.base "!builtin.tensor"
    irdl.operands(gate: %x, up: %x, dy: %x)
    irdl.results(dgate: %x, dup: %x)
  }
}
