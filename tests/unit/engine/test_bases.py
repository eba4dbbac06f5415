"""What an engine has under the names of the bases, and how missing ones are got."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.engine import bases, pull
from helpers.engine.labels import CHECK, ROLE, STAND_IN
from helpers.engine.standins import make
from helpers.errors import BadInput

SLIM = "node:26-trixie-slim"
DISTROLESS = "gcr.io/distroless/nodejs26-debian13:nonroot"
DIGEST = "sha256:" + "a" * 64


class FakeApi:
    """An engine's image list, and the tags that are set."""

    def __init__(self, *images: dict[str, Any]) -> None:
        self.list = list(images)
        self.calls = 0

    def images(self) -> list[dict[str, Any]]:
        self.calls += 1
        return self.list

    def tag(self, name: str, repository: str, tag: str, force: bool = False) -> bool:
        found = next(i for i in self.list if name in i["RepoTags"])
        found["RepoTags"].append(f"{repository}:{tag}")
        return True


class FakeClient:
    def __init__(self, *images: dict[str, Any]) -> None:
        self.api = FakeApi(*images)


def image(*tags: str, labels: dict[str, str] | None = None, digests: tuple[str, ...] = ()) -> Any:
    return {
        "Id": "sha256:1",
        "RepoTags": list(tags),
        "RepoDigests": list(digests),
        "Labels": labels,
        "Size": 42,
    }


def one_status(entry: dict[str, Any] | None, name: str = SLIM) -> bases.BaseStatus:
    return bases.status_of(bases.base(name), entry)


class TestStatus:
    def test_an_image_that_is_not_there_is_missing(self) -> None:
        found = one_status(None)
        assert (found.source, found.present, found.bytes) == ("missing", False, 0)

    def test_an_image_known_by_its_registry_digest_is_official(self) -> None:
        found = one_status(image(SLIM, digests=(f"node@{DIGEST}",)))
        assert (found.source, found.digest, found.bytes) == ("official", DIGEST, 42)

    def test_the_digest_of_another_repository_makes_nothing_official(self) -> None:
        found = one_status(image(SLIM, digests=(f"registry.example/node@{DIGEST}",)))
        assert (found.source, found.digest) == ("foreign", None)

    def test_a_name_with_a_registry_keeps_it_in_its_digest(self) -> None:
        repository = DISTROLESS.rpartition(":")[0]
        found = one_status(image(DISTROLESS, digests=(f"{repository}@{DIGEST}",)), DISTROLESS)
        assert found.source == "official"

    def test_what_the_workbook_made_is_a_stand_in_and_says_of_what(self) -> None:
        found = one_status(image(SLIM, bases.mark(SLIM), labels={STAND_IN: "parts"}))
        assert (found.source, found.stand_in) == ("stand-in", "parts")

    def test_a_stand_in_is_none_the_less_one_with_a_digest(self) -> None:
        # An engine with the containerd image store gives every image one.
        entry = image(
            SLIM, bases.mark(SLIM), labels={STAND_IN: "parts"}, digests=(f"node@{DIGEST}",)
        )
        found = one_status(entry)
        assert (found.source, found.digest) == ("stand-in", None)

    def test_a_learners_image_on_a_stand_in_under_its_name_is_foreign(self) -> None:
        found = one_status(image(SLIM, labels={STAND_IN: "parts"}))
        assert (found.source, found.stand_in) == ("foreign", "parts")

    def test_an_image_without_digest_and_label_is_foreign(self) -> None:
        assert one_status(image(SLIM)).source == "foreign"

    def test_all_bases_take_one_call(self) -> None:
        client = FakeClient(image(SLIM))
        found = bases.status(client)  # type: ignore[arg-type]
        assert len(found) == len(bases.catalogue())
        assert client.api.calls == 1

    def test_an_unknown_name_is_refused_with_the_known_ones(self) -> None:
        with pytest.raises(BadInput) as caught:
            bases.status(FakeClient(), ("node:1",))  # type: ignore[arg-type]
        assert SLIM in caught.value.remedy


class World:
    """Registries that answer or not, and a maker of stand-ins, for ``ensure``."""

    def __init__(self, *images: dict[str, Any], answers: dict[str, str] | None = None) -> None:
        self.client = FakeClient(*images)
        self.answers = answers or {}
        self.asked: list[str] = []
        self.made: list[str] = []

    def pull(self, api: FakeApi, name: str, say: Any) -> str:
        self.asked.append(name)
        answer = self.answers.get(pull.registry_of(name), "out of reach")
        if answer == "out of reach":
            raise pull.OutOfReach("Nobody answers.", remedy="Wait.")
        if answer == "refuses":
            raise pull.RegistryRefused("No.", remedy="Log in.")
        api.list.append(image(name, digests=(f"{name.rpartition(':')[0]}@{DIGEST}",)))
        return DIGEST

    def make(self, client: FakeClient, recipes: Any, say: Any) -> None:
        self.made += [r.name for r in recipes]
        for r in recipes:
            client.api.list.append(image(r.name, bases.mark(r.name), labels={STAND_IN: r.made_of}))

    def ensure(self, *names: str, allow: bool = True, **options: Any) -> dict[str, str]:
        found = bases.ensure(self.client, names, allow_stand_ins=allow, **options)  # type: ignore[arg-type]
        return {s.name: s.source for s in found}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Any:
    def build(*images: dict[str, Any], **answers: str) -> World:
        made = World(*images, answers={k.replace("_", "."): v for k, v in answers.items()})
        monkeypatch.setattr(pull, "pull", made.pull)
        monkeypatch.setattr(make, "make_stand_ins", made.make)
        return made

    return build


class TestEnsure:
    def test_nothing_is_done_where_all_are_there(self, world: Any) -> None:
        w = world(image(SLIM))
        assert w.ensure(SLIM) == {SLIM: "foreign"}
        assert (w.asked, w.made, w.client.api.calls) == ([], [], 1)

    def test_the_official_image_is_pulled_and_marked_for_clean_up(self, world: Any) -> None:
        w = world(docker_io="answers")
        assert w.ensure(SLIM) == {SLIM: "official"}
        assert w.made == []
        assert bases.mark(SLIM) in w.client.api.list[0]["RepoTags"]

    def test_a_registry_out_of_reach_is_asked_once_in_a_run(self, world: Any) -> None:
        w = world()
        w.ensure(SLIM, "node:26-alpine", DISTROLESS, "debian:trixie-slim")
        assert w.asked == [SLIM, DISTROLESS]

    def test_stand_ins_come_with_what_they_need(self, world: Any) -> None:
        w = world()
        assert w.ensure(SLIM) == {SLIM: "stand-in"}
        assert {"debian:trixie-slim", SLIM} < set(w.made)
        assert "node:26-trixie" not in w.made

    def test_a_base_that_is_there_is_not_made_again(self, world: Any) -> None:
        w = world(image("debian:trixie-slim", digests=(f"debian@{DIGEST}",)))
        w.ensure(SLIM)
        assert "debian:trixie-slim" not in w.made

    def test_what_a_stand_in_needs_is_pulled_where_its_registry_answers(self, world: Any) -> None:
        w = world(docker_io="answers")
        assert w.ensure(DISTROLESS) == {DISTROLESS: "stand-in"}
        assert "debian:trixie-slim" in w.asked
        assert "debian:trixie-slim" not in w.made

    def test_without_leave_a_stand_in_is_an_error_that_says_how_to_ask(self, world: Any) -> None:
        w = world()
        with pytest.raises(bases.NoBaseImage) as caught:
            w.ensure(SLIM, allow=False)
        assert SLIM in caught.value.message
        assert "Nobody answers." in caught.value.message
        assert "--stand-ins" in caught.value.remedy
        assert w.made == []

    def test_a_registry_that_refuses_is_an_error_even_where_stand_ins_are_allowed(
        self, world: Any
    ) -> None:
        w = world(docker_io="refuses")
        with pytest.raises(pull.RegistryRefused):
            w.ensure(SLIM)
        assert w.made == []

    def test_stand_ins_can_be_had_without_asking_a_registry(self, world: Any) -> None:
        w = world(docker_io="answers")
        assert w.ensure(SLIM, try_registry=False) == {SLIM: "stand-in"}
        assert w.asked == []

    def test_no_stand_in_is_built_on_somebody_elses_debian(self, world: Any) -> None:
        w = world(image("debian:trixie-slim"))
        with pytest.raises(bases.NoBaseImage, match="debian:trixie-slim"):
            w.ensure(SLIM)
        assert w.made == []

    def test_a_name_that_is_given_twice_is_got_once(self, world: Any) -> None:
        w = world(docker_io="answers")
        w.ensure(SLIM, SLIM)
        assert w.asked == [SLIM]


class TestOwnership:
    def test_a_stand_in_goes_with_its_mark_and_its_name(self) -> None:
        entry = image(SLIM, bases.mark(SLIM), labels={STAND_IN: "parts"})
        assert bases.created_by_workbook(entry)
        assert set(bases.references(entry)) == {SLIM, bases.mark(SLIM)}

    def test_a_pulled_base_goes_too(self) -> None:
        entry = image(SLIM, bases.mark(SLIM), digests=(f"node@{DIGEST}",))
        assert set(bases.references(entry)) == {SLIM, bases.mark(SLIM)}

    def test_a_name_that_somebody_else_gave_it_stays(self) -> None:
        entry = image(SLIM, bases.mark(SLIM), "mine/node:1")
        assert "mine/node:1" not in bases.references(entry)

    @pytest.mark.parametrize("tag", ["shop:1", SLIM])
    def test_a_learners_image_on_a_stand_in_stays_whatever_its_name(self, tag: str) -> None:
        entry = image(tag, labels={STAND_IN: "parts"})
        assert not bases.created_by_workbook(entry)
        assert bases.references(entry) == ()

    def test_a_base_that_was_there_before_stays(self) -> None:
        assert not bases.created_by_workbook(image(SLIM, digests=(f"node@{DIGEST}",)))

    def test_the_image_of_a_check_goes_by_its_name(self) -> None:
        entry = image("workbook/01:latest", labels={STAND_IN: "parts", ROLE: CHECK})
        assert bases.references(entry) == ("workbook/01:latest",)

    @pytest.mark.parametrize("tag", ["mine:1", "<none>:<none>"])
    def test_what_only_inherited_the_label_stays(self, tag: str) -> None:
        entry = image(tag, labels={ROLE: CHECK})
        assert not bases.created_by_workbook(entry)
        assert bases.references(entry) == ()

    def test_a_name_like_ours_without_the_label_stays(self) -> None:
        assert not bases.created_by_workbook(image("workbook/mine:1"))

    def test_the_label_is_found_in_an_inspection_too(self) -> None:
        tags = ["workbook/01:latest"]
        inspected = {"Id": "sha256:1", "RepoTags": tags, "Config": {"Labels": {ROLE: CHECK}}}
        assert bases.created_by_workbook(inspected)

    def test_marks_are_valid_tags_and_all_different(self) -> None:
        marks = [bases.mark(b.name) for b in bases.catalogue()]
        assert len(set(marks)) == len(marks)
        assert all(m.count(":") == 1 for m in marks)
