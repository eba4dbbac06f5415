/* Where an intruder can put something. */
#include "intruder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* Make an empty file of a new name in the folder; 0 and its path, or errno. */
int make_marker(const char *folder, char path[PATH_SIZE])
{
    static int number;
    int length = snprintf(path, PATH_SIZE, "%s/%s%d-%d", strcmp(folder, "/") == 0 ? "" : folder,
                          MARKER, (int)getpid(), number++);
    if (length >= PATH_SIZE)
        return ENAMETOOLONG;
    int file = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return errno;
    close(file);
    return 0;
}

static bool is_writable(const char *folder)
{
    char path[PATH_SIZE];
    if (make_marker(folder, path) != 0)
        return false;
    unlink(path);
    return true;
}

static bool below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static size_t add(const char *folder, char folders[][PATH_SIZE], size_t count, size_t most)
{
    if (count == most || folder[0] != '/' || strlen(folder) >= PATH_SIZE)
        return count;
    if (below(folder, "/proc") || below(folder, "/sys") || below(folder, TOOL_FOLDER) ||
        below(folder, "/dev/mqueue") || below(folder, "/dev/pts"))
        return count;
    for (size_t i = 0; i < count; i++)
        if (strcmp(folders[i], folder) == 0)
            return count;
    if (!is_writable(folder))
        return count;
    strcpy(folders[count], folder);
    return count + 1;
}

/* The folders that can be written to: the usual ones, and every mount. */
size_t writable_folders(const struct scene *scene, char folders[][PATH_SIZE], size_t most)
{
    const char *home = getenv("HOME");
    const char *usual[] = {scene->app, "/tmp", "/var/tmp", "/run", "/dev/shm",
                           home ? home : "/root", "/", "/usr/local/bin", "/etc"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        count = add(usual[i], folders, count, most);
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    char line[4096], point[PATH_SIZE];
    while (mounts && fgets(line, sizeof line, mounts))
        if (sscanf(line, "%*s %*s %*s %*s %1023s", point) == 1)
            count = add(point, folders, count, most);
    if (mounts)
        fclose(mounts);
    return count;
}

/* Copy this program to a path that make_marker gave; 0 or errno. */
int copy_tool(const char *path)
{
    int error = 0;
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0 || to < 0)
        error = errno;
    ssize_t sent = 1;
    while (!error && sent > 0)
        if ((sent = sendfile(to, from, NULL, 1 << 20)) < 0)
            error = errno;
    if (!error && fchmod(to, 0700) != 0)
        error = errno;
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return error;
}

size_t tool_size(void)
{
    struct stat about;
    return stat("/proc/self/exe", &about) == 0 ? (size_t)about.st_size : 0;
}

/* Whether the bytes are those of this program. */
bool same_as_tool(const char *bytes, size_t size)
{
    char piece[65536];
    size_t at = 0;
    ssize_t got;
    bool same = size == tool_size();
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    while (same && file >= 0 && (got = read(file, piece, sizeof piece)) > 0) {
        same = at + (size_t)got <= size && memcmp(bytes + at, piece, (size_t)got) == 0;
        at += (size_t)got;
    }
    if (file >= 0)
        close(file);
    return same && file >= 0 && at == size;
}
