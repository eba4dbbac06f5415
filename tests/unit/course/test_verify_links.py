"""Links in Markdown: what is a link, and which headings there are."""

from __future__ import annotations

from helpers.course.verify_links import anchors_in, links_in

TEXT = """# A title, with `code`

[one](docs/a.md) and [two](<b c.md> "title"), ![picture](p.png).

```
[no](link.md)
# no heading
```

Use `[x](y.md)` like that. [ref]

## Twice

## Twice

[ref]: docs/ref.md
"""


def test_links_in_code_are_none() -> None:
    assert list(links_in("`[x](y.md)` [a](b.md)")) == ["b.md"]
    assert list(links_in("```\n[x](y.md)\n```\n[a](b.md#c)")) == ["b.md#c"]


def test_every_form_of_a_link_is_found() -> None:
    found = list(links_in(TEXT))
    assert {"docs/a.md", "p.png", "docs/ref.md"} <= set(found)
    assert not {"link.md", "y.md"} & set(found)


def test_headings_have_the_anchors_of_a_code_host() -> None:
    assert anchors_in(TEXT) == {"a-title-with-code", "twice", "twice-1"}
