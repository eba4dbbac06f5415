"""From what was seen to the tool's own verdicts: pure functions, one a kind of test."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from helpers.observe.text import printable
from helpers.structure_test import go
from helpers.structure_test.patterns import NotAPattern, matches
from helpers.structure_test.result import StructureOutcome
from helpers.structure_test.seen import (
    CommandSeen,
    ConfigSeen,
    ContentSeen,
    LicensesSeen,
    PathSeen,
)
from helpers.structure_test.spec import (
    ANY_ID,
    CommandTest,
    FileContentTest,
    FileExistenceTest,
    LicenseTest,
    MetadataTest,
    Pair,
)

_EXECUTABLE = {"any": 0o111, "owner": 0o100, "group": 0o010, "other": 0o001}
#: Words in a licence file that the tool refuses, and the package that it lets pass.
REFUSED_LICENSES = ("AGPL", "WTFPL")
LICENSES_NOT_ASKED = frozenset({"libgnutls30"})
_SHOWN = 300


def faulty_command(test: CommandTest) -> tuple[str, ...]:
    """Why the tool would not run the test at all; empty where it would."""
    return (
        *_unnamed(test.name),
        *(() if test.command else ("It has no command.",)),
        *(("An empty setup command.",) if () in test.setup else ()),
        *(("An empty teardown command.",) if () in test.teardown else ()),
        *(
            ("A variable without a name or a value.",)
            if any(not pair.key or not pair.value for pair in test.env)
            else ()
        ),
    )


def faulty_file(test: FileExistenceTest | FileContentTest) -> tuple[str, ...]:
    """As :func:`faulty_command`, for a test of a file."""
    return (*_unnamed(test.name), *(() if test.path else ("It has no path.",)))


def faulty_metadata(test: MetadataTest) -> tuple[str, ...]:
    """As :func:`faulty_command`, for the metadata test."""
    return (
        *(("A variable without a name.",) if any(not p.key for p in test.env) else ()),
        *(("A label without a name.",) if any(not p.key for p in test.labels) else ()),
        *(("An empty port.",) if "" in test.exposed_ports else ()),
        *(("An empty volume.",) if "" in test.volumes else ()),
    )


def _unnamed(name: str) -> tuple[str, ...]:
    return () if name else ("It has no name.",)


def judge_command(
    test: CommandTest, seen: CommandSeen, notes: tuple[str, ...] = ()
) -> StructureOutcome:
    """What a command printed, and its exit code."""
    if seen.problem:
        return _outcome("command", test.name, (seen.problem,), notes, seen.seconds)
    errors = [
        *_contents(test.expected_error, seen.stderr, "standard error", wanted=True),
        *_contents(test.excluded_error, seen.stderr, "standard error", wanted=False),
        *_contents(test.expected_output, seen.stdout, "output", wanted=True),
        *_contents(test.excluded_output, seen.stdout, "output", wanted=False),
    ]
    if seen.exit_code != test.exit_code:
        errors.append(f"Exit code {seen.exit_code}, {test.exit_code} wanted.")
    return _outcome("command", test.name, tuple(errors), notes, seen.seconds)


def judge_existence(test: FileExistenceTest, seen: PathSeen) -> StructureOutcome:
    """Whether a path is there, with which mode and owner."""
    path = printable(test.path, 200)
    errors: list[str] = []
    if not test.should_exist:
        if seen.kind:
            errors.append(f"{path} is there ({seen.kind}), and must not be.")
    elif not seen.kind:
        errors.append(f"{path} is not there: {seen.problem}")
    else:
        errors.extend(_attributes(test, seen, path))
    return _outcome("file existence", test.name, tuple(errors))


def _attributes(test: FileExistenceTest, seen: PathSeen, path: str) -> Iterator[str]:
    mode = go.mode_text(seen.kind, seen.mode)
    if test.permissions and test.permissions != mode:
        yield f"{path} has the permissions {mode}, {printable(test.permissions, 40)} wanted."
    who = test.is_executable_by
    if who and who not in _EXECUTABLE:
        known = ", ".join(_EXECUTABLE)
        yield f"isExecutableBy: {printable(who, 40)} is none of {known}."
    elif who and not seen.mode & _EXECUTABLE[who]:
        yield f"{path} has the permissions {mode}, executable by {who} wanted."
    if test.uid not in {ANY_ID, seen.uid}:
        yield f"{path} belongs to uid {seen.uid}, {test.uid} wanted."
    if test.gid not in {ANY_ID, seen.gid}:
        yield f"{path} belongs to gid {seen.gid}, {test.gid} wanted."


def judge_content(test: FileContentTest, seen: ContentSeen) -> StructureOutcome:
    """What is in a file."""
    path = printable(test.path, 200)
    if seen.problem:
        errors: tuple[str, ...] = (f"{path} cannot be read: {seen.problem}",)
    else:
        errors = (
            *_contents(test.expected, seen.data, path, wanted=True),
            *_contents(test.excluded, seen.data, path, wanted=False),
        )
    notes = [
        f"{printable(link, 200)} is a relative link; the tool reads its target from the root "
        f"directory, and so it is done here."
        for link in (seen.from_root,)
        if link
    ]
    return _outcome("file content", test.name, errors, tuple(notes))


def judge_license(test: LicenseTest, seen: LicensesSeen) -> StructureOutcome:
    """Every licence file is there and names no licence that is refused."""
    errors = [f"The packages cannot be listed: {seen.problem}"] if seen.problem else []
    for path, content in seen.files:
        shown = printable(path, 200)
        if content.problem:
            errors.append(f"{shown} cannot be read: {content.problem}")
            continue
        text = content.data.upper()
        named = [name for name in REFUSED_LICENSES if name.encode() in text]
        if named:
            errors.append(f"{shown} names {named[0]}.")
    what = "Debian packages" if test.debian else ", ".join(test.files)
    return _outcome("license", printable(what, 100), tuple(errors))


def judge_metadata(test: MetadataTest, config: ConfigSeen) -> StructureOutcome:
    """What the image config says."""
    errors = [
        *_pairs(test.env, config.env, "The variable"),
        *(
            f"The variable {printable(pair.key, 80)} is set, and must not be."
            for pair in test.unbound_env
            if pair.key in config.env
        ),
        *_pairs(test.labels, config.labels, "The label"),
        *_words(test.cmd, config.cmd, "The command"),
        *_words(test.entrypoint, config.entrypoint, "The entrypoint"),
        *_value(test.workdir, config.workdir, "The working directory"),
        *_value(test.user, config.user, "The user"),
        *_among(test.exposed_ports, config.ports, "The port", wanted=True),
        *_among(test.unexposed_ports, config.ports, "The port", wanted=False),
        *_among(test.volumes, config.volumes, "The volume", wanted=True),
        *_among(test.unmounted_volumes, config.volumes, "The volume", wanted=False),
    ]
    protocols = [port for port in (*test.exposed_ports, *test.unexposed_ports) if "/" in port]
    notes = tuple(
        f"The tool compares port numbers without a protocol: {printable(port, 20)} is never found."
        for port in protocols
    )
    return _outcome("metadata", "", tuple(errors), notes)


def _contents(patterns: tuple[str, ...], data: bytes, what: str, *, wanted: bool) -> Iterator[str]:
    for pattern in patterns:
        shown = printable(pattern, 120)
        try:
            found = matches(pattern, data)
        except NotAPattern as error:
            yield f"`{shown}` is no regular expression: {printable(str(error), 120)}."
            continue
        if found is not wanted:
            verb = "does not match" if wanted else "matches"
            yield f"{what[0].upper()}{what[1:]} {verb} `{shown}`: {_quoted(data)}"


def _quoted(data: bytes) -> str:
    if not data:
        return "it is empty."
    text = printable(data[: _SHOWN * 4].decode("utf-8", "surrogateescape"), _SHOWN)
    return f"it begins with `{text}`."


def _pairs(wanted: tuple[Pair, ...], seen: Mapping[str, str], what: str) -> Iterator[str]:
    for pair in wanted:
        key = printable(pair.key, 80)
        if pair.key not in seen:
            yield f"{what} {key} is not set."
            continue
        value = seen[pair.key]
        shown, asked = printable(value, 120), printable(pair.value, 120)
        try:
            good = (
                matches(pair.value, value.encode("utf-8", "surrogateescape"))
                if pair.is_regex
                else value == pair.value
            )
        except NotAPattern as error:
            yield f"`{asked}` is no regular expression: {printable(str(error), 120)}."
            continue
        if not good:
            yield f"{what} {key} is `{shown}`, `{asked}` wanted."


def _words(wanted: tuple[str, ...] | None, seen: tuple[str, ...], what: str) -> Iterator[str]:
    if wanted is not None and wanted != seen:
        is_now, asked = (printable(str(list(words)), 200) for words in (seen, wanted))
        yield f"{what} is {is_now}, {asked} wanted."


def _value(wanted: str, seen: str, what: str) -> Iterator[str]:
    if wanted and wanted != seen:
        yield f"{what} is `{printable(seen, 120)}`, `{printable(wanted, 120)}` wanted."


def _among(
    asked: tuple[str, ...], seen: Collection[str], what: str, *, wanted: bool
) -> Iterator[str]:
    for item in asked:
        if (item in seen) is not wanted:
            shown = printable(item, 80)
            yield f"{what} {shown} is " + ("not there." if wanted else "there, and must not be.")


def _outcome(
    kind: str,
    name: str,
    errors: tuple[str, ...],
    notes: tuple[str, ...] = (),
    seconds: float = 0.0,
) -> StructureOutcome:
    return StructureOutcome(kind, printable(name, 200), not errors, errors, notes, seconds)
