/* LD_PRELOAD: reads of files whose path contains $BAD_SECTORS give EIO, as a disk with bad sectors does. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_bad(int fd) {
  const char *wanted = getenv("BAD_SECTORS");
  char link[64], path[4096];
  if (wanted == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = '\0';
  return strstr(path, wanted) != NULL;
}

#define READS(name, parameters, arguments)                                        \
  ssize_t name parameters {                                                       \
    static ssize_t(*real) parameters;                                             \
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, #name);                  \
    if (is_bad(fd)) {                                                             \
      errno = EIO;                                                                \
      return -1;                                                                  \
    }                                                                             \
    return real arguments;                                                        \
  }

READS(read, (int fd, void *into, size_t bytes), (fd, into, bytes))
READS(pread, (int fd, void *into, size_t bytes, off_t at), (fd, into, bytes, at))
READS(pread64, (int fd, void *into, size_t bytes, off64_t at), (fd, into, bytes, at))
READS(readv, (int fd, const struct iovec *into, int count), (fd, into, count))
READS(preadv, (int fd, const struct iovec *into, int count, off_t at), (fd, into, count, at))
READS(preadv64, (int fd, const struct iovec *into, int count, off64_t at), (fd, into, count, at))
