from __future__ import annotations

import pytest

from helpers.build.record import BuildRecord
from helpers.judge.verdict import Verdict
from helpers.observe.requests import Observations

from .factories import FAIL, PASS, UNKNOWN, seen, verdict

GOOD = """\
FROM node:22 AS build
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
RUN npm run build
FROM gcr.io/distroless/nodejs22-debian12
COPY --from=build /app/dist /app
CMD ["/app/server.js"]
"""


def stages(dockerfile: str, **params: object) -> Verdict:
    return verdict("multi-stage", seen(dockerfile=dockerfile), **params)


def test_a_build_stage_and_a_final_stage_pass() -> None:
    found = stages(GOOD)
    assert found.outcome is PASS
    assert "2 stages (build, stage-1)" in found.summary


@pytest.mark.parametrize(
    "final",
    [
        "COPY --from=0 /app /app",
        "COPY --from=BUILD /app /app",
        "COPY --from=build /app /app\nRUN npm ci --omit=dev",
        "COPY --from=build /app /app\nENV NODE_ENV=production\nRUN npm ci",
        "COPY --from=build /app /app\nRUN NODE_ENV=production npm ci",
        "COPY --from=build /app /app\nRUN apt-get update && apt-get install -y ca-certificates",
        "COPY --from=build /app /app\nRUN mkdir /data && chown 1000 /data",
        "COPY --from=build /app /app\nRUN npm prune --omit=dev",
        "COPY --from=build /app /app\nRUN echo npm run build",
        "RUN --mount=type=bind,from=build,source=/app,target=/in cp -r /in /app",
    ],
)
def test_other_ways_to_do_it_right(final: str) -> None:
    assert (
        stages(f"FROM node:22 AS build\nRUN npm ci\nFROM node:22-slim\n{final}\n").outcome is PASS
    )


def test_three_stages_where_three_are_wanted() -> None:
    text = (
        "FROM a:1 AS deps\nRUN npm ci\nFROM deps AS build\nRUN tsc\n"
        "FROM b:1\nCOPY --from=build /a /a\n"
    )
    assert stages(text, min_stages=3).passed
    assert stages(text, min_stages=4).codes() == {"single-stage"}


def test_one_stage_fails_and_says_where() -> None:
    found = stages("FROM node:22\nCOPY . .\nRUN npm ci && npm run build\n")
    assert found.outcome is FAIL
    assert found.codes() == {"single-stage", "final-stage-builds"}
    assert [(e.code, e.line) for e in found.evidence] == [
        ("single-stage", 1),
        ("final-stage-builds", 3),
    ]


def test_a_stage_that_nothing_uses_does_not_count() -> None:
    found = stages("FROM node:22 AS build\nRUN npm ci\nFROM node:22-slim\nCOPY . .\n")
    assert found.codes() == {"single-stage", "nothing-copied"}
    assert "nothing uses build" in found.evidence[0].text


def test_a_final_stage_that_is_from_the_build_stage_keeps_everything() -> None:
    found = stages("FROM node:22 AS build\nRUN npm ci\nFROM build\nCOPY --from=build /app /app\n")
    assert found.outcome is FAIL
    assert {"nothing-copied", "final-stage-builds"} <= found.codes()
    assert "FROM the stage build" in next(
        e.text for e in found.evidence if e.code == "nothing-copied"
    )


@pytest.mark.parametrize(
    "run",
    [
        "RUN npm ci",
        "RUN npm install --include=dev",
        "RUN yarn",
        "RUN pnpm run build",
        "RUN npx tsc -p .",
        "RUN ./node_modules/.bin/esbuild src/x.ts",
        "RUN cd /app && set -e; node build.mjs",
        "RUN (cd /app; make)",
        'RUN ["npm", "run", "build"]',
        'RUN sh -c "cd /app && npm run build"',
        "RUN CI=1 npm run build",
        "RUN go build ./...",
        "RUN apk add --no-cache build-base",
        "RUN --mount=type=cache,target=/root/.npm npm ci",
        "RUN <<EOF\nset -e\nnpm run build\nEOF",
        "RUN true \\\n  && npm \\\n  run build",
        "RUN bash -euo pipefail -c 'npm ci | tee log'",
    ],
)
def test_a_final_stage_that_builds_fails(run: str) -> None:
    text = f"FROM node:22 AS build\nRUN npm ci\nFROM node:22\nCOPY --from=build /a /a\n{run}\n"
    found = stages(text)
    assert found.codes() == {"final-stage-builds"}
    assert found.evidence[0].line == 5


def test_copying_from_an_image_is_not_copying_from_a_stage() -> None:
    found = stages(
        "FROM node:22 AS build\nRUN npm ci\nFROM a:1\nCOPY --from=nginx:1.27 /etc/x /etc/x\n"
    )
    assert "nothing-copied" in found.codes()


def test_the_target_is_the_final_stage() -> None:
    observations = seen(dockerfile=GOOD + "FROM node:22 AS debug\nRUN npm ci\n")
    assert verdict("multi-stage", observations).outcome is FAIL
    build = BuildRecord((), "sha256:i", target="stage-1")
    observations = seen(dockerfile=GOOD + "FROM node:22 AS debug\nRUN npm ci\n", build=build)
    assert verdict("multi-stage", observations).outcome is PASS


@pytest.mark.parametrize("name", ["multi-stage", "pinned-base"])
def test_without_a_dockerfile_nothing_can_be_told(name: str) -> None:
    assert verdict(name, Observations()).outcome is UNKNOWN
    assert verdict(name, seen(dockerfile="")).outcome is UNKNOWN


@pytest.mark.parametrize(
    "image",
    [
        "node:22",
        "node:22.11-bookworm-slim",
        "alpine:3.20",
        "debian:trixie-slim",
        "debian:13",
        "gcr.io/distroless/nodejs22-debian12",
        "gcr.io/distroless/nodejs22-debian12:nonroot",
        "localhost:5000/team/app:v1.2",
        "node@sha256:" + "a" * 64,
        "node:latest@sha256:" + "a" * 64,
        "scratch",
    ],
)
def test_images_that_name_a_version(image: str) -> None:
    assert verdict("pinned-base", seen(dockerfile=f"FROM {image}\nCMD x\n")).outcome is PASS


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("node", "no-version"),
        ("node:latest", "latest-tag"),
        ("node:lts-slim", "no-version"),
        ("node:alpine", "no-version"),
        ("node:current-alpine3.20", "no-version"),
        ("localhost:5000/app", "no-version"),
        ("gcr.io/distroless/static", "no-version"),
        ("debian:stable", "no-version"),
        ("node:$VERSION", "no-version"),
    ],
)
def test_images_that_do_not(image: str, code: str) -> None:
    found = verdict("pinned-base", seen(dockerfile=f"FROM {image} AS x\nCMD x\n"))
    assert found.outcome is FAIL
    assert [(e.code, e.line) for e in found.evidence] == [(code, 1)]


def test_a_default_of_a_build_argument_counts() -> None:
    assert verdict("pinned-base", seen(dockerfile="ARG V=22\nFROM node:$V\n")).passed
    assert not verdict("pinned-base", seen(dockerfile="ARG V=latest\nFROM node:$V\n")).passed


def test_every_image_that_the_build_uses_counts_and_no_other() -> None:
    text = (
        "FROM node AS unused\nFROM golang:1.24 AS build\n"
        "FROM scratch\nCOPY --from=build /a /a\nCOPY --from=busybox /b /b\n"
    )
    found = verdict("pinned-base", seen(dockerfile=text))
    assert [(e.code, e.line) for e in found.evidence] == [("no-version", 5)]


def test_a_digest_where_one_is_wanted() -> None:
    found = verdict("pinned-base", seen(dockerfile="FROM node:22\n"), require_digest=True)
    assert found.codes() == {"no-digest"}
    digest = "FROM node:22@sha256:" + "0" * 64
    assert verdict("pinned-base", seen(dockerfile=digest), require_digest=True).passed
