// The format of Unix archives as GNU ar writes it: a magic line, then members, each a header of 60
// characters and its bytes, beginning at even offsets. The first member, "/", is the index:
// big-endian, the number of symbols, the offset of the member each is in, then their names.
#include "Internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HEADER = 60, MAGIC = 8 };

static uint64_t even(uint64_t size) {
  return size + (size & 1);
}

static binq_status write_header(binq_output *output, const char *name, uint64_t size) {
  char header[HEADER + 1], slashed[17];
  snprintf(slashed, sizeof slashed, strcmp(name, "/") == 0 ? "%s" : "%s/", name);
  int length = snprintf(header, sizeof header, "%-16s%-12d%-6d%-6d%-8s%-10" PRIu64 "`\n", slashed,
                        0, 0, 0, "644", size);
  if (length != HEADER)
    return binq_errorf("%s does not fit into an archive", name);
  return binq_output_write(output, header, HEADER);
}

static binq_status pad(binq_output *output, uint64_t size) {
  return size & 1 ? binq_output_write(output, "\n", 1) : BINQ_OK;
}

static binq_status write_number(binq_output *output, uint64_t value) {
  if (value > UINT32_MAX)
    return binq_errorf("an archive of more than 4 GiB has no index");
  uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                      (uint8_t)value};
  return binq_output_write(output, bytes, sizeof bytes);
}

static binq_status write_index(binq_output *output, const binq_archive_member *members,
                               size_t count) {
  uint64_t symbols = 0, names = 0;
  for (size_t i = 0; i < count; ++i)
    for (size_t j = 0; j < members[i].symbol_count; ++j, ++symbols)
      names += strlen(members[i].symbols[j]) + 1;
  uint64_t size = 4 + 4 * symbols + names;
  BINQ_TRY(write_header(output, "/", size));
  BINQ_TRY(write_number(output, symbols));
  uint64_t offset = MAGIC + HEADER + even(size);
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < members[i].symbol_count; ++j)
      BINQ_TRY(write_number(output, offset));
    offset += HEADER + even(members[i].size);
  }
  for (size_t i = 0; i < count; ++i)
    for (size_t j = 0; j < members[i].symbol_count; ++j)
      BINQ_TRY(binq_output_write(output, members[i].symbols[j], strlen(members[i].symbols[j]) + 1));
  return pad(output, size);
}

binq_status binq_archive_write(binq_output *output, const binq_archive_member *members,
                               size_t count) {
  BINQ_TRY(binq_output_write(output, "!<arch>\n", MAGIC));
  BINQ_TRY(write_index(output, members, count));
  for (size_t i = 0; i < count; ++i) {
    BINQ_TRY(write_header(output, members[i].name, members[i].size));
    BINQ_TRY(members[i].write(output, members[i].source));
    BINQ_TRY(pad(output, members[i].size));
  }
  return BINQ_OK;
}
