from __future__ import annotations

import time
from dataclasses import replace

import pytest

from helpers.build.record import BuildRecord
from helpers.judge.verdict import Verdict
from helpers.observe.image_facts import HistoryEntry
from helpers.observe.requests import Observations

from .factories import FAIL, PASS, UNKNOWN, image, program, seen, verdict


def read(property_id: str, *instructions: str, **params: object) -> Verdict:
    text = "\n".join(("FROM debian:13", *instructions, ""))
    return verdict(property_id, seen(dockerfile=text), **params)


def from_history(property_id: str, *instructions: str) -> Verdict:
    facts = replace(image(), history=tuple(HistoryEntry(i, 0) for i in instructions))
    return verdict(property_id, seen(facts))


READ = ["no-add", "downloads-verified", "update-with-install", "no-dist-upgrade"]
READ += [
    "versions-pinned",
    "no-recommended-packages",
    "no-sudo",
    "no-unused-stages",
    "secrets-by-mount",
]


@pytest.mark.parametrize("name", [*READ, "manifests-first", "cache-mounts"])
def test_without_anything_to_read_nothing_can_be_told(name: str) -> None:
    assert verdict(name, Observations()).outcome is UNKNOWN
    assert verdict(name, seen(dockerfile="")).outcome is UNKNOWN


@pytest.mark.parametrize(
    "add",
    [
        "COPY a b",
        "ADD rootfs.tar.xz /",
        "ADD https://example.com/x.js /x.js",
        "ADD https://git.example.com/shop.git#v1 /shop",
        "ADD --chown=1 app.tgz /app",
        'ADD ["a b.tar", "/"]',
    ],
)
def test_add_where_copy_does_not_do(add: str) -> None:
    assert read("no-add", add).passed


@pytest.mark.parametrize("add", ["ADD . /app", "ADD --chown=1:1 src/ /app", 'ADD ["a", "/b"]'])
def test_add_where_copy_does(add: str) -> None:
    found = read("no-add", "WORKDIR /app", add)
    assert found.outcome is FAIL
    assert [(e.code, e.line) for e in found.evidence] == [("add-for-copy", 3)]


def test_the_history_stands_in_for_a_dockerfile() -> None:
    found = from_history("no-add", "ADD server.js /app/", "CMD node server.js")
    assert [(e.code, e.layer) for e in found.evidence] == [("add-for-copy", 0)]
    # The legacy builder tells a checksum only.
    assert from_history("no-add", f"ADD file:{'a' * 64} in /").passed
    assert from_history("no-add", "bazel build ...").outcome is PASS


@pytest.mark.parametrize(
    "line",
    [
        f"ADD --checksum=sha256:{'a' * 64} https://example.com/x /x",
        f"ADD https://git.example.com/shop.git#{'a' * 40} /shop",
        "RUN curl -fsSLo x https://example.com/x && echo 'abc x' | sha256sum -c",
        "RUN curl https://example.com/x.json | jq .",
        "RUN wget -q https://example.com/x",
        "RUN apt-get install -y curl",
        "RUN echo curl | sh",
        "RUN curl -fsO https://example.com/x || sh fallback.sh",
    ],
)
def test_downloads_that_are_checked(line: str) -> None:
    assert read("downloads-verified", line).passed


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("ADD https://example.com/x /x", "add-without-checksum"),
        ("ADD https://git.example.com/shop.git#main /shop", "moving-ref"),
        ("RUN curl -fsSL https://example.com/install | sh", "piped-to-shell"),
        ("RUN wget -qO- https://example.com/x | sudo -E bash -", "piped-to-shell"),
        ("RUN curl https://example.com/x.gz | gunzip | sh", "piped-to-shell"),
        ("RUN wget -qO- https://example.com/x | /bin/bash -s -- -y", "piped-to-shell"),
        ('RUN bash -c "$(curl -fsSL https://example.com/x)"', "piped-to-shell"),
        ("RUN curl -fsSLk https://example.com/x -o x", "unverified"),
        ("RUN wget --no-check-certificate https://example.com/x", "unverified"),
        ("RUN apt-get install -y --allow-unauthenticated x", "unverified"),
        ("RUN apk add --allow-untrusted x.apk", "unverified"),
        ("RUN pip install --trusted-host pypi.example.com x", "unverified"),
        ("RUN npm config set strict-ssl false", "unverified"),
        ("ENV GIT_SSL_NO_VERIFY=true", "unverified"),
        ("RUN echo 'deb [trusted=yes] https://x y z' > /etc/apt/sources.list", "unverified"),
    ],
)
def test_downloads_that_are_not(line: str, code: str) -> None:
    found = read("downloads-verified", line)
    assert found.outcome is FAIL
    assert found.codes() == {code}


def test_sudo_in_a_command_and_in_the_image() -> None:
    clean = seen(image(program("/bin/sh")), "FROM a:1\nRUN echo sudo && apt-get install sudoku\n")
    assert verdict("no-sudo", clean).passed
    used = seen(image(), "FROM a:1\nRUN true && FOO=1 sudo apt-get update\n")
    assert verdict("no-sudo", used).codes() == {"sudo-used"}
    there = seen(image(program("/usr/bin/sudo")), "FROM a:1\nCMD x\n")
    assert verdict("no-sudo", there).codes() == {"sudo-installed"}
    assert read("no-sudo", "CMD x").outcome is UNKNOWN  # nobody looked into the image


def test_stages_that_nothing_uses() -> None:
    text = "FROM a:1 AS build\nRUN x\nFROM a:1 AS test\nRUN y\nFROM b:1\nCOPY --from=build /a /a\n"
    found = verdict("no-unused-stages", seen(dockerfile=text))
    assert [(e.code, e.line) for e in found.evidence] == [("unused-stage", 3)]
    assert verdict("no-unused-stages", seen(dockerfile=text), allow=["test"]).passed
    target = BuildRecord((), "sha256:i", target="stage-2")
    assert verdict("no-unused-stages", seen(dockerfile=text, build=target)).outcome is UNKNOWN


@pytest.mark.parametrize(
    "run",
    [
        "RUN apt-get update && apt-get install -y curl",
        "RUN apt-get update; apt-get -y upgrade",
        "RUN set -e; apk update && apk add curl",
        "RUN <<EOF\napt-get update\napt-get install -y curl\nEOF",
        "RUN echo apt-get update",
    ],
)
def test_lists_that_are_used_at_once(run: str) -> None:
    assert read("update-with-install", run).passed


@pytest.mark.parametrize(
    "run",
    [
        "RUN apt-get update",
        "RUN apt-get install -y x && apt-get update",
        "RUN apk update && echo x",
    ],
)
def test_lists_that_are_not(run: str) -> None:
    found = read("update-with-install", run, "RUN apt-get install -y curl")
    assert found.codes() == {"update-alone"}
    assert found.evidence[0].line == 2


def test_the_base_is_not_upgraded() -> None:
    assert read("no-dist-upgrade", "RUN apt-get update && apt-get -y upgrade").passed
    assert read("no-dist-upgrade", "RUN apt-get -y dist-upgrade").codes() == {"dist-upgrade"}
    assert read("no-dist-upgrade", "RUN zypper --non-interactive dup").codes() == {"dist-upgrade"}
    strict = read("no-dist-upgrade", "RUN apk upgrade", allow_upgrade=False)
    assert strict.codes() == {"upgrade"}


@pytest.mark.parametrize(
    "run",
    [
        "npm ci",
        "npm ci --omit=dev --ignore-scripts",
        "yarn install --immutable",
        "yarn --frozen-lockfile",
        "pnpm install --frozen-lockfile",
        "npm install -g pnpm@10.1.0 @angular/cli@17",
        "npm install ./local.tgz",
        "npm run build",
        "pip install -r requirements.txt",
        "pip install --no-cache-dir flask==3.1.0",
        "python3 -m pip install .",
        "uv sync --locked",
        "gem install rails -v 8.0.1",
        "go install golang.org/x/tools/gopls@v0.16.0",
        "go mod download",
        "cargo install ripgrep --version 14.1.0",
        "apt-get install -y curl",
    ],
)
def test_versions_that_somebody_has_chosen(run: str) -> None:
    assert read("versions-pinned", f"RUN {run}").passed


@pytest.mark.parametrize(
    ("run", "code"),
    [
        ("npm install", "no-lock-file"),
        ("npm i --omit=dev", "no-lock-file"),
        ("yarn", "no-lock-file"),
        ("pnpm install --prod", "no-lock-file"),
        ("npm install -g pnpm", "no-version"),
        ("npm install --global pnpm@latest", "no-version"),
        ("npm add @angular/cli", "no-version"),
        ("pip install flask", "no-version"),
        ("pip3 install -r x.txt flask", "no-version"),
        ("python -m pip install flask>=3", "no-version"),
        ("gem install rails", "no-version"),
        ("go install golang.org/x/tools/gopls@latest", "no-version"),
        ("cargo install ripgrep", "no-version"),
        ("sh -c 'npm install'", "no-lock-file"),
    ],
)
def test_versions_that_nobody_has(run: str, code: str) -> None:
    found = read("versions-pinned", f"RUN {run}")
    assert found.outcome is FAIL
    assert found.codes() == {code}


def test_versions_of_system_packages_where_they_are_wanted() -> None:
    strict = {"system_packages": True}
    loose = "RUN apt-get install -y --no-install-recommends -t trixie curl"
    assert read("versions-pinned", loose, **strict).codes() == {"no-version"}
    assert "curl" in read("versions-pinned", loose, **strict).evidence[0].text
    assert read("versions-pinned", "RUN apk add --virtual .b curl=8.1-r0", **strict).passed
    assert read("versions-pinned", "RUN dnf install -y curl-8.1", **strict).passed


def test_recommended_packages() -> None:
    name = "no-recommended-packages"
    assert read(name, "RUN apt-get install -y --no-install-recommends curl").passed
    assert read(name, "RUN apt-get -o APT::Install-Recommends=false install -y curl").passed
    assert read(name, "RUN apk add curl").summary.startswith("Does not apply")
    assert read(name, "RUN apt-get install -y curl").codes() == {"recommended-packages"}


@pytest.mark.parametrize(
    "lines",
    [
        ("COPY package*.json ./", "RUN npm ci", "COPY . ."),
        ("COPY --link go.mod go.sum ./", "RUN go mod download", "COPY . ."),
        ("RUN --mount=type=bind,target=/src npm ci",),
        ("COPY . .", "RUN npm run build"),
        ("COPY . .", "RUN npm install -g pnpm@10"),
        ("COPY . .", "RUN pip install ."),
        ("COPY --from=golang:1.24 /usr /usr", "RUN npm ci"),
    ],
)
def test_manifests_before_sources(lines: tuple[str, ...]) -> None:
    assert read("manifests-first", *lines).passed


@pytest.mark.parametrize(
    "lines",
    [
        ("COPY . .", "RUN npm ci"),
        ("COPY . /app", "RUN cd /app && npm ci && npm run build"),
        ('COPY ["./", "/app"]', "RUN pip install -r requirements.txt"),
        ("COPY package.json ./", "COPY src ./src", "RUN npm ci"),
        ("ADD . .", "RUN yarn install --immutable"),
    ],
)
def test_sources_before_manifests(lines: tuple[str, ...]) -> None:
    found = read("manifests-first", *lines)
    assert found.codes() == {"sources-first"}
    assert found.evidence[0].line == len(lines) + 1


def test_sources_that_come_with_the_stage_below() -> None:
    text = "FROM a:1 AS base\nCOPY . .\nFROM base\nRUN npm ci\n"
    assert verdict("manifests-first", seen(dockerfile=text)).codes() == {"sources-first"}


def test_cache_mounts() -> None:
    name = "cache-mounts"
    assert read(name, "RUN --mount=type=cache,target=/root/.npm npm ci").passed
    assert read(name, "RUN npm run build").summary.startswith("Does not apply")
    assert read(name, "RUN npm ci").codes() == {"no-cache-mount"}
    other = "RUN --mount=type=bind,target=/src npm ci"
    assert read(name, other).codes() == {"no-cache-mount"}
    apt = "RUN apt-get install -y curl"
    assert read(name, apt).passed
    assert read(name, apt, system_packages=True).codes() == {"no-cache-mount"}


@pytest.mark.parametrize(
    "lines",
    [
        ("RUN --mount=type=secret,id=token,env=NPM_TOKEN echo $NPM_TOKEN",),
        ("RUN --mount=type=secret,id=x NPM_TOKEN=$(cat /run/secrets/x) && use $NPM_TOKEN",),
        ("RUN --mount=type=ssh git clone git@example.com:x",),
        ("COPY .npmrc package.json ./", "RUN npm ci"),
        ("RUN echo $HOME $TOKENIZER",),
        ("COPY --from=debian:13 /root/.netrc /x",),
    ],
)
def test_secrets_that_come_by_a_mount(lines: tuple[str, ...]) -> None:
    assert read("secrets-by-mount", *lines).passed


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("COPY .env ./", "secret-copied"),
        ("COPY id_rsa /root/.ssh/id_rsa", "secret-copied"),
        ("ADD config/.netrc /root/", "secret-copied"),
        ("RUN curl -u x:$API_TOKEN https://example.com", "secret-by-variable"),
        ("RUN --mount=type=secret,id=other,env=OTHER use ${DB_PASSWORD}", "secret-by-variable"),
    ],
)
def test_secrets_that_do_not(line: str, code: str) -> None:
    found = read("secrets-by-mount", line)
    assert found.outcome is FAIL
    assert found.codes() == {code}
    assert found.evidence[0].line == 2


def test_a_secret_that_is_wanted() -> None:
    assert read("secrets-by-mount", "RUN x").summary.startswith("Does not apply")
    assert read("secrets-by-mount", "RUN x", required=True).codes() == {"no-mount"}


@pytest.mark.parametrize(
    "script",
    [
        "curl x |" * 20_000,
        "sh " * 60_000,
        "npm " * 50_000,
        "FOO=1 " * 30_000,
        "a" * 200_000 + "'",
    ],
)
def test_a_hostile_instruction_is_read_in_bounded_time(script: str) -> None:
    started = time.monotonic()
    observations = seen(dockerfile=f"FROM a:1\nRUN {script}\n")
    for name in ("downloads-verified", "versions-pinned", "no-sudo", "secrets-by-mount"):
        verdict(name, observations)
    assert time.monotonic() - started < 10


def test_a_hostile_label_is_read_in_bounded_time() -> None:
    started = time.monotonic()
    labels = {"org.opencontainers.image.licenses": "(" * 9_000 + " " * 90_000, "a" * 50_000: "x"}
    assert verdict("oci-labels", seen(image(labels=labels))).outcome is FAIL
    assert time.monotonic() - started < 5
