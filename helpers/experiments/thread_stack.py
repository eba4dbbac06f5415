"""How much stack a thread gets when nobody asks for a size: the same C program on glibc and musl.

Source: https://wiki.musl-libc.org/functional-differences-from-glibc.html#Thread-stack-size
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from helpers.build.client import build
from helpers.build.context import mapping_context
from helpers.build.request import BuildRequest
from helpers.engine.connect import Engine
from helpers.engine.labels import BUILT, LESSON, labels
from helpers.engine.ownership import keep_track
from helpers.errors import WorkbookError
from helpers.observe.containers import ContainerSpec, running_container
from helpers.observe.errors import engine_errors

#: Base images that the measurement needs.
BASES = ("golang:1.24-trixie", "debian:trixie-slim", "alpine:3.24")
_SOURCE = """\
/* Does a thread that nobody gave a size survive a function with so many kB of local variables?
   The names are declared here, so that the same file is right for glibc and for musl. */
int atoi(const char *);
int puts(const char *);
int pthread_create(unsigned long *, const void *, void *(*)(void *), void *);
int pthread_join(unsigned long, void **);

static void *use(void *given) {
  long bytes = (long)given * 1024;
  volatile char local[bytes];
  /* From the top down, as a stack grows: the first page too many is the guard page. */
  for (long at = bytes - 1; at >= 0; at -= 1024) local[at] = 1;
  return 0;
}

int main(int count, char **words) {
  unsigned long thread;
  long kilobytes = count > 1 ? atoi(words[1]) : 64;
  if (pthread_create(&thread, 0, use, (void *)kilobytes)) return 2;
  pthread_join(thread, 0);
  puts("survived");
  return 0;
}
"""
_SURVIVED, _SEGMENTATION_FAULT = 0, 139
_SECONDS = 60.0

# One compiler, one source; the second is linked with the musl of the image that it will run on.
_GLIBC = """\
FROM golang:1.24-trixie AS build
COPY thread_stack.c .
RUN gcc -O0 -o /thread-stack thread_stack.c -pthread

FROM debian:trixie-slim
COPY --from=build /thread-stack /
"""
_MUSL = """\
FROM golang:1.24-trixie AS build
COPY thread_stack.c .
COPY --from=alpine:3.24 /lib/ /musl/
RUN loader="$(basename /musl/ld-musl-*)" \\
 && ln -s "$loader" /musl/libc.so \\
 && gcc -O0 -fno-stack-protector -fno-pie -c thread_stack.c \\
 && gcc -no-pie -nostdlib -o /thread-stack "$(gcc -print-file-name=crt1.o)" thread_stack.o \\
      -L/musl -lc -Wl,--dynamic-linker="/lib/$loader"

FROM alpine:3.24
COPY --from=build /thread-stack /
"""


class NoMeasurement(WorkbookError):
    """The program did not do what it is made for."""


@dataclass(frozen=True, slots=True)
class ThreadStack:
    """One C library.

    Attributes:
        library: ``glibc`` or ``musl``.
        survived: sizes in kB (1,024 bytes) of local variables that a thread had room for.
        crashed: sizes at which the kernel ended the process (SIGSEGV).
    """

    library: str
    survived: tuple[int, ...]
    crashed: tuple[int, ...]


def thread_stacks(
    engine: Engine, kilobytes: tuple[int, ...] = (64, 100, 200, 1000, 4000)
) -> tuple[ThreadStack, ThreadStack]:
    """Build the program for both libraries and run it with several sizes.

    Args:
        engine: with :data:`BASES` on it.
        kilobytes: sizes of the local variables, in kB of 1,024 bytes.

    Raises:
        BuildError: where it does not build.
        NoMeasurement: where the program ends in another way than by surviving or crashing.
        ObservationFailed, NoEngine: where the engine refuses, or stops answering.
    """
    return (
        _measure(engine, "glibc", _GLIBC, kilobytes),
        _measure(engine, "musl", _MUSL, kilobytes),
    )


def _measure(
    engine: Engine, library: str, dockerfile: str, kilobytes: tuple[int, ...]
) -> ThreadStack:
    request = BuildRequest(
        mapping_context({"Dockerfile": dockerfile, "thread_stack.c": _SOURCE.encode()}),
        tags=(f"{BUILT}lesson-thread-stack:{library}",),
        labels=labels(LESSON),
    )
    image = build(engine.client.api, request).image_id or ""
    keep_track(engine.client.api, image)
    codes = dict(_run(engine, image, kilobytes))
    for size, code in codes.items():
        if code not in (_SURVIVED, _SEGMENTATION_FAULT):
            raise NoMeasurement(
                f"With {size} kB the program for {library} ended with {code}.",
                remedy="Give the container more memory, or ask for smaller sizes.",
            )
    return ThreadStack(
        library,
        tuple(size for size, code in codes.items() if code == _SURVIVED),
        tuple(size for size, code in codes.items() if code == _SEGMENTATION_FAULT),
    )


def _run(engine: Engine, image: str, kilobytes: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """The exit code by size, from one container with a shell in it."""
    sizes = " ".join(str(size) for size in kilobytes)
    script = f"for kb in {sizes}; do /thread-stack $kb >/dev/null 2>&1; echo $kb $?; done"
    spec = ContainerSpec(image, command=("sh", "-c", script), role=LESSON, memory_mb=128)
    with running_container(engine.client, spec) as container:
        container.exited.result(timeout=_SECONDS)
        with engine_errors("reading what the program printed"):
            log = engine.client.api.logs(container.id, stdout=True, stderr=False)
    for line in bytes(log).decode().splitlines():
        size, _, code = line.partition(" ")
        yield int(size), int(code)
