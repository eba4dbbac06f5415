"""container-structure-test files: what is read, and what is refused with its line."""

from pathlib import Path

import pytest

from helpers.errors import BadInput
from helpers.structure_test.parse import parse_file, parse_text
from helpers.structure_test.spec import (
    ANY_ID,
    CommandTest,
    FileContentTest,
    FileExistenceTest,
    LicenseTest,
    MetadataTest,
    Pair,
    RunOptions,
    StructureFile,
)


def parse(text: str) -> StructureFile:
    return parse_text(f"schemaVersion: 2.0.0\n{text}".encode(), "t.yaml")


def test_every_field_is_read():
    found = parse(
        """
globalEnvVars: [{key: A, value: "1"}]
commandTests:
  - name: c
    setup: [[touch, x]]
    teardown: [[rm, x]]
    envVars: [{key: B, value: b}]
    command: ls
    args: [-l]
    exitCode: 2
    expectedOutput: [o]
    excludedOutput: [p]
    expectedError: [e]
    excludedError: [f]
fileExistenceTests:
  - name: f
    path: /x
    shouldExist: false
    permissions: drwxr-xr-x
    uid: 1
    gid: 2
    isExecutableBy: any
fileContentTests: [{name: g, path: /y, expectedContents: [a], excludedContents: [b]}]
metadataTest:
  envVars: [{key: A, value: b, isRegex: true}]
  unboundEnvVars: [{key: C}]
  exposedPorts: ["80"]
  unexposedPorts: ["81"]
  entrypoint: [a]
  cmd: []
  workdir: /w
  volumes: [/v]
  unmountedVolumes: [/u]
  labels: [{key: l, value: m}]
  user: web
licenseTests: [{debian: true, files: [/l]}]
containerRunOptions:
  user: u
  privileged: true
  allocateTty: true
  envVars: [E]
  envFile: f
  capabilities: [C]
  bindMounts: [a:b]
"""
    )
    assert found == StructureFile(
        "t.yaml",
        global_env=(Pair("A", "1"),),
        commands=(
            CommandTest(
                "c",
                (("touch", "x"),),
                (("rm", "x"),),
                (Pair("B", "b"),),
                2,
                "ls",
                ("-l",),
                ("o",),
                ("p",),
                ("e",),
                ("f",),
            ),
        ),
        existence=(FileExistenceTest("f", "/x", False, "drwxr-xr-x", 1, 2, "any"),),
        contents=(FileContentTest("g", "/y", ("a",), ("b",)),),
        metadata=MetadataTest(
            (Pair("A", "b", True),),
            (Pair("C"),),
            ("80",),
            ("81",),
            ("a",),
            (),
            "/w",
            ("/v",),
            ("/u",),
            (Pair("l", "m"),),
            "web",
        ),
        licenses=(LicenseTest(True, ("/l",)),),
        run=RunOptions("u", True, True, ("E",), "f", ("C",), ("a:b",)),
    )


def existence(fields: str) -> FileExistenceTest:
    (found,) = parse(f"fileExistenceTests: [{{{fields}}}]").existence
    return found


def test_what_is_left_out_has_the_tools_defaults():
    found = existence("name: a")
    assert found.should_exist
    assert (found.uid, found.gid) == (ANY_ID, ANY_ID)
    assert parse("metadataTest: {user: a}").metadata.cmd is None
    assert parse("metadataTest: {cmd: ~}").metadata.cmd is None
    assert not parse("fileContentTests: ~").contents
    assert not parse("").run.given


def test_plain_values_become_text_as_in_go():
    found = existence("name: 5, path: yes, permissions: 0644")
    assert (found.name, found.path, found.permissions) == ("5", "yes", "0644")
    assert existence("name: ~, path: x").name == ""
    assert existence("name: '~', path: x").name == "~"
    assert parse("metadataTest: {exposedPorts: [8080]}").metadata.exposed_ports == ("8080",)


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("010", 8), ("0x10", 16), ("1_000", 1000), ("-1", -1), ("~", 0)]
)
def test_whole_numbers_are_read_as_in_go(text, number):
    assert existence(f"name: a, uid: {text}").uid == number


@pytest.mark.parametrize(
    ("text", "value"), [("no", False), ("Off", False), ("y", True), ("~", False)]
)
def test_truth_values_are_read_as_in_go(text, value):
    assert existence(f"name: a, shouldExist: {text}").should_exist is value


def test_anchors_and_merged_mappings_are_followed():
    found = parse(
        "fileExistenceTests:\n- &a {name: a, uid: 7}\n- {<<: *a, name: b}\n- *a\n"
    ).existence
    assert [(t.name, t.uid) for t in found] == [("a", 7), ("b", 7), ("a", 7)]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("fileExistenceTest: []", 2, "fileExistenceTest: there is no such field"),
        ("commandTests:\n- {name: a, cmd: x}", 3, "commandTests[0].cmd: there is no such"),
        ("metadataTest: {env: []}", 2, "metadataTest.env: there is no such field"),
        ("fileExistenceTests: [{uid: '0'}]", 2, "fileExistenceTests[0].uid: a whole number"),
        ("fileExistenceTests: [{uid: 1.5}]", 2, "fileExistenceTests[0].uid: a whole number"),
        ("fileExistenceTests: [{shouldExist: 1}]", 2, "fileExistenceTests[0].shouldExist: true"),
        ("fileExistenceTests: [{shouldExist: 'no'}]", 2, "fileExistenceTests[0].shouldExist"),
        ("fileExistenceTests: [{path: a, path: b}]", 2, "fileExistenceTests[0].path: it stands"),
        ("fileExistenceTests: {a: b}", 2, "fileExistenceTests: a list is wanted"),
        ("commandTests: [x]", 2, "commandTests[0]: a mapping is wanted"),
        ("commandTests: [{setup: [touch]}]", 2, "commandTests[0].setup[0]: a list"),
        ("commandTests: [{name: [a]}]", 2, "commandTests[0].name: a text is wanted"),
        ("? [a]\n: b", 2, "a field's name is wanted"),
    ],
)
def test_a_fault_names_file_line_and_field(text, line, problem):
    with pytest.raises(BadInput) as error:
        parse(text)
    assert error.value.message.startswith(f"t.yaml:{line}: ")
    assert problem in error.value.message


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "holds no tests"),
        (b"[1]", "holds no tests"),
        (b"a: b", "schema version ''"),
        (b"schemaVersion: 1.0.0", "schema version '1.0.0'"),
        (b"schemaVersion: 2.0", "schema version '2.0'"),
        (b"a: [", "is no YAML"),
        (b"a: \xff", "is no YAML"),
        (b"[" * 10_000, "is no YAML"),
        (b" " * 2_000_001, "2,000,001 bytes"),
    ],
)
def test_what_is_no_such_file_is_refused(data, problem):
    with pytest.raises(BadInput, match=r"t\.yaml") as error:
        parse_text(data, "t.yaml")
    assert problem in error.value.message


def test_only_yaml_files_are_read(tmp_path: Path):
    with pytest.raises(BadInput, match="no YAML file by its name"):
        parse_file(tmp_path / "tests.json")
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        parse_file(tmp_path / "tests.yaml")
    (tmp_path / "t.yml").write_text("schemaVersion: '2.0.0'\n")
    assert parse_file(tmp_path / "t.yml").path == str(tmp_path / "t.yml")
