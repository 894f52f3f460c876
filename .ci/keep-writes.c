/* Keeps what tests delete, so that it can be searched for secrets afterwards.
 *
 * Preloaded into the tests and into what they start. A file that is about to be removed from below $KEEP_WRITES_FROM gets a
 * second name in $KEEP_WRITES_TO first, and so does one that another is about to be renamed over; then it is removed as ever.
 * A file that cannot be kept is told in $KEEP_WRITES_TO/missed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_below(const char *path, const char *folder) {
    size_t length = folder ? strlen(folder) : 0;
    return length > 0 && strncmp(path, folder, length) == 0 && path[length] == '/';
}

/* The file's whole path, or 0 for what is no regular file. */
static int whole_path(int folder, const char *name, char *path) {
    struct stat found;
    if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(found.st_mode)) return 0;
    if (name[0] == '/') return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
    char link[64], begin[PATH_MAX];
    if (folder == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
    else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, begin, sizeof begin - 1);
    if (length < 0) return 0;
    begin[length] = 0;
    return snprintf(path, PATH_MAX, "%s/%s", begin, name) < PATH_MAX;
}

static void keep(int folder, const char *name) {
    static unsigned count;
    int before = errno;
    char path[PATH_MAX], kept[PATH_MAX];
    const char *to = getenv("KEEP_WRITES_TO");
    if (to && whole_path(folder, name, path) && is_below(path, getenv("KEEP_WRITES_FROM"))) {
        const char *last = strrchr(path, '/') + 1;
        unsigned number = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
        int fits = snprintf(kept, sizeof kept, "%s/%d-%u-%.150s", to, (int)getpid(), number, last) < PATH_MAX;
        /* What lies on a small disk of a test's own cannot be kept elsewhere. What is gone by now was kept by who removed it. */
        if (!fits || (linkat(folder, name, AT_FDCWD, kept, 0) != 0 && errno != EXDEV && errno != ENOENT)) {
            snprintf(kept, sizeof kept, "%s/missed", to);
            int missed = open(kept, O_WRONLY | O_APPEND | O_CREAT, 0600);
            if (missed >= 0) {
                dprintf(missed, "%s: %s\n", path, strerror(errno));
                close(missed);
            }
        }
    }
    errno = before;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int unlink(const char *name) {
    keep(AT_FDCWD, name);
    return NEXT(unlink)(name);
}

int unlinkat(int folder, const char *name, int flags) {
    if (!(flags & AT_REMOVEDIR)) keep(folder, name);
    return NEXT(unlinkat)(folder, name, flags);
}

int rename(const char *from, const char *to) {
    keep(AT_FDCWD, to);
    return NEXT(rename)(from, to);
}

int renameat(int folder, const char *from, int other, const char *to) {
    keep(other, to);
    return NEXT(renameat)(folder, from, other, to);
}
