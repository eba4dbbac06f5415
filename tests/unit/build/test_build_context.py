"""What is sent of a folder or of files in memory."""

from __future__ import annotations

import io
import os
import socket
import stat
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from helpers.build.context import Context, DockerfileText, folder_context, mapping_context
from helpers.build.errors import ContextError, DockerfileError
from helpers.build.tar_stream import MTIME

FROM = "FROM scratch\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text(FROM)
    return tmp_path


def archive(context: Context) -> dict[str, tarfile.TarInfo]:
    raw = b"".join(context.tar())
    assert len(raw) == context.total_bytes
    with tarfile.open(fileobj=io.BytesIO(raw), errors="surrogateescape", encoding="utf-8") as tar:
        return {member.name: member for member in tar}


def content(context: Context, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(b"".join(context.tar()))) as tar:
        file = tar.extractfile(name)
        assert file is not None
        return file.read()


def test_files_modes_links_and_empty_folders_are_kept(folder: Path) -> None:
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o750)
    (folder / "empty").mkdir(mode=0o700)
    (folder / "outside").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(".")
    found = archive(folder_context(folder))
    assert found["run.sh"].mode == 0o750
    assert found["empty"].isdir()
    assert found["empty"].mode == 0o700
    assert found["outside"].issym()
    assert found["outside"].linkname == "/etc/passwd"
    assert found["loop"].linkname == "."
    assert len(found) == 5


def test_owners_and_times_are_the_same_for_all(folder: Path) -> None:
    os.chown(folder / "Dockerfile", os.getuid(), os.getgid())
    member = archive(folder_context(folder))["Dockerfile"]
    assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
    assert member.mtime == MTIME


def test_the_same_files_give_the_same_bytes(folder: Path) -> None:
    for name in ("b", "a", "c/d"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    first = b"".join(folder_context(folder).tar())
    os.utime(folder / "a", (1, 1))
    assert b"".join(folder_context(folder).tar()) == first


def test_the_archive_is_gnu_and_begins_with_one_short_header(folder: Path) -> None:
    (folder / ("d" * 120)).mkdir()
    (folder / ("d" * 120) / ("f" * 200)).write_text("x")
    (folder / "link").symlink_to("t" * 300)
    raw = b"".join(folder_context(folder).tar())
    assert raw[257:265] == b"ustar  \0"
    assert raw[:11] == b"Dockerfile\0"
    assert tarfile.XHDTYPE not in {raw[i + 156 : i + 157] for i in range(0, len(raw), 512)}
    found = archive(folder_context(folder))
    assert "d" * 120 + "/" + "f" * 200 in found
    assert found["link"].linkname == "t" * 300


def test_a_dockerfile_with_a_long_path_does_not_come_first() -> None:
    path = f"{'d' * 120}/Dockerfile"
    raw = b"".join(mapping_context({path: FROM}, dockerfile=path).tar())
    assert raw[:3] == b"./\0"
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        assert tar.getmember(path)


@pytest.mark.parametrize("name", ["ünï ☃.txt", "line\nbreak", "-dash", "back\\slash", "a" * 255])
def test_odd_names_are_kept(folder: Path, name: str) -> None:
    (folder / name).write_text("x") if len(name) < 255 else (folder / name).touch()
    assert name in archive(folder_context(folder))


def test_names_that_are_not_utf8_are_kept_byte_by_byte(folder: Path) -> None:
    raw_name = b"caf\xe9"
    (folder / os.fsdecode(raw_name)).write_text("x")
    raw = b"".join(folder_context(folder).tar())
    assert raw_name + b"\0" in raw


def test_sockets_are_skipped_and_fifos_kept(folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "sock"))
        found = archive(folder_context(folder))
    assert "sock" not in found
    assert found["fifo"].isfifo()


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
        b"".join(context.tar())
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
        b"".join(context.tar())
    assert error.value.path == "data"


def test_a_file_that_grows_is_sent_as_it_was(folder: Path) -> None:
    file = folder / "log"
    file.write_text("12345")
    context = folder_context(folder)
    file.write_text("1234567890")
    assert content(context, "log") == b"12345"


def test_a_large_file_is_sent_in_constant_memory(folder: Path) -> None:
    with (folder / "big").open("wb") as file:
        file.truncate(300_000_000)
    context = folder_context(folder)
    tracemalloc.start()
    sent = sum(len(piece) for piece in context.tar())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sent == context.total_bytes > 300_000_000
    assert peak < 4_000_000


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
    found = archive(context)
    assert content(context, "src/a") == b"new"
    assert found["src/a"].mode == 0o755
    assert found["new/deep/b"].mode == 0o644
    assert found["new/deep"].isdir()
    assert context.dockerfile == "FROM busybox\n"
    assert (folder / "src/a").read_text() == "old"


def test_an_overlay_never_writes_through_a_link(folder: Path) -> None:
    (folder / "src").symlink_to("/etc")
    with pytest.raises(ContextError, match="src is given both as a file and as a folder"):
        folder_context(folder, overlay={"src/passwd": "x"})


def test_an_overlay_replaces_a_link(folder: Path) -> None:
    (folder / "a").symlink_to("/etc/passwd")
    context = folder_context(folder, overlay={"a": "mine"})
    assert archive(context)["a"].isfile()


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
    assert context.dockerfile_path == "dockerfile"


def test_a_dockerfile_that_is_left_out_travels_all_the_same() -> None:
    context = mapping_context({"Dockerfile": FROM, ".dockerignore": "**\n", "a": "x"})
    assert [entry.path for entry in context.entries] == ["Dockerfile"]


def test_a_dockerfile_may_be_text_or_elsewhere(folder: Path, tmp_path: Path) -> None:
    context = folder_context(folder, dockerfile=DockerfileText("FROM busybox\n", "cell 3"))
    assert context.dockerfile == "FROM busybox\n"
    assert context.dockerfile_name == "cell 3"
    assert content(context, context.dockerfile_path) == b"FROM busybox\n"
    inside = folder_context(folder, dockerfile=folder / "Dockerfile")
    assert inside.dockerfile_path == "Dockerfile"


def test_a_dockerfile_text_takes_no_name_that_is_in_use() -> None:
    files = {".dockerfile.0": "mine"}
    context = mapping_context(files, dockerfile=DockerfileText(FROM))
    assert context.dockerfile_path == ".dockerfile.1"
    assert content(context, ".dockerfile.0") == b"mine"


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


def test_a_dockerfile_behind_a_link_inside_is_read_and_sent(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/prod").write_text(FROM)
    (tmp_path / "Dockerfile").symlink_to("docker/prod")
    (tmp_path / ".dockerignore").write_text("docker\n")
    context = folder_context(tmp_path)
    assert context.dockerfile == FROM
    assert {"Dockerfile", "docker", "docker/prod"} <= set(archive(context))


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
