"""The secrets that a build was given, searched for in what it made."""

from __future__ import annotations

from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import at_most, counted, failed, listed, not_observed, passed
from helpers.observe.requests import Observations
from helpers.observe.stored_values import GivenSecretsRequest, StoredValue
from helpers.units import format_bytes

_REQUEST = GivenSecretsRequest()


class GivenSecretParams(Params):
    """No parameters: the values are those that the build was given."""


def judge_given_secret_not_stored(
    params: GivenSecretParams,  # noqa: ARG001
    observations: Observations,
) -> Verdict:
    """None of the values that the build was given is in the image or in its log."""
    seen = observations.answer(_REQUEST)
    if seen is None:
        return not_observed(observations, _REQUEST, "a search for the build's secrets")
    if not seen.names:
        return passed("Does not apply: the build was given no secret.")
    evidence = [_stored(place) for place in seen.found]
    evidence += [
        Evidence(
            "printed",
            f"`{step}` prints a secret. This log masks it; the one of `docker build` does not.",
            instruction=step,
        )
        for step in seen.printed
    ]
    named = listed(f"`{name}`" for name in seen.names)
    if evidence:
        return failed(
            f"The value that the build got as {named} is in {counted(len(evidence), 'place')}.",
            at_most(evidence, "place"),
        )
    return passed(
        f"The value of {named} is in none of {counted(seen.layers, 'layer')} "
        f"({counted(seen.files, 'file')}, {format_bytes(seen.bytes)}), nor in history, "
        "configuration or log."
    )


def _stored(place: StoredValue) -> Evidence:
    made = f", made by `{place.instruction}`" if place.instruction else ""
    match place.where:
        case "history":
            text = f"The history tells it {place.form}: `{place.instruction}`."
            return Evidence("in-history", text, instruction=place.instruction or None)
        case "config":
            return Evidence("in-config", f"The image's configuration holds it {place.form}.")
        case "name":
            what = f"The name of `{place.path}` holds it"
        case _:
            what = f"`{place.path}` holds it"
    number = (place.layer or 0) + 1
    hidden = "" if place.visible else "; a later layer hides the file, and everybody can read it"
    return Evidence(
        "in-layer" if place.visible else "in-hidden-layer",
        f"{what} {place.form} (layer {number}{made}){hidden}.",
        path=place.path,
        layer=place.layer,
        instruction=place.instruction or None,
    )


PROPERTIES = (
    Property(
        id="given-secret-not-stored",
        family="secrets",
        title="No secret of the build is left in the image",
        meaning="The very values that the build was given as secrets are searched for, as they "
        "are, in Base64, hex and percent-encoded: in the files of all layers, hidden ones too, in "
        "their names, in history and configuration; and the build's log must not print them. What "
        "is compressed or encrypted is not found.",
        source="https://docs.docker.com/build/building/secrets/",
        params=GivenSecretParams,
        codes={
            "in-layer": "a file that a container sees holds it",
            "in-hidden-layer": "a file that a later layer hides holds it",
            "in-history": "the history tells it",
            "in-config": "the image's configuration holds it",
            "printed": "a step prints it",
        },
        needs=lambda _: (_REQUEST,),
        judge=judge_given_secret_not_stored,
        remedy="Use the secret in the one RUN that mounts it, from the mounted file, and let "
        "nothing of that RUN write or print it; then replace the secret.",
        weight=5,
        covers=("dockle CIS-DI-0010", "docker-bench 4.10"),
    ),
)
