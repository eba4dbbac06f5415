"""What is sent of a folder or of files in memory."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from helpers.build.content import PIECE, content
from helpers.build.context import Context, DockerfileText, folder_context, mapping_context
from helpers.build.errors import ContextError, DockerfileError
from helpers.build.tree import Entry

FROM = "FROM scratch\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text(FROM)
    return tmp_path


def entries(context: Context) -> dict[str, Entry]:
    return {entry.path: entry for entry in context.entries}


def read(context: Context, name: str) -> bytes:
    return b"".join(content(entries(context)[name]))


def test_files_modes_links_and_empty_folders_are_kept(folder: Path) -> None:
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o750)
    (folder / "empty").mkdir(mode=0o700)
    (folder / "outside").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(".")
    (folder / "run.sh").chmod(0o4750)
    found = entries(folder_context(folder))
    assert (found["run.sh"].mode, found["run.sh"].size) == (0o4750, 10)
    assert (found["empty"].kind, found["empty"].mode) == ("dir", 0o700)
    assert (found["outside"].kind, found["outside"].link) == ("symlink", "/etc/passwd")
    assert found["loop"].link == "."
    assert len(found) == 5


@pytest.mark.parametrize("name", ["ünï ☃.txt", "line\nbreak", "-dash", "back\\slash", "a" * 255])
def test_odd_names_are_kept(folder: Path, name: str) -> None:
    (folder / name).write_text("x") if len(name) < 255 else (folder / name).touch()
    assert name in entries(folder_context(folder))


def test_names_that_are_not_utf8_are_kept_byte_by_byte(folder: Path) -> None:
    raw_name = b"caf\xe9"
    (folder / os.fsdecode(raw_name)).write_text("x")
    assert os.fsdecode(raw_name) in entries(folder_context(folder))


def test_sockets_are_skipped_and_fifos_kept(folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "sock"))
        found = entries(folder_context(folder))
    assert "sock" not in found
    assert found["fifo"].kind == "fifo"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a device file")
def test_a_device_is_an_error_unless_it_is_left_out(folder: Path) -> None:
    os.mknod(folder / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    with pytest.raises(ContextError, match="null is a device file") as error:
        folder_context(folder)
    assert ".dockerignore" in error.value.remedy


def test_a_file_that_cannot_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "secret").write_text("x")
    context = folder_context(folder)
    real = os.open

    def refuse(path: str, flags: int) -> int:
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, flags)

    # root may read everything, so the kernel's answer is put in by hand
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ContextError, match="secret cannot be read: Permission denied") as error:
        read(context, "secret")
    assert error.value.path == "secret"
    assert "in .dockerignore: secret" in error.value.remedy


@pytest.mark.parametrize("change", ["vanish", "shrink", "link", "fifo"])
def test_a_file_that_changes_while_it_is_sent_is_named(folder: Path, change: str) -> None:
    file = folder / "data"
    file.write_bytes(b"x" * 5000)
    context = folder_context(folder)
    if change == "shrink":
        file.write_bytes(b"x" * 10)
    else:
        file.unlink()
    if change == "link":
        file.symlink_to("/etc/passwd")
    if change == "fifo":
        os.mkfifo(file)
    with pytest.raises(ContextError, match="data") as error:
        read(context, "data")
    assert error.value.path == "data"


def test_a_file_is_read_in_pieces_of_bounded_size(folder: Path) -> None:
    (folder / "data").write_bytes(b"x" * (2 * PIECE + 5))
    pieces = [len(piece) for piece in content(entries(folder_context(folder))["data"])]
    assert pieces == [PIECE, PIECE, 5]


def test_what_is_no_file_has_no_content(folder: Path) -> None:
    (folder / "link").symlink_to("Dockerfile")
    (folder / "empty").touch()
    context = folder_context(folder)
    assert read(context, "link") == read(context, "empty") == b""


def test_entries_come_as_a_walk_meets_them(folder: Path) -> None:
    names = ["a/b", "a-b", "a.b/c", "a/b.c", "a/b-c/d", "a0", "ü", "B"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    walked = ["B", "Dockerfile", "a", "a/b", "a/b-c", "a/b-c/d", "a/b.c"]
    walked += ["a-b", "a.b", "a.b/c", "a0", "ü"]
    assert list(entries(folder_context(folder))) == walked
    in_memory = mapping_context(dict.fromkeys(names, "") | {"Dockerfile": FROM})
    assert list(entries(in_memory)) == walked
    overlaid = folder_context(folder, overlay={"a/b-c/0": "", "a.": ""})
    assert list(entries(overlaid)) == sorted(entries(overlaid), key=lambda p: p.split("/"))


def stamp(context: Context, name: str = "data") -> int:
    found = entries(context)[name].stamp
    assert 0 <= found < 1_000_000_000
    return found


def test_another_state_of_a_file_has_another_stamp(folder: Path) -> None:
    file = folder / "data"
    file.write_text("one")
    first = stamp(folder_context(folder))
    assert stamp(folder_context(folder)) == first
    seen = {first}
    file.write_text("three")  # another size
    os.utime(file, ns=(1, 1))
    seen.add(stamp(folder_context(folder)))
    os.utime(file, ns=(1, 2))  # another time
    seen.add(stamp(folder_context(folder)))
    (folder / "new").write_text("three")
    (folder / "new").replace(file)  # another file with the same size and time
    os.utime(file, ns=(1, 2))
    seen.add(stamp(folder_context(folder)))
    assert len(seen) == 4


def test_the_stamp_of_a_file_in_memory_is_its_contents() -> None:
    def made(text: bytes | str) -> int:
        return stamp(mapping_context({"Dockerfile": FROM, "data": text}))

    assert made("x") == made(b"x") != made("y")


def test_modes_of_files_in_memory() -> None:
    files = {"Dockerfile": FROM, "run.sh": "x", "d/data": "y"}
    found = entries(mapping_context(files, modes={"run.sh": 0o755, "not/there": 0o600}))
    assert {path: entry.mode for path, entry in found.items()} == {
        "Dockerfile": 0o644,
        "run.sh": 0o755,
        "d": 0o755,
        "d/data": 0o644,
    }


def test_bytes_in_memory_are_kept_as_they_were() -> None:
    raw = bytearray(b"before")
    context = mapping_context({"Dockerfile": FROM, "data": raw, "text": "ü\udcff"})
    raw[:] = b"after!"
    assert read(context, "data") == b"before"
    assert read(context, "text") == b"\xc3\xbc\xff"


def test_a_folder_has_an_identity_and_files_in_memory_have_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert folder_context(folder).identity == folder_context(".").identity != ""
    assert folder_context(folder, overlay={"a": ""}).identity == folder_context(folder).identity
    assert mapping_context({"Dockerfile": FROM}).identity == ""


def test_a_file_that_grows_is_sent_as_it_was(folder: Path) -> None:
    file = folder / "log"
    file.write_text("12345")
    context = folder_context(folder)
    file.write_text("1234567890")
    assert read(context, "log") == b"12345"


def test_sizes_are_known_before_sending(folder: Path) -> None:
    (folder / "a").write_bytes(b"x" * 3000)
    (folder / "b").write_bytes(b"x" * 2000)
    context = folder_context(folder)
    assert [entry.path for entry in context.largest(2)] == ["a", "b"]
    assert context.file_bytes == 5000 + len(FROM)


def test_the_limit_names_the_largest_files_and_what_to_write(folder: Path) -> None:
    with (folder / "stray.iso").open("wb") as file:
        file.truncate(2_000_000_000)
    with pytest.raises(
        ContextError, match=r"2000 MB .* 512 MB.*stray\.iso \(2000\.0 MB\)"
    ) as error:
        folder_context(folder, limit_bytes=512_000_000)
    assert error.value.remedy.endswith(".dockerignore: stray.iso")
    (folder / ".dockerignore").write_text("*.iso\n")
    folder_context(folder, limit_bytes=512_000_000)


def test_an_overlay_replaces_and_adds(folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "src/a").write_text("old")
    (folder / "src/a").chmod(0o755)
    overlay = {"src/a": b"new", "new/deep/b": "b", "Dockerfile": "FROM busybox\n"}
    context = folder_context(folder, overlay=overlay)
    found = entries(context)
    assert read(context, "src/a") == b"new"
    assert found["src/a"].mode == 0o755
    assert found["new/deep/b"].mode == 0o644
    assert found["new/deep"].kind == "dir"
    assert context.dockerfile == "FROM busybox\n"
    assert (folder / "src/a").read_text() == "old"


def test_an_overlay_never_writes_through_a_link(folder: Path) -> None:
    (folder / "src").symlink_to("/etc")
    with pytest.raises(ContextError, match="src is given both as a file and as a folder"):
        folder_context(folder, overlay={"src/passwd": "x"})


def test_an_overlay_replaces_a_link(folder: Path) -> None:
    (folder / "a").symlink_to("/etc/passwd")
    context = folder_context(folder, overlay={"a": "mine"})
    assert entries(context)["a"].kind == "file"
    assert read(context, "a") == b"mine"


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../b", "a//b", "", "./a", "a/", "a\0b"])
def test_names_that_lead_outside_are_refused(path: str) -> None:
    with pytest.raises(ContextError, match="cannot be the name"):
        mapping_context({"Dockerfile": FROM, path: "x"})


def test_a_name_is_not_both_file_and_folder() -> None:
    with pytest.raises(ContextError, match="a is given both"):
        mapping_context({"Dockerfile": FROM, "a": "x", "a/b": "y"})


def test_no_folder() -> None:
    with pytest.raises(ContextError, match="There is no folder /nowhere/at/all"):
        folder_context("/nowhere/at/all")


def test_no_dockerfile(tmp_path: Path) -> None:
    with pytest.raises(DockerfileError, match="There is no Dockerfile") as error:
        folder_context(tmp_path)
    assert error.value.remedy


def test_a_dockerfile_in_lower_case_is_found(tmp_path: Path) -> None:
    (tmp_path / "dockerfile").write_text(FROM)
    context = folder_context(tmp_path)
    assert context.dockerfile == FROM
    assert context.dockerfile_name == "Dockerfile"


def test_a_dockerfile_that_is_left_out_is_read_all_the_same() -> None:
    files = {"Dockerfile": FROM, ".dockerignore": "**\n", "a": "x"}
    context = mapping_context(files)
    assert context.dockerfile == FROM
    assert context.entries == ()
    assert context.left_out_by("Dockerfile") == ".dockerignore:1: **"


def test_a_dockerfile_may_be_text_or_elsewhere(folder: Path, tmp_path: Path) -> None:
    context = folder_context(folder, dockerfile=DockerfileText("FROM busybox\n", "cell 3"))
    assert context.dockerfile == "FROM busybox\n"
    assert context.dockerfile_name == "cell 3"
    assert set(entries(context)) == {"Dockerfile"}
    inside = folder_context(folder, dockerfile=folder / "Dockerfile")
    assert (inside.dockerfile_name, inside.dockerfile) == ("Dockerfile", FROM)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/prod").write_text("FROM prod\n")
    outside = folder_context(folder / ".", dockerfile=tmp_path / "other/prod")
    assert outside.dockerfile == "FROM prod\n"


def test_a_dockerfile_outside_is_not_part_of_the_context(tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "prod").write_text(FROM)
    context = folder_context(tmp_path / "context", dockerfile=tmp_path / "prod")
    assert (context.dockerfile, context.entries) == (FROM, ())
    assert context.dockerfile_name == str(tmp_path / "prod")


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "up/../../x"])
def test_a_dockerfile_is_not_read_through_a_link_that_leads_out(
    tmp_path: Path, target: str
) -> None:
    (tmp_path / "Dockerfile").symlink_to(target)
    with pytest.raises(ContextError, match="leads out of the build context"):
        folder_context(tmp_path)


def test_a_dockerfile_is_not_read_from_a_folder_that_leads_out(tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/Dockerfile").write_text("FROM secret\n")
    (tmp_path / "context/docker").symlink_to("../other")
    with pytest.raises(ContextError, match="leads out"):
        folder_context(tmp_path / "context", dockerfile="docker/Dockerfile")


def test_a_dockerfile_behind_a_link_inside_is_read(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/prod").write_text(FROM)
    (tmp_path / "Dockerfile").symlink_to("docker/prod")
    (tmp_path / ".dockerignore").write_text("docker\n")
    context = folder_context(tmp_path)
    assert context.dockerfile == FROM
    assert set(entries(context)) == {"Dockerfile", ".dockerignore"}


def test_links_in_a_circle_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").symlink_to("other")
    (tmp_path / "other").symlink_to("Dockerfile")
    with pytest.raises(ContextError, match="is not a file that can be read"):
        folder_context(tmp_path)


def test_a_dockerfile_that_is_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").mkdir()
    with pytest.raises(ContextError, match="not a file"):
        folder_context(tmp_path)


def test_a_dockerfile_that_is_not_utf8_is_an_error_with_its_line() -> None:
    with pytest.raises(DockerfileError, match="Line 2 of the Dockerfile is not UTF-8"):
        mapping_context({"Dockerfile": b"FROM scratch\nLABEL a=\xff\n"})


def test_folders_in_folders_without_end_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(FROM)
    (tmp_path / ("d/" * 300)).mkdir(parents=True)
    with pytest.raises(ContextError, match="folders in one another"):
        folder_context(tmp_path)
    (tmp_path / ".dockerignore").write_text("d\n")
    folder_context(tmp_path)


def test_why_a_file_is_left_out_is_told() -> None:
    files = {"Dockerfile": FROM, ".dockerignore": "x\n*.log\n", "a.log": "", "b": ""}
    context = mapping_context(files)
    assert context.left_out_by("/a.log") == ".dockerignore:2: *.log"
    assert context.left_out_by("b") is None
    assert context.left_out_by("never.log") is None
