from __future__ import annotations

import pytest

from helpers.experiments.metrics import Scrape, increase, means, parse_metrics, rates, scraping
from helpers.views.metrics_plot import Line, Panel, metrics_picture

TEXT = """\
# HELP http_requests_total Requests that were answered.
# TYPE http_requests_total counter
http_requests_total{method="POST",route="/orders",status="201"} 7
http_requests_total{method="POST",route="/orders",status="400"} 2
http_requests_total{method="GET",route="none",status="404"} 1 1700000000000

process_cpu_seconds_total 0.25
"""


def scrape(at: float, text: str) -> Scrape:
    return Scrape(at, parse_metrics(text))


def test_samples_have_name_labels_and_value_and_comments_are_left_out() -> None:
    samples = parse_metrics(TEXT)
    assert [s.value for s in samples] == [7, 2, 1, 0.25]
    assert samples[0].labels == (("method", "POST"), ("route", "/orders"), ("status", "201"))
    assert samples[-1].labels == ()


def test_a_line_that_is_no_sample_is_an_error() -> None:
    with pytest.raises(ValueError, match="no sample: 'hello there you'"):
        parse_metrics("hello there you")


def test_a_total_is_over_all_samples_whose_labels_begin_so() -> None:
    one = scrape(0, TEXT)
    assert one.total("http_requests_total") == 10
    assert one.total("http_requests_total", method="POST") == 9
    assert one.total("http_requests_total", status="4") == 3
    assert one.total("nothing") == 0


def test_a_rate_is_growth_by_time_and_survives_a_restart() -> None:
    counts = [(0.0, 10), (2.0, 30), (4.0, 6)]
    scrapes = [scrape(at, f"orders {n}") for at, n in counts]
    assert rates(scrapes, "orders") == ((1.0, 10.0), (3.0, 3.0))
    assert increase(30, 6) == 6


def test_a_mean_is_of_what_was_observed_between_two_scrapes_and_of_nothing_else() -> None:
    texts = ["d_sum 1\nd_count 10", "d_sum 2\nd_count 20", "d_sum 2\nd_count 20"]
    scrapes = [scrape(float(at), text) for at, text in enumerate(texts)]
    assert means(scrapes, "d") == ((0.5, 0.1),)


def test_it_is_scraped_at_the_beginning_and_at_the_end_however_short_it_takes() -> None:
    answers = iter(range(1, 100))
    with scraping(lambda: f"orders {next(answers)}", every=60) as scraper:
        scraper.mark("now")
    assert [s.total("orders") for s in scraper.scrapes] == [1, 2]
    assert scraper.marks[0][1] == "now"


def test_an_endpoint_that_breaks_is_told_at_the_end() -> None:
    answers = iter(["orders 1"])
    asked = []

    def read() -> str:
        asked.append(1)
        try:
            return next(answers)
        except StopIteration:
            raise OSError("connection refused") from None

    with pytest.raises(OSError, match="connection refused"), scraping(read, every=60):
        pass
    assert len(asked) == 2


def test_the_picture_has_a_text_twin_with_the_median_of_each_phase() -> None:
    line = Line("taken", ((0.5, 10.0), (1.5, 12.0), (2.5, 40.0)))
    other = Line("refused", ((0.5, 0.0), (1.5, 0.0), (2.5, 20.0)))
    picture = metrics_picture(
        [Panel("orders per second", (line, other)), Panel("CPUs", ())],
        [(0.0, "calm"), (2.0, "busy")],
        title="One day",
    )
    rows = {
        " ".join(words[:-2]): words[-2:]
        for words in (row.split() for row in picture.text.splitlines())
        if len(words) > 2
    }
    assert rows["orders per second: taken"] == ["11", "40"]
    assert rows["orders per second: refused"] == ["0", "20"]
    assert picture.svg.startswith("<svg")
    assert "One day" in picture.svg
    assert "NaN" not in picture.svg
