#include "CodedLayer.h"

void coded_layer_create(const tiny_graph *tiny, int64_t layer, const binq_observation *observed,
                        coded_layer *out) {
  const binq_graph_function *function = binq_graph_layer(tiny->graph, layer);
  CHECK_EQ_INT(function->linear_count, CODED_LINEARS);
  CHECK_EQ_INT(function->input_count, CODED_INPUTS);
  for (int i = 0; i < CODED_INPUTS; i++) {
    int32_t scales[2][8] = {{2, 3, 8, -12}, {1, 2, 4, 8, 16, 32, 64, -128}};
    CHECK_STATUS_OK(binq_input_statistics_create(tiny->pool, observed[i].sum, observed[i].columns,
                                                 observed[i].tokens, 32, 0.01,
                                                 &out->statistics[i]));
    CHECK_STATUS_OK(binq_level_table_of(scales[i % 2], i % 2 ? 8 : 4, &out->levels[i]));
    out->inputs[i] = (binq_quantized_input){out->statistics[i].order, &out->levels[i]};
  }
  for (int i = 0; i < CODED_LINEARS; i++) {
    const binq_graph_linear *linear = &function->linears[i];
    const binq_tensor *tensor = binq_model_tensor(tiny->model, linear->name);
    binq_linear_format format = {.form = i < 4 ? BINQ_FORM_GROUPED_BINARY : BINQ_FORM_PLANES,
                                 .rows = linear->rows,
                                 .columns = linear->columns,
                                 .planes = i < 4 ? 2 : 3,
                                 .plane_weights = {i < 4 ? 0 : 1, i < 4 ? 0 : 2, i < 4 ? 0 : 4},
                                 .int8_columns = 32};
    double error;
    float *weights = calloc((size_t)(linear->rows * linear->columns), sizeof *weights);
    REQUIRE(weights);
    binq_tensor_dequantize(tensor, 0, tensor->rows, weights);
    CHECK_STATUS_OK(binq_quantize_linear(tiny->pool, weights, &out->statistics[linear->input],
                                         &format, &(binq_method){0}, &out->linears[i], &error));
    free(weights);
  }
}

void coded_layer_free(coded_layer *layer) {
  for (int i = 0; i < CODED_INPUTS; i++)
    binq_input_statistics_free(&layer->statistics[i]);
  for (int i = 0; i < CODED_LINEARS; i++)
    binq_quantized_linear_free(&layer->linears[i]);
}
