"""Values as a real build and a real look at an image give them, made up in every figure."""

from __future__ import annotations

from helpers.build.events import (
    BuildWarning,
    Event,
    ImageBuilt,
    LogLine,
    Step,
    StepCached,
    StepFailed,
    StepFinished,
    StepStarted,
    Transfer,
)
from helpers.build.record import BuildRecord, RecordBuilder
from helpers.judge.verdict import Evidence, Outcome, Verdict
from helpers.observe.image_facts import (
    FileFact,
    HistoryEntry,
    ImageConfig,
    ImageFacts,
    LayerFact,
    WastedFile,
)
from helpers.report.result import CheckOutcome, CheckResult

MB = 1_000_000
KB = 1_000

# instruction, tar overhead, and the files of the layer; None stands for a metadata instruction
_NAIVE: list[tuple[str, dict[str, int] | None]] = [
    (
        "ADD rootfs.tar.xz / # debian:bookworm",
        {
            "/usr/lib/x86_64-linux-gnu/libc.so.6": 1_922 * KB,
            "/usr/lib/x86_64-linux-gnu/libcrypto.so.3": 4_709 * KB,
            "/usr/lib/locale/C.utf8/LC_CTYPE": 353 * KB,
            "/usr/share/doc/copyrights": 21 * MB,
            "/usr/share/i18n/charmaps": 14 * MB,
            "/usr/bin/perl": 4 * MB,
            "/usr/sbin/apt-utils": 31 * MB,
            "/var/lib/dpkg/status": 40 * MB,
        },
    ),
    (
        "RUN apt-get update && apt-get install -y ca-certificates curl gnupg wget",
        {
            "/usr/bin/curl": 302 * KB,
            "/usr/bin/gpg": 11 * MB,
            "/usr/lib/x86_64-linux-gnu/libcurl.so.4": 36 * MB,
        },
    ),
    (
        "RUN apt-get install -y git mercurial openssh-client subversion procps",
        {
            "/usr/lib/git-core/git": 48 * MB,
            "/usr/lib/python3/dist-packages/mercurial": 71 * MB,
            "/usr/bin/svn": 29 * MB,
            "/usr/bin/ssh": 29 * MB,
        },
    ),
    (
        "RUN apt-get install -y autoconf g++ gcc imagemagick libpq-dev make python3",
        {
            "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus": 151 * MB,
            "/usr/lib/gcc/x86_64-linux-gnu/12/cc1": 140 * MB,
            "/usr/lib/x86_64-linux-gnu/libMagickCore-6.so": 96 * MB,
            "/usr/lib/python3.11/lib": 48 * MB,
            "/usr/include/headers": 62 * MB,
            "/usr/share/mime": 90 * MB,
        },
    ),
    (
        "RUN curl -fsSLO https://nodejs.org/dist/v24.4.0/node-v24.4.0-linux-x64.tar.xz",
        {
            "/usr/local/bin/node": 121 * MB,
            "/usr/local/lib/node_modules/npm/lib.js": 16 * MB,
            "/usr/local/include/node/headers": 59 * MB,
        },
    ),
    ("ENV NODE_ENV=production", None),
    ("WORKDIR /app", {}),
    ("COPY . .", {"/app/src/server.ts": 48 * KB, "/app/package-lock.json": 212 * KB}),
    (
        "RUN npm ci",
        {
            "/app/node_modules/typescript/lib/typescript.js": 23 * MB,
            "/app/node_modules/@esbuild/linux-x64/esbuild": 10 * MB,
            "/app/node_modules/@types/node/index.d.ts": 9 * MB,
            "/app/node_modules/vitest/dist/index.js": 31 * MB,
            "/app/node_modules/fastify/fastify.js": 3 * MB,
            "/app/node_modules/pg/lib/index.js": 2 * MB,
            "/app/node_modules/eslint/lib/api.js": 18 * MB,
        },
    ),
    ("RUN npm run build", {"/app/dist/server.js": 1_240 * KB}),
    ('CMD ["npm", "start"]', None),
]

_DISTROLESS: list[tuple[str, dict[str, int] | None]] = [
    (
        "COPY rootfs / # debian packages",
        {
            "/usr/lib/x86_64-linux-gnu/libc.so.6": 1_922 * KB,
            "/usr/lib/x86_64-linux-gnu/libstdc++.so.6": 2_190 * KB,
            "/etc/ssl/certs/ca-certificates.crt": 220 * KB,
            "/usr/share/zoneinfo/tzdata": 1_500 * KB,
        },
    ),
    ("COPY node /nodejs/bin/node", {"/nodejs/bin/node": 121 * MB}),
    ("WORKDIR /app", {}),
    ("COPY --from=build /app/dist/server.js .", {"/app/server.js": 1_240 * KB}),
    ("USER 65532", None),
    ('CMD ["server.js"]', None),
]


def _facts(
    tag: str, layers: list[tuple[str, dict[str, int] | None]], **extra: object
) -> ImageFacts:
    waste: tuple[WastedFile, ...] = extra.pop("waste", ())  # type: ignore[assignment]
    facts: list[LayerFact] = []
    history: list[HistoryEntry] = []
    files: list[FileFact] = []
    for instruction, content in layers:
        if content is None:
            history.append(HistoryEntry(instruction, None))
            continue
        index = len(facts)
        hidden = sum(w.bytes for w in waste if w.stored_in == index)
        size = sum(content.values()) + hidden
        history.append(HistoryEntry(instruction, index))
        facts.append(
            LayerFact(f"sha256:{index:064x}", instruction, size + 10_240, size, len(content) + 1)
        )
        files += [FileFact(p, "file", n, 0o644, 0, 0, index) for p, n in content.items()]
    total = sum(layer.file_bytes for layer in facts)
    return ImageFacts(
        id="sha256:" + f"{total:064x}",
        tags=(tag,),
        platform="linux/amd64",
        config=ImageConfig(
            workdir="/app",
            cmd=("npm", "start"),
            env=("PATH=/usr/local/bin:/usr/bin", "NODE_ENV=production"),
            exposed_ports=("3000/tcp",),
        ),
        layers=tuple(facts),
        history=tuple(history),
        files=tuple(sorted(files, key=lambda f: f.path)),
        waste=waste,
        engine_bytes=total,
        stand_in=extra.get("stand_in"),  # type: ignore[arg-type]
    )


def naive_image() -> ImageFacts:
    """A Node image in one stage: 1.2 GB in nine layers."""
    return _facts(
        "orders:naive",
        _NAIVE,
        waste=(
            WastedFile("/root/.npm/_cacache/content-v2", 24 * MB, 7, 8, deleted=True),
            WastedFile("/app/package-lock.json", 212 * KB, 6, 7, deleted=False),
        ),
        stand_in="made from Debian packages and the official Node.js binary",
    )


def distroless_image() -> ImageFacts:
    """The same app as a bundle on distroless: about 130 MB."""
    return _facts("orders:distroless", _DISTROLESS)


def step(
    digest: str,
    instruction: str,
    stage: str | None,
    number: int,
    total: int,
    *inputs: str,
    line: int | None = None,
) -> Step:
    """A step of a stage, named as BuildKit does."""
    name = f"[{stage} {number}/{total}] {instruction}"
    return Step(digest, name, inputs, stage, number, total, instruction, line)


CONTEXT = Step("ctx", "[internal] load build context")
EXPORT = Step("exp", "exporting to image", ("r3",))
BUILD_STEPS = {
    "b1": step("b1", "FROM node:24-bookworm", "build", 1, 6, line=1),
    "b2": step("b2", "WORKDIR /app", "build", 2, 6, "b1", line=2),
    "b3": step("b3", "COPY package.json package-lock.json ./", "build", 3, 6, "b2", "ctx", line=3),
    "b4": step("b4", "RUN npm ci", "build", 4, 6, "b3", line=4),
    "b5": step("b5", "COPY . .", "build", 5, 6, "b4", "ctx", line=5),
    "b6": step("b6", "RUN npm run build && npm prune --omit=dev", "build", 6, 6, "b5", line=6),
    "r1": step("r1", "FROM gcr.io/distroless/nodejs24-debian12", "runner", 1, 3, line=8),
    "r2": step("r2", "WORKDIR /app", "runner", 2, 3, "r1", line=9),
    "r3": step(
        "r3", "COPY --from=build /app/dist/server.js .", "runner", 3, 3, "r2", "b6", line=10
    ),
}


def build_events(*, fail: bool = False) -> list[Event]:
    """A build with cached steps; with ``fail`` it ends in ``npm run build``."""
    s = BUILD_STEPS
    events: list[Event] = [
        StepStarted(CONTEXT, 0.02),
        Transfer(CONTEXT, "transferring context", 48_000, 120_000),
        StepFinished(CONTEXT, 0.02, 0.11),
        StepCached(s["b1"], 0.12),
        StepCached(s["r1"], 0.12),
        StepCached(s["b2"], 0.12),
        StepCached(s["r2"], 0.13),
        StepStarted(s["b3"], 0.14),
        StepFinished(s["b3"], 0.14, 0.21),
        StepStarted(s["b4"], 0.21),
        LogLine(s["b4"], 1, "added 412 packages, and audited 413 packages in 14s"),
        LogLine(s["b4"], 2, "npm notice New minor version of npm available!"),
        StepFinished(s["b4"], 0.21, 14.92),
        StepStarted(s["b5"], 14.93),
        StepFinished(s["b5"], 14.93, 15.02),
        StepStarted(s["b6"], 15.03),
        LogLine(s["b6"], 1, "> orders@1.0.0 build"),
        LogLine(s["b6"], 1, "> tsc --noEmit && node bundle.mjs"),
    ]
    if fail:
        return [
            *events,
            LogLine(s["b6"], 1, "src/server.ts(14,7): error TS2322: Type 'string' is not number."),
            StepFailed(s["b6"], 15.03, 18.4, 'process "/bin/sh -c npm run build" exit code: 2'),
        ]
    return [
        *events,
        LogLine(s["b6"], 1, "dist/server.js  1.2mb"),
        StepFinished(s["b6"], 15.03, 19.31),
        StepStarted(s["r3"], 19.32),
        StepFinished(s["r3"], 19.32, 19.41),
        StepStarted(EXPORT, 19.42),
        StepFinished(EXPORT, 19.42, 19.80),
        BuildWarning(s["b1"], "FromAsCasing: 'as' and 'FROM' keywords' casing do not match"),
        ImageBuilt("sha256:" + "ab" * 32),
    ]


def build_record(*, fail: bool = False) -> BuildRecord:
    """The record of :func:`build_events`."""
    builder = RecordBuilder()
    builder.add_all(build_events(fail=fail))
    return builder.record(
        context_bytes=120_000, seconds=18.5 if fail else 19.9, dockerfile="FROM node\n", target=None
    )


def failing_result() -> CheckResult:
    """The starter of the exercise: two checks fail, one cannot be told, one passes."""
    size = Verdict(
        Outcome.FAIL,
        "The image is 1.2 GB, wanted are at most 200.0 MB.",
        (
            Evidence("compilers", "/usr/lib/gcc takes 291.0 MB", path="/usr/lib/gcc", layer=3),
            Evidence(
                "dev-dependencies",
                "node_modules takes 96.0 MB, 91.0 MB of it are development dependencies",
                layer=7,
                instruction="RUN npm ci",
                line=5,
                bytes=96 * MB,
            ),
        ),
    )
    stages = Verdict(
        Outcome.FAIL,
        "One stage; at least two are wanted, and the last one must not be the one that builds.",
        (Evidence("single-stage", "Every step is in one stage", line=1),),
    )
    serves = Verdict(Outcome.PASS, "GET /healthz was answered with 200 after 0.4 s.")
    shell = Verdict(Outcome.UNKNOWN, "The image could not be read: the engine closed the stream.")
    hints = (
        "What in this image is needed to build the app, and what to run it?",
        "A second FROM starts a new, empty stage. Only what is copied into it is in the image.",
        "COPY --from=build takes files out of an earlier stage named with AS build.",
        "FROM node:24 AS build … FROM gcr.io/distroless/nodejs24 … COPY --from=build /app/dist .",
    )
    return CheckResult(
        exercise="01-multi-stage",
        title="Cut the orders image below 200 MB",
        checks=(
            CheckOutcome("size", "The image is at most 200 MB", 40, size, hints),
            CheckOutcome(
                "stages", "Building and running are separate stages", 30, stages, hints[:2]
            ),
            CheckOutcome("serves", "The service answers HTTP", 20, serves),
            CheckOutcome("no-shell", "There is no shell in the image", 10, shell, hints[2:3]),
        ),
        build=build_record(),
        problem="",
        remedy="",
        image_bytes=naive_image().unpacked_bytes,
        engine="Docker 26.1.5, private engine",
        stand_ins=("node:24-bookworm",),
        notes=("notes.txt is not part of the exercise and was ignored.",),
        files={"Dockerfile": "0" * 64},
        started="2026-03-19T08:00:00Z",
        seconds=48.3,
    )


def passing_result() -> CheckResult:
    """The solution: every check passes."""
    good = Verdict(Outcome.PASS, "The image is 128.1 MB, wanted are at most 200.0 MB.")
    failing = failing_result()
    return CheckResult(
        **{
            **{f: getattr(failing, f) for f in CheckResult.__slots__},
            "checks": tuple(
                CheckOutcome(c.id, c.title, c.points, good, ()) for c in failing.checks
            ),
            "image_bytes": distroless_image().unpacked_bytes,
            "seconds": 3.1,
        }
    )


def broken_result() -> CheckResult:
    """A build that failed: nothing could be judged."""
    failing = failing_result()
    return CheckResult(
        **{
            **{f: getattr(failing, f) for f in CheckResult.__slots__},
            "checks": (),
            "build": build_record(fail=True),
            "problem": "The build failed at line 6: RUN npm run build && npm prune --omit=dev",
            "remedy": "Read the last lines of the step; they say what it missed.",
            "image_bytes": None,
        }
    )
