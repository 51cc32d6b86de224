#include "runtime/Hash.h"
#include "Check.h"

// Computed from the definition in Hash.h with another implementation of SHA-256 (Python's hashlib),
// of the bytes (i * i * 7 + i / 251) mod 256.
static const struct {
  size_t size;
  const char *hex;
} known[] = {
    {0, "650ee964fa644a8bb802242bbddb89f09ad14719def415c231215bae141cc780"},
    {1, "4e5947173a608de5169c40cbfad2f4868f7f4ddc6ccc1c0aaa5b7a4fd081a09f"},
    {63, "910c7137cd5cf146ae41e041322e23384f3820e3d0868d21c7756244a8da9804"},
    {64, "ba151ec8d4e5819c52405ac3ec45c3650cf8e7598028669a1c8027ad1d92ae5e"},
    {511, "0d8204a0c03fb7a91ffb9f931315cccfa027bbc88f8a86f110b55f46ecedb3a9"},
    {512, "4af1b6bb6102ba3333ea678c1cbaf4126ac2280e2f2a16a82e6ba8aa5e57c8fe"},
    {513, "628dd799e29022a3f82ad913db09e2cd97ea8bc19722f2e7adc1b7f6c68cb830"},
    {1024, "150b02008fb4e9e2e32501e0c93438d6c6b541685e65eae617a6a9d6f8d7c62e"},
    {100000, "5e5d0f7d35eb6782ee45750da5d2f01c96e6813195033471a4977666fcb39c3d"},
};

/// Hashes in pieces of `step` bytes; `wide` as the CPU is, or as if it were an old one.
static void hash(const uint8_t *bytes, size_t size, size_t step, bool wide, char hex[65]) {
  binq_hash state;
  uint8_t digest[32];
  binq_hash_begin(&state);
  state.wide &= wide;
  for (size_t done = 0; done < size; done += step)
    binq_hash_add(&state, bytes + done, size - done < step ? size - done : step);
  binq_hash_end(&state, digest);
  for (int i = 0; i < 32; ++i)
    snprintf(hex + (ptrdiff_t)2 * i, 3, "%02x", digest[i]);
}

int main(void) {
  static uint8_t bytes[100000];
  char hex[65];
  for (size_t i = 0; i < sizeof bytes; ++i)
    bytes[i] = (uint8_t)(i * i * 7 + i / 251);
  for (size_t i = 0; i < sizeof known / sizeof *known; ++i) {
    hash(bytes, known[i].size, sizeof bytes / 512 * 512 + 512, true, hex);
    CHECK_EQ_STR(hex, known[i].hex);
    hash(bytes, known[i].size, 512, false, hex);
    CHECK_EQ_STR(hex, known[i].hex);
    hash(bytes, known[i].size, (size_t)5 * 512, true, hex);
    CHECK_EQ_STR(hex, known[i].hex);
  }
  return check_result();
}
