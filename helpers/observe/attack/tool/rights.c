/* More rights than the service has. */
#include "intruder.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOMEBODY 54321

struct outcome setuid_root(const struct scene *)
{
    char *arguments[] = {TOOL_FOLDER "/intruder-setuid", "proof-root", NULL};
    char output[64];
    if (geteuid() == 0)
        return succeeded("it is root already");
    struct ran ran = run(arguments, NULL, output, sizeof output);
    if (ran.error)
        return refused(ran.error, "a setuid program does not start");
    if (WIFEXITED(ran.status) && WEXITSTATUS(ran.status) == 0)
        return succeeded("a setuid program of root runs as root");
    return refused(EPERM, "a setuid program of root runs without root's rights");
}

struct outcome switch_user(const struct scene *)
{
    uid_t other = geteuid() == SOMEBODY ? SOMEBODY + 1 : SOMEBODY;
    if (setresuid(other, other, other) != 0)
        return refused(errno, "from uid %d to another", (int)geteuid());
    return succeeded("from one user to uid %d", (int)other);
}

struct outcome user_namespace(const struct scene *)
{
    if (unshare(CLONE_NEWUSER) != 0)
        return refused(errno, "no new user namespace");
    return succeeded("a user namespace in which it is root");
}

/* The tracer's end lets process 1 go; it is never stopped. */
struct outcome trace_service(const struct scene *)
{
    if (ptrace(PTRACE_SEIZE, 1, NULL, NULL) != 0)
        return refused(errno, "process 1");
    return succeeded("process 1 can be traced: its memory read and changed");
}

struct outcome stop_service(const struct scene *)
{
    if (kill(1, 0) != 0)
        return refused(errno, "process 1");
    return succeeded("signals may be sent to process 1");
}
