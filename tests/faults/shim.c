/* What a disk, a clock and a file system can do to a program, done to it on purpose. Linux; loaded with LD_PRELOAD, steered by tests/faults/child.py.
 *
 * fault_arm(under, nth, what): the nth change to a file below that folder (write, growth, creation; for KILL also fsync, rename, unlink) and, for FULL
 * and BROKEN, every one after it, is refused until fault_arm(under, 0, 0). A refused write of several pages may be a short one: half of it arrives.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { NOTHING, FULL, KILL, BROKEN };

static char folder[PATH_MAX];
static long nth, count;
static int what, no_mapping, no_locks;
static long long ahead_ms;
static long flush_us;

#define REAL(name) ({ static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; })

void fault_arm(const char *under, long at, int kind) { strncpy(folder, under, sizeof folder - 1); nth = at; what = kind; count = 0; }
long fault_count(void) { return count; }
void fault_clock(long long ms) { ahead_ms = ms; }
void fault_filesystem(int mapping, int locks) { no_mapping = mapping; no_locks = locks; }

__attribute__((constructor)) static void begun(void) {
    const char *ms = getenv("ALUMNI_DESK_FAULT_AHEAD_MS"), *us = getenv("ALUMNI_DESK_FAULT_FLUSH_US");
    if (ms) ahead_ms = atoll(ms);
    if (us) flush_us = atol(us);
}

static int below(const char *path) { size_t n = strlen(folder); return n && strncmp(path, folder, n) == 0; }

static int ours(int fd) {
    char link[64], path[PATH_MAX];
    if (!folder[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    return below(path);
}

/* 0: go on; else the error to give. */
static int struck(int is_growth) {
    if (!what || (!is_growth && what != KILL)) return 0;
    if (++count < nth) return 0;
    if (what == KILL) kill(getpid(), SIGKILL);
    return what == BROKEN ? EIO : ENOSPC;
}

ssize_t write(int fd, const void *data, size_t size) {
    int error = ours(fd) ? struck(1) : 0;
    if (error && (count != nth || size < 2)) { errno = error; return -1; }
    return REAL(write)(fd, data, error ? size / 2 : size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    int error = ours(fd) ? struck(1) : 0;
    if (error && (count != nth || size < 2)) { errno = error; return -1; }
    return REAL(pwrite)(fd, data, error ? size / 2 : size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { return pwrite(fd, data, size, at); }

static int truncated(int fd, off_t size) {
    struct stat now;
    int grows = fstat(fd, &now) == 0 && size > now.st_size;
    int error = ours(fd) ? struck(grows) : 0;
    if (error) { errno = error; return -1; }
    return 0;
}
int ftruncate(int fd, off_t size) { return truncated(fd, size) ? -1 : REAL(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { return truncated(fd, size) ? -1 : REAL(ftruncate64)(fd, size); }
int posix_fallocate(int fd, off_t at, off_t size) { int error = ours(fd) ? struck(1) : 0; return error ? error : REAL(posix_fallocate)(fd, at, size); }
static int flushed(int result) { struct timespec more = {0, flush_us * 1000}; if (flush_us) nanosleep(&more, 0); return result; }
int fsync(int fd) { if (ours(fd)) struck(0); return flushed(REAL(fsync)(fd)); }
int fdatasync(int fd) { if (ours(fd)) struck(0); return flushed(REAL(fdatasync)(fd)); }
int rename(const char *from, const char *to) { if (below(to)) struck(0); return REAL(rename)(from, to); }
int unlink(const char *path) { if (below(path)) struck(0); return REAL(unlink)(path); }

static int created(const char *path, int flags) {
    if (!(flags & O_CREAT)) return 0;
    if (access(path, F_OK) == 0 || !below(path)) return 0;
    int error = struck(1);
    if (error) errno = error;
    return error;
}
#define OPENING(name) \
    int name(const char *path, int flags, ...) { \
        va_list more; va_start(more, flags); mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; va_end(more); \
        return created(path, flags) ? -1 : REAL(name)(path, flags, mode); }
OPENING(open)
OPENING(open64)

int statvfs(const char *path, struct statvfs *told) {
    int done = REAL(statvfs)(path, told);
    if (done == 0 && what == FULL && count >= nth && below(path)) told->f_bavail = told->f_bfree = 0;
    return done;
}
int statvfs64(const char *path, struct statvfs64 *told) { return statvfs(path, (struct statvfs *)told); }

void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset) {
    if (no_mapping && fd >= 0 && (flags & MAP_SHARED) && ours(fd)) { errno = no_mapping; return MAP_FAILED; }
    return REAL(mmap64)(at, size, protection, flags, fd, offset);
}
void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) { return mmap64(at, size, protection, flags, fd, offset); }

static int fcntl_on(int fd, int command, void *argument, int (*real)(int, int, ...)) {
    if (no_locks && (command == F_SETLK || command == F_SETLKW || command == F_GETLK) && ours(fd)) { errno = no_locks; return -1; }
    return real(fd, command, argument);
}
int fcntl(int fd, int command, ...) { va_list more; va_start(more, command); void *a = va_arg(more, void *); va_end(more); return fcntl_on(fd, command, a, REAL(fcntl)); }
int fcntl64(int fd, int command, ...) { va_list more; va_start(more, command); void *a = va_arg(more, void *); va_end(more); return fcntl_on(fd, command, a, REAL(fcntl64)); }
int flock(int fd, int operation) { if (no_locks && ours(fd)) { errno = no_locks; return -1; } return REAL(flock)(fd, operation); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = REAL(clock_gettime)(clock, now);
    if (done == 0 && ahead_ms && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        long long whole = (long long)now->tv_sec * 1000 + now->tv_nsec / 1000000 + ahead_ms;
        now->tv_nsec = whole % 1000 * 1000000 + now->tv_nsec % 1000000;
        now->tv_sec = whole / 1000;
    }
    return done;
}
time_t time(time_t *told) { struct timespec now; clock_gettime(CLOCK_REALTIME, &now); if (told) *told = now.tv_sec; return now.tv_sec; }
