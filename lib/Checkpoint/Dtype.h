/// The element types of parameter files: their names there and their sizes.
#ifndef BINQ_CHECKPOINT_DTYPE_H
#define BINQ_CHECKPOINT_DTYPE_H

#include "Safetensors.h"
#include "binq/Checkpoint/Parameters.h"

static const binq_safetensors_type binq_dtypes[] = {
    [BINQ_DTYPE_U8] = {"U8", 1},   [BINQ_DTYPE_I8] = {"I8", 1},   [BINQ_DTYPE_U16] = {"U16", 2},
    [BINQ_DTYPE_I32] = {"I32", 4}, [BINQ_DTYPE_F32] = {"F32", 4},
};

/// The bytes of a tensor: its dimensions are positive, and it fills a whole number of 64 bytes.
binq_status binq_parameter_size(binq_dtype dtype, int rank, const int64_t *shape, size_t *out);

#endif
