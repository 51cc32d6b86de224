#include "Samples.h"

#include "Check.h"
#include "binq/Support/Memory.h"

uint32_t samples_next(samples *s) {
  s->state = s->state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(s->state >> 33);
}

int64_t samples_below(samples *s, int64_t limit) {
  return (int64_t)(samples_next(s) % (uint64_t)limit);
}

float samples_float(samples *s) {
  float sum = 0;
  for (int i = 0; i < 4; i++)
    sum += (float)samples_below(s, 1 << 20) / (float)(1 << 20) - 0.5f;
  return sum * 1.7f;
}

/// Values of one kind for 32 channels.
static void fill(samples *s, float *out, int64_t count, int64_t kind) {
  for (int64_t j = 0; j < count; j++) {
    float v = samples_float(s);
    switch (kind) {
    case 0: // zeros
      v = samples_below(s, 2) ? 0.0f : -0.0f;
      break;
    case 1: // multiples of a half: ties between levels, and largest values of both signs
      v = (float)(samples_below(s, 65) - 32) * 0.5f;
      break;
    case 2: // one sign
      v = v < 0 ? v : -v;
      break;
    case 3: // subnormal
      v = v * 1e-39f;
      break;
    case 9: // so small that a scale is hardly a number any more, or none
      v = (float)(samples_below(s, 81) - 40) * 1.4e-45f;
      break;
    case 4: // large
      v = v * 1e30f;
      break;
    case 5: // all alike: every channel takes the lowest level
      v = -1.25f;
      break;
    case 6: // the first takes the lowest level, all others the highest
      v = j ? 1.24f : -1.25f;
      break;
    default:
      break;
    }
    out[j] = v;
  }
}

void samples_rows(samples *s, int64_t tokens, int64_t columns, float *out) {
  int64_t stride = binq_round_up(columns, 32);
  memset(out, 0, (size_t)(tokens * stride) * sizeof *out);
  for (int64_t token = 0; token < tokens; token++) {
    int64_t kind = samples_below(s, 10);
    for (int64_t j = 0; j < columns; j += 32)
      fill(s, out + token * stride + j, columns - j < 32 ? columns - j : 32,
           samples_below(s, 3) ? kind : samples_below(s, 10));
  }
}

void samples_order(samples *s, int64_t columns, uint16_t *out) {
  int64_t padded = binq_round_up(columns, 32);
  for (int64_t j = 0; j < padded; j++)
    out[j] = (uint16_t)j;
  for (int64_t j = padded - 1; j > 0; j--) {
    int64_t other = samples_below(s, j + 1);
    uint16_t kept = out[j];
    out[j] = out[other];
    out[other] = kept;
  }
}

static int8_t any_int8(samples *s) {
  static const int8_t extremes[] = {-127, 127, 0, -1};
  return samples_below(s, 4) ? (int8_t)(samples_below(s, 255) - 127)
                             : extremes[samples_below(s, 4)];
}

static uint16_t any_half(samples *s) {
  // Zero, subnormal or ordinary, of either sign.
  float size = 0.01f;
  if (samples_below(s, 16) == 0)
    size = samples_below(s, 2) ? 0.0f : 1e-7f;
  return binq_float_to_half(samples_float(s) * size);
}

void samples_linear(samples *s, binq_quantized_linear *out) {
  const binq_linear_format *format = &out->format;
  binq_layout layout;
  CHECK_STATUS_OK(binq_layout_of(format, &layout));
  for (int64_t row = 0; row < format->rows; row++) {
    // Some rows are extreme throughout.
    bool is_extreme = samples_below(s, 8) == 0;
    int64_t codes = (int64_t)1 << format->planes;
    for (int64_t j = 0; j < layout.plane_columns; j++)
      out->codes[row * layout.plane_columns + j] =
          (uint8_t)(is_extreme ? codes - 1 : samples_below(s, codes));
    for (int64_t g = row * layout.groups; g < (row + 1) * layout.groups; g++) {
      for (int k = 0; out->levels && k < 4; k++)
        out->levels[4 * g + k] = is_extreme ? -127 : any_int8(s);
      if (out->zeros)
        out->zeros[g] = is_extreme ? -127 : any_int8(s);
      out->scales[g] = any_half(s);
    }
    for (int64_t j = 0; j < format->int8_columns; j++)
      out->int8_codes[row * format->int8_columns + j] = is_extreme ? 127 : any_int8(s);
    if (format->int8_columns)
      out->int8_scales[row] = any_half(s);
  }
}

static uint32_t bits_of(float v) {
  uint32_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

bool samples_equal(const char *what, const float *expected, const float *actual, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    if (bits_of(expected[i]) == bits_of(actual[i]))
      continue;
    CHECK_FAIL("%s: value %lld is %a, not %a", what, (long long)i, (double)actual[i],
               (double)expected[i]);
    return false;
  }
  return true;
}
