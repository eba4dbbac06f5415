/* What code that somebody slipped in can reach. The same file is compiled natively and for WASI;
   what WASI has no call for is left out there, because it would not link.
   One line an action: its name, 1 where it worked, and what came of it. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifndef __wasi__
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#endif

static void say(const char *action, int worked, const char *detail) {
    printf("%s|%d|", action, worked);
    for (; *detail; detail++) putchar(*detail < ' ' || *detail == '|' ? ' ' : *detail);
    putchar('\n');
}

static void failed(const char *action) {
    say(action, 0, errno == ENOENT ? "no such file" : strerror(errno));
}

static void read_file(const char *action, const char *path) {
    char line[200];
    FILE *file = fopen(path, "r");
    if (!file || !fgets(line, sizeof line, file)) {
        if (!errno) errno = EIO;
        failed(action);
        return;
    }
    line[strcspn(line, "\n")] = 0;
    say(action, 1, line);
    fclose(file);
}

static void list(const char *action, const char *path) {
    char names[200] = "";
    DIR *folder = opendir(path);
    if (!folder) {
        failed(action);
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        if (strlen(names) + strlen(entry->d_name) + 2 > sizeof names) break;
        strcat(strcat(names, names[0] ? " " : ""), entry->d_name);
    }
    say(action, 1, names);
    closedir(folder);
}

static void write_file(const char *action, const char *path) {
    FILE *file = fopen(path, "w");
    if (!file) {
        failed(action);
        return;
    }
    fputs("dropped\n", file);
    fclose(file);
    say(action, 1, path);
    remove(path);
}

static void take_memory(const char *action) {
    enum { STEP = 16 << 20, STEPS = 64 };
    char detail[60];
    int taken = 0;
    /* Written to, or the compiler would leave malloc out. */
    for (volatile char *piece; taken < STEPS && (piece = malloc(STEP)); taken++) *piece = 1;
    snprintf(detail, sizeof detail, "%d MB of address space", taken * STEP / 1000000);
    say(action, taken == STEPS, detail);
}

#ifdef __wasi__
static void beyond_wasi(void) {
    const char *actions[] = {"connect", "run a program", "start a thread", "system call"};
    for (int i = 0; i < 4; i++) say(actions[i], 0, "no such call");
}
#else
static void *nothing(void *given) { return given; }

static void beyond_wasi(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        failed("connect");
    else if (!connect(fd, (struct sockaddr *)&to, sizeof to) || errno == ECONNREFUSED)
        say("connect", 1, "a socket, and an answer");
    else
        failed("connect");

    int status = 1;
    pid_t child = fork();
    if (!child) {
        execl("/proc/self/exe", "reach", "child", (char *)0);
        _exit(1);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0 || status)
        failed("run a program");
    else
        say("run a program", 1, "itself, once more");

    pthread_t thread;
    if ((errno = pthread_create(&thread, 0, nothing, 0))) {
        failed("start a thread");
    } else {
        pthread_join(thread, 0);
        say("start a thread", 1, "ran beside");
    }
    say("system call", syscall(39) > 0, "number 39, by hand"); /* getpid on x86-64 */
}
#endif

int main(int count, char **words) {
    if (count > 1 && !strcmp(words[1], "child")) return 0;
    if (count > 1 && !strcmp(words[1], "hold")) {
        puts("holding");
        fflush(stdout);
        sleep(600);
        return 0;
    }
    read_file("read a system file", "/etc/hosts");
    list("list the root folder", "/");
    write_file("write a file", "/dropped");
    const char *secret = getenv("SECRET");
    say("read the environment", secret != 0, secret ? secret : "not set");
    read_file("read about process 1", "/proc/1/cmdline");
    read_file("read the folder it was given", "/data/note.txt");
    read_file("leave that folder", "/data/../../etc/hosts");
    beyond_wasi();
    take_memory("take a gigabyte");
    say("read the clock", time(0) > 1000000000, "seconds since 1970");
    return 0;
}
