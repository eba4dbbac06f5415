/* What an intruder with code execution tries in a container, one function an action.
 *
 * Every action runs in a process of its own with a time limit, and leaves nothing but what the
 * container's removal takes away. It opens files of others only to see whether it may; it writes
 * only files that it made itself.
 */
#ifndef INTRUDER_H
#define INTRUDER_H

#include <stdbool.h>
#include <stddef.h>

/* Where the tools are mounted; the program is this file in it. */
#define TOOL_FOLDER "/workbook-intruder"
#define TOOL TOOL_FOLDER "/intruder"
/* Name of every file that is made, before its number. */
#define MARKER ".workbook-intruder-"
/* Hard limits, whatever the container's own are. */
#define MOST_CHILDREN 600L
#define MOST_MEMORY (512L << 20)
#define MOST_DISK (80L << 20)
#define PATH_SIZE 1024

enum result { SUCCEEDED, REFUSED, NOT_TRIED, NO_LIMIT };

/* How an action came out. Sent through a pipe in one piece. */
struct outcome {
    enum result result;
    int error;        /* errno, or 0 */
    char means[256];  /* a program of the image that was used, or would have been */
    char detail[512]; /* what was seen */
};

/* What the intruder is told about the container. */
struct scene {
    const char *app;       /* the folder of the service */
    const char *marker;    /* a value in the environment of process 1 */
    const char *neighbour; /* IPv4 address of another container */
    int port;              /* where it serves this program over HTTP */
    const char *gateway;   /* IPv4 address of the host on the neighbour's network */
    long pids;             /* limit of processes in force, or 0 */
    long memory;           /* limit of memory in force, in bytes, or 0 */
};

typedef struct outcome (*action)(const struct scene *);

struct outcome succeeded(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct outcome refused(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct outcome not_tried(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct outcome no_limit(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* places.c */
int make_marker(const char *folder, char path[PATH_SIZE]);
size_t writable_folders(const struct scene *scene, char folders[][PATH_SIZE], size_t most);
int copy_tool(const char *path);
bool same_as_tool(const char *bytes, size_t size);
size_t tool_size(void);

/* run.c: a program, its standard input and the beginning of its standard output */
struct ran {
    int error; /* errno of the start, or 0 */
    int status;
    size_t size;
};
struct ran run(char *const arguments[], const char *input, char *output, size_t room);
struct ran run_file(int descriptor, char *const arguments[], char *output, size_t room);
bool find_program(const char *name, char path[PATH_SIZE]);
/* What this program prints when it is run as "proof". */
extern const char PROOF[];

/* files.c */
struct outcome write_app(const struct scene *), change_app(const struct scene *),
    write_system(const struct scene *), write_tmp(const struct scene *),
    write_shm(const struct scene *), read_shadow(const struct scene *),
    read_environment(const struct scene *);
/* programs.c */
struct outcome run_dropped(const struct scene *), run_from_memory(const struct scene *),
    run_shell(const struct scene *), run_interpreter(const struct scene *),
    install_system_package(const struct scene *), install_npm_package(const struct scene *),
    fetch_with_image_tools(const struct scene *), fetch_with_interpreter(const struct scene *);
/* rights.c */
struct outcome setuid_root(const struct scene *), switch_user(const struct scene *),
    user_namespace(const struct scene *), trace_service(const struct scene *),
    stop_service(const struct scene *);
/* kernel.c */
struct outcome load_module(const struct scene *), mount_file_system(const struct scene *),
    write_proc_sys(const struct scene *), write_cgroup(const struct scene *),
    read_kernel_log(const struct scene *), open_device(const struct scene *),
    see_host_processes(const struct scene *), engine_socket(const struct scene *);
/* network.c */
struct outcome low_port(const struct scene *), sniff_network(const struct scene *),
    reach_neighbour(const struct scene *), reach_host(const struct scene *),
    fetch_program(const struct scene *);
int serve(int port);
/* exhaust.c */
struct outcome fork_bomb(const struct scene *), fill_memory(const struct scene *),
    fill_disk(const struct scene *);

#endif
