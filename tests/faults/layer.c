/* A file layer between a process and its disk, for tests: LD_PRELOAD.
 *
 * In: calls that change files under FAULT_LAYER_ROOT, from any library of the process (the stock
 * SQLite too). Out: the calls themselves, each also written to the trace named by
 * FAULT_LAYER_TRACE, from which tests/faults/disk.py makes the disk that a power cut would have
 * left; and refusals where the page FAULT_LAYER_CONTROL asks for them (a full disk, a disk that is
 * read-only, a failing one), and a wall clock that is wrong by as much as the page says.
 *
 * A record of the trace: total length (u32), operation (u32), thread (u64), inode (u64), offset
 * (i64), length of the path (u32), length of the data (u32), path, data. One write(2) with O_APPEND
 * each, so that threads and processes never tear one another's. A change is written down after it
 * was made, a sync before (b) and after (s): what was written before b is durable after s.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {          /* tests/faults/layer.py has the same fields in the same order */
    int64_t calls;        /* changes asked for so far */
    int64_t fail_from;    /* refuse every change from this one on ... */
    int64_t fail_until;   /* ... until this one */
    int64_t error;        /* with this errno; 0: refuse nothing */
    int64_t refused;      /* how many were refused */
    int64_t clock_ns;     /* added to the wall clock */
    int64_t kill_at;      /* kill the whole process group before this change; 0: never */
};

static char root[PATH_MAX];
static size_t root_length;
static int trace = -1;
static struct control *control;
static struct control nothing;
#define MOST 65536
static uint64_t inode_of[MOST]; /* by file descriptor; 0: not ours */
static unsigned char folder_of[MOST];

#define REAL(name) ((__typeof__(&name))real(&real_##name, #name))
static void *real(void **kept, const char *name)
{
    if (!*kept) *kept = dlsym(RTLD_NEXT, name);
    return *kept;
}
#define KEEP(name) static void *real_##name

__attribute__((constructor)) static void begin(void)
{
    control = &nothing;
    const char *at = getenv("FAULT_LAYER_ROOT");
    const char *page = getenv("FAULT_LAYER_CONTROL");
    const char *log = getenv("FAULT_LAYER_TRACE");
    if (!at || !realpath(at, root)) return;
    root_length = strlen(root);
    if (log) trace = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (trace >= 0) { /* out of the way of whoever closes or counts low descriptors */
        int high = (int)syscall(SYS_fcntl, trace, F_DUPFD_CLOEXEC, 900);
        if (high >= 0) { syscall(SYS_close, trace); trace = high; }
    }
    int fd = page ? (int)syscall(SYS_openat, AT_FDCWD, page, O_RDWR | O_CLOEXEC, 0) : -1;
    if (fd >= 0) {
        void *mapped = mmap(0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (mapped != MAP_FAILED) control = mapped;
        syscall(SYS_close, fd);
    }
}

static int ours(const char *path)
{
    return root_length && !strncmp(path, root, root_length) &&
           (path[root_length] == '/' || !path[root_length]);
}

static int refused(void)
{
    int64_t n = __atomic_fetch_add(&control->calls, 1, __ATOMIC_SEQ_CST);
    if (control->kill_at && n >= control->kill_at) {
        kill(0, SIGKILL);
        pause();
    }
    if (!control->error || n < control->fail_from || n >= control->fail_until) return 0;
    __atomic_fetch_add(&control->refused, 1, __ATOMIC_SEQ_CST);
    errno = (int)control->error;
    return 1;
}

static void note(char op, uint64_t inode, int64_t offset, const char *path, const void *data, size_t size)
{
    if (trace < 0) return;
    int before = errno;
    uint32_t path_size = path ? (uint32_t)strlen(path) : 0;
    uint32_t total = 40 + path_size + (uint32_t)size, code = (unsigned char)op, data_size = (uint32_t)size;
    uint64_t thread = (uint64_t)syscall(SYS_gettid);
    char *record = malloc(total);
    memcpy(record, &total, 4);
    memcpy(record + 4, &code, 4);
    memcpy(record + 8, &thread, 8);
    memcpy(record + 16, &inode, 8);
    memcpy(record + 24, &offset, 8);
    memcpy(record + 32, &path_size, 4);
    memcpy(record + 36, &data_size, 4);
    if (path_size) memcpy(record + 40, path, path_size);
    if (size) memcpy(record + 40 + path_size, data, size);
    syscall(SYS_write, trace, record, total);
    free(record);
    errno = before;
}

/* the absolute path of a name; parents are not resolved further than the kernel has them */
static const char *whole(int at, const char *path, char *into)
{
    if (path[0] == '/') return path;
    char link[64], base[PATH_MAX];
    if (at == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return path;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t n = readlink(link, base, sizeof base - 1);
        if (n < 0) return path;
        base[n] = 0;
    }
    if (snprintf(into, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return path;
    return into;
}

static uint64_t inode_at(const char *path)
{
    struct stat found;
    return lstat(path, &found) ? 0 : found.st_ino;
}

static int mine(int fd) { return fd >= 0 && fd < MOST && inode_of[fd]; }

KEEP(openat);
static int open_at(int at, const char *name, int flags, mode_t mode)
{
    char room[PATH_MAX];
    const char *path = root_length ? whole(at, name, room) : name;
    if (!ours(path)) {
        int fd = REAL(openat)(at, name, flags, mode);
        if (fd >= 0 && fd < MOST) inode_of[fd] = 0;
        return fd;
    }
    uint64_t before = inode_at(path);
    int makes = (flags & O_CREAT) && !before, cuts = (flags & O_TRUNC) && before;
    int writes = (flags & O_ACCMODE) != O_RDONLY;
    if ((makes || cuts) && refused()) return -1;
    if (writes && !makes && !cuts && control->error == EROFS && refused()) return -1;
    int fd = REAL(openat)(at, name, flags, mode);
    struct stat found;
    if (fd < 0 || fd >= MOST || fstat(fd, &found)) return fd;
    inode_of[fd] = found.st_ino;
    folder_of[fd] = S_ISDIR(found.st_mode);
    if (makes) note('C', found.st_ino, 0, path, 0, 0);
    else if (cuts) note('T', found.st_ino, 0, 0, 0, 0);
    return fd;
}

#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }
int openat(int at, const char *path, int flags, ...) { MODE return open_at(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return open_at(at, path, flags, mode); }
int open(const char *path, int flags, ...) { MODE return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return open_at(AT_FDCWD, path, flags, mode); }
int __open_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

KEEP(close);
int close(int fd)
{
    if (fd == trace && fd >= 0) return 0;
    if (fd >= 0 && fd < MOST) inode_of[fd] = 0;
    return REAL(close)(fd);
}

KEEP(dup2);
int dup2(int from, int to)
{
    int made = REAL(dup2)(from, to);
    if (made >= 0 && made < MOST) inode_of[made] = mine(from) ? inode_of[from] : 0;
    return made;
}

KEEP(write);
ssize_t write(int fd, const void *data, size_t size)
{
    if (!mine(fd)) return REAL(write)(fd, data, size);
    if (refused()) return -1;
    ssize_t done = REAL(write)(fd, data, size);
    if (done > 0) note('W', inode_of[fd], lseek(fd, 0, SEEK_CUR) - done, 0, data, (size_t)done);
    return done;
}

KEEP(pwrite64);
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    if (!mine(fd)) return REAL(pwrite64)(fd, data, size, offset);
    if (refused()) return -1;
    ssize_t done = REAL(pwrite64)(fd, data, size, offset);
    if (done > 0) note('W', inode_of[fd], offset, 0, data, (size_t)done);
    return done;
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return pwrite64(fd, data, size, offset); }

KEEP(writev);
ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (!mine(fd)) return REAL(writev)(fd, parts, count);
    ssize_t sum = 0;
    for (int n = 0; n < count; n++) {
        ssize_t done = write(fd, parts[n].iov_base, parts[n].iov_len);
        if (done < 0) return sum ? sum : -1;
        sum += done;
        if ((size_t)done < parts[n].iov_len) break;
    }
    return sum;
}

KEEP(ftruncate64);
int ftruncate64(int fd, off64_t size)
{
    if (!mine(fd)) return REAL(ftruncate64)(fd, size);
    struct stat found;
    if (!fstat(fd, &found) && size > found.st_size && refused()) return -1;
    int answer = REAL(ftruncate64)(fd, size);
    if (!answer) note('T', inode_of[fd], size, 0, 0, 0);
    return answer;
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

KEEP(posix_fallocate64);
int posix_fallocate64(int fd, off64_t offset, off64_t size)
{
    if (mine(fd) && refused()) return errno;
    int answer = REAL(posix_fallocate64)(fd, offset, size);
    if (!answer && mine(fd)) note('G', inode_of[fd], offset + size, 0, 0, 0);
    return answer;
}
int posix_fallocate(int fd, off_t offset, off_t size) { return posix_fallocate64(fd, offset, size); }

/* copies that the kernel makes are declined, so that callers fall back to read and write */
KEEP(sendfile64);
ssize_t sendfile64(int to, int from, off64_t *offset, size_t size)
{
    if (mine(to)) { errno = EINVAL; return -1; }
    return REAL(sendfile64)(to, from, offset, size);
}
ssize_t sendfile(int to, int from, off_t *offset, size_t size) { return sendfile64(to, from, offset, size); }
KEEP(copy_file_range);
ssize_t copy_file_range(int from, off64_t *a, int to, off64_t *b, size_t size, unsigned flags)
{
    if (mine(to)) { errno = EXDEV; return -1; }
    return REAL(copy_file_range)(from, a, to, b, size, flags);
}

#define SYNC(name)                                                           \
    KEEP(name);                                                              \
    int name(int fd)                                                         \
    {                                                                        \
        if (!mine(fd)) return REAL(name)(fd);                                \
        char room[PATH_MAX], link[64];                                       \
        ssize_t n = 0;                                                       \
        if (folder_of[fd]) {                                                 \
            snprintf(link, sizeof link, "/proc/self/fd/%d", fd);             \
            n = readlink(link, room, sizeof room - 1);                       \
        }                                                                    \
        room[n > 0 ? n : 0] = 0;                                             \
        note('b', inode_of[fd], 0, room, 0, 0);                              \
        if (trace < 0) return REAL(name)(fd);                                \
        note('s', inode_of[fd], 0, room, 0, 0); /* the real disk is spared */\
        return 0;                                                            \
    }
SYNC(fsync)
SYNC(fdatasync)

KEEP(renameat);
int renameat(int from_at, const char *from, int to_at, const char *to)
{
    char a[PATH_MAX], b[PATH_MAX];
    const char *old = root_length ? whole(from_at, from, a) : from;
    const char *now = root_length ? whole(to_at, to, b) : to;
    if (ours(now) && refused()) return -1;
    int answer = REAL(renameat)(from_at, from, to_at, to);
    if (!answer && (ours(old) || ours(now))) note('R', inode_at(now), 0, old, now, strlen(now));
    return answer;
}
int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

KEEP(linkat);
int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    char b[PATH_MAX];
    const char *now = root_length ? whole(to_at, to, b) : to;
    if (ours(now) && refused()) return -1;
    int answer = REAL(linkat)(from_at, from, to_at, to, flags);
    if (!answer && ours(now)) note('C', inode_at(now), 1, now, 0, 0);
    return answer;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

KEEP(unlinkat);
int unlinkat(int at, const char *name, int flags)
{
    char room[PATH_MAX];
    const char *path = root_length ? whole(at, name, room) : name;
    if (ours(path) && control->error == EROFS && refused()) return -1;
    int answer = REAL(unlinkat)(at, name, flags);
    if (!answer && ours(path)) note('U', 0, 0, path, 0, 0);
    return answer;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

KEEP(mkdirat);
int mkdirat(int at, const char *name, mode_t mode)
{
    char room[PATH_MAX];
    const char *path = root_length ? whole(at, name, room) : name;
    if (!ours(path)) return REAL(mkdirat)(at, name, mode);
    if (!inode_at(path) && refused()) return -1;
    int answer = REAL(mkdirat)(at, name, mode);
    if (!answer) note('D', inode_at(path), 0, path, 0, 0);
    return answer;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

KEEP(mmap64);
void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset)
{
    /* what is written through a mapping is not seen: such a file may hold anything after a cut */
    if (mine(fd) && (flags & MAP_SHARED) && (protection & PROT_WRITE)) note('M', inode_of[fd], 0, 0, 0, 0);
    return REAL(mmap64)(at, size, protection, flags, fd, offset);
}
void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    return mmap64(at, size, protection, flags, fd, offset);
}

KEEP(clock_gettime);
int clock_gettime(clockid_t which, struct timespec *into)
{
    int answer = REAL(clock_gettime)(which, into);
    if (!answer && control && control->clock_ns && which == CLOCK_REALTIME) {
        int64_t ns = into->tv_sec * INT64_C(1000000000) + into->tv_nsec + control->clock_ns;
        into->tv_sec = ns / 1000000000;
        into->tv_nsec = ns % 1000000000;
    }
    return answer;
}
int gettimeofday(struct timeval *restrict into, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    into->tv_sec = now.tv_sec;
    into->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *into)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into) *into = now.tv_sec;
    return now.tv_sec;
}
