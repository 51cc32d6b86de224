/// What is measured: one linear y = W x in somebody's format, by somebody's code. Peers are built
/// apart from binq and see nothing of it but this header.
#ifndef BINQ_BENCH_CONTESTANT_H
#define BINQ_BENCH_CONTESTANT_H

#include <stdint.h>

/// Rows and columns of W are multiples of 32.
typedef struct {
  int64_t rows, columns;
} bench_shape;

/// How a linear is called. `pool` is for our own code.
typedef struct {
  int64_t tokens;
  int threads;
  const float *x; ///< [tokens][columns]
  struct binq_pool *pool;
} bench_setting;

/// Float weights of which only so many rows differ: row i of W is row i mod this of `values`.
enum { BENCH_DISTINCT_ROWS = 32 };
typedef struct {
  bench_shape shape;
  const float
      *values; ///< [BENCH_DISTINCT_ROWS][columns]: -1 or 1, which every format can hold, roughly
  int64_t least_bytes; ///< of all copies of the weights together
} bench_problem;

typedef struct {
  char name[48];
  int64_t bytes;  ///< of one copy of the weights
  int64_t copies; ///< that lie behind one another in memory
  void *state;
  /// How many calls run together: those of a run are a multiple of that.
  int64_t (*prepare)(void *state, const bench_setting *setting);
  /// `calls` times the linear, with the weights of copy first, first + 1, .. modulo `copies`, which
  /// may be fewer than there are. Activations are quantized in every call.
  void (*run)(void *state, int64_t first, int64_t calls, int64_t copies);
  /// [tokens][rows] of the last call.
  const float *(*output)(void *state);
  void (*destroy)(void *state);
} bench_contestant;

/// Memory that pays no more for pages than it must: the same for every contestant.
void bench_use_huge_pages(void *memory, int64_t bytes);

typedef enum { BENCH_FITS, BENCH_DOES_NOT_FIT, BENCH_FAILED } bench_fit;

/// What the library of a peer exports as `bench_peer`.
typedef struct {
  /// One of its formats by its name, which may not fit the shape. It fails where there is no such
  /// format, or memory is out.
  bench_fit (*create)(const char *format, const bench_problem *problem,
                      void (*use_huge_pages)(void *memory, int64_t bytes), bench_contestant *out);
} bench_peer_interface;

#endif
