#include "runtime/Hash.h"
#include "runtime/Cpu.h"
#include <string.h>

enum { LANES = 8, BLOCK = 64, DIGEST = 32 };

// The first 32 bits of the fractional parts of the square roots of the first 8 primes.
static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

// Those of the cube roots of the first 64 primes.
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static inline binq_hash_lanes rotate(binq_hash_lanes x, int bits) {
  return x >> bits | x << (32 - bits);
}

static uint32_t read_big_endian(const uint8_t *bytes) {
  uint32_t word;
  memcpy(&word, bytes, sizeof word);
  return __builtin_bswap32(word);
}

/// One block of each lane; lane l's is at block + 64 l.
static inline __attribute__((always_inline)) void mix(binq_hash_lanes words[8],
                                                      const uint8_t *block) {
  binq_hash_lanes w[64], s[8];
  for (int t = 0; t < 16; ++t)
    for (int lane = 0; lane < LANES; ++lane)
      w[t][lane] = read_big_endian(block + (ptrdiff_t)BLOCK * lane + (ptrdiff_t)4 * t);
  for (int t = 16; t < 64; ++t) {
    binq_hash_lanes a = w[t - 15], b = w[t - 2];
    w[t] = w[t - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[t - 7] +
           (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
  }
  memcpy(s, words, sizeof s);
  for (int t = 0; t < 64; ++t) {
    binq_hash_lanes first = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
                            (s[6] ^ (s[4] & (s[5] ^ s[6]))) + constants[t] + w[t];
    binq_hash_lanes second = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
                             ((s[0] & s[1]) | (s[2] & (s[0] | s[1])));
    memmove(s + 1, s, 7 * sizeof *s);
    s[4] += first;
    s[0] = first + second;
  }
  for (int i = 0; i < 8; ++i)
    words[i] += s[i];
}

#ifdef __x86_64__
#define WIDE __attribute__((target("avx2")))
#else
#define WIDE
#endif

/// The rest of the runtime does with the oldest CPUs' instructions, but a file of weights is hashed
/// twice as fast with all lanes in a register.
WIDE static void compress_wide(binq_hash_lanes words[8], const uint8_t *block) {
  mix(words, block);
}

static void compress(binq_hash *hash, const uint8_t *block) {
  if (hash->wide)
    compress_wide(hash->words, block);
  else
    mix(hash->words, block);
}

void binq_hash_begin(binq_hash *hash) {
  // OSXSAVE, AVX and AVX2, and that the operating system saves the registers.
  const binq_cpu avx2 = {
      .leaf1_ecx = 1 << 27 | 1 << 28, .leaf7_ebx = 1 << 5, .xcr0 = 1 << 1 | 1 << 2};
  binq_cpu cpu = binq_cpu_read();
  hash->wide = binq_cpu_has(&cpu, &avx2);
  hash->size = 0;
  for (int i = 0; i < 8; ++i)
    hash->words[i] = initial[i] - (binq_hash_lanes){0};
}

void binq_hash_add(binq_hash *hash, const void *bytes, size_t size) {
  const uint8_t *next = bytes;
  hash->size += size;
  for (; size >= BINQ_HASH_STEP; size -= BINQ_HASH_STEP, next += BINQ_HASH_STEP)
    compress(hash, next);
  if (size) {
    uint8_t last[BINQ_HASH_STEP] = {0};
    memcpy(last, next, size);
    compress(hash, last);
  }
}

static void write_big_endian(uint8_t *out, uint64_t value) {
  value = __builtin_bswap64(value);
  memcpy(out, &value, sizeof value);
}

/// The digest of lane `lane`.
static void digest(const binq_hash *hash, int lane, uint8_t *out) {
  for (int i = 0; i < 8; ++i) {
    uint32_t word = __builtin_bswap32(hash->words[i][lane]);
    memcpy(out + (ptrdiff_t)4 * i, &word, sizeof word);
  }
}

void binq_hash_end(binq_hash *hash, uint8_t out[32]) {
  // Every stream is a whole number of blocks: its padding is one more block, the same for all.
  uint64_t stream = (hash->size + BINQ_HASH_STEP - 1) / BINQ_HASH_STEP * BLOCK;
  uint8_t padding[BINQ_HASH_STEP] = {0};
  for (int lane = 0; lane < LANES; ++lane) {
    padding[(size_t)BLOCK * lane] = 0x80;
    write_big_endian(padding + (ptrdiff_t)BLOCK * lane + BLOCK - 8, stream * 8);
  }
  compress(hash, padding);

  enum { MESSAGE = LANES * DIGEST + 8, BLOCKS = MESSAGE / BLOCK + 1 };
  uint8_t message[BLOCKS * BLOCK] = {0};
  for (int lane = 0; lane < LANES; ++lane)
    digest(hash, lane, message + (ptrdiff_t)DIGEST * lane);
  write_big_endian(message + (size_t)LANES * DIGEST, __builtin_bswap64(hash->size));
  message[MESSAGE] = 0x80;
  write_big_endian(message + sizeof message - 8, (uint64_t)MESSAGE * 8);
  binq_hash outer;
  binq_hash_begin(&outer);
  for (int i = 0; i < BLOCKS; ++i) {
    uint8_t lanes[BINQ_HASH_STEP] = {0}; // only lane 0 counts
    memcpy(lanes, message + (ptrdiff_t)BLOCK * i, BLOCK);
    compress(&outer, lanes);
  }
  digest(&outer, 0, out);
}
