/// The mode of float arithmetic. Results are defined with rounding to nearest, subnormals kept and
/// no traps, whatever the program has set for itself.
#ifndef BINQ_RUNTIME_FLOAT_MODE_H
#define BINQ_RUNTIME_FLOAT_MODE_H

#include <stdint.h>
#ifdef __x86_64__
#include <xmmintrin.h>
#endif

/// Sets it for this thread. What it was before goes back by binq_float_mode_leave.
static inline uint64_t binq_float_mode_enter(void) {
#ifdef __x86_64__
  unsigned mode = _mm_getcsr();
  _mm_setcsr(0x1f80);
#else
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  __asm__ volatile("msr fpcr, %0" : : "r"(UINT64_C(0)) : "memory");
#endif
  return mode;
}

static inline void binq_float_mode_leave(uint64_t mode) {
#ifdef __x86_64__
  _mm_setcsr((unsigned)mode);
#else
  __asm__ volatile("msr fpcr, %0" : : "r"(mode) : "memory");
#endif
}

#endif
