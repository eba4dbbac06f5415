from __future__ import annotations

import pytest

from helpers.observe.image_facts import WastedFile
from helpers.observe.requests import Observations

from .factories import FAIL, MB, PASS, UNKNOWN, file, image, seen, verdict

DEV = frozenset({"typescript", "@types/node", "eslint", "semver"})


def dev(*paths: str, **params: object):  # type: ignore[no-untyped-def]
    files = [file(p, 1000) for p in paths]
    return verdict("no-dev-dependencies", seen(image(*files), dev_packages=DEV), **params)


def test_production_packages_pass() -> None:
    assert dev("/app/node_modules/fastify/fastify.js", "/app/dist/typescript.js").outcome is PASS


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/app/node_modules/typescript/lib/tsc.js", "/app/node_modules/typescript"),
        ("/app/node_modules/@types/node/fs.d.ts", "/app/node_modules/@types/node"),
        ("/srv/node_modules/a/node_modules/eslint/x.js", "/srv/node_modules/a/node_modules/eslint"),
        (
            "/app/node_modules/.pnpm/typescript@5/node_modules/typescript/a.js",
            "/app/node_modules/.pnpm/typescript@5/node_modules/typescript",
        ),
        ("/node_modules/typescript/a.js", "/node_modules/typescript"),
    ],
)
def test_a_development_package_anywhere_fails(path: str, folder: str) -> None:
    found = dev(path)
    assert found.outcome is FAIL
    assert [(e.code, e.path, e.bytes) for e in found.evidence] == [("dev-package", folder, 1000)]


def test_what_npm_brings_along_for_itself_is_not_the_app_s() -> None:
    assert dev("/usr/local/lib/node_modules/npm/node_modules/semver/index.js").passed
    assert dev("/opt/yarn-v1.22/node_modules/semver/x.js").passed


def test_a_package_that_is_allowed_may_stay() -> None:
    assert dev("/app/node_modules/typescript/x.js", allow=["typescript"]).passed


def test_development_packages_are_sorted_by_weight_and_counted() -> None:
    files = [
        file("/app/node_modules/typescript/a", 20 * MB),
        file("/app/node_modules/typescript/b", 3 * MB),
        file("/app/node_modules/eslint/x", 9 * MB),
        file("/other/node_modules/eslint/x", 1 * MB),
    ]
    found = verdict("no-dev-dependencies", seen(image(*files), dev_packages=DEV))
    assert found.summary == (
        "2 development dependencies in the image (33.0 MB): eslint, typescript."
    )
    assert [e.bytes for e in found.evidence] == [23 * MB, 9 * MB, 1 * MB]


def test_without_a_lock_file_nothing_can_be_told() -> None:
    found = verdict("no-dev-dependencies", seen(image(file("/app/node_modules/typescript/x"))))
    assert found.outcome is UNKNOWN


def source(*paths: str, **params: object):  # type: ignore[no-untyped-def]
    return verdict("no-source-left", seen(image(*[file(p) for p in paths])), **params)


@pytest.mark.parametrize(
    "path",
    [
        "/app/dist/server.js",
        "/app/node_modules/fastify/types/index.d.ts",
        "/app/node_modules/fastify/test/a.test.js",
        "/usr/bin/test",
        "/usr/lib/python3/test/x",
        "/usr/share/doc/tests",
        "/app/latest/x.js",
        "/app/contest.js",
    ],
)
def test_what_belongs_to_the_service_or_the_system_passes(path: str) -> None:
    assert source(path).outcome is PASS


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/app/src/server.ts", "source"),
        ("/usr/src/app/index.ts", "source"),
        ("/app/tsconfig.json", "source"),
        ("/app/Dockerfile", "source"),
        ("/app/.git/objects/ab/cdef", "git-history"),
        ("/app/test/orders.js", "tests"),
        ("/app/dist/orders.test.js", "tests"),
    ],
)
def test_sources_tests_and_history_fail(path: str, code: str) -> None:
    found = source(path)
    assert found.outcome is FAIL
    assert [(e.code, e.path) for e in found.evidence] == [(code, path)]


def test_files_of_one_pattern_are_one_piece_of_evidence() -> None:
    found = source("/app/a.ts", "/app/b.ts", "/app/.git/HEAD")
    assert found.summary == "3 files that only the build or the tests need."
    assert found.evidence[0].text == (
        "2 files (2 B) match `*.ts`, for example `/app/a.ts` from layer 1 of 1 (`COPY . .`)."
    )


def test_own_patterns() -> None:
    assert source("/srv/main.go", patterns=["*.go"]).codes() == {"source"}
    assert source("/app/x/secret.md", patterns=["/app/**/*.md"]).codes() == {"source"}
    assert source("/other/secret.md", patterns=["/app/**/*.md"]).passed
    assert source("/app/src/a.ts", ignore=["/app/src"]).passed


@pytest.mark.parametrize(
    "path",
    [
        "/app/.env",
        "/app/.env.production",
        "/root/.npmrc",
        "/app/config/id_rsa",
        "/home/x/.ssh/id_ed25519",
        "/root/.git-credentials",
        "/root/.aws/credentials",
        "/root/.docker/config.json",
    ],
)
def test_files_named_like_secrets_fail(path: str) -> None:
    found = verdict("no-secrets-in-files", seen(image(file(path))))
    assert found.outcome is FAIL
    assert [(e.code, e.path) for e in found.evidence] == [("secret-file", path)]


@pytest.mark.parametrize(
    "path",
    [
        "/app/.env.example",
        "/app/environment.js",
        "/usr/local/lib/node_modules/npm/.npmrc",
        "/app/id_rsa.pub",
        "/app/credentials.js",
    ],
)
def test_files_that_only_look_similar_pass(path: str) -> None:
    assert verdict("no-secrets-in-files", seen(image(file(path)))).outcome is PASS


def test_a_secret_that_a_later_layer_deletes_is_still_there() -> None:
    facts = image(
        created_by=("COPY .npmrc .", "RUN npm ci", "RUN rm .npmrc"),
        waste=[WastedFile("/app/.npmrc", 60, 0, 2, deleted=True)],
    )
    dockerfile = "FROM a:1\nCOPY .npmrc .\nRUN npm ci\nRUN rm .npmrc\n"
    found = verdict("no-secrets-in-files", seen(facts, dockerfile))
    assert found.codes() == {"secret-in-layer"}
    assert found.evidence[0].line == 2
    assert "still stored in layer 1 of 3 (`COPY .npmrc .`)" in found.evidence[0].text


def test_a_secret_that_is_allowed_or_empty_passes() -> None:
    facts = image(file("/app/.env", 0), file("/app/keys/id_rsa"))
    assert verdict("no-secrets-in-files", seen(facts), allow=["/app/keys/*"]).passed


def test_a_hostile_name_is_written_out() -> None:
    found = verdict("no-secrets-in-files", seen(image(file("/app/\x1b[2J\udcff/.env"))))
    assert found.evidence[0].text.isprintable()
    assert (found.evidence[0].path or "").isprintable()


@pytest.mark.parametrize("name", ["no-dev-dependencies", "no-source-left", "no-secrets-in-files"])
def test_without_the_image_nothing_can_be_told(name: str) -> None:
    assert verdict(name, Observations(dev_packages=DEV)).outcome is UNKNOWN
