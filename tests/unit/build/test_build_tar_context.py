from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.build import Context, tar_context
from helpers.build.content import content
from helpers.build.errors import ContextError, DockerfileError

FILES = {"Dockerfile": b"FROM scratch\nCOPY . /\n", "deep/a": b"hello", "b": b"x" * 100_000}


def packed(
    files: dict[str, bytes], *members: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT
) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=form, errors="surrogateescape") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o640
            tar.addfile(info, io.BytesIO(data))
        for info in members:
            tar.addfile(info)
    return raw.getvalue()


def member(name: str, kind: bytes, link: str = "", mode: int = 0o755) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


def contents(context: Context) -> dict[str, bytes]:
    return {e.path: b"".join(content(e)) for e in context.entries if e.kind == "file"}


@pytest.mark.parametrize("squeeze", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_an_archive_plain_and_compressed(squeeze: Callable[[bytes], bytes], tmp_path: Path) -> None:
    archive = tmp_path / "context"
    archive.write_bytes(squeeze(packed(FILES)))
    with archive.open("rb") as stream:
        contexts = (tar_context(archive), tar_context(str(archive)), tar_context(stream))
    archive.unlink()  # what was opened stays
    for context in contexts:
        assert contents(context) == FILES
        assert [e.path for e in context.entries] == ["Dockerfile", "b", "deep", "deep/a"]
        assert context.dockerfile == FILES["Dockerfile"].decode()


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_the_formats_of_tar(form: int) -> None:
    name = f"{'d' * 60}/{'é' * 20}"
    assert contents(tar_context(io.BytesIO(packed({**FILES, name: b"1"}, form=form))))[name] == b"1"


def test_links_modes_and_later_members() -> None:
    archive = packed(
        {**FILES, "./twice": b"old"},
        member("hard", tarfile.LNKTYPE, "deep/a"),
        member("soft", tarfile.SYMTYPE, "../up"),
        member("empty/", tarfile.DIRTYPE, mode=0o1777),
        member("pipe", tarfile.FIFOTYPE),
    )
    end = archive.rindex(b"pipe") // 512 * 512 + 512  # the marks of the end come after it
    raw = io.BytesIO(archive[:end] + packed({"twice": b"new"}))
    found = {e.path: e for e in tar_context(raw).entries}
    assert not raw.closed
    assert contents(tar_context(io.BytesIO(raw.getvalue())))["twice"] == b"new"
    assert b"".join(content(found["hard"])) == b"hello"
    assert (found["soft"].kind, found["soft"].link) == ("symlink", "../up")
    assert (found["empty"].kind, found["empty"].mode) == ("dir", 0o1777)
    assert found["pipe"].kind == "fifo"
    assert found["b"].mode == 0o640


def test_names_that_are_not_utf_8() -> None:
    name = os.fsdecode(b"caf\xe9")
    archive = packed({**FILES, name: b"1"}, form=tarfile.GNU_FORMAT)
    assert contents(tar_context(io.BytesIO(archive)))[name] == b"1"


def test_the_ignore_file_counts() -> None:
    files = {**FILES, ".dockerignore": b"deep\n.dockerignore\n"}
    assert set(contents(tar_context(io.BytesIO(packed(files))))) == {"Dockerfile", "b"}


def test_another_archive_at_the_same_place_has_other_stamps(tmp_path: Path) -> None:
    archive = tmp_path / "context.tar"
    stamps = set()
    for text in (b"aaaaa", b"bbbbb"):
        archive.write_bytes(packed({**FILES, "deep/a": text}))
        stamps.add(next(e.stamp for e in tar_context(archive).entries if e.path == "deep/a"))
    assert len(stamps) == 2


@pytest.mark.parametrize(
    ("archive", "says"),
    [
        (b"", "cannot be read"),
        (b"no archive at all" * 100, "cannot be read"),
        (packed(FILES)[:1500], "cut off"),
        (gzip.compress(packed(FILES))[:200], "cannot be read"),
        (packed({**FILES, "../up": b""}), "cannot be the name"),
        (packed({**FILES, "/etc/passwd": b""}), "cannot be the name"),
        (packed({**FILES, "b/c": b""}), "both as a file and as a folder"),
        (packed(FILES, member("null", tarfile.CHRTYPE)), "device file"),
        (packed(FILES, member("l", tarfile.LNKTYPE, "nowhere")), "does not come before"),
    ],
)
def test_archives_that_cannot_be_used(archive: bytes, says: str) -> None:
    with pytest.raises(ContextError, match=says) as caught:
        tar_context(io.BytesIO(archive))
    assert caught.value.remedy


def test_an_archive_without_a_dockerfile_and_one_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DockerfileError):
        tar_context(io.BytesIO(packed({"a": b""})))
    with pytest.raises(ContextError, match="No such file"):
        tar_context(tmp_path / "nowhere.tar")


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(packed({"Dockerfile": b"FROM scratch\n", "big": bytes(50_000_000)}))
    assert len(bomb) < 200_000
    with pytest.raises(ContextError, match="10 MB"):
        tar_context(io.BytesIO(bomb), limit_bytes=10_000_000)
