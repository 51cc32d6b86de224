/// The command line of bench-kernels.
#ifndef BINQ_BENCH_COMMAND_H
#define BINQ_BENCH_COMMAND_H

#include "Contestant.h"
#include "Measure.h"
#include "binq/Driver/Options.h"

enum { BENCH_LIST_MAX = BINQ_ARGUMENT_LIST_MAX };

typedef struct {
  bench_shape shapes[BENCH_LIST_MAX];
  size_t shape_count;
  int64_t tokens[BENCH_LIST_MAX];
  size_t token_count;
  int64_t threads[BENCH_LIST_MAX];
  size_t thread_count;
  const char *cache; ///< "cold", "hot" or "both"
  binq_argument_list formats, lower_options, types;
  const char *peer, *openblas; ///< libraries; "" where there is none
  int64_t int8_columns, memory;
  bench_effort effort;
  const char *json; ///< "" for none
} bench_command;

/// Reads it, or answers it itself where that is asked for.
binq_status bench_command_parse(int argc, char **argv, bench_command *out,
                                binq_command_request *request);

#endif
