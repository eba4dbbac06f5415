from __future__ import annotations

from dataclasses import replace

import pytest

from helpers.errors import BadInput
from helpers.judge.judge import Criterion, collect_requests, criterion, judge
from helpers.judge.property import Property
from helpers.judge.registry import all_properties, find_property, register
from helpers.judge.verdict import Evidence, Outcome, Verdict
from helpers.observe.requests import BasesRequest, ImageRequest, Observations, ServiceRequest

from .factories import HEALTHY, REQUEST, image, seen

LIMIT = {"max_mb": 100}
SERVES = {"port": 3000, "probes": [{"path": "/healthz"}, {"path": "/orders"}]}


def test_requests_are_collected_once_in_order() -> None:
    criteria = [
        criterion("image-size", LIMIT),
        criterion("no-shell"),
        criterion("final-base", {"kinds": ["slim"]}),
        criterion("serves-http", SERVES),
        criterion("serves-http", {**SERVES, "probes": [{"path": "/healthz", "status": 204}]}),
        criterion("serves-http", SERVES),
        criterion("multi-stage"),
    ]
    requests = collect_requests(criteria)
    assert requests[:3] == (ImageRequest(), BasesRequest(), REQUEST)
    assert len(requests) == 4


def test_two_expectations_of_one_request_share_the_observation() -> None:
    other = {"port": 3000, "probes": [{"path": "/healthz", "status": 404}, {"path": "/orders"}]}
    criteria = [criterion("serves-http", SERVES), criterion("serves-http", other)]
    assert len(collect_requests(criteria)) == 1
    verdicts = judge(criteria, Observations(services={REQUEST: HEALTHY}))
    assert [v.outcome for v in verdicts] == [Outcome.PASS, Outcome.FAIL]


def test_the_environment_s_order_makes_no_other_request() -> None:
    one = criterion("serves-http", {"port": 1, "env": {"A": "1", "B": "2"}})
    two = criterion("serves-http", {"port": 1, "env": {"B": "2", "A": "1"}})
    (request,) = collect_requests([one, two])
    assert isinstance(request, ServiceRequest)
    assert request.env == (("A", "1"), ("B", "2"))


def test_verdicts_come_in_the_order_of_the_criteria() -> None:
    verdicts = judge([criterion("no-shell"), criterion("image-size", LIMIT)], seen(image()))
    assert "shell" in verdicts[0].summary
    assert "MB" in verdicts[1].summary


@pytest.mark.parametrize(
    ("property_id", "params", "words"),
    [
        ("image-sise", {}, "no property 'image-sise'"),
        ("image-size", {"max_mb": "many"}, "max_mb"),
        ("image-size", {"max_mb": 0}, "max_mb"),
        ("image-size", {"max_mb": 5, "max": 5}, "max"),
        ("final-base", {"kinds": []}, "kinds"),
        ("serves-http", {"port": 70000}, "port"),
        ("serves-http", {"port": 1, "probes": [{"path": "healthz"}]}, "begins with a slash"),
        ("no-source-left", {"patterns": ["[z-a]"]}, "glob"),
        ("no-source-left", {"patterns": ["/"]}, "glob"),
        ("multi-stage", {"min_stages": 1}, "min_stages"),
    ],
)
def test_a_wrong_criterion_is_refused_with_a_remedy(
    property_id: str, params: dict[str, object], words: str
) -> None:
    with pytest.raises(BadInput) as caught:
        criterion(property_id, params)
    assert words in caught.value.message
    assert caught.value.remedy


def test_an_unknown_property_is_a_key_error_that_lists_the_others() -> None:
    with pytest.raises(KeyError, match="image-size"):
        find_property("nope")


def test_every_property_says_what_it_needs_to() -> None:
    properties = all_properties()
    assert len(properties) >= 14
    for found in properties.values():
        schema = found.params.model_json_schema()
        assert all("description" in p for p in schema.get("properties", {}).values())
        assert found.meaning.endswith(".")
        assert not found.title.endswith(".")


GOOD = find_property("no-shell")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ([GOOD, GOOD], "two properties"),
        ([replace(GOOD, meaning=" ")], "no meaning"),
        ([replace(GOOD, title="")], "no title"),
        ([replace(GOOD, source="the CIS benchmark")], "no link"),
        ([replace(GOOD, source="http://example.org/x")], "no link"),
        ([replace(GOOD, id="No Shell")], "id"),
        ([replace(GOOD, codes={})], "no codes"),
        ([replace(GOOD, codes={"shell": ""})], "code without a meaning"),
    ],
)
def test_the_registry_refuses_what_is_incomplete(wrong: list[Property], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        register(wrong)


def test_evidence_with_a_code_that_is_not_declared_is_a_mistake() -> None:
    def judge_wrongly(params: object, observations: object) -> Verdict:
        return Verdict(Outcome.FAIL, "x", (Evidence("surprise", "x"),))

    wrong = Criterion(replace(GOOD, judge=judge_wrongly), GOOD.params())
    with pytest.raises(ValueError, match="surprise"):
        judge([wrong], Observations())


def test_a_fail_without_evidence_is_a_mistake() -> None:
    wrong = replace(GOOD, judge=lambda params, observations: Verdict(Outcome.FAIL, "x"))
    with pytest.raises(ValueError, match="without evidence"):
        judge([Criterion(wrong, GOOD.params())], Observations())
