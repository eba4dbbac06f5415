"""Reports as HTML: a fragment for notebooks, readable in light and dark, and without its style.

Code hosts and untrusted notebooks drop ``<style>`` and ``style=``: tables, details and words alone
must then tell everything. There is no script. Every text is cleaned and escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from importlib.resources import files

from helpers.judge.verdict import Evidence
from helpers.report.blocks import (
    MARKS,
    TONES,
    Block,
    Cell,
    CellValue,
    Checks,
    Column,
    Facts,
    Findings,
    Fold,
    Heading,
    Judged,
    Line,
    Log,
    Table,
    split_evidence,
)
from helpers.report.clean import clean, one_line, shorten
from helpers.report.describe import Reportable, describe
from helpers.report.format import RIGHT, as_cell, cell_text
from helpers.report.result import CheckOutcome
from helpers.units import format_count

#: An untrusted notebook keeps this attribute, loses the style sheet, and aligns cells right.
_LEFT = ' style="text-align:left;vertical-align:top"'
#: Longest line of a log that is shown whole, in characters.
LINE_LIMIT = 2000


#: Tables of checks that stand below each other have their columns in one line.
_WIDTHS = '<colgroup><col class="wb-result"><col><col class="wb-points"></colgroup>'
#: So much of an instruction in the text of the evidence is enough to know it by, in characters.
_TOLD = 40
_PAGE = (
    ":root{color-scheme:light dark}body{margin:0 auto;padding:1.5rem;max-width:62rem}"
    "@media(prefers-color-scheme:dark){body{background:#15191e}}"
)
# In a text that is escaped already: nothing in it can end the attribute.
_ADDRESS = re.compile(r"https://[^\s<>\"'`]+")
_CODE = re.compile(r"`([^`\n]+)`")


def to_html(value: Reportable, hints: int | Mapping[str, int] | None = None) -> str:
    """The value as an HTML fragment with its own style.

    Args:
        value: what to show.
        hints: how many hints to show for each check that did not pass; None for all of them, each
            folded into the one before so that they open one by one.
    """
    return fragment(blocks_html(describe(value, hints)))


def fragment(body: str) -> str:
    """HTML of blocks with the style that belongs to it."""
    return f'<style>{style()}</style>\n<div class="wb">\n{body}\n</div>'


@cache
def style() -> str:
    """The style sheet of all reports; its classes begin with ``wb``."""
    return files("helpers.report").joinpath("style.css").read_text(encoding="utf-8").strip()


def to_page(value: Reportable, title: str) -> str:
    """The value as a whole HTML document that needs no other file.

    Args:
        value: what to show.
        title: of the document.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(one_line(title))}</title>\n"
        f"<style>{_PAGE}</style>\n</head>\n<body>\n{to_html(value)}\n</body>\n</html>\n"
    )


def blocks_html(blocks: Iterable[Block]) -> str:
    """HTML of blocks, without the style."""
    return "\n".join(_block(block) for block in blocks)


def text_html(text: str) -> str:
    """A text that may hold anything, cleaned and escaped; line breaks stay, `code` is marked."""
    return _CODE.sub(r"<code>\1</code>", escape(clean(text))).replace("\n", "<br>")


def _block(block: Block) -> str:
    match block:
        case Heading(text, level):
            tag = f"h{level + 2}"  # the notebook's own headings stand above
            return f'<{tag} class="wb-h{level}">{escape(one_line(text))}</{tag}>'
        case Line(text, tone):
            return f'<p class="wb-line wb-{tone}">{text_html(text)}</p>'
        case Facts():
            return _facts(block)
        case Log():
            return _log(block)
        case Fold(summary, blocks, is_open):
            opened = " open" if is_open else ""
            return (
                f'<details class="wb-fold"{opened}><summary>{escape(one_line(summary))}</summary>\n'
                f"{blocks_html(blocks)}\n</details>"
            )
        case Table():
            return _table(block)
        case Checks():
            return _checks(block)
        case Findings():
            return _findings(block)


def _facts(block: Facts) -> str:
    rows = "".join(
        f'<tr><th scope="row"{_LEFT}>{escape(one_line(name))}</th>'
        f"<td{_LEFT}>{text_html(value)}</td></tr>"
        for name, value in block.pairs
    )
    return f'<table class="wb-table wb-facts"><tbody>{rows}</tbody></table>'


def _log(block: Log) -> str:
    title = (
        f'<p class="wb-line wb-muted">{escape(one_line(block.title))}</p>' if block.title else ""
    )
    lines = (escape(shorten(clean(line), LINE_LIMIT)) for line in block.lines)
    return f'{title}<pre class="wb-log">' + "\n".join(lines) + "</pre>"


def _table(block: Table) -> str:
    columns = block.typed_columns()
    caption = f"<caption>{escape(one_line(block.title))}</caption>" if block.title else ""
    head = "".join(f'<th scope="col"{_align(c)}>{escape(one_line(c.name))}</th>' for c in columns)
    rows = "\n".join(
        "<tr>" + "".join(_cell(v, c) for v, c in zip(row, columns, strict=True)) + "</tr>"
        for row in block.rows
    )
    if not rows:
        rows = f'<tr><td colspan="{len(columns)}" class="wb-muted">(none)</td></tr>'
    note = f'\n<p class="wb-line wb-muted">{escape(one_line(block.note))}</p>' if block.note else ""
    return (
        f'<div class="wb-scroll"><table class="wb-table">{caption}\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>{note}"
    )


def _align(column: Column) -> str:
    return ' class="wb-right"' if column.kind in RIGHT else _LEFT


def _cell(value: Cell | CellValue, column: Column) -> str:
    cell = as_cell(value)
    text = escape(cell_text(cell.value, column))
    if column.kind == "code" and cell.value is not None:
        text = f"<code>{text}</code>"
    elif column.kind == "share" and isinstance(cell.value, int | float):
        width = min(max(cell.value, 0.0), 1.0) * 100
        text = (
            f'<span class="wb-bar" aria-hidden="true"><span style="width:{width:.1f}%"></span>'
            f'</span><span class="wb-percent">{text}</span>'
        )
    classes = [f"wb-{cell.tone}"] if cell.tone != "plain" else []
    classes += ["wb-right"] if column.kind in RIGHT else []
    classes += ["wb-time"] if column.kind == "time" else []
    attribute = f' class="{" ".join(classes)}"' if classes else ""
    return f"<td{attribute}{'' if column.kind in RIGHT else _LEFT}>{text}</td>"


def _checks(block: Checks) -> str:
    rows = "\n".join(_check(check, block) for check in block.checks)
    return (
        f'<table class="wb-table wb-checks">\n{_WIDTHS}<thead><tr>'
        f'<th scope="col"{_LEFT}>Result</th><th scope="col"{_LEFT}>Check</th>'
        f'<th scope="col" class="wb-right">Points</th></tr>'
        f"</thead>\n<tbody>\n{rows}\n</tbody></table>"
    )


def _check(check: CheckOutcome, block: Checks) -> str:
    outcome = check.verdict.outcome
    earned = check.points if check.verdict.passed else 0
    body = _passed(check) if check.verdict.passed else _not_passed(check, block)
    return (
        f'<tr class="wb-row-{TONES[outcome]}"><td class="wb-mark wb-{TONES[outcome]}"{_LEFT}>'
        f"<b>{MARKS[outcome]}</b> {escape(outcome.value)}</td>"
        f'<td{_LEFT}>{body}</td><td class="wb-right">{earned}/{check.points}</td></tr>'
    )


def _passed(check: CheckOutcome | Judged) -> str:
    """One line; what speaks for it is folded."""
    line = (
        f'<span class="wb-title"><strong>{escape(one_line(check.title))}</strong></span> '
        f'<span class="wb-muted">{text_html(one_line(check.verdict.summary))}</span>'
    )
    if not check.verdict.evidence:
        return f'<p class="wb-line">{line}</p>'
    return (
        f'<details class="wb-evidence"><summary>{line}</summary>'
        f"{_evidence(check.verdict.evidence)}</details>"
    )


def _not_passed(check: CheckOutcome, block: Checks) -> str:
    """The reason, the first lines of evidence, and the hints within sight of them."""
    return _reasons(check) + _hints(check, block)


def _reasons(check: CheckOutcome | Judged) -> str:
    """The title, the reason, and the first lines of evidence; the others open on demand."""
    first, rest = split_evidence(check.verdict)
    lines = _evidence(first) if first else ""
    if rest:
        lines += f"<details><summary>and {len(rest)} more</summary>{_evidence(rest)}</details>"
    return (
        f'<p class="wb-title"><strong>{escape(one_line(check.title))}</strong></p>'
        f'<p class="wb-line">{text_html(check.verdict.summary)}</p>'
        + (f'<div class="wb-evidence">{lines}</div>' if lines else "")
    )


def _findings(block: Findings) -> str:
    rows = "\n".join(_finding(block, number) for number in range(1, len(block.rows) + 1))
    first = "No." if block.numbered else "Result"
    return (
        f'<table class="wb-table wb-checks{" wb-numbered" if block.numbered else ""}">\n{_WIDTHS}'
        f'<thead><tr><th scope="col"{_LEFT}>{first}</th><th scope="col"{_LEFT}>Property</th>'
        f'<th scope="col" class="wb-right">Weight</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table>"
    )


def _finding(block: Findings, number: int) -> str:
    row = block.rows[number - 1]
    outcome = row.verdict.outcome
    word = "" if block.numbered else f" {escape(outcome.value)}"
    return (
        f'<tr class="wb-row-{TONES[outcome]}"><td class="wb-mark wb-{TONES[outcome]}"{_LEFT}>'
        f"<b>{block.mark(number)}</b>{word}</td><td{_LEFT}>{_finding_body(row)}</td>"
        f'<td class="wb-right">{escape(one_line(row.aside))}</td></tr>'
    )


def _finding_body(row: Judged) -> str:
    notes = "".join(f'<p class="wb-line wb-muted">{_linked(note)}</p>' for note in row.notes)
    if row.verdict.passed:
        return _passed(row) + notes
    change = (
        f'<p class="wb-hint"><strong>Change</strong> {text_html(row.remedy)}</p>'
        if row.remedy
        else ""
    )
    return _reasons(row) + change + notes


def _linked(text: str) -> str:
    """A text with its addresses as links."""
    return _ADDRESS.sub(r'<a href="\g<0>" rel="noopener noreferrer">\g<0></a>', text_html(text))


def _evidence(evidence: Iterable[Evidence]) -> str:
    items = (f"<li>{text_html(one_line(e.text, LINE_LIMIT))}{_place(e)}</li>" for e in evidence)
    return f"<ul>{''.join(items)}</ul>"


def _place(evidence: Evidence) -> str:
    parts = []
    if evidence.line is not None:
        parts.append(f"Dockerfile line {evidence.line}")
    if evidence.instruction and evidence.instruction[:_TOLD] not in evidence.text:
        parts.append(f"<code>{escape(one_line(evidence.instruction, 120))}</code>")
    return f' <span class="wb-place">{" · ".join(parts)}</span>' if parts else ""


def _hints(check: CheckOutcome, block: Checks) -> str:
    if check.verdict.passed or not check.hints:
        return ""
    shown, total = block.shown(check), len(check.hints)
    if block.hints is None:
        return _nested(shown, total)
    opened = "".join(
        f'<p class="wb-hint"><strong>Hint {number} of {total}</strong> {text_html(hint)}</p>'
        for number, hint in enumerate(shown, 1)
    )
    left = total - len(shown)
    word = format_count(left, "more hint" if shown else "hint")
    return opened + (f'<p class="wb-line wb-muted">{word}</p>' if left else "")


def _nested(hints: tuple[str, ...], total: int) -> str:
    html = ""
    for number in range(total, 0, -1):
        html = (
            f'<details class="wb-hint"><summary>Hint {number} of {total}</summary>'
            f"<p>{text_html(hints[number - 1])}</p>{html}</details>"
        )
    return html
