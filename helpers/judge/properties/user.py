"""The user of the image: a number, one that can be started as, and sound accounts around it."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from helpers.judge.config_evidence import image_only, located
from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import at_most, counted, failed, listed, no_image, passed
from helpers.observe.image_facts import ImageFacts
from helpers.observe.requests import Observations
from helpers.observe.text import printable

_PASSWD, _GROUP, _SHADOW = "/etc/passwd", "/etc/group", "/etc/shadow"


class NumericUserParams(Params):
    """Parameters of ``numeric-user``."""

    min_uid: int = Field(
        1, ge=1, description="Lowest uid that is allowed, a number; 10000 is above all accounts."
    )


class UserResolvesParams(Params):
    """Parameters of ``user-resolves``."""

    account: bool = Field(
        False, description="Whether a numeric uid needs an entry in /etc/passwd, too."
    )


class NoParams(Params):
    """No parameters."""


def judge_numeric_user(params: NumericUserParams, observations: Observations) -> Verdict:
    """USER is a number, so that it can be seen to be no root without looking into the image."""
    image = observations.image
    if image is None:
        return no_image(observations)
    shown = printable(image.config.user, 80)
    name, _, group = image.config.user.partition(":")
    if not name:
        text = "The image names no user: whether it runs as root is left to others."
        return failed("No USER is set.", [located("no-user", text, observations, "USER")])
    if not name.isdecimal() or (group and not group.isdecimal()):
        text = f"`USER {shown}` is a name; `runAsNonRoot: true` refuses to start it."
        evidence = located("named-user", text, observations, "USER")
        return failed(f"USER is `{shown}`.", [evidence])
    if int(name) < params.min_uid:
        text = f"uid {int(name)} is below {params.min_uid}."
        return failed(f"USER is `{shown}`.", [located("low-uid", text, observations, "USER")])
    return passed(f"USER is `{shown}`, a number of at least {params.min_uid}.")


def judge_user_resolves(params: UserResolvesParams, observations: Observations) -> Verdict:
    """The engine can find the user, and the group, or needs no entry for them."""
    image = observations.image
    if image is None:
        return no_image(observations)
    shown = printable(image.config.user, 80)
    name, colon, group = image.config.user.partition(":")
    evidence = []
    users, groups = dict(image.accounts), dict(image.groups)
    if name and not name.isdecimal() and name not in users and not (name == "root" and not users):
        text = f"{_PASSWD} has no `{printable(name, 60)}`: the engine refuses to start it."
        evidence.append(located("unknown-user", text, observations, "USER", path=_PASSWD))
    if colon and group and not group.isdecimal() and group not in groups:
        text = f"{_GROUP} has no `{printable(group, 60)}`: the engine refuses to start it."
        evidence.append(located("unknown-group", text, observations, "USER", path=_GROUP))
    numeric = name.isdecimal() and int(name) not in users.values()
    if numeric and params.account:
        text = f"{_PASSWD} has no entry for uid {int(name)}: it has no name and no home."
        evidence.append(located("no-account", text, observations, "USER", path=_PASSWD))
    if evidence:
        return failed(f"`USER {shown}` cannot be found in the image.", evidence)
    if not name:
        return passed("No USER is set: root needs no entry.")
    why = "a number, which needs no entry" if numeric else "found in the image"
    return passed(f"`USER {shown}` is {why}.")


def judge_accounts_sound(params: NoParams, observations: Observations) -> Verdict:  # noqa: ARG001
    """No account without a password, no number that two names share."""
    image = observations.image
    if image is None:
        return no_image(observations)
    if not (image.accounts or image.groups or image.empty_passwords):
        return passed("Does not apply: the image has no accounts.")
    evidence = [*_open_accounts(image), *_shared(image)]
    number = f"{counted(len(image.accounts), 'user')} and {counted(len(image.groups), 'group')}"
    if evidence:
        return failed(
            f"{counted(len(evidence), 'finding')} among {number}.", at_most(evidence, "account")
        )
    return passed(f"{number}, none without a password, no number twice.")


def _open_accounts(image: ImageFacts) -> Iterator[Evidence]:
    for name in image.empty_passwords:
        text = f"`{printable(name, 60)}` has an empty password in {_SHADOW}: anybody may log in."
        yield Evidence("empty-password", text, path=_SHADOW)


def _shared(image: ImageFacts) -> Iterator[Evidence]:
    for accounts, code, what, path in (
        (image.accounts, "shared-uid", "uid", _PASSWD),
        (image.groups, "shared-gid", "gid", _GROUP),
    ):
        by_number: dict[int, list[str]] = {}
        for name, number in accounts:
            by_number.setdefault(number, []).append(printable(name, 60))
        for number, names in by_number.items():
            if len(names) > 1:
                yield Evidence(code, f"{listed(names)} share {what} {number}.", path=path)


PROPERTIES = (
    Property(
        id="numeric-user",
        family="user",
        title="USER is a number",
        meaning="Kubernetes compares the image's user with root before it starts anything; for a "
        "name it would have to look into the image, so `runAsNonRoot: true` refuses names. A "
        "number also means the same in every image.",
        source="https://kubernetes.io/docs/tasks/configure-pod-container/security-context/",
        params=NumericUserParams,
        codes={
            "no-user": "no USER is set",
            "named-user": "user or group are given by name",
            "low-uid": "the number is below the wanted one, or is root's",
        },
        needs=image_only,
        judge=judge_numeric_user,
        remedy="Write the number: `USER 10001:10001` instead of a name.",
        weight=2,
        covers=("hadolint DL3066", "container-structure-test metadata.user"),
    ),
    Property(
        id="user-resolves",
        family="user",
        title="The user exists, or needs no entry",
        meaning="A user or group by name must be in the image's own /etc/passwd or /etc/group, or "
        "the engine refuses to start. A number needs no entry; some programs want one, and the "
        "parameter asks for it.",
        source="https://docs.docker.com/reference/dockerfile/#user",
        params=UserResolvesParams,
        codes={
            "unknown-user": "there is no such user in the image",
            "unknown-group": "there is no such group in the image",
            "no-account": "a number without an entry, where one is wanted",
        },
        needs=image_only,
        judge=judge_user_resolves,
        remedy="Make the account in the image (`useradd --uid 10001 app`), copy /etc/passwd and "
        "/etc/group from the build stage, or use a number.",
        weight=4,
        covers=("dockle CIS-DI-0001", "docker-bench 4.1"),
    ),
    Property(
        id="accounts-sound",
        family="user",
        title="Accounts have passwords and numbers of their own",
        meaning="An empty password in /etc/shadow lets anybody become that user (Alpine's root had "
        "one: CVE-2019-5021). Two names with one number are one user, whatever the names say. "
        "Read from the final file system.",
        source="https://nvd.nist.gov/vuln/detail/CVE-2019-5021",
        params=NoParams,
        codes={
            "empty-password": "an account needs no password",
            "shared-uid": "two users have one number",
            "shared-gid": "two groups have one number",
        },
        needs=image_only,
        judge=judge_accounts_sound,
        remedy="Lock the account (`passwd -l root`), and give each account a number of its own.",
        weight=3,
        covers=("dockle DKL-LI-0001", "dockle DKL-LI-0002"),
    ),
)
