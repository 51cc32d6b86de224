#include "CodedLayer.h"

static void code_linear(const tiny_graph *tiny, const binq_graph_linear *linear,
                        const binq_input_statistics *statistics, binq_quantized_linear *out) {
  const binq_tensor *tensor = binq_model_tensor(tiny->model, linear->name);
  bool grouped = linear->input < 2;
  binq_linear_format format = {.form = grouped ? BINQ_FORM_GROUPED_BINARY : BINQ_FORM_PLANES,
                               .rows = linear->rows,
                               .columns = linear->columns,
                               .planes = grouped ? 2 : 3,
                               .plane_weights = {grouped ? 0 : 1, grouped ? 0 : 2, grouped ? 0 : 4},
                               .int8_columns = 32};
  double error;
  float *weights = calloc((size_t)(linear->rows * linear->columns), sizeof *weights);
  REQUIRE(weights);
  binq_tensor_dequantize(tensor, 0, tensor->rows, weights);
  CHECK_STATUS_OK(binq_quantize_linear(tiny->pool, weights, statistics, &format, &(binq_method){0},
                                       out, &error));
  free(weights);
}

void coded_layer_add(const tiny_graph *tiny, int64_t layer, int64_t input,
                     const binq_observation *observed, coded_layer *out) {
  const int32_t scales[2][8] = {{2, 3, 8, -12}, {1, 2, 4, 8, 16, 32, 64, -128}};
  const binq_graph_function *function = binq_graph_layer(tiny->graph, layer);
  binq_input_statistics *statistics = &out->statistics[input];
  CHECK_EQ_INT(function->linear_count, CODED_LINEARS);
  CHECK_EQ_INT(function->input_count, CODED_INPUTS);
  CHECK_STATUS_OK(binq_input_statistics_create(tiny->pool, observed->sum, observed->columns,
                                               observed->tokens, 32, 0.01, statistics));
  CHECK_STATUS_OK(binq_level_table_of(scales[input % 2], input % 2 ? 8 : 4, &out->levels[input]));
  out->inputs[input] = (binq_quantized_input){statistics->order, &out->levels[input]};
  for (int i = 0; i < CODED_LINEARS; i++) {
    CHECK(function->linears[i].adds == (i == 3 || i == 6));
    if (function->linears[i].input == input)
      code_linear(tiny, &function->linears[i], statistics, &out->linears[i]);
  }
}

void coded_layer_create(const tiny_graph *tiny, binq_calibration *calibration, int64_t layer,
                        coded_layer *out) {
  binq_quantized_layer quantized = {.linears = out->linears, .inputs = out->inputs};
  for (int64_t input = 0; input < CODED_INPUTS; input++) {
    binq_observation observed;
    CHECK_STATUS_OK(binq_calibration_observe(calibration, layer, input, &quantized, &observed));
    coded_layer_add(tiny, layer, input, &observed, out);
  }
}

void coded_layer_free(coded_layer *layer) {
  for (int i = 0; i < CODED_INPUTS; i++)
    binq_input_statistics_free(&layer->statistics[i]);
  for (int i = 0; i < CODED_LINEARS; i++)
    binq_quantized_linear_free(&layer->linears[i]);
}
