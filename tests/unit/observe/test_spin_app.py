from __future__ import annotations

import json

import pytest

from helpers.observe.spin_app import NotServable, spin_app

MANIFEST = """
spin_manifest_version = 2
[application]
name = "stamps"
[variables]
token = { required = true, secret = true }
shop = { default = "north" }
[[trigger.http]]
route = "/cards/..."
component = "stamps"
[[trigger.http]]
route = "/"
component = "front"
[component.stamps]
source = "./target/app.wasm"
key_value_stores = ["default"]
allowed_outbound_hosts = ["https://rates.example"]
environment = { SHOP = "{{ shop }}-1" }
variables = { token = "{{ token }}", shop = "{{shop}}" }
[component.front]
source = "front.wasm"
[component.unused]
source = "unused.wasm"
"""


def test_each_component_gets_what_its_table_names() -> None:
    app = spin_app(MANIFEST, {"token": "t"})
    stamps, front = app.components
    assert app.routes == (("/cards/...", "stamps"), ("/", "front"))
    assert stamps.file == "target/app.wasm"
    assert stamps.stores == ("default",)
    assert stamps.hosts == ("https://rates.example",)
    assert stamps.variables == {"token": "t", "shop": "north"}
    assert stamps.environment == {"SHOP": "north-1"}
    assert (front.stores, front.hosts, front.variables) == ((), (), {})


def test_a_variable_without_a_value_is_not_given() -> None:
    assert spin_app(MANIFEST, {}).components[0].variables == {"shop": "north"}


def test_the_host_reads_it_as_json() -> None:
    written = json.loads(spin_app(MANIFEST, {"token": "t"}).to_json())
    assert written["routes"][0] == {"route": "/cards/...", "component": "stamps"}
    assert written["components"][0]["stores"] == ["default"]
    assert written["components"][1]["environment"] == {}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("spin_manifest_version = 2", "spin_manifest_version = ", "no TOML"),
        ("spin_manifest_version = 2", "spin_manifest_version = 1", "version 2"),
        ("trigger.http", "trigger.redis", "no HTTP trigger"),
        ('component = "stamps"', 'component = "stamp"', "'stamp', which is not there"),
        ('source = "./target/app.wasm"', "", "no source"),
        ("./target/app.wasm", "../app.wasm", "outside"),
        ("./target/app.wasm", "/etc/app.wasm", "outside"),
    ],
)
def test_what_cannot_be_served_is_told(old: str, new: str, why: str) -> None:
    assert old in MANIFEST
    with pytest.raises(NotServable, match=why):
        spin_app(MANIFEST.replace(old, new), {})
