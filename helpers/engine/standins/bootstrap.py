"""Debian images made by mmdebstrap on this machine and streamed into the engine.

Source: https://manpages.debian.org/bookworm/mmdebstrap/mmdebstrap.1.en.html
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import IO, Any

from docker import DockerClient
from docker.errors import DockerException
from requests.exceptions import RequestException

from helpers.build.cancel import CancelToken
from helpers.engine.labels import STAND_IN
from helpers.engine.rootfs import SUITE, apt_options
from helpers.engine.standins.files import CA_PATH, LOCAL_CA_PATH, folder
from helpers.engine.standins.recipes import Bootstrap
from helpers.errors import WorkbookError

#: Day of Debian 13.0. Newer file times are set back to it: the same packages give the same layer,
#: so that the build cache holds what was built on an image that was removed meanwhile.
_EPOCH = "1754697600"
_END_SECONDS = 30.0


class NoBootstrap(WorkbookError):
    """mmdebstrap is missing, or could not make the image."""

    exit_status = 3


def bootstrap(
    client: DockerClient,
    wanted: Bootstrap,
    ca_bundle: bytes,
    say: Callable[[str], None],
    cancel: CancelToken,
) -> str:
    """Make a Debian image and import it, without a name.

    Args:
        client: the engine.
        wanted: what to make.
        ca_bundle: certificates, PEM, that the image is to trust.
        say: told what is being done.
        cancel: ends it from another thread.

    Returns:
        The image's id, ``sha256:…``.

    Raises:
        NoBootstrap: without mmdebstrap, when it fails, or when the engine does not take the image.
    """
    program = shutil.which("mmdebstrap")
    if program is None:
        raise NoBootstrap(
            f"A stand-in for {wanted.name} needs the program mmdebstrap, and it is not installed.",
            remedy="Run: apt-get install mmdebstrap debian-archive-keyring",
        )
    with tempfile.NamedTemporaryFile(prefix="workbook-ca-", suffix=".crt") as certificates:
        certificates.write(ca_bundle)
        certificates.flush()
        Path(certificates.name).chmod(0o644)
        process = subprocess.Popen(
            [program, *arguments(wanted, certificates.name)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "SOURCE_DATE_EPOCH": _EPOCH},
            start_new_session=True,  # Ctrl-C reaches this process alone, which then ends it
        )

        assert process.stdout is not None  # noqa: S101  # for the type checker: it is a pipe

        def stop() -> None:
            _stop(process)

        cancel.on_cancel(stop)
        try:
            return _import(client, wanted, process, say)
        finally:
            cancel.forget(stop)
            _stop(process)
            process.stdout.close()


def arguments(wanted: Bootstrap, certificates: str) -> list[str]:
    """The arguments of mmdebstrap; no mirror among them, so its default is used.

    Args:
        wanted: what to make.
        certificates: path of the CA bundle on this machine.
    """
    debian = folder("debian")
    uploads = (
        (certificates, CA_PATH),
        (certificates, LOCAL_CA_PATH),
        (str(debian / "docker-clean.txt"), "/etc/apt/apt.conf.d/docker-clean"),
        (str(debian / "docker-apt.txt"), "/etc/apt/apt.conf.d/docker-apt"),
        (str(debian / "policy-rc.d.sh"), "/usr/sbin/policy-rc.d"),
    )
    hooks = (
        f'mkdir -p "$1{Path(CA_PATH).parent}" "$1{Path(LOCAL_CA_PATH).parent}"',
        *(f"upload {source} {target}" for source, target in uploads),
        f'chmod 0644 "$1{CA_PATH}" "$1{LOCAL_CA_PATH}"',
        'chmod 0755 "$1/usr/sbin/policy-rc.d"',
        # docker-clean switches these caches off, so apt no longer removes what it wrote before.
        'rm -f "$1"/var/cache/apt/*.bin',
    )
    return [
        "--variant=minbase",
        "--format=tar",
        # mmdebstrap would put its own policy-rc.d there, and take ours away with it.
        "--skip=chroot/policy-rc.d",
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in wanted.excludes),
        *(f"--dpkgopt=path-include={pattern}" for pattern in wanted.includes),
        *(f"--customize-hook={hook}" for hook in hooks),
        *apt_options(),
        SUITE,
        "-",
    ]


def changes(wanted: Bootstrap) -> list[str]:
    """Dockerfile instructions that give the imported image its config."""
    sentence = wanted.made_of.replace("\\", "\\\\").replace('"', '\\"')
    return [
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        f"ENV SSL_CERT_FILE={CA_PATH}",
        f"ENV PIP_CERT={CA_PATH}",
        f'LABEL {STAND_IN}="{sentence}"',
        'CMD ["bash"]',
    ]


def history(wanted: Bootstrap) -> str:
    """What the image's history says of its one layer."""
    return f"{wanted.name} stand-in: {wanted.made_of}"


def _import(
    client: DockerClient,
    wanted: Bootstrap,
    process: subprocess.Popen[bytes],
    say: Callable[[str], None],
) -> str:
    lines: list[str] = []
    reader = Thread(target=_read, args=(process.stderr, lines, say), daemon=True)
    reader.start()
    try:
        # No name yet: an archive that ends too early must not become the image.
        answer = _import_stream(client, process.stdout, wanted)
    except (DockerException, RequestException, OSError) as error:
        raise NoBootstrap(
            f"The engine did not take {wanted.name}: {error}.",
            remedy="See whether the engine still runs and has disk space, then try again.",
        ) from error
    code = process.wait()
    reader.join()
    imported, problem = _answer(answer)
    if code != 0:
        if imported:
            client.api.remove_image(imported)
        reason = next((x for x in reversed(lines) if x.startswith("E:")), "it gave no reason")
        raise NoBootstrap(
            f"mmdebstrap could not make {wanted.name}: {reason}",
            remedy="Check that Debian's package mirror is in reach (apt-get update) and that the "
            "package debian-archive-keyring is installed, then try again.",
        )
    if problem or not imported:
        raise NoBootstrap(
            f"The engine did not take {wanted.name}: {problem or 'it named no image'}.",
            remedy="See whether the engine has disk space, then try again.",
        )
    return imported


def _import_stream(client: DockerClient, archive: IO[bytes] | None, wanted: Bootstrap) -> str:
    """What ``import_image_from_stream`` of docker-py does, and a message for the history.

    docker-py does not hand the message on. Without one the history says "Imported from -". Source:
    https://docs.docker.com/reference/api/engine/version/v1.45/#tag/Image/operation/ImageCreate
    """
    api: Any = client.api
    response = api._post(  # noqa: SLF001
        api._url("/images/create"),  # noqa: SLF001
        data=archive,
        params={"fromSrc": "-", "message": history(wanted), "changes": changes(wanted)},
        headers={"Content-Type": "application/tar", "Transfer-Encoding": "chunked"},
    )
    api._raise_for_status(response)  # noqa: SLF001
    return str(response.text)


def _answer(text: str) -> tuple[str, str]:
    """The image's id and the error that the engine tells of; one of them is empty."""
    imported = problem = ""
    for line in text.splitlines():
        message = json.loads(line)
        problem = str(message.get("error", problem))
        told = str(message.get("status", ""))
        imported = told if told.startswith("sha256:") else imported
    return ("", problem) if problem else (imported, "")


def _read(stream: IO[bytes] | None, lines: list[str], say: Callable[[str], None]) -> None:
    for raw in stream or ():
        line = raw.decode(errors="replace").strip()
        lines.append(line)
        # "running …" tells of every single hook, "success" and "done" of an end still to come.
        if line.startswith("I: ") and not line.startswith(("I: running ", "I: success", "I: done")):
            say(line.removeprefix("I: ").rstrip("."))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End mmdebstrap, which removes its temporary folder, and what it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
