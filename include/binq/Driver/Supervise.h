/// Work in a child process, so that its parent can tidy up whatever the end: an error, a signal, a
/// crash, no memory.
#ifndef BINQ_DRIVER_SUPERVISE_H
#define BINQ_DRIVER_SUPERVISE_H

#include "binq/Support/Status.h"

/// Holds back SIGINT, SIGTERM and SIGHUP until binq_supervise waits for them, and lets writes to a
/// closed pipe or a file past its size limit fail rather than kill. Called once, before any output
/// is made.
void binq_supervise_prepare(void);

/// Runs work(argument) in a child process and returns its error. A child that was killed or crashed
/// is an error that says so. When one of the signals above arrives first, the child is killed and
/// *signal_number names it (else 0): the caller tidies up and calls binq_supervise_end.
binq_status binq_supervise(binq_status (*work)(void *argument), void *argument, int *signal_number);

/// Ends this process as the signal would have.
void binq_supervise_end(int signal_number);

#endif
