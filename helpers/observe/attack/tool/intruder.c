/* intruder hold                      process 1 of the container: waits
 * intruder serve PORT                the neighbour: serves this program over HTTP
 * intruder attack own|image APP MARKER NEIGHBOUR PORT GATEWAY PIDS MEMORY [ACTION...]
 *                                    tries actions and prints one line of JSON each
 *
 * "own" actions start no program of the image; "image" ones do. They are told apart because a
 * hostile program could write lines of its own: those of "own" are complete before it runs.
 */
#include "intruder.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct entry {
    const char *id;
    action try;
    int seconds; /* the longest it may take */
};

static const struct entry OWN[] = {
    {"write-app", write_app, 3},
    {"change-app", change_app, 3},
    {"write-system", write_system, 3},
    {"write-tmp", write_tmp, 3},
    {"write-shm", write_shm, 3},
    {"read-environment", read_environment, 3},
    {"read-shadow", read_shadow, 3},
    {"run-dropped", run_dropped, 5},
    {"run-from-memory", run_from_memory, 5},
    {"setuid-root", setuid_root, 3},
    {"switch-user", switch_user, 3},
    {"user-namespace", user_namespace, 3},
    {"trace-service", trace_service, 3},
    {"stop-service", stop_service, 3},
    {"load-module", load_module, 3},
    {"mount", mount_file_system, 3},
    {"write-proc-sys", write_proc_sys, 3},
    {"write-cgroup", write_cgroup, 3},
    {"read-kernel-log", read_kernel_log, 3},
    {"open-device", open_device, 3},
    {"see-host-processes", see_host_processes, 3},
    {"engine-socket", engine_socket, 3},
    {"low-port", low_port, 3},
    {"sniff-network", sniff_network, 3},
    {"reach-neighbour", reach_neighbour, 5},
    {"reach-host", reach_host, 5},
    {"fetch-program", fetch_program, 6},
    {"fork-bomb", fork_bomb, 6},
    {"fill-memory", fill_memory, 6},
    {"fill-disk", fill_disk, 6},
};
static const struct entry IMAGE[] = {
    {"run-shell", run_shell, 4},
    {"run-interpreter", run_interpreter, 6},
    {"fetch-with-image-tools", fetch_with_image_tools, 5},
    {"fetch-with-interpreter", fetch_with_interpreter, 6},
    {"install-system-package", install_system_package, 6},
    {"install-npm-package", install_npm_package, 12},
};
static const char *const RESULTS[] = {"succeeded", "refused", "not tried", "no limit"};

static struct outcome outcome_of(enum result result, int error, const char *format, va_list words)
{
    struct outcome out = {.result = result, .error = error};
    vsnprintf(out.detail, sizeof out.detail, format, words);
    return out;
}

#define OUTCOME(result, error) \
    va_list words; \
    va_start(words, format); \
    struct outcome out = outcome_of(result, error, format, words); \
    va_end(words); \
    return out

struct outcome succeeded(const char *format, ...) { OUTCOME(SUCCEEDED, 0); }
struct outcome refused(int error, const char *format, ...) { OUTCOME(REFUSED, error); }
struct outcome not_tried(const char *format, ...) { OUTCOME(NOT_TRIED, 0); }
struct outcome no_limit(const char *format, ...) { OUTCOME(NO_LIMIT, 0); }

/* A text within quotation marks. A byte that is no ASCII is written as a character of its own. */
static void print_text(const char *name, const char *text)
{
    printf(",\"%s\":\"", name);
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (*at < 0x20 || *at > 0x7e || *at == '"' || *at == '\\')
            printf("\\u%04x", *at);
        else
            putchar(*at);
    putchar('"');
}

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* Read a whole outcome, or give up when the time is over or the writer is gone. */
static bool wait_for(int pipe_end, struct outcome *out, double until)
{
    size_t have = 0;
    while (have < sizeof *out) {
        int left = (int)((until - now()) * 1000);
        struct pollfd wanted = {.fd = pipe_end, .events = POLLIN};
        if (left <= 0 || poll(&wanted, 1, left) <= 0)
            return false;
        ssize_t got = read(pipe_end, (char *)out + have, sizeof *out - have);
        if (got <= 0)
            return false;
        have += (size_t)got;
    }
    return true;
}

/* Try one action in a process group of its own, and end the whole group. */
static struct outcome in_own_process(const struct entry *entry, const struct scene *scene)
{
    int ends[2], status = 0;
    if (pipe(ends) != 0)
        return not_tried("no pipe: %s", strerror(errno));
    fflush(stdout);
    double until = now() + entry->seconds;
    pid_t child = fork();
    if (child < 0) {
        int error = errno;
        close(ends[0]);
        close(ends[1]);
        return not_tried("no process: %s", strerror(error));
    }
    if (child == 0) {
        setpgid(0, 0);
        close(ends[0]);
        struct outcome out = entry->try(scene);
        if (write(ends[1], &out, sizeof out) != (ssize_t)sizeof out)
            _exit(1);
        _exit(0);
    }
    setpgid(child, child);
    close(ends[1]);
    struct outcome out;
    bool told = wait_for(ends[0], &out, until);
    bool late = now() >= until;
    close(ends[0]);
    if (!told && !late)
        waitpid(child, &status, 0);
    kill(-child, SIGKILL);
    if (told || late)
        waitpid(child, &status, 0);
    if (told)
        return out;
    if (late)
        return not_tried("it gave no answer within %d s", entry->seconds);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return refused(0, "the kernel ended it: the system call is forbidden (seccomp)");
    return not_tried("it ended too early (status %d)", status);
}

static bool wanted(const char *id, char *const *ids)
{
    if (!*ids)
        return true;
    for (; *ids; ids++)
        if (strcmp(id, *ids) == 0)
            return true;
    return false;
}

static void attack(const struct entry *entries, size_t count, const struct scene *scene,
                   char *const *ids)
{
    for (size_t i = 0; i < count; i++) {
        if (!wanted(entries[i].id, ids))
            continue;
        double began = now();
        struct outcome out = in_own_process(&entries[i], scene);
        printf("{\"action\":\"%s\",\"result\":\"%s\"", entries[i].id, RESULTS[out.result]);
        print_text("errno", out.error ? strerrorname_np(out.error) : "");
        print_text("means", out.means);
        print_text("detail", out.detail);
        printf(",\"seconds\":%.4f}\n", now() - began);
        fflush(stdout);
    }
}

int main(int count, char **words)
{
    const char *verb = count > 1 ? words[1] : "";
    if (strcmp(verb, "proof") == 0) {
        fputs(PROOF, stdout);
        return 0;
    }
    if (strcmp(verb, "proof-root") == 0)
        return geteuid() == 0 ? 0 : 1;
    if (strcmp(verb, "hold") == 0) {
        /* Process 1 takes no signal that it does not ask for; its children end without a trace. */
        signal(SIGCHLD, SIG_IGN);
        for (;;)
            pause();
    }
    if (strcmp(verb, "serve") == 0 && count == 3)
        return serve(atoi(words[2]));
    if (strcmp(verb, "attack") == 0 && count >= 10) {
        struct scene scene = {.app = words[3],
                              .marker = words[4],
                              .neighbour = words[5],
                              .port = atoi(words[6]),
                              .gateway = words[7],
                              .pids = atol(words[8]),
                              .memory = atol(words[9])};
        if (strcmp(words[2], "own") == 0)
            attack(OWN, sizeof OWN / sizeof *OWN, &scene, words + 10);
        else
            attack(IMAGE, sizeof IMAGE / sizeof *IMAGE, &scene, words + 10);
        puts("{\"action\":\"end\",\"result\":\"succeeded\"}");
        return 0;
    }
    fputs("usage: intruder hold | serve PORT | attack own|image ...\n", stderr);
    return 2;
}
