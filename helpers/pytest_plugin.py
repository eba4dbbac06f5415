"""Properties as assertions: a plugin for pytest.

>>> def test_the_image(workbook_image):
...     assert_property("image-size", workbook_image, max_mb=200)

Fixtures: ``workbook_engine``; ``workbook_build`` (builds a folder once a session);
``workbook_image`` (what ``--workbook-image`` or ``--workbook-folder`` names); ``workbook_run``
(starts containers, and removes them after the test); ``workbook_property`` (one test a property).
Everything that was made is removed at the end, also after Ctrl-C.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from helpers.audit.subject import Audited
    from helpers.engine.connect import Engine
    from helpers.judge.judge import Criterion
    from helpers.judge.verdict import Verdict
    from helpers.observe.containers import RunningContainer
    from helpers.observe.requests import Observations, Request

MARKER = "workbook_properties"
_PROPERTY = "workbook_property"


@dataclass(frozen=True)
class TestedImage:
    """An image under test. What one assertion made visible serves the next one, too.

    Attributes:
        audited: the image and what is known of it.
        engine: where it is.
    """

    __test__ = False  # no test class, though its name begins like one

    audited: Audited
    engine: Engine = field(repr=False)
    _seen: list[Observations] = field(default_factory=list, repr=False)
    _asked: set[Request[Any]] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def id(self) -> str:
        """The image's id, ``sha256:…``."""
        return self.audited.image_id

    def observe(self, requests: Iterable[Request[Any]]) -> Observations:
        """Everything that was seen so far; each request is answered once for the image.

        Raises:
            NoEngine: where the engine stops answering.
        """
        from helpers.observe.observe import observe

        with self._lock:
            new = [request for request in requests if request not in self._asked]
            if new or not self._seen:
                packages = self.audited.dev_packages
                found = observe(self.audited.subject, new, dev_packages=packages)
                self._seen[:] = [_joined(self._seen[0], found) if self._seen else found]
                self._asked.update(new)
            return self._seen[0]

    def judge(self, wanted: str | Criterion, **parameters: Any) -> Verdict:
        """The verdict on one property.

        Args:
            wanted: a property's id, or what ``workbook_property`` gives.
            parameters: of the property, where its id is given.

        Raises:
            BadInput: where there is no such property, or a parameter is wrong.
        """
        from helpers.judge.judge import judge

        found = _criterion(wanted, parameters)
        (verdict,) = judge([found], self.observe(found.property.needs(found.params)))
        return verdict


def _joined(one: Observations, other: Observations) -> Observations:
    """What two looks at one image saw."""
    return replace(
        one,
        image=one.image or other.image,
        bases=one.bases or other.bases,
        services={**one.services, **other.services},
        answers={**one.answers, **other.answers},
        failures={**one.failures, **other.failures},
    )


def assert_property(wanted: str | Criterion, image: TestedImage, **parameters: Any) -> None:
    """Fail the test unless the image has the property; the failure shows the evidence.

    Args:
        wanted: a property's id, for example ``image-size``, or what ``workbook_property`` gives.
        image: from ``workbook_image`` or ``workbook_build``.
        parameters: of the property, for example ``max_mb=200``.

    Raises:
        AssertionError: where it fails, and where it could not be told.
        BadInput: where there is no such property, or a parameter is wrong.
    """
    __tracebackhide__ = True
    verdict = image.judge(wanted, **parameters)
    if not verdict.passed:
        raise AssertionError(_failure(_criterion(wanted, parameters), verdict, image))


def _criterion(wanted: str | Criterion, parameters: Mapping[str, Any]) -> Criterion:
    from helpers.errors import BadInput
    from helpers.judge.judge import criterion

    if isinstance(wanted, str):
        return criterion(wanted, parameters)
    if parameters:
        raise BadInput(
            f"{wanted.property.id} has its parameters already.",
            remedy="Name the property by its id, or leave the parameters out.",
        )
    return wanted


def _failure(wanted: Criterion, verdict: Verdict, image: TestedImage) -> str:
    """Title, reason, all evidence, and what to change."""
    found = wanted.property
    lines = [f"{image.audited.name}: {found.title} ({found.id}): {verdict.outcome}"]
    lines.append(f"  {verdict.summary}")
    for evidence in verdict.evidence:
        at = f" [Dockerfile line {evidence.line}]" if evidence.line is not None else ""
        lines.append(f"  · {evidence.text}{at}")
    remedy = found.remedy_for(verdict)
    if remedy:
        lines.append(f"  Change: {remedy}")
    lines.append(f"  {found.source}")
    return "\n".join(lines)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that name the image under test."""
    group = parser.getgroup("workbook", "docker-production-workbook")
    group.addoption("--workbook-image", metavar="NAME", help="image that workbook_image gives")
    group.addoption(
        "--workbook-folder", metavar="DIR", help="folder that is built for workbook_image instead"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(*names): which properties or families {_PROPERTY} goes through; all by default",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a property: those of the marker whose parameters have defaults."""
    if _PROPERTY not in metafunc.fixturenames:
        return
    names = [str(n) for mark in metafunc.definition.iter_markers(MARKER) for n in mark.args]
    criteria = matching(names)
    metafunc.parametrize(_PROPERTY, criteria, ids=[c.property.id for c in criteria])


def matching(names: Iterable[str] = ()) -> tuple[Criterion, ...]:
    """Properties by id or family, with their default parameters; all where no name is given.

    Those that need a parameter are left out of a family, and refused by id.

    Raises:
        BadInput: where a name is neither a property nor a family, or it needs a parameter.
    """
    from pydantic import ValidationError

    from helpers.errors import BadInput
    from helpers.judge.judge import Criterion, criterion
    from helpers.judge.registry import all_properties

    known = all_properties()
    wanted = list(names)
    families = {found.family.lower() for found in known.values()}
    for name in wanted:
        if name not in known and name.lower() not in families:
            raise BadInput(
                f"There is no property or family {name!r}.",
                remedy="`workbook properties` lists them.",
            )
    chosen = []
    for found in known.values():
        if found.id in wanted:
            chosen.append(criterion(found.id))
        elif not wanted or found.family.lower() in {name.lower() for name in wanted}:
            try:
                chosen.append(Criterion(found, found.params()))
            except ValidationError:
                continue  # it needs a parameter
    return tuple(chosen)


@pytest.fixture(scope="session")
def workbook_engine() -> Iterator[Engine]:
    """A connection to the engine that the workbook would use."""
    from helpers.engine.connect import connect

    with connect() as engine:
        yield engine


@pytest.fixture(scope="session")
def workbook_build(workbook_engine: Engine) -> Iterator[Callable[..., TestedImage]]:
    """Build a folder: ``workbook_build(folder, dockerfile=None, target="", build_args=None)``.

    The same arguments give the same image, built once a session and removed at its end.
    """
    from helpers.audit.subject import BuildOptions, built_image

    built: dict[Any, TestedImage] = {}
    with ExitStack() as stack:

        def build(
            folder: str | Path,
            *,
            dockerfile: str | Path | None = None,
            target: str = "",
            build_args: Mapping[str, str] | None = None,
        ) -> TestedImage:
            path = None if dockerfile is None else Path(dockerfile)
            arguments = dict(build_args or {})
            key = (Path(folder).resolve(), path, target, tuple(sorted(arguments.items())))
            if key not in built:
                options = BuildOptions(path, target, arguments)
                audited = stack.enter_context(built_image(workbook_engine, Path(folder), options))
                built[key] = TestedImage(audited, workbook_engine)
            return built[key]

        yield build


@pytest.fixture(scope="session")
def workbook_named(workbook_engine: Engine) -> Callable[[str], TestedImage]:
    """An image of the engine by its name: ``workbook_named("shop:1")``."""
    from helpers.audit.subject import named_image

    known: dict[str, TestedImage] = {}

    def named(ref: str) -> TestedImage:
        if ref not in known:
            known[ref] = TestedImage(named_image(workbook_engine, ref), workbook_engine)
        return known[ref]

    return named


@pytest.fixture(scope="session")
def workbook_image(request: pytest.FixtureRequest) -> TestedImage:
    """The image that ``--workbook-image`` names, or that ``--workbook-folder`` is built to.

    A project can have a fixture of the same name instead, which calls ``workbook_build``.
    """
    image = request.config.getoption("--workbook-image")
    folder = request.config.getoption("--workbook-folder")
    if bool(image) == bool(folder):
        raise pytest.UsageError(
            "workbook_image needs --workbook-image NAME or --workbook-folder DIR"
        )
    found: TestedImage = (
        request.getfixturevalue("workbook_named")(image)
        if image
        else request.getfixturevalue("workbook_build")(folder)
    )
    return found


@pytest.fixture
def workbook_run(workbook_engine: Engine) -> Iterator[Callable[..., RunningContainer]]:
    """Start a container: ``workbook_run(image, ports=(8080,), env=(("A", "b"),))``.

    It is removed after the test. Keywords are those of
    :class:`helpers.observe.containers.ContainerSpec`.
    """
    from helpers.observe.containers import ContainerSpec, running_container

    with ExitStack() as stack:

        def run(image: TestedImage, **how: Any) -> RunningContainer:
            spec = ContainerSpec(image.id, **how)
            return stack.enter_context(running_container(workbook_engine.client, spec))

        yield run
