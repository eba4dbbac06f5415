from __future__ import annotations

from dataclasses import replace

import pytest

from helpers.judge.service_user import service_user
from helpers.judge.start_path import start_path
from helpers.judge.verdict import Verdict
from helpers.observe.image_facts import ImageFacts

from .factories import FAIL, PASS, UNKNOWN, file, image, program, seen, symlink, verdict

NODE = program("/usr/bin/node")


def found(judged: Verdict) -> list[tuple[str, str | None]]:
    return [(e.code, e.path) for e in judged.evidence]


@pytest.mark.parametrize(
    "property_id",
    [
        "no-world-writable",
        "no-file-capabilities",
        "known-owners",
        "no-device-files",
        "app-not-writable",
        "start-command-exists",
    ],
)
def test_without_an_image_nothing_can_be_told(property_id: str) -> None:
    assert verdict(property_id, seen()).outcome is UNKNOWN


def test_world_writable_files_and_folders() -> None:
    good = image(
        file("/tmp", kind="dir", mode=0o1777),
        file("/app/a", mode=0o664),
        symlink("/l", "x"),
        file("/data", kind="dir", mode=0o777),
    )
    assert verdict("no-world-writable", seen(good), allow=["/data"]).outcome is PASS
    bad = image(file("/app/run.sh", mode=0o666), file("/app", kind="dir", mode=0o777, layer=1))
    judged = verdict("no-world-writable", seen(bad))
    assert judged.outcome is FAIL
    assert found(judged) == [("writable-folder", "/app"), ("writable-file", "/app/run.sh")]
    assert judged.evidence[0].layer == 1


def test_file_capabilities() -> None:
    low_port = replace(program("/bin/web"), capabilities="cap_net_bind_service=ep")
    ping = replace(program("/bin/ping"), capabilities="cap_net_bind_service,cap_net_raw=ep")
    broken = replace(program("/bin/x"), capabilities="unreadable")
    assert verdict("no-file-capabilities", seen(image(low_port))).outcome is PASS
    strict = verdict("no-file-capabilities", seen(image(low_port)), allow_capabilities=[])
    assert strict.outcome is FAIL
    judged = verdict("no-file-capabilities", seen(image(ping, broken, low_port)))
    assert found(judged) == [("capability", "/bin/ping"), ("capability", "/bin/x")]
    assert "cap_net_raw" in judged.evidence[0].text


def test_known_owners() -> None:
    files = [file("/a", uid=0), file("/b", uid=1000), file("/c", uid=65534)]
    known = image(*files, accounts=[("app", 1000)])
    assert verdict("known-owners", seen(known)).outcome is PASS
    by_number = image(*files, user="1000")  # no passwd, and none needed
    assert verdict("known-owners", seen(by_number)).outcome is PASS
    judged = verdict("known-owners", seen(image(*files)))
    assert found(judged) == [("unknown-user", "/b")]
    group = replace(file("/d"), gid=27)
    assert found(verdict("known-owners", seen(image(group)))) == [("unknown-group", "/d")]
    named = replace(image(group), groups=(("sudo", 27),))
    assert verdict("known-owners", seen(named)).outcome is PASS


def test_device_files() -> None:
    good = image(file("/dev/null", kind="char"), file("/a"))
    assert verdict("no-device-files", seen(good)).outcome is PASS
    bad = image(file("/srv/sda", kind="block"), file("/run/p", kind="fifo"))
    assert found(verdict("no-device-files", seen(bad))) == [
        ("device", "/run/p"),
        ("device", "/srv/sda"),
    ]


def service(*files: object, user: str = "app", **config: object) -> ImageFacts:
    config = {"entrypoint": ("node", "server.js"), "workdir": "/app", **config}
    made = image(NODE, *files, user=user, accounts=[("app", 1000)], **config)  # type: ignore[arg-type]
    return replace(made, main_groups=((1000, 50),))


def test_an_app_that_belongs_to_root_is_not_writable() -> None:
    good = service(
        file("/app", kind="dir", mode=0o755),
        file("/app/server.js"),
        file("/app/data", kind="dir", mode=0o755, uid=1000),
        file("/home/app/x", uid=1000),
    )
    assert verdict("app-not-writable", seen(good)).outcome is PASS


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (file("/app/server.js", uid=1000), "writable-program"),
        (file("/app/lib.js", uid=1000), "writable-app"),
        (file("/app", kind="dir", mode=0o755, uid=1000), "writable-app"),
        (file("/app/lib.js", mode=0o666), "writable-app"),
        (replace(file("/app/lib.js", mode=0o664), gid=50), "writable-app"),
    ],
)
def test_an_app_that_its_own_user_may_change(wrong: object, code: str) -> None:
    judged = verdict("app-not-writable", seen(service(file("/app/z"), wrong)))
    assert [e.code for e in judged.evidence] == [code]


def test_root_may_change_everything_and_an_unknown_user_cannot_be_judged() -> None:
    root = verdict("app-not-writable", seen(service(file("/app/server.js"), user="")))
    assert [e.code for e in root.evidence] == ["root"]
    unknown = verdict("app-not-writable", seen(service(file("/app/server.js"), user="nobody")))
    assert unknown.outcome is UNKNOWN
    nothing = verdict("app-not-writable", seen(image(user="1")))
    assert nothing.outcome is UNKNOWN


@pytest.mark.parametrize(
    ("user", "uid", "gid"),
    [("", 0, 0), ("app", 1000, 50), ("1000", 1000, 50), ("7", 7, 0), ("7:9", 7, 9)],
)
def test_the_user_is_looked_up_as_the_engine_does(user: str, uid: int, gid: int) -> None:
    facts = replace(service(user=user), main_groups=((0, 0), (1000, 50)))
    found_user = service_user(facts)
    assert found_user is not None
    assert (found_user.uid, found_user.gid) == (uid, gid)


def test_a_start_command_that_is_there() -> None:
    script = file("/app/server.js")
    for facts in (
        image(NODE, script, entrypoint=("node", "/app/server.js")),
        image(NODE, script, entrypoint=("/usr/bin/node",), cmd=("server.js",), workdir="/app"),
        image(NODE, symlink("/bin", "usr/bin"), cmd=("/bin/node",)),
        image(program("/opt/x/run"), cmd=("run",), env=("PATH=/nothing:/opt/x",)),
        image(program("/app/run"), cmd=("./run", "--config=x.js"), workdir="/app"),
    ):
        assert verdict("start-command-exists", seen(facts)).outcome is PASS


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (image(NODE), "no-command"),
        (image(NODE, cmd=("nod",)), "no-program"),
        (image(NODE, cmd=("/usr/local/bin/node",)), "no-program"),
        (image(NODE, cmd=("node",), env=("PATH=/opt",)), "no-program"),
        (image(NODE, cmd=("node", "/app/server.js")), "no-script"),
        (image(symlink("/bin/node", "/usr/bin/gone"), cmd=("/bin/node",)), "broken-link"),
        (image(symlink("/bin/node", "node"), cmd=("/bin/node",)), "broken-link"),
        (image(file("/bin/node", mode=0o644), cmd=("/bin/node",)), "not-executable"),
        (image(file("/bin/node", kind="dir", mode=0o755), cmd=("/bin/node",)), "not-executable"),
    ],
)
def test_a_start_command_that_cannot_run(facts: ImageFacts, code: str) -> None:
    judged = verdict("start-command-exists", seen(facts))
    assert [e.code for e in judged.evidence] == [code]


def test_hostile_names_do_not_get_into_a_report() -> None:
    facts = image(cmd=("/bin/\x1b[2J\udce9",))
    text = verdict("start-command-exists", seen(facts)).evidence[0].text
    assert text.isprintable()


def test_the_start_path_names_program_and_scripts() -> None:
    facts = image(NODE, file("/app/a.js"), entrypoint=("node", "--x", "/app/a.js", "b c.js"))
    assert [(s.name, s.first) for s in start_path(facts)] == [("node", True), ("/app/a.js", False)]
