"""Documents as files: one page of HTML that needs nothing else, Markdown, JSON; charts alone as SVG or PNG."""

import json
from collections.abc import Iterator
from dataclasses import is_dataclass, replace
from html import escape

from eosctl.core.charts import Chart
from eosctl.core.documents import Document
from eosctl.core.errors import UsageError
from eosctl.core.plain import plain
from eosctl.core.report import Section
from eosctl.domain.proof.chapters import ProofDocument
from eosctl.render.cells import cell, columns, words
from eosctl.render.charts import WIDTH, stacked, svg_of
from eosctl.render.output import Canvas, Format, section_text, shown_items
from eosctl.render.proof_page import proof_text

_STYLE = (
    f"body{{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:{WIDTH}px;padding:0 1em;color:#222}}"
    "h1{font-size:1.4em}h2{font-size:1.1em;margin-top:2em}table{border-collapse:collapse;width:100%}"
    "th,td{border-bottom:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top;overflow-wrap:break-word}"
    "div.t{overflow-x:auto}pre{white-space:pre-wrap;font:inherit}"
    ".n{text-align:right;font-variant-numeric:tabular-nums}figure{margin:1.5em 0}svg{width:100%;height:auto}"
    "p.note{color:#555}"
)


class DocumentFiles:
    """Writes documents (the port `DocumentsGateway`)."""

    def drawing(self, chart: Chart) -> str:
        """One chart as an SVG element."""
        return svg_of(chart)

    def write(self, document: Document) -> None:
        """By the file's ending. Raises UsageError (`report_not_written`, `bad_report`, `needs_png`)."""
        path = document.path
        content = content_of(document)
        try:
            path.write_bytes(content if isinstance(content, bytes) else (content + "\n").encode())
        except OSError as error:
            raise UsageError("report_not_written", f"{path} can't be written: {error.strerror}.",
                             hint="Give a file in a folder that exists and is yours.") from None  # fmt: skip


def content_of(document: Document) -> str | bytes:
    """What is in the file."""
    if isinstance(document, ProofDocument):
        return proof_text(document)
    match document.path.suffix:
        case ".html":
            return html_of(document)
        case ".md":
            return _markdown(document)
        case ".json":
            return json.dumps(plain(document.data), indent=2, ensure_ascii=False)
        case ".svg":
            return stacked(document.charts)
        case ".png":
            return _png(document)
    raise UsageError("bad_report", f"{document.path} has no ending that says what to write.",
                     hint="End it in .html, .md, .json, .svg or .png.")  # fmt: skip


def html_of(document: Document) -> str:
    """One page: styles and charts are in it, nothing is fetched, and it runs no script."""
    title = escape(document.title)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n" + "\n".join(_body(document)) + "\n</body></html>"
    )


def _body(document: Document) -> Iterator[str]:
    if document.said:
        yield f"<p>{escape(document.said)}</p>"
    for number, chart in enumerate(document.charts):
        yield f"<figure>{svg_of(chart, name=f'chart-{number}')}</figure>"
    for one in _sections(document):
        yield from _html_section(one)


def _sections(document: Document) -> tuple[Section, ...]:
    if document.sections or not is_dataclass(document.data):
        return document.sections
    rows = [
        {"field": name.replace("_", " "), "value": words(value, name)} for name, value in shown_items(document.data)
    ]
    return (Section("In sum", rows),)


def _html_section(one: Section) -> Iterator[str]:
    if one.title:
        yield f"<h2>{escape(one.title)}</h2>"
    if one.text:
        yield f"<pre>{escape(one.text)}</pre>"
    elif one.rows or one.row_type:
        shown = columns(one.row_type, one.rows, wide=True)
        sides = [' class="n"' if column.right else "" for column in shown]
        head = "".join(f"<th{side}>{escape(column.heading)}</th>" for column, side in zip(shown, sides, strict=True))
        rows = "\n".join(
            "<tr>" + "".join(f"<td{side}>{escape(cell(row, column.name))}</td>"
                             for column, side in zip(shown, sides, strict=True)) + "</tr>"
            for row in one.rows
        )  # fmt: skip
        yield f'<div class="t"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    if one.note:
        yield f'<p class="note">{escape(one.note)}</p>'


def _markdown(document: Document) -> str:
    parts = [f"# {document.title}", document.said]
    for one in _sections(document):
        parts += [section_text(replace(one, note=""), Format.MARKDOWN, Canvas()), one.note]
    return "\n\n".join(part for part in parts if part)


def _png(document: Document) -> bytes:
    try:
        import resvg_py
    except ImportError:
        raise UsageError("needs_png", "A PNG can't be drawn here.", why="resvg-py is not installed.",
                         hint="pip install 'eosctl[png]', or give FILE.svg or FILE.html.") from None  # fmt: skip
    return bytes(resvg_py.svg_to_bytes(svg_string=stacked(document.charts), zoom=2, background="white"))
