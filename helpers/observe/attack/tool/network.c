/* The network, and the neighbour that is to be reached there. */
#include "intruder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 1000

struct outcome low_port(const struct scene *)
{
    static const int ports[] = {80, 443, 81, 444};
    int error = 0;
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)ports[i])};
        int end = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (end < 0)
            return refused(errno, "no socket");
        bool listens = bind(end, (struct sockaddr *)&address, sizeof address) == 0 &&
                       listen(end, 1) == 0;
        error = listens ? 0 : errno;
        close(end);
        if (listens)
            return succeeded("listened on port %d", ports[i]);
        if (error != EADDRINUSE)
            break;
    }
    return refused(error, "port 80");
}

struct outcome sniff_network(const struct scene *)
{
    int end = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    if (end < 0)
        return refused(errno, "no packet socket");
    close(end);
    return succeeded("every packet of its network can be read and forged");
}

/* Connect within the time; the socket, or -1 and errno. */
static int connected(const char *host, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        errno = ENETUNREACH;
        return -1;
    }
    int end = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (end < 0)
        return -1;
    int problem = 0;
    if (connect(end, (struct sockaddr *)&address, sizeof address) != 0)
        problem = errno;
    if (problem == EINPROGRESS) {
        struct pollfd wanted = {.fd = end, .events = POLLOUT};
        socklen_t size = sizeof problem;
        if (poll(&wanted, 1, PATIENCE_MS) <= 0)
            problem = ETIMEDOUT;
        else
            getsockopt(end, SOL_SOCKET, SO_ERROR, &problem, &size);
    }
    if (problem) {
        close(end);
        errno = problem;
        return -1;
    }
    return end;
}

struct outcome reach_neighbour(const struct scene *scene)
{
    int end = connected(scene->neighbour, scene->port);
    if (end < 0)
        return refused(errno, "%s port %d", scene->neighbour, scene->port);
    close(end);
    return succeeded("a container at %s answers on port %d", scene->neighbour, scene->port);
}

/* A refused connection is an answer of the host, too. */
struct outcome reach_host(const struct scene *scene)
{
    enum { DISCARD = 9 };
    int end = connected(scene->gateway, DISCARD);
    if (end >= 0)
        close(end);
    if (end >= 0 || errno == ECONNREFUSED)
        return succeeded("the host answers at %s", scene->gateway);
    return refused(errno, "%s", scene->gateway);
}

struct outcome fetch_program(const struct scene *scene)
{
    static const char request[] = "GET /intruder HTTP/1.0\r\n\r\n";
    size_t room = tool_size() + 4096, size = 0;
    char *bytes = malloc(room);
    int end = connected(scene->neighbour, scene->port);
    if (end < 0 || !bytes)
        return refused(errno, "http://%s:%d/", scene->neighbour, scene->port);
    if (send(end, request, sizeof request - 1, MSG_NOSIGNAL) < 0)
        return refused(errno, "http://%s:%d/", scene->neighbour, scene->port);
    for (;;) {
        struct pollfd wanted = {.fd = end, .events = POLLIN};
        if (size == room || poll(&wanted, 1, PATIENCE_MS) <= 0)
            break;
        ssize_t got = recv(end, bytes + size, room - size, 0);
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    close(end);
    char *body = memmem(bytes, size, "\r\n\r\n", 4);
    if (!body || !same_as_tool(body + 4, size - (size_t)(body + 4 - bytes)))
        return refused(EIO, "what came is not the program");
    return succeeded("a program of %zu bytes came over HTTP", tool_size());
}

/* The neighbour: answers every request with this program. Ends with its container. */
int serve(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int yes = 1, end = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(end, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(end, (struct sockaddr *)&address, sizeof address) != 0 || listen(end, 64) != 0) {
        perror("serve");
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    puts("listening");
    fflush(stdout);
    for (;;) {
        int guest = accept(end, NULL, NULL);
        if (guest < 0)
            continue;
        if (fork() == 0) {
            char request[4096], head[256];
            alarm(5);
            if (recv(guest, request, sizeof request, 0) > 0) {
                int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
                int length = snprintf(head, sizeof head,
                                      "HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\n"
                                      "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                                      tool_size());
                if (send(guest, head, (size_t)length, 0) == length)
                    while (sendfile(guest, file, NULL, 1 << 20) > 0)
                        ;
            }
            _exit(0);
        }
        close(guest);
    }
}
