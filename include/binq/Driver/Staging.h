/// Output that appears whole or not at all: files are made in a temporary folder inside their
/// folder and moved out of it when all of them are there.
#ifndef BINQ_DRIVER_STAGING_H
#define BINQ_DRIVER_STAGING_H

#include "binq/Support/Status.h"

typedef struct binq_staging binq_staging;

/// Makes a temporary folder inside `folder`, which is made too (with its parents) if it is missing.
binq_status binq_staging_create(const char *folder, binq_staging **out);

/// The temporary folder.
const char *binq_staging_path(const binq_staging *staging);

/// Moves every file to the folder, replacing files of the same name, and frees `staging`; after an
/// error nothing new is left.
binq_status binq_staging_commit(binq_staging *staging);

/// Removes the temporary folder, and the folders that were made for it, and frees `staging`. NULL
/// is ignored.
void binq_staging_discard(binq_staging *staging);

#endif
