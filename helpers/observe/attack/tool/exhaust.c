/* Using up what the host has. Only where a limit of the container is in force, and never more than
 * this program's own hard limits; where there is no limit, it is not tried. */
#include "intruder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define TMPFS 0x01021994
#define PIECE (1L << 20)

struct outcome fork_bomb(const struct scene *scene)
{
    long most = scene->pids + 32;
    if (scene->pids <= 0)
        return no_limit("no limit of processes is in force");
    if (most > MOST_CHILDREN)
        return not_tried("the limit of %ld processes is higher than what is tried here (%ld)",
                         scene->pids, MOST_CHILDREN - 32);
    for (long made = 0; made < most; made++) {
        pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                pause();
        }
        if (child < 0)
            return refused(errno, "after %ld more processes", made);
    }
    return succeeded("%ld processes, more than the limit of %ld", most, scene->pids);
}

static void touch_all(long bytes)
{
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    /* This process is to be ended first, not process 1; raising the score needs no right. */
    if (file < 0 || write(file, "1000", 4) != 4)
        _exit(3);
    char *memory = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        _exit(2);
    for (long at = 0; at < bytes; at += 4096)
        memory[at] = 1;
    _exit(0);
}

struct outcome fill_memory(const struct scene *scene)
{
    long wanted = scene->memory + (32L << 20);
    int status;
    if (scene->memory <= 0)
        return no_limit("no limit of memory is in force");
    if (wanted > MOST_MEMORY)
        return not_tried("the limit of %ld MB is higher than what is tried here (%ld MB)",
                         scene->memory / 1000000, (MOST_MEMORY - (32L << 20)) / 1000000);
    pid_t child = fork();
    if (child == 0)
        touch_all(wanted);
    if (child < 0)
        return not_tried("no process: %s", strerror(errno));
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return refused(ENOMEM, "the kernel ended it before it had %ld MB", wanted / 1000000);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
        return refused(ENOMEM, "%ld MB were not given", wanted / 1000000);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return succeeded("%ld MB in use, more than the limit", wanted / 1000000);
    return not_tried("it ended too early (status %d)", status);
}

/* The size of a file system that is small enough to be filled, or 0. */
static long bounded(const char *folder)
{
    struct statfs about;
    if (statfs(folder, &about) != 0 || about.f_type != TMPFS || about.f_blocks == 0)
        return 0;
    long size = (long)about.f_blocks * (long)about.f_bsize;
    return size <= MOST_DISK - PIECE ? size : 0;
}

static struct outcome fill(const char *folder, long size)
{
    static char piece[PIECE];
    char path[PATH_SIZE];
    int error = make_marker(folder, path);
    if (error)
        return refused(error, "%s", folder);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    long written = 0;
    memset(piece, 1, sizeof piece);
    while (file >= 0 && written <= size) {
        ssize_t put = write(file, piece, sizeof piece);
        if (put <= 0) {
            error = put < 0 ? errno : ENOSPC;
            break;
        }
        written += put;
    }
    if (file >= 0)
        close(file);
    unlink(path);
    if (error)
        return refused(error, "%s is full after %ld MB", folder, written / 1000000);
    return succeeded("%ld MB in %s, more than it should take", written / 1000000, folder);
}

struct outcome fill_disk(const struct scene *scene)
{
    static char folders[24][PATH_SIZE];
    size_t count = writable_folders(scene, folders, 24);
    const char *largest = NULL;
    long most = 0;
    for (size_t i = 0; i < count; i++) {
        long size = bounded(folders[i]);
        if (!size)
            return no_limit("%s takes as much as its disk has", folders[i]);
        if (size > most) {
            most = size;
            largest = folders[i];
        }
    }
    if (!largest)
        return refused(EROFS, "no folder can be written to");
    if (scene->memory > 0 && most > scene->memory / 2)
        return not_tried("%s may take more than half of the memory limit", largest);
    return fill(largest, most);
}
