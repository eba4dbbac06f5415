/* The kernel and the host. Where something would be changed, it is tried with what changes nothing:
 * a module that is none, a file that is opened and not written. */
#include "intruder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

struct outcome load_module(const struct scene *)
{
    char nothing[64] = {0};
    if (syscall(SYS_init_module, nothing, sizeof nothing, "") == 0)
        return succeeded("the kernel took a module");
    if (errno == ENOEXEC || errno == EINVAL)
        return succeeded("the kernel would take a module (it only refused an empty one)");
    return refused(errno, "init_module");
}

struct outcome mount_file_system(const struct scene *)
{
    if (mount("intruder", TOOL_FOLDER, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k") != 0)
        return refused(errno, "a tmpfs");
    umount2(TOOL_FOLDER, MNT_DETACH);
    return succeeded("a tmpfs was mounted");
}

static struct outcome open_first(const char *const *paths, size_t count)
{
    struct outcome last = refused(ENOENT, "%s", paths[0]);
    for (size_t i = 0; i < count; i++) {
        int file = open(paths[i], O_WRONLY | O_CLOEXEC | O_NONBLOCK);
        if (file >= 0) {
            close(file);
            return succeeded("%s can be opened for writing", paths[i]);
        }
        if (errno != ENOENT)
            last = refused(errno, "%s", paths[i]);
    }
    return last;
}

struct outcome write_proc_sys(const struct scene *)
{
    static const char *const paths[] = {"/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory",
                                        "/proc/sysrq-trigger"};
    return open_first(paths, sizeof paths / sizeof *paths);
}

struct outcome write_cgroup(const struct scene *)
{
    static const char *const paths[] = {
        "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/pids/pids.max",
        "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/cgroup.procs"};
    return open_first(paths, sizeof paths / sizeof *paths);
}

struct outcome read_kernel_log(const struct scene *)
{
    char log[4096];
    enum { READ_ALL = 3 };
    int got = klogctl(READ_ALL, log, sizeof log);
    if (got < 0)
        return refused(errno, "syslog");
    return succeeded("the kernel's log can be read");
}

/* A loop device: making the file needs a capability, opening it the device control group's leave. */
struct outcome open_device(const struct scene *scene)
{
    static char folders[24][PATH_SIZE];
    size_t count = writable_folders(scene, folders, 24);
    struct outcome last = refused(EROFS, "no folder can be written to");
    for (size_t i = 0; i < count; i++) {
        char path[PATH_SIZE];
        if (make_marker(folders[i], path) != 0)
            continue;
        unlink(path);
        if (mknod(path, S_IFBLK | 0600, makedev(7, 0)) != 0) {
            last = refused(errno, "no device file in %s", folders[i]);
            continue;
        }
        int device = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        int error = errno;
        if (device >= 0)
            close(device);
        unlink(path);
        if (device >= 0 || error == ENXIO || error == EBUSY)
            return succeeded("a block device can be opened through %s", folders[i]);
        last = refused(error, "a device file in %s can be made, but not opened", folders[i]);
    }
    return last;
}

static bool is_number(const char *text)
{
    for (; *text; text++)
        if (!isdigit((unsigned char)*text))
            return false;
    return true;
}

static bool read_file(const char *path, char *text, size_t room)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, text, room - 1);
    if (file >= 0)
        close(file);
    text[got > 0 ? got : 0] = 0;
    return got > 0;
}

/* In the container there are only processes of this program. Any other one is not of it. */
struct outcome see_host_processes(const struct scene *)
{
    DIR *processes = opendir("/proc");
    if (!processes)
        return refused(errno, "/proc");
    int all = 0, foreign = 0;
    struct dirent *entry;
    while ((entry = readdir(processes))) {
        char path[512], text[256];
        if (!is_number(entry->d_name))
            continue;
        all++;
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        if (read_file(path, text, sizeof text)) {
            foreign += strcmp(text, TOOL) != 0;
            continue;
        }
        snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
        foreign += read_file(path, text, sizeof text) && strcmp(text, "kthreadd\n") == 0;
    }
    closedir(processes);
    if (foreign)
        return succeeded("%d processes, of which %d are not the container's", all, foreign);
    return refused(0, "%d processes, all of them the container's own", all);
}

struct outcome engine_socket(const struct scene *)
{
    static const char *const paths[] = {"/var/run/docker.sock", "/run/docker.sock",
                                        "/run/containerd/containerd.sock",
                                        "/run/podman/podman.sock"};
    struct outcome last = refused(ENOENT, "%s", paths[0]);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        strcpy(address.sun_path, paths[i]);
        int end = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (end < 0)
            return refused(errno, "no socket");
        int problem = connect(end, (struct sockaddr *)&address, sizeof address) ? errno : 0;
        close(end);
        if (!problem)
            return succeeded("%s answers: it gives root on the host", paths[i]);
        if (problem != ENOENT)
            last = refused(problem, "%s", paths[i]);
    }
    return last;
}
