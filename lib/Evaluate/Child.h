/// The program of a compiled model as a predictor: it runs as a child process and writes its logits
/// to a pipe.
#ifndef BINQ_LIB_EVALUATE_CHILD_H
#define BINQ_LIB_EVALUATE_CHILD_H

#include "binq/Calibrate/Predictor.h"

typedef struct binq_child binq_child;

/// Starts `program` on the first windows of the text in the file `path`, which `windows` has as
/// tokens.
binq_status binq_child_start(const char *program, const char *path, const binq_windows *windows,
                             int64_t threads, binq_child **out);
binq_predictor binq_child_predictor(binq_child *child, const char *name);
/// After the last window: an error if the program wrote more, or failed.
binq_status binq_child_finish(binq_child *child);
/// Ends the program if it still runs. NULL is ignored.
void binq_child_destroy(binq_child *child);

#endif
