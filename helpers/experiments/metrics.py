"""A metrics endpoint, scraped as Prometheus does: samples, and what they tell between two scrapes.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

_LINE = re.compile(
    r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? "
    r"(?P<value>[-+]?(?:[\d.]+(?:e[-+]?\d+)?|Inf|NaN))(?: |$)"
)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of the format.

    Attributes:
        name: the metric's name.
        labels: as sorted pairs.
        value: the number.
    """

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


@dataclass(frozen=True, slots=True)
class Scrape:
    """All samples at one moment.

    Attributes:
        at: seconds since the first scrape.
        samples: in the order of the answer.
    """

    at: float
    samples: tuple[Sample, ...]

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples of a name whose labels begin so: ``status="4"`` is 400 to 499."""
        return sum(
            s.value
            for s in self.samples
            if s.name == name
            and all(dict(s.labels).get(key, "").startswith(text) for key, text in labels.items())
        )


def parse_metrics(text: str) -> tuple[Sample, ...]:
    """Samples of Prometheus's text format; comments and blank lines are left out.

    Raises:
        ValueError: where a line is none of these.
    """
    found = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise ValueError(f"no sample: {line[:80]!r}")
        labels = tuple(sorted(_LABEL.findall(match["labels"] or "")))
        found.append(Sample(match["name"], labels, float(match["value"])))
    return tuple(found)


def increase(before: float, after: float) -> float:
    """How much a counter grew. One that is smaller than before began anew with its process."""
    return after - before if after >= before else after


def rates(scrapes: Sequence[Scrape], name: str, **labels: str) -> tuple[tuple[float, float], ...]:
    """Growth per second between neighbouring scrapes, with the time in their middle."""
    found = []
    for old, new in pairwise(scrapes):
        seconds = new.at - old.at
        grown = increase(old.total(name, **labels), new.total(name, **labels))
        found.append(((old.at + new.at) / 2, grown / seconds))
    return tuple(found)


def means(scrapes: Sequence[Scrape], name: str, **labels: str) -> tuple[tuple[float, float], ...]:
    """Mean of a histogram between neighbouring scrapes, where there was anything to observe."""
    found = []
    for old, new in pairwise(scrapes):
        count = increase(old.total(f"{name}_count", **labels), new.total(f"{name}_count", **labels))
        if count:
            grown = increase(old.total(f"{name}_sum", **labels), new.total(f"{name}_sum", **labels))
            found.append(((old.at + new.at) / 2, grown / count))
    return tuple(found)


@dataclass
class Scraper:
    """What was scraped so far, and when something was done meanwhile."""

    scrapes: list[Scrape] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def mark(self, words: str) -> None:
        """Remember what begins now."""
        self.marks.append((time.monotonic() - self.began, words))


@contextmanager
def scraping(read: Callable[[], str], every: float = 0.25) -> Iterator[Scraper]:
    """Scrape in the background, once at the beginning, once at the end, and regularly in between.

    Args:
        read: gives the text of the endpoint.
        every: seconds from one scrape to the next; Prometheus's default is a minute.

    Raises:
        Exception: whatever ``read`` raised, at the end.
    """
    scraper = Scraper()
    over = threading.Event()
    trouble: list[Exception] = []

    def scrape() -> None:
        at = time.monotonic() - scraper.began
        scraper.scrapes.append(Scrape(at, parse_metrics(read())))

    def regularly() -> None:
        try:
            while not over.wait(every):
                scrape()
        except Exception as error:  # noqa: BLE001 - raised again below
            trouble.append(error)

    scrape()
    thread = threading.Thread(target=regularly, name="scrape", daemon=True)
    thread.start()
    try:
        yield scraper
    finally:
        over.set()
        thread.join()
    if trouble:
        raise trouble[0]
    scrape()
