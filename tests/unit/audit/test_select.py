"""Which properties apply, and what they get."""

import pytest
from audit_samples import NoParams, PortParams, SizeParams, a_property

from helpers.audit.seen import Seen, seen_in
from helpers.audit.select import known_families, select
from helpers.audit.settings import SettingsFile, load_settings
from helpers.errors import BadInput
from helpers.judge.registry import find_property
from helpers.observe.requests import Request

PLAIN = a_property("plain")
PORT = a_property("serves", PortParams)
SIZE = a_property("size", SizeParams)
ALL = (PLAIN, PORT, SIZE)


def chosen(seen=None, properties=ALL, **options):
    selected, left_out = select(properties, seen or Seen(), SettingsFile(), **options)
    params = [(s.criterion.property.id, s.criterion.params.model_dump()) for s in selected]
    return params, {found.id: found.why for found in left_out}


def test_what_needs_a_parameter_is_left_out_with_its_description():
    params, left_out = chosen()
    assert params == [("plain", {})]
    assert left_out == {
        "serves": "needs 1 parameter: port (TCP port)",
        "size": "needs 1 parameter: max_mb (Most, in MB)",
    }


def test_port_and_path_come_from_what_is_seen():
    params, _ = chosen(Seen((8080, 9090), "/healthz"))
    assert ("serves", {"port": 8080, "path": "/healthz"}) in params
    assert len([p for p in params if p[0] == "serves"]) == 1


def test_ports_from_the_command_line_replace_those_and_each_is_judged():
    params, _ = chosen(Seen((8080,)), ports=(3000, 4000))
    assert [p["port"] for name, p in params if name == "serves"] == [3000, 4000]


def test_settings_come_before_what_is_seen(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text("[parameters.size]\nmax_mb = 200\n[parameters.serves]\npath = '/x'\n")
    selected, _ = select(ALL, Seen((80,), "/healthz"), load_settings(path))
    by_id = {s.criterion.property.id: s for s in selected}
    assert by_id["size"].criterion.params.model_dump() == {"max_mb": 200}
    assert by_id["serves"].criterion.params.model_dump() == {"port": 80, "path": "/x"}
    assert by_id["serves"].parameters == 'port = 80, path = "/x"'
    assert by_id["plain"].parameters == ""


def test_a_wrong_setting_names_its_line(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text("[parameters.size]\nmax_mb = -1\n")
    with pytest.raises(BadInput, match=r"s\.toml:2: parameters\.size\.max_mb: .*greater than 0"):
        select(ALL, Seen(), load_settings(path))
    path.write_text("[parameters.plain]\nmax = 1\n")
    with pytest.raises(BadInput, match=r"s\.toml:2: parameters\.plain\.max"):
        select(ALL, Seen(), load_settings(path))


def test_families_narrow_it_down():
    other = a_property("other", NoParams, family="Other")
    families = known_families((*ALL, other), ["other"])
    assert chosen(properties=(*ALL, other), families=families)[0] == [("other", {})]
    with pytest.raises(BadInput, match="no family 'nope'"):
        known_families(ALL, ["nope"])


def config(**fields):
    return seen_in({"Config": fields})


def test_exposed_tcp_ports_are_seen():
    seen = config(ExposedPorts={"9090/udp": {}, "8080/tcp": {}, "3000/tcp": {}})
    assert seen == Seen((3000, 8080), "", "EXPOSE")


@pytest.mark.parametrize(
    ("test", "port", "path"),
    [
        (["CMD-SHELL", "curl -fs http://localhost:8080/healthz || exit 1"], (8080,), "/healthz"),
        (["CMD", "wget", "-qO-", "http://127.0.0.1:8080/ready?x=1"], (8080,), "/ready?x=1"),
        (["CMD", "node", "-e", "fetch('http://localhost:'+p+'/healthz')"], (), "/healthz"),
        (["CMD", "node", "/app/healthcheck.js"], (), ""),
        (["CMD-SHELL", "nc -z localhost 5432"], (), ""),
        (["NONE"], (), ""),
        ([], (), ""),
    ],
)
def test_a_healthcheck_tells_port_and_path(test, port, path):
    seen = config(Healthcheck={"Test": test})
    assert (seen.ports, seen.health_path) == (port, path)


def test_the_healthcheck_tells_which_exposed_port_is_meant():
    seen = config(
        ExposedPorts={"8080/tcp": {}, "9090/tcp": {}},
        Healthcheck={"Test": ["CMD", "curl", "http://localhost:9090/"]},
        Env=["PORT=7000"],
    )
    assert seen.ports == (9090, 8080)
    assert seen.how == "HEALTHCHECK"


def test_without_an_exposed_port_a_variable_tells_it():
    assert config(Env=["PATH=/bin", "PORT=7000"]) == Seen((7000,), "", "ENV PORT")
    assert config(Env=["PORT=no", "HTTP_PORT=99999"]) == Seen()
    assert seen_in({}) == Seen()


class _Again(Request[object]):
    observer = "helpers.observe.rebuild:observe_rebuild"
    builds_again = True


def test_what_builds_again_is_left_out_unless_it_is_asked_for():
    again = a_property("again", needs=lambda _: (_Again(),))
    params, left_out = chosen(properties=(again, PLAIN))
    assert params == [("plain", {})]
    assert "--rebuild" in left_out["again"]
    assert chosen(properties=(again,), rebuild=True)[0] == [("again", {})]


@pytest.mark.parametrize(
    "property_id", ["builds-offline", "cached-after-edit", "cached-rebuild", "reproducible"]
)
def test_the_properties_for_which_the_image_is_built_again(property_id: str):
    found = find_property(property_id)
    assert any(request.builds_again for request in found.needs(found.params()))


class ProbesParams(PortParams):
    probes: tuple[dict[str, str], ...] = ({"path": "/"},)


def test_a_path_that_nobody_named_is_not_guessed():
    probed = a_property("probed", ProbesParams)
    params, left_out = chosen(Seen((80,)), (probed,))
    assert not params
    assert "no HEALTHCHECK names a path" in left_out["probed"]
    ((_, given),), _ = chosen(Seen((80,), "/healthz"), (probed,))
    assert given["probes"] == ({"path": "/healthz"},)
