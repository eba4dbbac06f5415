"""Properties of the files of images that were really built, each right once and wrong twice."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import docker
import pytest

from helpers.judge.judge import collect_requests, criterion, judge
from helpers.judge.verdict import Outcome, Verdict
from helpers.observe.observe import observe
from helpers.observe.replay import facts_from_json, facts_to_json
from helpers.observe.subject import Subject

Subjects = Callable[..., Subject]
KEY = "AKIA" + "Q3EGRIPFZ5PDNTBW"  # put together here: no scanner takes this file for a leak

GOOD = """\
FROM busybox:1.37 AS build
RUN mkdir -p /out/etc /out/app && cp /bin/busybox /out/app/serve && chmod 755 /out/app/serve && \
    echo app:x:10001:10001::/: > /out/etc/passwd && echo app:x:10001: > /out/etc/group && \
    echo 'app:!:1::::::' > /out/etc/shadow && \
    printf 'ID=test\\nPRETTY_NAME="Test 1"\\nVERSION_ID=1\\n' > /out/etc/os-release
FROM scratch
COPY --from=build /out/ /
WORKDIR /app
USER app
ENTRYPOINT ["/app/serve", "true"]
"""

# Every mistake in one image, and every mistake in another way in a second one.
FIRST = """\
FROM busybox:1.37
WORKDIR /app
RUN echo x > /app/run.sh && chmod 666 /app/run.sh && \
    echo x > /srv && chown 4242 /srv && mknod /null c 1 3 && \
    echo app:x:10001:10001::/: >> /etc/passwd && \
    echo x > /tmp/left && mkdir -p /root/.aws && \
    dd if=/dev/zero of=/app/x.tar.gz bs=1000 count=2000 && \
    mkdir -p /usr/share/doc/x && dd if=/dev/zero of=/usr/share/doc/x/manual bs=1000 count=6000 && \
    mkdir -p /var/lib/dpkg && for n in $(seq 101); do \
        printf 'Package: p%s\\nStatus: install ok installed\\nVersion: 1\\n\\n' $n; \
        done > /var/lib/dpkg/status && rm -f /etc/os-release && \
    mkdir -p /usr/bin /usr/sbin && for n in bin/curl sbin/sshd sbin/cron; do \
        cp /bin/busybox /usr/$n; done
RUN dd if=/dev/zero of=/tmp/big bs=1000 count=2000
RUN rm /tmp/big
RUN dd if=/dev/zero of=/app/data bs=1000 count=2000
RUN chmod 600 /app/data
RUN true
COPY env /app/.env
RUN rm /app/.env
CMD ["/app/missing"]
"""
SECOND = """\
FROM busybox:1.37
WORKDIR /app
COPY key.pem config.yaml ./
RUN mkdir /app/open && chmod 777 /app/open && \
    echo x > /srv && chgrp 4242 /srv && mkfifo /pipe && \
    echo app:x:10001:10001::/: >> /etc/passwd && \
    mkdir -p /var/log && echo x > /var/log/build.log && mkdir -p /app/.kube && \
    dd if=/dev/zero of=/app/x.zip bs=1000 count=2000 && \
    mkdir -p /usr/share/locale/xx && \
    dd if=/dev/zero of=/usr/share/locale/xx/x.mo bs=1000 count=6000 && \
    mkdir -p /lib/apk/db && for n in $(seq 102); do printf 'P:p%s\\nV:1\\n\\n' $n; \
        done > /lib/apk/db/installed && \
    printf 'ID=edge\\nPRETTY_NAME=edge\\n' > /etc/os-release && \
    mkdir -p /usr/bin /usr/sbin && for n in bin/strace sbin/dropbear bin/supervisord; do \
        cp /bin/busybox /usr/$n; done && \
    cp /bin/busybox /app/serve && chown app /app/serve
RUN dd if=/dev/zero of=/var/tmp/big bs=1000 count=1500 || \
    (mkdir -p /var/tmp && dd if=/dev/zero of=/var/tmp/big bs=1000 count=1500)
RUN rm -r /var/tmp/big
RUN dd if=/dev/zero of=/app/data bs=1000 count=2000
RUN chown 10001 /app/data
RUN dd if=/dev/zero of=/app/once bs=1000 count=10
RUN dd if=/dev/zero of=/app/once bs=1000 count=20
USER app
RUN echo x > /dev/null
ENTRYPOINT ["/app/serve"]
CMD ["/app/main.js"]
"""
FILES = {
    "env": f"AWS_KEY={KEY}\n",
    "key.pem": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEowIBAAKCAQEAx8k2dPq9Zl0bQ\n",
    "config.yaml": "db:\n  password: hunter2hunter\n",
}

#: Property by property: what the first and what the second image is caught for.
WRONG = {
    "no-world-writable": ("writable-file", "writable-folder"),
    "known-owners": ("unknown-user", "unknown-group"),
    "no-device-files": ("device", "device"),
    "app-not-writable": ("root", "writable-program"),
    "start-command-exists": ("no-program", "no-script"),
    "no-temporary-files": ("temporary", "log"),
    "no-deleted-leftovers": ("deleted-too-late", "deleted-too-late"),
    "no-personal-settings": ("cloud", "cloud"),
    "no-archives": ("archive", "archive"),
    "no-docs": ("documentation", "translations"),
    "few-packages": ("too-many-packages", "too-many-packages"),
    "no-secret-strings": ("secret-string-in-layer", "secret-string"),
    "known-release": ("no-release", "no-version"),
    "no-debug-tools": ("downloader", "debugger"),
    "no-ssh-server": ("login-server", "login-server"),
    "no-init-system": ("scheduler", "service-manager"),
    "no-useless-layers": ("empty-layer", "hidden-layer"),
    "no-restored-files": ("stored-again", "stored-again"),
}


@pytest.fixture(scope="module")
def verdicts(built: Subjects) -> dict[str, dict[str, Verdict]]:
    """What every property says of the good image and of the two others."""
    dockerfiles = {"good": GOOD, "first": FIRST, "second": SECOND}
    with ThreadPoolExecutor(3) as pool:
        subjects = dict(
            zip(dockerfiles, pool.map(lambda d: built(d, FILES), dockerfiles.values()), strict=True)
        )
    criteria = [criterion(property_id) for property_id in WRONG]
    return {
        name: dict(zip(WRONG, _judged(criteria, subject), strict=True))
        for name, subject in subjects.items()
    }


def _judged(criteria: list, subject: Subject) -> tuple[Verdict, ...]:  # type: ignore[type-arg]
    observed = observe(subject, collect_requests(criteria))
    assert not observed.failures
    replayed = facts_from_json(facts_to_json(observed))
    assert judge(criteria, replayed) == judge(criteria, observed)
    return judge(criteria, observed)


@pytest.mark.parametrize("property_id", WRONG)
def test_a_good_image_passes(verdicts: dict[str, dict[str, Verdict]], property_id: str) -> None:
    judged = verdicts["good"][property_id]
    assert judged.outcome is Outcome.PASS, judged


@pytest.mark.parametrize("which", ["first", "second"])
@pytest.mark.parametrize("property_id", WRONG)
def test_a_bad_image_fails_for_the_reason_it_was_made_for(
    verdicts: dict[str, dict[str, Verdict]], property_id: str, which: str
) -> None:
    judged = verdicts[which][property_id]
    assert judged.outcome is Outcome.FAIL, judged
    assert WRONG[property_id][which == "second"] in judged.codes()
    for evidence in judged.evidence:
        assert evidence.text.isprintable()
        assert KEY not in evidence.text
        assert "hunter2" not in evidence.text


@pytest.mark.parametrize(
    ("attribute", "outcome"),
    [
        ("\1\0\0\2\0\4" + "\0" * 14, Outcome.PASS),  # cap_net_bind_service=ep
        ("\1\0\0\2\0\x20" + "\0" * 14, Outcome.FAIL),  # cap_net_raw=ep
        ("\0\0\0\2\0\0\x20" + "\0" * 13, Outcome.FAIL),  # cap_sys_admin=p
    ],
)
def test_files_that_give_capabilities(
    client: docker.DockerClient, attribute: str, outcome: Outcome
) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("bin/serve")
        info.mode, info.size = 0o755, 3
        info.pax_headers = {"SCHILY.xattr.security.capability": attribute}
        archive.addfile(info, io.BytesIO(b"abc"))
    name = f"judge-test-caps-{attribute.encode().hex()}"
    client.api.import_image_from_data(out.getvalue(), repository=name, tag="1")
    try:
        subject = Subject(client, client.images.get(f"{name}:1").id or "")
        (judged,) = _judged([criterion("no-file-capabilities")], subject)
    finally:
        client.images.remove(f"{name}:1", force=True)
    assert judged.outcome is outcome
