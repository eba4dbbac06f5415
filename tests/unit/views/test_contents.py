from __future__ import annotations

import dataclasses

import pytest
from report.samples import distroless_image, naive_image

from helpers.observe.image_facts import FileFact, ImageFacts
from helpers.views.contents import largest_paths, layer_shares


def files(sizes: dict[str, int]) -> list[FileFact]:
    return [FileFact(path, "file", size, 0o644, 0, 0, 0) for path, size in sizes.items()]


def names(sizes: dict[str, int], limit: int = 4) -> list[str]:
    return [part.name for part in largest_paths(files(sizes), limit)]


def test_a_directory_gives_way_to_what_is_large_in_it() -> None:
    sizes = {"/usr/lib/gcc/cc1": 100, "/usr/lib/libc.so": 10, "/etc/passwd": 1}
    assert names(sizes) == ["/usr/lib/gcc/cc1", "/usr/lib/libc.so", "/etc/passwd"]


def test_no_path_lies_within_another() -> None:
    paths = [p.name for p in layer_shares(naive_image())[3].parts]
    for path in paths:
        assert not any(other != path and other.startswith(path + "/") for other in paths)


def test_a_package_is_one_thing_with_its_scope() -> None:
    sizes = {
        "/app/node_modules/@types/node/a.ts": 5,
        "/app/node_modules/@types/pg/a.ts": 4,
        "/app/node_modules/typescript/lib/tsc.js": 9,
    }
    assert names(sizes) == [
        "/app/node_modules/typescript",
        "/app/node_modules/@types/node",
        "/app/node_modules/@types/pg",
    ]


def test_many_small_files_stay_their_directory() -> None:
    sizes = {f"/usr/share/doc/p{i}/copyright": 1 for i in range(500)} | {"/bin/node": 400}
    parts = largest_paths(files(sizes), 4, smallest=10)
    assert [(p.name, p.bytes) for p in parts] == [("/usr/share/doc", 500), ("/bin/node", 400)]


def test_many_packages_of_one_size_stay_their_directory() -> None:
    sizes = {f"/app/node_modules/p{i}/index.js": 10 for i in range(50)} | {"/bin/node": 400}
    assert names(sizes, 5) == ["/app/node_modules", "/bin/node"]


def test_nothing_has_no_parts() -> None:
    assert largest_paths([], 5) == ()
    assert largest_paths(files({"/empty": 0}), 5) == ()


@pytest.mark.parametrize("facts", [naive_image(), distroless_image()])
def test_parts_add_up_to_their_layer_and_layers_to_the_image(facts: ImageFacts) -> None:
    shares = layer_shares(facts)
    for share in shares:
        assert sum(p.bytes for p in share.parts) == share.bytes
    assert sum(s.bytes for s in shares) == facts.unpacked_bytes
    assert sum(s.share for s in shares) == pytest.approx(1)


def test_waste_is_a_part_of_the_layer_that_stores_it() -> None:
    (waste,) = [p for p in layer_shares(naive_image())[7].parts if p.kind == "waste"]
    assert waste.bytes == 24_000_000


def test_an_empty_image_divides_by_nothing() -> None:
    facts = dataclasses.replace(naive_image(), layers=(), files=(), history=(), waste=())
    assert layer_shares(facts) == ()
