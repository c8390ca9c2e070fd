/*
 * Shifts the wall clock of a process and of all that it starts by SHIFTED_CLOCK_SECONDS, in what it is told of the time, of the
 * dates of files, and in the deadlines that it waits for. Loaded by LD_PRELOAD. The kernel's clock stays as it is, so
 * that a test run on another day needs no rights and disturbs nobody. Waits by a monotonic clock are not touched:
 * their deadlines are small numbers.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct stat;
int fstatat(int, const char *, struct stat *, int);

static long long shift(void) {
  static long long seconds;
  static int known;
  if (!known) {
    const char *text = getenv("SHIFTED_CLOCK_SECONDS");
    seconds = text ? atoll(text) : 0;
    known = 1;
  }
  return seconds;
}

#define NEXT(name) \
  static __typeof__(&name) next; \
  if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int is_wall(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }

/* A deadline of the wall clock is beyond the year 2001; one of a monotonic clock is not. */
static struct timespec real(const struct timespec *deadline) {
  struct timespec at = *deadline;
  if (at.tv_sec > 1000000000) at.tv_sec -= shift();
  return at;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
  NEXT(clock_gettime);
  int result = next(clock, at);
  if (result == 0 && is_wall(clock)) at->tv_sec += shift();
  return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
  NEXT(gettimeofday);
  int result = next(at, zone);
  if (result == 0) at->tv_sec += shift();
  return result;
}

time_t time(time_t *at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}

/* What Node asks for dates of files. */
long syscall(long number, ...) {
  NEXT(syscall);
  va_list list;
  va_start(list, number);
  long a[6];
  for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
  va_end(list);
  long result = next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  if (number == SYS_statx && result == 0) {
    struct statx *of = (struct statx *)a[4];
    of->stx_atime.tv_sec += shift();
    of->stx_mtime.tv_sec += shift();
    of->stx_ctime.tv_sec += shift();
    of->stx_btime.tv_sec += shift();
  }
  if (number == SYS_clock_gettime && result == 0 && is_wall(a[0])) ((struct timespec *)a[1])->tv_sec += shift();
  return result;
}

static const struct timespec *unshifted(const struct timespec times[2], struct timespec kept[2]) {
  if (!times) return times;
  for (int i = 0; i < 2; i++) {
    kept[i] = times[i];
    if (kept[i].tv_nsec != UTIME_NOW && kept[i].tv_nsec != UTIME_OMIT) kept[i].tv_sec -= shift();
  }
  return kept;
}

int utimensat(int folder, const char *path, const struct timespec times[2], int flags) {
  NEXT(utimensat);
  struct timespec kept[2];
  return next(folder, path, unshifted(times, kept), flags);
}

int futimens(int file, const struct timespec times[2]) {
  NEXT(futimens);
  struct timespec kept[2];
  return next(file, unshifted(times, kept));
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict deadline) {
  static int (*next)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
  if (!next) next = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  struct timespec at = real(deadline);
  return next(condition, mutex, &at);
}

int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                           const struct timespec *deadline) {
  NEXT(pthread_cond_clockwait);
  struct timespec at = real(deadline);
  return next(condition, mutex, clock, &at);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict deadline) {
  NEXT(pthread_mutex_timedlock);
  struct timespec at = real(deadline);
  return next(mutex, &at);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict deadline) {
  NEXT(sem_timedwait);
  struct timespec at = real(deadline);
  return next(semaphore, &at);
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *length, struct timespec *left) {
  NEXT(clock_nanosleep);
  if (!(flags & TIMER_ABSTIME) || !is_wall(clock)) return next(clock, flags, length, left);
  struct timespec at = real(length);
  return next(clock, flags, &at, left);
}
