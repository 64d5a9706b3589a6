"""The report of a crash test in one file: HTML that needs nothing else, Markdown or JSON. Pure."""

import json
from collections.abc import Sequence
from html import escape

from eosctl.core.counts import counted
from eosctl.core.durations import format_duration_ms
from eosctl.core.plain import plain
from eosctl.domain.proof.chapters import SCHEMA, Chapter, Part, ProofDocument
from eosctl.render.proof_timeline import timeline

_STYLE = """body{font:14px system-ui,sans-serif;margin:2em auto;max-width:1200px;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:.6em 0 1.4em}td,th{border-bottom:1px solid #ddd;padding:.3em .8em;text-align:left;
vertical-align:top;overflow-wrap:anywhere}th{color:#555}svg{width:100%;font:11px system-ui,sans-serif}
.pass,.yes{color:#1e8449}.fail,.no{color:#c0392b}.inconclusive{color:#b9770e}section{border-top:2px solid #ddd}
.small{color:#777;font-size:12px}"""
_LEGEND = (
    "Dashed red: the faults, by their numbers below. Bars: processes, those that were killed with a red edge. Green: "
    "effects as they grew; the grey line is one for each message. Point at anything to read what it is."
)
_MOST_ROWS = 50


Rows = Sequence[Sequence[str]]


def proof_text(document: ProofDocument) -> str:
    """What is in the file, by its ending."""
    match document.path.suffix:
        case ".json":
            return json.dumps({"schema": SCHEMA, "data": plain(document.data)}, indent=1)
        case ".md":
            return markdown(document.title, document.chapters)
    return html_page(document.title, document.chapters)


def html_page(title: str, chapters: Sequence[Chapter]) -> str:
    """The page."""
    body = [f"<h1>{escape(title)}</h1>"]
    if len(chapters) > 1:
        body.append(
            _html_table(("tested", "verdict", "messages", "duplicates", "missed", "control"), _summary(chapters))
        )
    for one in chapters:
        body.append(f'<section><h2>{escape(one.title)}: <span class="{one.verdict}">{one.verdict}</span></h2>'
                    f"<p>{escape(one.says)}</p>")  # fmt: skip
        body += [_html_part(part) for part in one.parts]
        body.append("</section>")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(body)}</body></html>"
    )


def markdown(title: str, chapters: Sequence[Chapter]) -> str:
    """The same as Markdown, without the drawing."""
    lines = [f"# {title}", ""]
    if len(chapters) > 1:
        lines += _markdown_table(
            ("tested", "verdict", "messages", "duplicates", "missed", "control"), _summary(chapters)
        )
    for one in chapters:
        lines += [f"## {one.title}: {one.verdict}", "", one.says, ""]
        for part in one.parts:
            lines += [f"### {part.title}", "", part.says, ""]
            for heading, rows in _tables(part):
                lines += _markdown_table(heading, rows)
    return "\n".join(lines).rstrip()


def _html_part(part: Part) -> str:
    drawn = timeline(part.course, part.grown, messages=part.tally.total_messages)
    tables = "".join(_html_table(heading, rows) for heading, rows in _tables(part))
    return f"<h3>{escape(part.title)}</h3><p>{escape(part.says)}</p>{drawn}<p class=small>{_LEGEND}</p>{tables}"


def _tables(part: Part) -> list[tuple[Sequence[str], Rows]]:
    tally = part.tally
    counts = ("messages", "unique", "duplicates", "missed", "corrupted", "aborted seen", "out of order", "restarts")
    numbers = (tally.total_messages, tally.unique_processed, tally.duplicates, tally.missed, tally.corrupted,
               tally.aborted_seen, tally.out_of_order, tally.restarts)  # fmt: skip
    found: list[tuple[Sequence[str], Rows]] = [(counts, [[str(one) for one in numbers]])]
    found.append((("check", "held", "found"), [(one.check, one.held, one.found) for one in part.checks]))
    faults = [(str(number), "too late" if one.at_ms is None else format_duration_ms(one.at_ms), one.fault.words(),
               one.fault.program) for number, one in enumerate(part.course.history, 1)]  # fmt: skip
    found.append((("#", "at", "fault", "program"), faults))
    if part.stories:
        told = [(one.what, one.told) for one in part.stories[:_MOST_ROWS]]
        left = len(part.stories) - len(told)
        more = [("", f"{counted(left, 'more is', 'more are')} in the JSON report")] if left else []
        found.append((("what", "story"), [*told, *more]))
    return found


def _summary(chapters: Sequence[Chapter]) -> Rows:
    rows = []
    for one in chapters:
        tally = one.parts[0].tally
        control = one.parts[1].tally if len(one.parts) > 1 else None
        found = f"{counted(control.duplicates, 'duplicate')}, {control.missed:,} missed" if control else ""
        rows.append(
            (one.title, one.verdict, str(tally.total_messages), str(tally.duplicates), str(tally.missed), found)
        )
    return rows


def _html_table(heading: Sequence[str], rows: Rows) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heading)
    body = "".join("<tr>" + "".join(_cell(one) for one in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(word: str) -> str:
    marked = f' class="{word}"' if word in ("yes", "no", "pass", "fail", "inconclusive") else ""
    return f"<td{marked}>{escape(word)}</td>"


def _markdown_table(heading: Sequence[str], rows: Rows) -> list[str]:
    lines = [f"| {' | '.join(heading)} |", "|" + "---|" * len(heading)]
    lines += [f"| {' | '.join(one.replace('|', chr(92) + '|') for one in row)} |" for row in rows]
    return [*lines, ""]
