/// Block types with more than codes in their natural order: against where the format says that each
/// bit of a value is, and against blocks made by hand.
#include "Check.h"
#include "Floats.h"
#include "binq/Checkpoint/Model.h"

static void expand(binq_tensor_type type, const uint8_t *data, size_t size, int64_t columns,
                   float *out) {
  const binq_tensor tensor = {
      .type = type, .rows = 1, .columns = columns, .data = data, .size = size};
  binq_tensor_dequantize(&tensor, 0, 1, out);
}

/// Where the bits are that make up value `i` of a block, as the format describes it: numbers of
/// bits from the block's first byte on, the least significant first; a field without bits is 0.
typedef struct {
  int code[6], code_bits, code_zero;    ///< the code that stands for 0
  int scale[8], scale_bits;             ///< a whole number
  int scale_zero;                       ///< likewise
  int minimum[8], minimum_bits;         ///< a whole number
  int scale_of_scales, scale_of_minima; ///< bytes where the half precision numbers are; -1 for none
} description;

static void add_bits(int *bits, int *count, int byte, int first, int number) {
  for (int i = 0; i < number; i++)
    bits[(*count)++] = byte * 8 + first + i;
}

static description describe_small(binq_tensor_type type, int i) {
  description d = {.scale_of_scales = 0, .scale_of_minima = -1};
  bool minimum = type == BINQ_TENSOR_Q5_1;
  int codes = (minimum ? 4 : 2) + 4;
  add_bits(d.code, &d.code_bits, codes + i % 16, i < 16 ? 0 : 4, 4);
  add_bits(d.code, &d.code_bits, codes - 4 + i / 8, i % 8, 1);
  d.code_zero = minimum ? 0 : 16;
  if (minimum)
    d.scale_of_minima = 2;
  return d;
}

static description describe_q2_k(int i) {
  description d = {.scale_of_scales = 80, .scale_of_minima = 82};
  add_bits(d.code, &d.code_bits, 16 + i / 128 * 32 + i % 32, i / 32 % 4 * 2, 2);
  add_bits(d.scale, &d.scale_bits, i / 16, 0, 4);
  add_bits(d.minimum, &d.minimum_bits, i / 16, 4, 4);
  return d;
}

static description describe_q3_k(int i) {
  description d = {.scale_of_scales = 108, .scale_of_minima = -1, .code_zero = 4, .scale_zero = 32};
  int group = i / 16;
  add_bits(d.code, &d.code_bits, 32 + i / 128 * 32 + i % 32, i / 32 % 4 * 2, 2);
  add_bits(d.code, &d.code_bits, i % 32, i / 32, 1);
  add_bits(d.scale, &d.scale_bits, 96 + group % 8, group < 8 ? 0 : 4, 4);
  add_bits(d.scale, &d.scale_bits, 104 + group % 4, group / 4 * 2, 2);
  return d;
}

/// Q4_K and Q5_K.
static description describe_groups(int i, int fifth, int codes) {
  description d = {.scale_of_scales = 0, .scale_of_minima = 2};
  int group = i / 32, place = group % 4;
  add_bits(d.code, &d.code_bits, codes + i / 64 * 32 + i % 32, i / 32 % 2 * 4, 4);
  if (fifth)
    add_bits(d.code, &d.code_bits, fifth + i % 32, group, 1);
  if (group < 4) {
    add_bits(d.scale, &d.scale_bits, 4 + place, 0, 6);
    add_bits(d.minimum, &d.minimum_bits, 8 + place, 0, 6);
  } else {
    add_bits(d.scale, &d.scale_bits, 12 + place, 0, 4);
    add_bits(d.scale, &d.scale_bits, 4 + place, 6, 2);
    add_bits(d.minimum, &d.minimum_bits, 12 + place, 4, 4);
    add_bits(d.minimum, &d.minimum_bits, 8 + place, 6, 2);
  }
  return d;
}

/// The scales are two's complement: 128 is added by turning the highest bit around.
static description describe_q6_k(int i) {
  description d = {
      .scale_of_scales = 208, .scale_of_minima = -1, .code_zero = 32, .scale_zero = 128};
  add_bits(d.code, &d.code_bits, i / 128 * 64 + i % 64, i % 128 < 64 ? 0 : 4, 4);
  add_bits(d.code, &d.code_bits, 128 + i / 128 * 32 + i % 32, i / 32 % 4 * 2, 2);
  add_bits(d.scale, &d.scale_bits, 192 + i / 16, 0, 8);
  return d;
}

static description describe(binq_tensor_type type, int i) {
  switch (type) {
  case BINQ_TENSOR_Q2_K:
    return describe_q2_k(i);
  case BINQ_TENSOR_Q3_K:
    return describe_q3_k(i);
  case BINQ_TENSOR_Q4_K:
    return describe_groups(i, 0, 16);
  case BINQ_TENSOR_Q5_K:
    return describe_groups(i, 16, 48);
  case BINQ_TENSOR_Q6_K:
    return describe_q6_k(i);
  default:
    return describe_small(type, i);
  }
}

static int field_of(const uint8_t *block, const int *bits, int count) {
  int value = 0;
  for (int i = 0; i < count; i++)
    value += (block[bits[i] / 8] >> bits[i] % 8 & 1) * (1 << i);
  return value;
}

static double half_at(const uint8_t *bytes) {
  return (double)half_by_hand((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8);
}

/// Products have few enough digits to be exact as floats, too, so that only the difference rounds.
static float value_of(binq_tensor_type type, const uint8_t *block, int i) {
  description d = describe(type, i);
  double code = field_of(block, d.code, d.code_bits) - d.code_zero;
  int whole = d.scale_bits ? field_of(block, d.scale, d.scale_bits) : 1;
  if (type == BINQ_TENSOR_Q6_K)
    whole ^= 128;
  double value = half_at(block + d.scale_of_scales) * (whole - d.scale_zero) * code;
  if (d.scale_of_minima < 0)
    return (float)value;
  double minimum = half_at(block + d.scale_of_minima);
  if (type == BINQ_TENSOR_Q5_1)
    return (float)(value + minimum);
  return (float)(value - minimum * field_of(block, d.minimum, d.minimum_bits));
}

static const struct {
  binq_tensor_type type;
  int values, bytes;
} described[] = {
    {BINQ_TENSOR_Q5_0, 32, 22},   {BINQ_TENSOR_Q5_1, 32, 24},   {BINQ_TENSOR_Q2_K, 256, 84},
    {BINQ_TENSOR_Q3_K, 256, 110}, {BINQ_TENSOR_Q4_K, 256, 144}, {BINQ_TENSOR_Q5_K, 256, 176},
    {BINQ_TENSOR_Q6_K, 256, 210},
};

/// Random blocks, all of whose bits mean something: infinite scales and NaNs are among them.
static void test_described(void) {
  enum { ROWS = 301, BLOCKS = 3, MOST = 256 };
  uint64_t state = 1;
  for (size_t f = 0; f < sizeof described / sizeof *described; f++) {
    int values = described[f].values, bytes = described[f].bytes;
    size_t size = (size_t)ROWS * BLOCKS * (size_t)bytes;
    uint8_t *data = malloc(size + 1);
    float *out = malloc(sizeof *out * ROWS * BLOCKS * MOST);
    REQUIRE(data && out);
    for (size_t i = 0; i <= size; i++) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      data[i] = (uint8_t)(state >> 56);
    }
    // From an odd address on.
    const binq_tensor tensor = {.type = described[f].type,
                                .rows = ROWS,
                                .columns = (int64_t)BLOCKS * values,
                                .data = data + 1,
                                .size = size};
    binq_tensor_dequantize(&tensor, 1, ROWS, out);
    for (int i = 0; i < (ROWS - 1) * BLOCKS * values; i++) {
      const uint8_t *block = tensor.data + (BLOCKS + i / values) * bytes;
      float expected = value_of(tensor.type, block, i % values);
      if (!isnan(expected) || !isnan(out[i]))
        check_bits(out[i], expected);
    }
    free(data);
    free(out);
  }
}

/// Blocks made by hand, all zeros but for what is said.
static void test_golden(void) {
  float out[256];
  uint8_t q5_0[22] = {0x00, 0x40, 0x01, 0, 0x02, 0, 0x37}; // 2; fifth bits of 0 and 17
  expand(BINQ_TENSOR_Q5_0, q5_0, sizeof q5_0, 32, out);
  check_bits(out[0], 2.0f * (7 + 16 - 16));
  check_bits(out[16], 2.0f * (3 - 16));
  check_bits(out[17], 0);
  check_bits(out[31], -32);
  uint8_t q5_1[24] = {0x00, 0x38, 0x00, 0x3c, 0x01, 0, 0x02, 0, 0x37}; // 0.5 and 1
  expand(BINQ_TENSOR_Q5_1, q5_1, sizeof q5_1, 32, out);
  check_bits(out[0], 0.5f * (7 + 16) + 1);
  check_bits(out[16], 0.5f * 3 + 1);
  check_bits(out[17], 0.5f * 16 + 1);
  check_bits(out[31], 1);
  uint8_t q2_k[84] = {[3] = 0x25, [16 + 18] = 0xe4, [81] = 0x40, [83] = 0x3c}; // 2 and 1
  expand(BINQ_TENSOR_Q2_K, q2_k, sizeof q2_k, 256, out);
  check_bits(out[32 + 18], 2.0f * 5 * 1 - 2); // group 3: scale 5, minimum 2
  check_bits(out[32 + 17], -2);
  check_bits(out[64 + 18], 0); // a scale of 0
  uint8_t q3_k[110] = {
      [20] = 0x02, [32 + 20] = 0x0c, [96 + 3] = 0x09, [104 + 3] = 0x03, [109] = 0x3c};
  expand(BINQ_TENSOR_Q3_K, q3_k, sizeof q3_k, 256, out);
  check_bits(out[32 + 20], (9 + 48 - 32) * (3.0f + 4 - 4)); // group 3
  check_bits(out[32 + 21], (9 + 48 - 32) * -4.0f);
  check_bits(out[0], (0 - 32) * -4.0f);
  uint8_t q4_k[144] = {0,
                       0x3c,
                       0,
                       0x38,
                       [4 + 1] = 0x40 + 5,
                       [8 + 1] = 0x80 + 6,
                       [12 + 1] = 0x73,
                       [16 + 4] = 0xa9,
                       [16 + 64 + 4] = 0xa9};
  expand(BINQ_TENSOR_Q4_K, q4_k, sizeof q4_k, 256, out);
  check_bits(out[32 + 4], 5.0f * 10 - 0.5f * 6);                // group 1
  check_bits(out[160 + 4], (3.0f + 16) * 10 - 0.5f * (7 + 32)); // group 5
  check_bits(out[4], 0);
  uint8_t q5_k[176] = {0,
                       0x3c,
                       0,
                       0x38,
                       [4 + 1] = 0x40 + 5,
                       [8 + 1] = 0x80 + 6,
                       [12 + 1] = 0x73,
                       [16 + 4] = 0x22,
                       [48 + 4] = 0xa9,
                       [48 + 64 + 4] = 0xa9};
  expand(BINQ_TENSOR_Q5_K, q5_k, sizeof q5_k, 256, out);
  check_bits(out[32 + 4], 5.0f * 26 - 0.5f * 6);
  check_bits(out[160 + 4], (3.0f + 16) * 26 - 0.5f * (7 + 32));
  check_bits(out[160 + 5], -0.5f * (7 + 32));
  uint8_t q6_k[210] = {[5] = 0x9a, [128 + 5] = 0x12, [192] = 0xfd, [196] = 2, [209] = 0x3c};
  expand(BINQ_TENSOR_Q6_K, q6_k, sizeof q6_k, 256, out);
  check_bits(out[5], -3.0f * (10 + 32 - 32));
  check_bits(out[64 + 5], 2.0f * (9 + 16 - 32));
  check_bits(out[32 + 5], -0.0f); // a scale of 0
}

int main(void) {
  test_described();
  test_golden();
  return check_result();
}
