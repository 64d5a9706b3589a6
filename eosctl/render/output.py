"""One answer in one of six formats. Each format is a function of plain values; nothing here prints."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any

from eosctl.core.exit_codes import status_of
from eosctl.core.plain import plain
from eosctl.core.report import Envelope, Report, Section
from eosctl.render.cells import EMPTY, Shown, cells, columns, csv_value, visible, words
from eosctl.render.wrapping import wrapped

_NOTE_WIDTH = 100  # longer lines are hard to read


class Format(StrEnum):
    """What `-o` takes."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    MARKDOWN = "markdown"


@dataclass(frozen=True)
class Canvas:
    """Where the text goes: how wide, with colour or not, a terminal or a pipe."""

    width: int = 120
    colour: bool = False
    terminal: bool = False


def envelope_of(operation: str, report: Report) -> Envelope:
    """The JSON envelope of a report."""
    return Envelope(
        operation=operation,
        status=status_of(report.exit_code),
        exit_code=int(report.exit_code),
        data=plain(report.data),
        warnings=report.warnings,
        errors=report.errors,
    )


def render(operation: str, report: Report, form: Format, canvas: Canvas) -> str:
    """The whole standard output of a command, without the last line break."""
    match form:
        case Format.JSON:
            return json.dumps(envelope_of(operation, report).as_dict(), indent=2, ensure_ascii=False)
        case Format.YAML:
            return _yaml(envelope_of(operation, report).as_dict())
        case Format.CSV:
            return _csv(report)
        case _:
            return _for_people(report, form, canvas)


def _yaml(data: Any) -> str:
    import yaml

    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=10_000)
    return text.rstrip("\n")


def _csv(report: Report) -> str:
    rows = csv_rows(report)
    shown = columns(report.row_type, rows, wide=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([one.name for one in shown])
    for row in rows:
        writer.writerow(
            [csv_value(row[one.name] if isinstance(row, dict) else getattr(row, one.name)) for one in shown]
        )
    return text.getvalue().rstrip("\n")


def _for_people(report: Report, form: Format, canvas: Canvas) -> str:
    if report.sections:
        return "\n\n".join(section_text(one, form, canvas) for one in report.sections)
    if report.text is not None:
        return report.text
    if not isinstance(report.data, (list, tuple)):
        return _pairs(report.data, form, canvas)
    return _table(report.data, report.row_type, form, canvas)


def section_text(section: Section, form: Format, canvas: Canvas) -> str:
    """A titled part of an answer: heading, table or text, note."""
    head = f"## {section.title}" if form is Format.MARKDOWN and section.title else section.title
    body = _text(section, canvas) if section.text else _table(section.rows, section.row_type, form, canvas)
    note = section.note if form is Format.MARKDOWN else wrapped(section.note, min(canvas.width, _NOTE_WIDTH))
    return "\n".join(part for part in (head, body, note, section.verbatim) if part)


def _text(section: Section, canvas: Canvas) -> str:
    """A pipe gets the lines as they are; a terminal gets none that it would have to break in the middle of a word."""
    if not canvas.terminal:
        return section.text
    if section.prose:
        return wrapped(section.text, canvas.width)
    widest = max(map(len, section.text.splitlines()), default=0)
    if section.picture and widest > canvas.width:
        return f"  It needs {widest} columns."
    return section.text


def _table(rows: Sequence[Any], row_type: type | None, form: Format, canvas: Canvas) -> str:
    shown = columns(row_type, rows, wide=form is Format.WIDE)
    names = [one.name for one in shown]
    return grid(shown, [cells(row, names) for row in rows], form, canvas)


def _pairs(data: Any, form: Format, canvas: Canvas) -> str:
    pairs = [[name, words(value, name)] for name, value in shown_items(data)]
    return grid((Shown("field", "field", False), Shown("value", "value", False)), pairs, form, canvas)


def grid(shown: Sequence[Shown], rows: list[list[str]], form: Format, canvas: Canvas) -> str:
    """A table of words: rich on a terminal, aligned plain text in a pipe, a Markdown table for documents."""
    if form is not Format.MARKDOWN and canvas.terminal:
        from eosctl.render.terminal import terminal_table

        return terminal_table(shown, rows, canvas.width, colour=canvas.colour)
    markdown = form is Format.MARKDOWN
    headings = [one.heading if markdown else one.heading.upper() for one in shown]
    if not markdown:
        from eosctl.render.aligned import aligned

        text = aligned(headings, [one.right and bool(rows) for one in shown], rows)
        if text is not None:
            return text
    from tabulate import tabulate

    safe = [[one.replace("|", "\\|").replace("\n", " ") if markdown else one for one in row] for row in rows]
    return tabulate(
        safe,
        headers=headings,
        tablefmt="github" if markdown else "plain",
        colalign=["right" if one.right else "left" for one in shown] if safe else None,
        disable_numparse=True,
        missingval=EMPTY,
    )


def csv_rows(report: Report) -> list[Any]:
    """What CSV has a line of: each row of a listing, each thing that an object lists, else the object itself."""
    data = report.data if report.listing is None else report.listing
    if isinstance(data, (list, tuple)):
        return list(data)
    return [data] if is_dataclass(data) else [{"field": name, "value": value} for name, value in _items(data)]


def shown_items(data: Any) -> list[tuple[str, Any]]:
    """The fields of an object that people see: those that are not hidden."""
    kept = {one.name for one in fields(data) if visible(one, wide=True)} if is_dataclass(data) else None
    return [(name, value) for name, value in _items(data) if kept is None or name in kept]


def _items(data: Any) -> list[tuple[str, Any]]:
    if is_dataclass(data) and not isinstance(data, type):
        return [(one.name, getattr(data, one.name)) for one in fields(data)]
    return list(data.items())
