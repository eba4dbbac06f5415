"""Properties of configuration, Dockerfile, context and secrets on images that were really built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import docker
import pytest

from helpers.judge.judge import Criterion, collect_requests, criterion, judge
from helpers.judge.verdict import Outcome, Verdict
from helpers.observe.observe import observe
from helpers.observe.replay import facts_from_json, facts_to_json
from helpers.observe.subject import Subject

Subjects = Callable[..., Subject]

GOOD = """\
FROM busybox:1.37 AS build
WORKDIR /src
COPY package.json ./
RUN --mount=type=secret,id=token TOKEN=$(cat /run/secrets/token || true) && test -z "$TOKEN"
COPY . .
RUN mkdir /out && cp server.js /out/

FROM busybox:1.37
ENV NODE_ENV=production
LABEL org.opencontainers.image.title=shop \\
      org.opencontainers.image.source=https://git.example.com/shop \\
      org.opencontainers.image.revision=3f2a9c1 \\
      org.opencontainers.image.licenses=MIT
WORKDIR /app
COPY --from=build /out/ ./
EXPOSE 3000
STOPSIGNAL SIGTERM
VOLUME /data
USER 10001:10001
ENTRYPOINT ["/bin/busybox"]
CMD ["httpd", "-f"]
"""
GOOD_FILES = {
    "package.json": "{}",
    "server.js": "x",
    ".dockerignore": ".git\n**/node_modules\n**/.env*\n",
    ".env": "A=1",
}

# Everything wrong that one image can have.
BAD = """\
FROM busybox:1.37 AS unused
RUN true
FROM busybox:1.37
ARG NPM_TOKEN=abcdefghij
ARG DEBUG
ADD . /
RUN echo 'root::1::::::' > /etc/shadow; echo 'a:x:0:' >> /etc/group; \\
    printf 'root:x:0:0::/:/bin/sh\\ntoor:x:0:0::/:/bin/sh\\n' > /etc/passwd; \\
    mkdir -p /var/cache/apk /app; head -c 300000 /dev/zero > /var/cache/apk/index; \\
    ln -s busybox /bin/sudo
RUN true | sudo true || true
RUN apt-get update || true
RUN apt-get dist-upgrade || true
RUN apt-get install curl || true
RUN npm install || true
RUN curl https://example.com/x | sh || true
RUN test -z "$API_TOKEN"
ENV DB_PASSWORD=hunter2hunter2 PATH=/bin:. NODE_TLS_REJECT_UNAUTHORIZED=0
LABEL org.opencontainers.image.source=somewhere
EXPOSE 80
STOPSIGNAL SIGKILL
VOLUME /proc /app
USER nobody-knows
WORKDIR /
CMD npm start
"""
BAD_FILES = {"package.json": "{}", "server.js": "x" * 2000, ".env": "A=1", ".git/config": "x"}

# Another one, wrong in other ways.
ODD = """\
FROM busybox:1.37
WORKDIR app
RUN rm -rf /etc/passwd && mkdir -p /root/.npm && head -c 200000 /dev/zero > /root/.npm/x
RUN rm -rf /root/.npm
COPY .env id_rsa ./
RUN apk update || true
RUN npm i -g pnpm || true
RUN zypper dup || true
RUN wget -q --no-check-certificate https://example.com/x || true
RUN sudo -n true || true
ENV LD_PRELOAD=/lib/x.so API_KEY=12345678
LABEL org.opencontainers.image.licenses="Do what you want"
EXPOSE 22/tcp
STOPSIGNAL 19
VOLUME /app
USER 0
"""
ODD_FILES = {
    ".env": "A=1",
    "id_rsa": "x",
    "a.js": "x",
    "debug.log": "x" * 5000,
    ".dockerignore": "node_modules\n",
}

PASSES: dict[str, dict[str, Any]] = {
    "workdir": {"expected": "/app"},
    "ports-declared": {"ports": ["3000"]},
    "unprivileged-ports": {},
    "env-sane": {},
    "stop-signal": {},
    "volumes-safe": {},
    "oci-labels": {},
    "config-values": {"user": "10001:10001", "no_env": ["DEBUG"], "volumes": ["/data"]},
    "numeric-user": {"min_uid": 10000},
    "user-resolves": {},
    "accounts-sound": {},
    "no-add": {},
    "downloads-verified": {},
    "no-sudo": {},
    "no-unused-stages": {},
    "update-with-install": {},
    "no-dist-upgrade": {},
    "no-package-caches": {},
    "versions-pinned": {},
    "no-recommended-packages": {},
    "manifests-first": {},
    "no-secrets-in-env": {},
    "no-secrets-in-build-args": {},
    "no-secrets-in-history": {},
    "secrets-by-mount": {"required": True},
    "dockerignore": {},
    "context-clean": {},
    "context-size": {"max_mb": 1},
    "hadolint": {"level": "warning"},
}
FAILS: dict[str, set[str]] = {
    "workdir": {"no-workdir"},
    "unprivileged-ports": {"low-port"},
    "env-sane": {"relative-path", "unverified-tls"},
    "stop-signal": {"uncatchable"},
    "volumes-safe": {"sensitive-volume"},
    "oci-labels": {"missing-label", "bad-value"},
    "numeric-user": {"named-user"},
    "user-resolves": {"unknown-user"},
    "accounts-sound": {"empty-password", "shared-uid"},
    "no-add": {"add-for-copy"},
    "downloads-verified": {"piped-to-shell"},
    "no-sudo": {"sudo-used", "sudo-installed"},
    "no-unused-stages": {"unused-stage"},
    "update-with-install": {"update-alone"},
    "no-dist-upgrade": {"dist-upgrade"},
    "no-package-caches": {"cache-left"},
    "versions-pinned": {"no-lock-file"},
    "no-recommended-packages": {"recommended-packages"},
    "manifests-first": {"sources-first"},
    "cache-mounts": {"no-cache-mount"},
    "no-secrets-in-env": {"secret-in-env"},
    "no-secrets-in-build-args": {"secret-in-history", "secret-argument"},
    "secrets-by-mount": {"secret-by-variable"},
    "dockerignore": {"no-dockerignore"},
    "context-clean": {"secret-in-context", "history-in-context"},
    "hadolint": {"error", "warning"},
}
ODD_FAILS: dict[str, set[str]] = {
    "workdir": {"relative-workdir"},
    "unprivileged-ports": {"remote-shell"},
    "env-sane": {"preload"},
    "stop-signal": {"uncatchable"},
    "volumes-safe": {"volume-over-code"},
    "oci-labels": {"missing-label", "bad-value"},
    "numeric-user": {"low-uid"},
    "downloads-verified": {"unverified"},
    "no-sudo": {"sudo-used"},
    "update-with-install": {"update-alone"},
    "no-dist-upgrade": {"dist-upgrade"},
    "no-package-caches": {"deleted-too-late"},
    "versions-pinned": {"no-version"},
    "cache-mounts": {"no-cache-mount"},
    "no-secrets-in-env": {"secret-in-env"},
    "secrets-by-mount": {"secret-copied"},
    "dockerignore": {"not-left-out"},
    "context-clean": {"secret-in-context", "clutter-in-context"},
}


def all_verdicts(subject: Subject, wanted: dict[str, Criterion]) -> dict[str, Verdict]:
    """Every verdict from one observation, saved and read again on the way."""
    seen = observe(subject, collect_requests(wanted.values()))
    replayed = facts_from_json(facts_to_json(seen))
    assert replayed == seen
    return dict(zip(wanted, judge(wanted.values(), replayed), strict=True))


@pytest.fixture(scope="module")
def good(built: Subjects) -> dict[str, Verdict]:
    wanted = {name: criterion(name, params) for name, params in PASSES.items()}
    return all_verdicts(built(GOOD, GOOD_FILES), wanted)


@pytest.fixture(scope="module")
def bad(built: Subjects) -> dict[str, Verdict]:
    subject = built(BAD, BAD_FILES, network="none")
    return all_verdicts(subject, {name: criterion(name) for name in FAILS})


@pytest.fixture(scope="module")
def odd(built: Subjects) -> dict[str, Verdict]:
    subject = built(ODD, ODD_FILES, network="none")
    return all_verdicts(subject, {name: criterion(name) for name in ODD_FAILS})


@pytest.mark.parametrize("name", PASSES)
def test_a_good_image_passes(good: dict[str, Verdict], name: str) -> None:
    assert good[name].outcome is Outcome.PASS, good[name]


@pytest.mark.parametrize("name", FAILS)
def test_a_bad_image_fails_for_the_right_reason(bad: dict[str, Verdict], name: str) -> None:
    assert bad[name].outcome is Outcome.FAIL, bad[name]
    assert FAILS[name] <= bad[name].codes(), bad[name]


@pytest.mark.parametrize("name", ODD_FAILS)
def test_an_odd_one_fails_for_another(odd: dict[str, Verdict], name: str) -> None:
    assert odd[name].outcome is Outcome.FAIL, odd[name]
    assert ODD_FAILS[name] <= odd[name].codes(), odd[name]


@pytest.mark.parametrize("name", ["no-secrets-in-env", "no-secrets-in-build-args"])
def test_no_secret_is_shown(bad: dict[str, Verdict], name: str) -> None:
    shown = repr(bad[name])
    assert "hunter2" not in shown
    assert "abcdefghij" not in shown


def test_a_bare_image_is_judged_by_its_history(
    client: docker.DockerClient, built: Subjects
) -> None:
    subject = built(BAD, BAD_FILES, network="none")
    bare = Subject(client, subject.image_id)
    told = {"no-add", "no-dist-upgrade", "update-with-install", "no-sudo", "downloads-verified"}
    found = all_verdicts(bare, {name: criterion(name) for name in FAILS})
    assert {name for name in told if found[name].outcome is Outcome.FAIL} == told
    assert found["no-add"].evidence[0].layer is not None
    assert "secret-in-history" in found["no-secrets-in-build-args"].codes()
    for name in ("dockerignore", "context-clean", "hadolint", "no-unused-stages"):
        assert found[name].outcome is Outcome.UNKNOWN, found[name]


def test_an_image_that_is_gone_is_no_pass(client: docker.DockerClient) -> None:
    gone = Subject(client, "workbook/judge-test-gone:1")
    found = all_verdicts(gone, {name: criterion(name) for name in FAILS})
    assert {verdict.outcome for verdict in found.values()} == {Outcome.UNKNOWN}


def test_a_secret_in_a_command_is_found_in_the_history(built: Subjects) -> None:
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    subject = built(f"FROM busybox:1.37\nRUN echo {token} > /dev/null\n")
    wanted = {"no-secrets-in-history": criterion("no-secrets-in-history")}
    found = all_verdicts(replace(subject, dockerfile=None), wanted)["no-secrets-in-history"]
    assert found.codes() == {"secret-in-command"}
    assert token not in repr(found)
    both = all_verdicts(subject, wanted)["no-secrets-in-history"]
    assert both.codes() == {"secret-in-command", "secret-in-dockerfile"}
