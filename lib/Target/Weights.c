// The weights as bytes, as a hash, and as an object file: ELF64 relocatable (System V ABI, chapter
// 4; x86-64 psABI; that of AArch64).
#include "Internal.h"
#include "runtime/Hash.h"
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STEP = 8 << 20 }; // bytes looked at before their pages are given back

/// Calls `use` for all of the weights in pieces of STEP, in order.
static binq_status for_each_piece(const binq_target_model *model,
                                  binq_status (*use)(void *user, const uint8_t *bytes, size_t size),
                                  void *user) {
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  for (uint64_t done = 0; done < model->weights_size; done += STEP) {
    uint64_t left = model->weights_size - done;
    size_t size = left < STEP ? (size_t)left : STEP;
    BINQ_TRY(use(user, model->weights + done, size));
    // Whole pages only; they are a file's, so they come back when they are read again.
    const uint8_t *begin = model->weights + done, *end = begin + size;
    begin += -(uintptr_t)begin % page;
    end -= (uintptr_t)end % page;
    if (begin < end)
      madvise((void *)begin, (size_t)(end - begin), MADV_DONTNEED);
  }
  return BINQ_OK;
}

static binq_status write_piece(void *user, const uint8_t *bytes, size_t size) {
  return binq_output_write(user, bytes, size);
}

binq_status binq_weights_write(binq_output *output, const binq_target_model *model) {
  return for_each_piece(model, write_piece, output);
}

_Static_assert(STEP % BINQ_HASH_STEP == 0, "only the last piece may be odd");

static binq_status hash_piece(void *user, const uint8_t *bytes, size_t size) {
  binq_hash_add(user, bytes, size);
  return BINQ_OK;
}

void binq_weights_hash(const binq_target_model *model, uint8_t out[32]) {
  binq_hash hash;
  binq_hash_begin(&hash);
  binq_status_free(for_each_piece(model, hash_piece, &hash)); // hashing does not fail
  binq_hash_end(&hash, out);
}

enum { NONE, DATA, STACK_NOTE, SYMBOLS, STRINGS, SECTION_NAMES, SECTION_COUNT };

static const char section_names[] =
    "\0" BINQ_WEIGHTS_SECTION "\0.note.GNU-stack\0.symtab\0.strtab\0.shstrtab";

/// Everything behind the weights, in file order.
typedef struct {
  uint8_t padding[64];
  Elf64_Sym symbols[2];
  char strings[96]; // NUL, then the name of the symbol
  char section_names[96];
  Elf64_Shdr sections[SECTION_COUNT];
} tail;

static uint64_t aligned_weights(const binq_target_model *model) {
  return (model->weights_size + 63) & ~UINT64_C(63);
}

/// The padding is written with the tail, but only as much of it as the weights need.
static size_t padding_of(const binq_target_model *model) {
  return (size_t)(aligned_weights(model) - model->weights_size);
}

uint64_t binq_weights_object_size(const binq_target_model *model) {
  return sizeof(Elf64_Ehdr) + aligned_weights(model) + sizeof(tail) - sizeof(((tail *)0)->padding);
}

static Elf64_Word name_offset(const char *name) {
  size_t offset = 1;
  while (strcmp(section_names + offset, name) != 0)
    offset += strlen(section_names + offset) + 1;
  return (Elf64_Word)offset;
}

/// Fills a section header.
static void set_section(Elf64_Shdr *section, const char *name, Elf64_Word type, uint64_t offset,
                        uint64_t size) {
  section->sh_name = name_offset(name);
  section->sh_type = type;
  section->sh_offset = offset;
  section->sh_size = size;
  section->sh_addralign = 1;
}

static void fill_tail(const binq_target_model *model, tail *out) {
  memset(out, 0, sizeof *out);
  snprintf(out->strings + 1, sizeof out->strings - 1, "%s_weights", model->name);
  memcpy(out->section_names, section_names, sizeof section_names);
  _Static_assert(sizeof section_names <= sizeof out->section_names, "the names fit");
  out->symbols[1] = (Elf64_Sym){.st_name = 1,
                                .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
                                .st_other = STV_HIDDEN,
                                .st_shndx = DATA,
                                .st_size = model->weights_size};
  const uint64_t start = sizeof(Elf64_Ehdr) + aligned_weights(model) - sizeof out->padding;
  Elf64_Shdr *s = out->sections;
  set_section(&s[DATA], BINQ_WEIGHTS_SECTION, SHT_PROGBITS, sizeof(Elf64_Ehdr),
              model->weights_size);
  s[DATA].sh_flags = SHF_ALLOC | model->platform->weights_flags;
  s[DATA].sh_addralign = 64;
  set_section(&s[STACK_NOTE], ".note.GNU-stack", SHT_PROGBITS, start + offsetof(tail, symbols), 0);
  set_section(&s[SYMBOLS], ".symtab", SHT_SYMTAB, start + offsetof(tail, symbols),
              sizeof out->symbols);
  s[SYMBOLS].sh_link = STRINGS;
  s[SYMBOLS].sh_info = 1; // index of the first global symbol
  s[SYMBOLS].sh_entsize = sizeof(Elf64_Sym);
  s[SYMBOLS].sh_addralign = 8;
  set_section(&s[STRINGS], ".strtab", SHT_STRTAB, start + offsetof(tail, strings),
              sizeof out->strings);
  set_section(&s[SECTION_NAMES], ".shstrtab", SHT_STRTAB, start + offsetof(tail, section_names),
              sizeof out->section_names);
}

static Elf64_Ehdr file_header(const binq_target_model *model) {
  return (Elf64_Ehdr){
      .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
      .e_type = ET_REL,
      .e_machine = model->platform->elf_machine,
      .e_version = EV_CURRENT,
      .e_shoff = binq_weights_object_size(model) - sizeof(((tail *)0)->sections),
      .e_ehsize = sizeof(Elf64_Ehdr),
      .e_shentsize = sizeof(Elf64_Shdr),
      .e_shnum = SECTION_COUNT,
      .e_shstrndx = SECTION_NAMES,
  };
}

binq_status binq_weights_object_write(binq_output *output, const binq_target_model *model) {
  Elf64_Ehdr header = file_header(model);
  tail end;
  fill_tail(model, &end);
  size_t skipped = sizeof end.padding - padding_of(model);
  BINQ_TRY(binq_output_write(output, &header, sizeof header));
  BINQ_TRY(binq_weights_write(output, model));
  return binq_output_write(output, (const uint8_t *)&end + skipped, sizeof end - skipped);
}
