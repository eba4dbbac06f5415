/* Writing and reading. */
#include "intruder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_ENTRIES 2000
#define DEEPEST 4

/* Make a file in the first of the folders that takes one. */
static struct outcome write_in(const char *const *folders, size_t count)
{
    char path[PATH_SIZE];
    int error = ENOENT;
    const char *last = folders[0];
    for (size_t i = 0; i < count; i++) {
        int now = make_marker(folders[i], path);
        if (now == 0) {
            unlink(path);
            return succeeded("a file in %s", folders[i]);
        }
        if (now != ENOENT || error == ENOENT) {
            error = now;
            last = folders[i];
        }
    }
    return refused(error, "%s", last);
}

struct outcome write_app(const struct scene *scene) { return write_in(&scene->app, 1); }

struct outcome write_system(const struct scene *)
{
    static const char *const folders[] = {"/usr/local/bin", "/usr/bin", "/usr/lib", "/etc", "/"};
    return write_in(folders, sizeof folders / sizeof *folders);
}

struct outcome write_tmp(const struct scene *)
{
    static const char *const folders[] = {"/tmp", "/var/tmp", "/run"};
    return write_in(folders, sizeof folders / sizeof *folders);
}

struct outcome write_shm(const struct scene *)
{
    static const char *const folders[] = {"/dev/shm"};
    return write_in(folders, 1);
}

struct search {
    int left;
    int error;
    dev_t device;
    char found[PATH_SIZE];
};

/* The first file below the folder that may be written to. Opened, never written. */
static bool find_writable(const char *folder, int depth, struct search *search)
{
    DIR *entries = opendir(folder);
    if (!entries)
        return false;
    struct dirent *entry;
    bool found = false;
    while (!found && search->left > 0 && (entry = readdir(entries))) {
        char path[PATH_SIZE];
        struct stat about;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        search->left--;
        int needed = snprintf(path, sizeof path, "%s/%s",
                              strcmp(folder, "/") == 0 ? "" : folder, entry->d_name);
        if (needed >= PATH_SIZE || lstat(path, &about) != 0 || about.st_dev != search->device)
            continue;
        if (S_ISDIR(about.st_mode) && depth < DEEPEST)
            found = find_writable(path, depth + 1, search);
        if (!S_ISREG(about.st_mode))
            continue;
        int file = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        search->error = file < 0 ? errno : 0;
        if (file >= 0) {
            close(file);
            strcpy(search->found, path);
            found = true;
        }
    }
    closedir(entries);
    return found;
}

struct outcome change_app(const struct scene *scene)
{
    struct stat about;
    if (stat(scene->app, &about) != 0)
        return refused(errno, "%s", scene->app);
    struct search search = {.left = MOST_ENTRIES, .error = ENOENT, .device = about.st_dev};
    if (find_writable(scene->app, 0, &search))
        return succeeded("%s can be opened for writing", search.found);
    return refused(search.error, "no file in %s can be opened for writing", scene->app);
}

struct outcome read_shadow(const struct scene *)
{
    int file = open("/etc/shadow", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return refused(errno, "/etc/shadow");
    close(file);
    return succeeded("/etc/shadow can be opened");
}

/* The environment of process 1: the names go no further than this program, the values nowhere. */
struct outcome read_environment(const struct scene *scene)
{
    static char all[1 << 20];
    int file = open("/proc/1/environ", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return refused(errno, "/proc/1/environ");
    size_t size = 0;
    ssize_t got;
    while (size < sizeof all - 1 && (got = read(file, all + size, sizeof all - 1 - size)) > 0)
        size += (size_t)got;
    close(file);
    int variables = 0;
    bool found = false;
    for (size_t at = 0; at < size; at += strlen(all + at) + 1) {
        variables++;
        found = found || strstr(all + at, scene->marker);
    }
    if (!found)
        return refused(0, "/proc/1/environ does not show the environment of the service");
    return succeeded("%d variables of process 1, with their values", variables);
}
