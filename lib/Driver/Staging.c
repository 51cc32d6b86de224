#include "binq/Driver/Staging.h"

#include "binq/Support/Memory.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct binq_staging {
  char *folder; ///< where files go
  char *path;   ///< FOLDER/.binq-XXXXXX
  size_t kept;  ///< bytes of `folder` that were there before
};

static binq_status join(const char *folder, const char *name, char **out) {
  if (asprintf(out, "%s/%s", folder, name) >= 0)
    return BINQ_OK;
  *out = NULL;
  return binq_errorf("out of memory");
}

static bool is_folder(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/// Removes the folders that make_folders made, deepest first.
static void remove_folders(binq_staging *staging) {
  size_t length = strlen(staging->folder);
  while (length > staging->kept) {
    staging->folder[length] = '\0';
    (void)rmdir(staging->folder);
    while (length > staging->kept && staging->folder[length - 1] != '/')
      length--;
    while (length > staging->kept && staging->folder[length - 1] == '/')
      length--;
  }
}

/// Makes `folder` and its parents and notes how much of it was there.
static binq_status make_folders(binq_staging *staging) {
  char *path = staging->folder;
  size_t length = strlen(path);
  staging->kept = length;
  bool missing = false;
  for (size_t end = 1; end <= length; end++) {
    if (path[end] != '/' && path[end] != '\0')
      continue;
    char saved = path[end];
    path[end] = '\0';
    if (!is_folder(path)) {
      if (mkdir(path, 0777) != 0) {
        int reason = errno == EEXIST ? ENOTDIR : errno; // what is there is no folder
        binq_status status = binq_errorf("cannot make the folder %s: %s", path, strerror(reason));
        path[end] = saved;
        return status;
      }
      if (!missing) {
        missing = true;
        staging->kept = strrchr(path, '/') ? (size_t)(strrchr(path, '/') - path) : 0;
      }
    }
    path[end] = saved;
  }
  return BINQ_OK;
}

static void staging_free(binq_staging *staging) {
  free(staging->folder);
  free(staging->path);
  free(staging);
}

static binq_status staging_fill(binq_staging *staging, const char *folder) {
  staging->folder = strdup(folder);
  if (!staging->folder)
    return binq_errorf("out of memory");
  BINQ_TRY(make_folders(staging));
  BINQ_TRY(join(folder, ".binq-XXXXXX", &staging->path));
  if (!mkdtemp(staging->path)) {
    int reason = errno;
    free(staging->path);
    staging->path = NULL;
    return binq_errorf("cannot write to the folder %s: %s", folder, strerror(reason));
  }
  return BINQ_OK;
}

binq_status binq_staging_create(const char *folder, binq_staging **out) {
  *out = NULL;
  binq_staging *staging = NULL;
  BINQ_TRY(binq_allocate(1, sizeof *staging, "output folder", &staging));
  binq_status status = staging_fill(staging, folder);
  if (status)
    binq_staging_discard(staging);
  else
    *out = staging;
  return status;
}

const char *binq_staging_path(const binq_staging *staging) {
  return staging->path;
}

/// Calls `visit` with the path of every file of the temporary folder, and the path it is to go to,
/// until one fails.
static binq_status each_file(const binq_staging *staging,
                             binq_status (*visit)(const char *file, const char *target)) {
  DIR *files = opendir(staging->path);
  if (!files)
    return binq_errorf("%s: %s", staging->path, strerror(errno));
  binq_status status = BINQ_OK;
  const struct dirent *entry = NULL;
  while (!status && (entry = readdir(files))) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    char *file = NULL;
    char *target = NULL;
    status = join(staging->path, entry->d_name, &file);
    if (!status)
      status = join(staging->folder, entry->d_name, &target);
    if (!status)
      status = visit(file, target);
    free(file);
    free(target);
  }
  (void)closedir(files);
  return status;
}

static binq_status remove_file(const char *file, const char *target) {
  (void)target;
  (void)unlink(file);
  return BINQ_OK;
}

static binq_status check_target(const char *file, const char *target) {
  (void)file;
  return is_folder(target) ? binq_errorf("%s is a folder, and a file is to go there", target)
                           : BINQ_OK;
}

static binq_status move_file(const char *file, const char *target) {
  return rename(file, target) == 0 ? BINQ_OK
                                   : binq_errorf("cannot write %s: %s", target, strerror(errno));
}

void binq_staging_discard(binq_staging *staging) {
  if (!staging)
    return;
  if (staging->path) {
    binq_status_free(each_file(staging, remove_file));
    (void)rmdir(staging->path);
  }
  if (staging->folder)
    remove_folders(staging);
  staging_free(staging);
}

binq_status binq_staging_commit(binq_staging *staging) {
  binq_status status = each_file(staging, check_target);
  if (!status)
    status = each_file(staging, move_file);
  if (status) {
    binq_staging_discard(staging);
    return status;
  }
  (void)rmdir(staging->path);
  staging_free(staging);
  return BINQ_OK;
}
