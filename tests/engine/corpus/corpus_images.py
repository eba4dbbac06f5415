"""Forty-odd images and what is true of each: good ones, naive ones, odd ones.

``passes`` and ``fails`` are ids of properties. ``differs`` says where a tool is expected to say
something else, who is right, and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from corpus_archives import Layer, archive

BUSYBOX = "FROM scratch\nCOPY --chmod=755 busybox /bin/busybox\nCOPY --chmod=755 busybox /bin/sh\n"
PROGRAM = "FROM scratch\nCOPY --chmod=755 busybox /app/server\n"


@dataclass(frozen=True)
class Case:
    """One image of the corpus.

    Attributes:
        name: what it is.
        dockerfile: what it is built from; empty where it is loaded from an archive.
        files: files of the context beside ``busybox``.
        archive: a Docker archive instead of a Dockerfile.
        passes: properties that hold.
        fails: properties that do not.
        unknown: properties of which nothing can be told.
        differs: by tool, or by ``hadolint CODE``: who is right, and why.
    """

    name: str
    dockerfile: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    archive: bytes = b""
    passes: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    differs: Mapping[str, str] = field(default_factory=dict)


#: dive counts every copy of a path that is in more than one layer, the one that is seen included.
DIVE_COUNTS_ALL = "dive counts the copy that a container sees as wasted, too; only hidden ones are"

_START = (
    Case(
        "one program, a numeric user",
        PROGRAM + 'USER 65532:65532\nENTRYPOINT ["/app/server"]\n',
        passes=("numeric-user", "non-root", "exec-form", "no-shell", "start-command-exists"),
    ),
    Case(
        "one program, no user",
        PROGRAM + 'ENTRYPOINT ["/app/server"]\n',
        passes=("exec-form", "no-package-manager"),
        fails=("numeric-user", "non-root"),
    ),
    Case(
        "root by number",
        PROGRAM + 'USER 0\nENTRYPOINT ["/app/server"]\n',
        fails=("non-root",),
    ),
    Case(
        "a named user without an account",
        PROGRAM + 'USER app\nENTRYPOINT ["/app/server"]\n',
        fails=("numeric-user", "user-resolves"),
    ),
    Case(
        "a named user with an account",
        BUSYBOX + 'COPY passwd /etc/passwd\nUSER app\nENTRYPOINT ["/bin/busybox"]\n',
        {"passwd": "app:x:1000:1000::/:/bin/sh\n"},
        passes=("user-resolves", "non-root"),
        fails=("numeric-user",),
    ),
    Case(
        "a numeric user without an account",
        PROGRAM + 'USER 4711\nENTRYPOINT ["/app/server"]\n',
        passes=("numeric-user", "user-resolves", "non-root"),
    ),
    Case(
        "two accounts with uid 0",
        BUSYBOX + "COPY passwd /etc/passwd\nUSER 1000\n",
        {"passwd": "root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n"},
        fails=("accounts-sound",),
    ),
    Case(
        "shell form",
        BUSYBOX + "USER 1000\nCMD busybox sleep 1\n",
        fails=("exec-form", "no-shell"),
    ),
    Case(
        "shell form with exec",
        BUSYBOX + "USER 1000\nCMD exec busybox sleep 1\n",
        fails=("exec-form",),
    ),
    Case(
        "exec form of a shell",
        BUSYBOX + 'USER 1000\nCMD ["/bin/sh", "-c", "busybox sleep 1"]\n',
        fails=("exec-form",),
        differs={"hadolint DL3025": "hadolint reads brackets; a shell is still process 1"},
    ),
    Case("no command", PROGRAM + "USER 1000\n", fails=("start-command-exists",)),
    Case(
        "a command that is not there",
        PROGRAM + 'USER 1000\nENTRYPOINT ["/app/sever"]\n',
        fails=("start-command-exists",),
    ),
    Case(
        "a command without the bit for running",
        PROGRAM + 'COPY --chmod=644 busybox /app/tool\nUSER 1000\nENTRYPOINT ["/app/tool"]\n',
        fails=("start-command-exists",),
    ),
    Case(
        "a command by name on the PATH",
        BUSYBOX + 'ENV PATH=/bin\nUSER 1000\nCMD ["busybox"]\n',
        passes=("start-command-exists", "exec-form"),
    ),
    Case(
        "a relative working directory",
        PROGRAM + "WORKDIR app\nUSER 1000\n",
        fails=("workdir",),
    ),
    Case(
        "stopped by SIGKILL",
        PROGRAM + "STOPSIGNAL SIGKILL\nUSER 1000\n",
        fails=("stop-signal",),
    ),
    Case(
        "a healthcheck",
        BUSYBOX + 'HEALTHCHECK CMD ["/bin/busybox", "true"]\nUSER 1000\nCMD ["/bin/busybox"]\n',
        passes=("start-command-exists",),
    ),
)

_FILES = (
    Case(
        "setuid program",
        PROGRAM + "COPY --chmod=4755 busybox /bin/su\nUSER 1000\n",
        fails=("no-setuid",),
    ),
    Case(
        "world-writable folder",
        BUSYBOX + 'RUN ["/bin/busybox", "mkdir", "-m", "777", "/data"]\nUSER 1000\n',
        fails=("no-world-writable",),
    ),
    Case(
        "world-writable folder with the sticky bit",
        BUSYBOX + 'RUN ["/bin/busybox", "mkdir", "-m", "1777", "/tmp"]\nUSER 1000\n',
        passes=("no-world-writable",),
    ),
    Case(
        "a file that a later layer deletes",
        BUSYBOX + 'COPY big /big\nRUN ["/bin/busybox", "rm", "/big"]\nUSER 1000\n',
        {"big": "x" * 3_000_000},
        fails=("wasted-bytes",),
    ),
    Case(
        "a file that a later layer overwrites",
        BUSYBOX + "COPY big /big\nCOPY small /big\nUSER 1000\n",
        {"big": "x" * 3_000_000, "small": "y"},
        fails=("wasted-bytes",),
        differs={"dive": DIVE_COUNTS_ALL},
    ),
    Case(
        "an owner that changes later",
        BUSYBOX + 'COPY big /big\nRUN ["/bin/busybox", "chown", "1000", "/big"]\nUSER 1000\n',
        {"big": "x" * 3_000_000},
        fails=("no-restored-files", "wasted-bytes"),
        differs={"dive": DIVE_COUNTS_ALL},
    ),
    Case(
        "an owner that is right from the start",
        BUSYBOX + "COPY --chown=1000 big /big\nUSER 1000\n",
        {"big": "x" * 3_000_000},
        passes=("no-restored-files", "wasted-bytes"),
    ),
    Case(
        "a private key",
        PROGRAM + "COPY key /root/.ssh/id_rsa\nUSER 1000\n",
        {
            "key": "-----BEGIN OPENSSH PRIVATE KEY-----\n"
            + "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz\n" * 6
            + "-----END OPENSSH PRIVATE KEY-----\n"
        },
        fails=("no-secrets-in-files",),
    ),
    Case(
        "a private key that a later layer deletes",
        BUSYBOX + 'COPY key /id_rsa\nRUN ["/bin/busybox", "rm", "/id_rsa"]\nUSER 1000\n',
        {
            "key": "-----BEGIN OPENSSH PRIVATE KEY-----\n"
            + "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz\n" * 6
            + "-----END OPENSSH PRIVATE KEY-----\n"
        },
        fails=("no-secret-strings",),
    ),
    Case(
        "a password in the environment",
        PROGRAM + "ENV DB_PASSWORD=hunter2horse\nUSER 1000\n",
        fails=("no-secrets-in-env",),
    ),
    Case(
        "a token as build argument",
        BUSYBOX + 'ARG NPM_TOKEN=npm_0123456789\nRUN ["/bin/busybox", "true"]\nUSER 1000\n',
        fails=("no-secrets-in-build-args",),
    ),
    Case(
        "git history",
        PROGRAM + "COPY head /app/.git/HEAD\nCOPY head /app/.git/config\nUSER 1000\n",
        {"head": "ref: refs/heads/main\n"},
        fails=("no-source-left",),
    ),
    Case(
        "an archive",
        PROGRAM + "COPY a.tar.gz /app/a.tar.gz\nUSER 1000\n",
        {"a.tar.gz": "x" * 2_000_000},
        fails=("no-archives",),
    ),
    Case(
        "a package manager that lost its name",
        BUSYBOX + "COPY --chmod=755 busybox /sbin/apk\nUSER 1000\n",
        fails=("no-package-manager",),
    ),
    Case(
        "an SSH server",
        PROGRAM + "COPY --chmod=755 busybox /usr/sbin/sshd\nUSER 1000\n",
        fails=("no-ssh-server",),
    ),
    Case(
        "sudo",
        PROGRAM + "COPY --chmod=4755 busybox /usr/bin/sudo\nUSER 1000\n",
        fails=("no-setuid",),
    ),
)

_DOCKERFILES = (
    Case(
        "ADD of a file",
        "FROM scratch\nADD busybox /app/server\nUSER 1000\n",
        fails=("no-add",),
    ),
    Case(
        "a stage that nobody uses",
        "FROM scratch AS tools\nCOPY busybox /a\n" + PROGRAM + "USER 1000\n",
        fails=("no-unused-stages",),
    ),
    Case(
        "two stages",
        "FROM scratch AS build\nCOPY busybox /server\n"
        "FROM scratch\nCOPY --from=build /server /app/server\nUSER 1000\n",
        passes=("multi-stage", "no-unused-stages"),
    ),
    Case(
        "a hundred layers",
        "FROM scratch\n" + "".join(f"COPY {n} /{n}\n" for n in range(100)) + "USER 1000\n",
        {str(n): str(n) for n in range(100)},
        fails=("max-layers",),
    ),
    Case(
        "layers that change nothing",
        BUSYBOX + "".join(f'RUN ["/bin/busybox", "echo", "{n}"]\n' for n in range(6)) + "USER 1\n",
        fails=("no-useless-layers",),
    ),
    Case(
        "a heredoc",
        BUSYBOX + "COPY <<EOF /etc/motd\nhello\nEOF\nUSER 1000\n",
        passes=("non-root",),
        differs={"hadolint": "this release of hadolint cannot read a heredoc of COPY"},
    ),
    Case(
        "carriage returns at the ends of lines",
        (PROGRAM + 'USER 1000\nENTRYPOINT ["/app/server"]\n').replace("\n", "\r\n"),
        passes=("non-root", "exec-form", "start-command-exists"),
    ),
    Case(
        "OCI labels",
        PROGRAM
        + 'LABEL org.opencontainers.image.title="server" '
        + 'org.opencontainers.image.source="https://example.org/server" '
        + 'org.opencontainers.image.version="1.0.0" '
        + 'org.opencontainers.image.licenses="Apache-2.0" '
        + 'org.opencontainers.image.description="It serves" '
        + 'org.opencontainers.image.revision="0123456" '
        + 'org.opencontainers.image.created="2026-01-01T00:00:00Z"\nUSER 1000\n',
        passes=("oci-labels",),
    ),
    Case(
        "a Windows path as working directory",
        PROGRAM + "WORKDIR C:\\\\app\nUSER 1000\n",
        passes=("non-root",),
        differs={"hadolint DL3000": "on Linux this is a relative path with a backslash in a name"},
    ),
)

_ARCHIVES = (
    Case(
        "no files at all",
        archive=archive([Layer({})], {}),
        passes=("no-shell", "no-setuid"),
        fails=("non-root", "start-command-exists"),
    ),
    Case(
        "names that are not UTF-8",
        archive=archive([Layer({b"app/caf\xe9": b"x"})], {"User": "1000"}),
        passes=("non-root", "no-shell"),
    ),
    Case(
        "a hard link across layers",
        archive=archive(
            [Layer({b"a": b"x" * 100}), Layer({b"c": b"z"}, hard_links={b"c2": b"c"})],
            {"User": "1000"},
        ),
        passes=("wasted-bytes",),
    ),
    Case(
        "an opaque whiteout",
        archive=archive(
            [
                Layer({b"data/big": b"x" * 3_000_000}),
                Layer({b"data/.wh..wh..opq": b"", b"data/new": b"y"}),
            ],
            {"User": "1000"},
        ),
        fails=("wasted-bytes",),
        differs={"dive": "dive does not know opaque whiteouts and takes the old file as seen"},
    ),
    Case(
        "fifty thousand files",
        archive=archive([Layer({b"d/%05d" % n: b"" for n in range(50_000)})], {"User": "1000"}),
        passes=("no-shell", "non-root"),
    ),
    Case(
        "a module of WebAssembly",
        archive=archive(
            [Layer({b"app.wasm": b"\0asm\x01\0\0\0"}, mode=0o755)],
            {"User": "1000", "Entrypoint": ["/app.wasm"]},
        ),
        passes=("wasm-module", "start-command-exists", "wasm-alone"),
    ),
)

CORPUS = (*_START, *_FILES, *_DOCKERFILES, *_ARCHIVES)
