/* Running, installing and fetching programs. */
#include "intruder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_FOLDERS 24
static char folders[MOST_FOLDERS][PATH_SIZE];

static bool is_proof(const struct ran *ran, const char *output)
{
    size_t length = strlen(PROOF);
    return !ran->error && ran->size >= length && memcmp(output, PROOF, length) == 0;
}

static struct outcome with_means(struct outcome out, const char *means)
{
    snprintf(out.means, sizeof out.means, "%s", means);
    return out;
}

struct outcome run_dropped(const struct scene *scene)
{
    size_t count = writable_folders(scene, folders, MOST_FOLDERS);
    int error = 0;
    const char *where = "";
    for (size_t i = 0; i < count; i++) {
        char path[PATH_SIZE], output[64];
        int now = make_marker(folders[i], path);
        if (!now)
            now = copy_tool(path);
        if (!now) {
            char *arguments[] = {path, "proof", NULL};
            struct ran ran = run(arguments, NULL, output, sizeof output);
            now = ran.error;
            if (is_proof(&ran, output)) {
                unlink(path);
                return succeeded("a program dropped into %s ran", folders[i]);
            }
        }
        unlink(path);
        error = now;
        where = folders[i];
    }
    if (!count)
        return refused(EROFS, "no folder can be written to");
    return refused(error, "%s takes the program, but does not run it", where);
}

struct outcome run_from_memory(const struct scene *)
{
    char output[64];
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = memfd_create("intruder", MFD_CLOEXEC);
    if (from < 0 || to < 0)
        return refused(errno, "no file in memory");
    ssize_t got;
    char piece[65536];
    while ((got = read(from, piece, sizeof piece)) > 0)
        if (write(to, piece, (size_t)got) != got)
            return refused(errno, "a file in memory takes no program");
    char *arguments[] = {"intruder", "proof", NULL};
    struct ran ran = run_file(to, arguments, output, sizeof output);
    if (is_proof(&ran, output))
        return succeeded("a program ran that is in no file system (memfd)");
    return refused(ran.error, "a file in memory cannot be run");
}

struct language {
    const char *program;
    const char *argument; /* what makes it read standard input */
    const char *script;
};

static struct outcome run_first(const struct language *languages, size_t count, const char *what)
{
    struct outcome last = refused(ENOENT, "the image has no %s", what);
    for (size_t i = 0; i < count; i++) {
        char path[PATH_SIZE], output[64];
        if (!find_program(languages[i].program, path))
            continue;
        char *arguments[] = {path, (char *)languages[i].argument, NULL};
        struct ran ran = run(arguments, languages[i].script, output, sizeof output);
        if (is_proof(&ran, output))
            return with_means(succeeded("%s ran a script from its standard input", path), path);
        last = with_means(refused(ran.error, "%s does not run a script", path), path);
    }
    return last;
}

struct outcome run_shell(const struct scene *)
{
    static const char script[] = "echo $((6*7))-workbook\n";
    static const struct language shells[] = {
        {"sh", NULL, script},   {"bash", NULL, script}, {"dash", NULL, script},
        {"ash", NULL, script},  {"zsh", NULL, script},  {"busybox", "sh", script},
    };
    return run_first(shells, sizeof shells / sizeof *shells, "shell");
}

struct outcome run_interpreter(const struct scene *)
{
    static const struct language languages[] = {
        {"node", "-", "console.log(6*7+'-workbook')\n"},
        {"python3", "-", "print(str(6*7)+'-workbook')\n"},
        {"perl", "-", "print 6*7, '-workbook'\n"},
        {"ruby", "-", "puts (6*7).to_s+'-workbook'\n"},
        {"php", NULL, "<?php echo 6*7, '-workbook';\n"},
        {"lua", "-", "print((6*7)..'-workbook')\n"},
    };
    return run_first(languages, sizeof languages / sizeof *languages, "interpreter");
}

/* A folder for what a program wants to write; HOME and its like point there. */
static const char *work_folder(const struct scene *scene)
{
    if (!writable_folders(scene, folders, 1))
        return NULL;
    setenv("HOME", folders[0], 1);
    setenv("TMPDIR", folders[0], 1);
    setenv("npm_config_cache", folders[0], 1);
    return folders[0];
}

struct outcome install_system_package(const struct scene *)
{
    static const char installed[] = "/usr/share/workbook-intruder/installed";
    static const char *const others[] = {"apk", "rpm", "pacman", "opkg"};
    char path[PATH_SIZE], output[64];
    struct stat about;
    if (find_program("dpkg", path)) {
        char *arguments[] = {path, "--install", TOOL_FOLDER "/intruder.deb", NULL};
        setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
        struct ran ran = run(arguments, NULL, output, sizeof output);
        if (!ran.error && stat(installed, &about) == 0)
            return with_means(succeeded("%s installed a package", path), path);
        return with_means(refused(ran.error ? ran.error : EACCES, "%s did not install it", path),
                          path);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (find_program(others[i], path))
            return with_means(not_tried("the image has %s, and no package for it is at hand", path),
                              path);
    return refused(ENOENT, "the image has no package manager of a distribution");
}

struct outcome install_npm_package(const struct scene *scene)
{
    char path[PATH_SIZE], manifest[PATH_SIZE + 64], output[256];
    struct stat about;
    if (!find_program("npm", path))
        return refused(ENOENT, "the image has no npm");
    const char *folder = work_folder(scene);
    if (!folder)
        return with_means(refused(EROFS, "no folder can be written to"), path);
    char prefix[PATH_SIZE + 16];
    snprintf(prefix, sizeof prefix, "%s/%sprefix", folder, MARKER);
    char *arguments[] = {path, "install", "--prefix", prefix, "--offline", "--no-audit",
                         "--no-fund", "--ignore-scripts", "--no-package-lock",
                         "--no-update-notifier", "--loglevel=silent",
                         TOOL_FOLDER "/intruder.tgz", NULL};
    mkdir(prefix, 0700);
    struct ran ran = run(arguments, NULL, output, sizeof output);
    snprintf(manifest, sizeof manifest, "%s/node_modules/workbook-intruder/package.json", prefix);
    if (stat(manifest, &about) == 0)
        return with_means(succeeded("%s installed a package below %s", path, folder), path);
    return with_means(refused(ran.error ? ran.error : EACCES, "%s did not install it", path), path);
}

/* Whether a program of the image brings this program over HTTP from the neighbour. */
static bool fetches(char *const arguments[], const char *input, int *error)
{
    size_t room = tool_size() + 1;
    char *bytes = malloc(room);
    if (!bytes)
        return false;
    struct ran ran = run(arguments, input, bytes, room);
    bool same = !ran.error && same_as_tool(bytes, ran.size);
    *error = ran.error ? ran.error : ENETUNREACH;
    free(bytes);
    return same;
}

struct outcome fetch_with_image_tools(const struct scene *scene)
{
    char url[128];
    snprintf(url, sizeof url, "http://%s:%d/intruder", scene->neighbour, scene->port);
    struct {
        const char *name;
        char *words[8];
    } tools[] = {
        {"curl", {"--silent", "--fail", "--max-time", "1.5", "--noproxy", "*", url}},
        {"wget", {"-q", "-T", "1", "-O", "-", url}},
        {"busybox", {"wget", "-q", "-T", "1", "-O", "-", url}},
    };
    struct outcome last = refused(ENOENT, "the image has neither curl nor wget");
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
        char path[PATH_SIZE];
        char *arguments[10] = {path};
        int error = 0;
        if (!find_program(tools[i].name, path))
            continue;
        memcpy(arguments + 1, tools[i].words, sizeof tools[i].words);
        if (fetches(arguments, NULL, &error))
            return with_means(succeeded("%s fetched a program", path), path);
        if (!last.means[0])
            last = with_means(refused(error, "%s is there, but fetched nothing", path), path);
    }
    return last;
}

struct outcome fetch_with_interpreter(const struct scene *scene)
{
    char node[512], python[512], path[PATH_SIZE];
    snprintf(node, sizeof node,
             "require('http').get('http://%s:%d/intruder',{timeout:1500},r=>r.pipe(process.stdout))"
             ".on('timeout',()=>process.exit(1)).on('error',()=>process.exit(1))\n",
             scene->neighbour, scene->port);
    snprintf(python, sizeof python,
             "import sys,urllib.request as u\n"
             "sys.stdout.buffer.write(u.build_opener(u.ProxyHandler({})).open("
             "'http://%s:%d/intruder',timeout=1.5).read())\n",
             scene->neighbour, scene->port);
    struct language languages[] = {{"node", "-", node}, {"python3", "-", python}};
    struct outcome last = refused(ENOENT, "the image has no interpreter with an HTTP client");
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
        int error = 0;
        if (!find_program(languages[i].program, path))
            continue;
        char *arguments[] = {path, (char *)languages[i].argument, NULL};
        if (fetches(arguments, languages[i].script, &error))
            return with_means(succeeded("%s fetched a program", path), path);
        if (!last.means[0])
            last = with_means(refused(error, "%s is there, but fetched nothing", path), path);
    }
    return last;
}
