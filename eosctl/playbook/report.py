"""A run's report, fit to attach to an incident: Markdown, one self-contained HTML page, or JSON."""

import html
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from eosctl.core.charts import Chart, Lane, Span, TimeLine
from eosctl.core.errors import UsageError
from eosctl.core.plain import plain
from eosctl.playbook.record import RunRecord
from eosctl.playbook.story import RunStory, StepStory, story_of, ways_back

_MANY = 20


@dataclass(frozen=True)
class Block:
    """A heading, words, or a table; a part of the report in any format."""

    heading: str = ""
    level: int = 2
    words: str = ""
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


Draw = Callable[[Chart], str]


def write_report(record: RunRecord, path: Path, draw: Draw) -> None:
    """By the file's ending. Raises UsageError for another ending, or a file that can't be written."""
    told = story_of(record.id, record.events())
    match path.suffix:
        case ".json":
            data = {"schema": "eosctl.run/v1", **plain(told), "undo_with": ways_back(told)}
            text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
        case ".md":
            text = "\n\n".join(_markdown(one) for one in blocks(told)) + "\n"
        case ".html":
            text = _page(told, draw)
        case _:
            raise UsageError("bad_report", f"{path} is no report's name.", hint="End it in .md, .html or .json.")
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError("report_not_written", f"{path} can't be written: {error.strerror}.",
                         why="The run is over, and its record is kept.",
                         hint=f"The record is in {record.folder}.") from None  # fmt: skip


def blocks(told: RunStory) -> Iterator[Block]:
    """The report's parts in order."""
    yield Block(heading=f"{told.playbook}: {told.status}", level=1, words=told.said or told.summary)
    facts = [("run", told.run), ("playbook", f"{told.playbook}: {told.summary}"), ("owner", told.owner),
             ("profile", told.profile), ("began", told.began), ("ended", told.ended or "it was cut off"),
             ("dry run", "yes, nothing was changed" if told.dry_run else ""), ("links", ", ".join(told.links)),
             *((f"parameter {name}", _words(value)) for name, value in told.params.items())]  # fmt: skip
    yield Block(head=("what", "value"), rows=tuple((name, value) for name, value in facts if value))
    yield Block(heading="Who", head=("at", "who", "what"), rows=tuple(told.people))
    yield Block(heading="Steps", head=("step", "action", "status", "at", "what happened"), rows=tuple(
        (one.step, one.action, one.status, one.ended or one.began, one.message) for one in told.steps))  # fmt: skip
    yield from _changes(told)
    for one in told.steps:
        yield from _step(one)


def _changes(told: RunStory) -> Iterator[Block]:
    rows = [
        (one.step, *(str(change[name]) for name in ("subject", "attribute", "before", "after")))
        for one in told.steps for change in one.changes
    ]  # fmt: skip
    done = "would change" if told.dry_run else "was changed"
    if not rows:
        yield Block(heading=f"What {done}", words="Nothing.")
        return
    yield Block(heading=f"What {done}", head=("step", "what", "attribute", "before", "after"), rows=tuple(rows))
    read_back = [(one.step, str(receipt["step"]), str(receipt["status"]), "yes" if receipt["verified"] else "no",
                  str(receipt["message"])) for one in told.steps for receipt in one.receipts]  # fmt: skip
    if read_back:
        yield Block(heading="Read back afterwards", level=3, head=("step", "change", "status", "read back", "message"),
                    rows=tuple(read_back))  # fmt: skip
    if not told.dry_run:
        yield Block(heading="How to undo it", words="The last change first.", head=("with",),
                    rows=tuple((way,) for way in ways_back(told)))  # fmt: skip
    if told.rolled_back:
        yield Block(heading="Rolled back", head=("journal", "what happened"), rows=tuple(told.rolled_back))


def _step(one: StepStory) -> Iterator[Block]:
    """What was asked, tried and seen in a step, when there is something to tell."""
    seen = list(_seen(one.seen, one.action))
    if not (one.questions or one.tries or seen):
        return
    yield Block(heading=f"Step {one.step}", words=f"{one.action}, {one.began or one.ended}: {one.status}.")
    if one.questions:
        yield Block(heading="Asked", level=3, head=("question", "answer"), rows=tuple(one.questions))
    if one.tries:
        yield Block(heading="Failed before", level=3, head=("why",), rows=tuple((why,) for why in one.tries))
    yield from seen


def _seen(result: Any, name: str) -> Iterator[Block]:
    """A result's rows as a table, an object as one of two columns, several results each."""
    if isinstance(result, list):
        for number, inner in enumerate(result):
            yield from _seen(inner, f"{name}, item {number + 1}")
    elif isinstance(result, Mapping) and "rows" in result and "data" in result:
        if result["rows"]:
            yield from _table(name, result["rows"])
        elif isinstance(result["data"], Mapping):
            rows = tuple((str(key), _words(value)) for key, value in result["data"].items() if value not in (None, ""))
            yield Block(heading=f"Seen by {name}", level=3, head=("field", "value"), rows=rows)
    elif isinstance(result, Mapping) and all(isinstance(inner, Mapping) for inner in result.values()):
        for inner_name, inner in result.items():
            yield from _seen(inner, inner_name)


def _table(name: str, rows: Sequence[Any]) -> Iterator[Block]:
    if not all(isinstance(one, Mapping) for one in rows):
        yield Block(heading=f"Seen by {name}", level=3, words=_words(list(rows[:_MANY])))
        return
    head = tuple(key for key in rows[0] if any(one.get(key) not in (None, "", []) for one in rows))
    cells = tuple(tuple(_words(one.get(key)) for key in head) for one in rows[:_MANY])
    more = f"The first {_MANY} of {len(rows)}; the JSON report has all." if len(rows) > _MANY else ""
    yield Block(heading=f"Seen by {name}", level=3, words=more, head=head, rows=cells)


def _words(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _markdown(block: Block) -> str:
    lines = [f"{'#' * block.level} {block.heading}"] if block.heading else []
    if block.words:
        lines += ["", block.words] if lines else [block.words]
    if block.rows:
        lines += [""] if lines else []
        lines += [_row(block.head), _row(["---"] * len(block.head)), *(_row(one) for one in block.rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(one.replace("|", "\\|").replace("\n", " ") for one in cells) + " |"


_STYLE = """
:root{color-scheme:light dark}
body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:1.8em}h3{font-size:1em;margin-bottom:.3em}
.table{overflow-x:auto}table{border-collapse:collapse;min-width:50%}
td,th{border-bottom:1px solid #8885;padding:.35em .9em .35em 0;text-align:left;vertical-align:top}
td{overflow-wrap:anywhere}figure{margin:1em 0}svg{width:100%;height:auto}@media print{body{margin:0}}
"""


def time_line(told: RunStory) -> TimeLine | None:
    """When each step ran and how it ended, a lane a step; None when none was begun."""
    start = _seconds(told.began)
    lanes: dict[str, list[Span]] = {}
    for one in told.steps:
        if one.began:
            began = _seconds(one.began) - start
            ended = _seconds(one.ended) - start if one.ended else began
            lanes.setdefault(one.step, []).append(Span(round(began, 3), round(ended, 3), one.status))
    found = tuple(Lane(step, tuple(spans)) for step, spans in lanes.items())
    return TimeLine("When each step ran", found) if found else None


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def _page(told: RunStory, draw: Draw) -> str:
    head, *rest = [_html(one) for one in blocks(told)]
    chart = time_line(told)
    drawn = [f"<figure>{draw(chart)}</figure>"] if chart is not None else []
    body = "\n".join([head, *drawn, *rest])
    title = html.escape(f"{told.playbook}, run {told.run}")
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
            f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n")  # fmt: skip


def _html(block: Block) -> str:
    parts = [f"<h{block.level}>{html.escape(block.heading)}</h{block.level}>"] if block.heading else []
    if block.words:
        parts.append(f"<p>{html.escape(block.words)}</p>")
    if block.rows:
        head = "".join(f"<th>{html.escape(one)}</th>" for one in block.head)
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in block.rows
        )
        parts.append(f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>')
    return "\n".join(parts)
