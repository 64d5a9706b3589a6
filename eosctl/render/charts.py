"""Charts as SVG, drawn by pygal: pure, the same values give the same text. Nothing in one points outside of it."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from eosctl.core.charts import PERCENTILES, Bar, BarChart, Chart, Distribution, LineChart, TimeLine

if TYPE_CHECKING:
    from pygal.graph.graph import Graph

WIDTH, HEIGHT = 880, 400
_LANE_HEIGHT = 28
_SVG = "http://www.w3.org/2000/svg"
# Okabe and Ito's colours: told apart by those who see no red or green, and in grey.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_FONT = "DejaVu Sans, Verdana, Arial, sans-serif"
_HEADROOM = 1.1


def svg_of(chart: Chart, *, name: str = "chart") -> str:
    """One chart as an SVG element. `name` keeps its styles apart from those of others on the same page."""
    looks = _looks(chart.title)
    match chart:
        case LineChart():
            graph = _lines(chart, looks)
        case Distribution():
            graph = _distribution(chart, looks)
        case BarChart():
            graph = _bars(chart, looks)
        case TimeLine():
            graph = _time_line(chart, looks)
    return _text(graph, name, chart.title)


def stacked(charts: Sequence[Chart]) -> str:
    """Several charts in one SVG file, one below the other."""
    top, parts = 0, []
    for number, chart in enumerate(charts):
        element = ElementTree.fromstring(svg_of(chart, name=f"chart-{number}"))
        height = int(element.attrib["viewBox"].split()[3])
        element.attrib |= {"y": str(top), "width": str(WIDTH), "height": str(height)}
        parts.append(element)
        top += height
    whole = ElementTree.Element(f"{{{_SVG}}}svg", {"viewBox": f"0 0 {WIDTH} {top}", "width": str(WIDTH),
                                                   "height": str(top)})  # fmt: skip
    whole.extend(parts)
    ElementTree.register_namespace("", _SVG)
    return ElementTree.tostring(whole, encoding="unicode")


def _pygal() -> Any:
    """The library, without the finder for its plugins: that one speaks a protocol which Python 3.12 has dropped."""
    import pygal

    sys.meta_path[:] = [one for one in sys.meta_path if type(one).__module__ != "pygal"]
    return pygal


def _looks(title: str) -> dict[str, Any]:
    style = _pygal().style.Style(
        colors=_COLOURS, background="white", plot_background="white", font_family=_FONT, label_font_size=12,
        major_label_font_size=12, legend_font_size=12, title_font_size=15, guide_stroke_color="#ccc",
        major_guide_stroke_color="#bbb", opacity=".85", transition="0s", stroke_width="2", no_data_font_size=18,
    )  # fmt: skip
    return {
        "style": style, "title": title, "width": WIDTH, "height": HEIGHT, "js": (), "legend_at_bottom": True,
        "truncate_legend": -1, "truncate_label": -1, "value_formatter": _number, "x_value_formatter": _number,
        "disable_xml_declaration": True, "no_data_text": "nothing was measured",
    }  # fmt: skip


def _number(value: Any) -> str:
    """Three significant digits, thousands apart."""
    if not isinstance(value, (int, float)):
        return str(value)
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _lines(chart: LineChart, looks: dict[str, Any]) -> "Graph":
    graph = _pygal().XY(**looks, x_title=chart.x, y_title=chart.y, show_dots=False, include_x_axis=True)
    for line in chart.lines:
        graph.add(line.name, list(line.points), show_dots=len(line.points) < 2)
    return graph


def _distribution(chart: Distribution, looks: dict[str, Any]) -> "Graph":
    graph = _pygal().Line(**looks, y_title=chart.y, logarithmic=True, dots_size=2)
    graph.x_labels = [f"p{percent:g}" for percent in PERCENTILES]
    for curve in chart.curves:
        graph.add(curve.name, [max(value, 1e-3) for value in curve.values])  # a logarithmic axis has no zero
    return graph


def _bars(chart: BarChart, looks: dict[str, Any]) -> "Graph":
    tops = [max(bar.value, bar.high or 0) for group in chart.groups for bar in group.bars if bar]
    graph = _pygal().Bar(**looks, y_title=chart.y)
    graph.x_labels = list(chart.labels)
    if tops:
        graph.range = (0, max(tops) * _HEADROOM or 1)
    for group in chart.groups:
        graph.add(group.name, [_bar(bar) for bar in group.bars])
    return graph


def _bar(bar: Bar | None) -> dict[str, Any] | None:
    if bar is None:
        return None
    known = bar.low is not None and bar.high is not None
    return {"value": bar.value, **({"ci": {"low": bar.low, "high": bar.high}} if known else {})}


def _time_line(chart: TimeLine, looks: dict[str, Any]) -> "Graph":
    """Lanes are heights of an XY chart, the first on top; spans of one name share a colour and a legend."""
    looks["height"] = max(220, 150 + _LANE_HEIGHT * len(chart.lanes))
    graph = _pygal().XY(**looks, x_title="seconds from the start", dots_size=4, allow_interruptions=True,
                     stroke_style={"width": 7, "linecap": "round"})  # fmt: skip
    heights = {lane.name: len(chart.lanes) - number for number, lane in enumerate(chart.lanes)}
    graph.y_labels = [{"value": height, "label": name} for name, height in heights.items()]
    graph.range = (0.5, len(chart.lanes) + 0.5)
    names = dict.fromkeys(span.name for lane in chart.lanes for span in lane.spans)
    for name in names:
        graph.add(name, list(_spans(chart, name, heights)))
    return graph


def _spans(chart: TimeLine, name: str, heights: dict[str, int]) -> Iterator[tuple[float, int] | None]:
    for lane in chart.lanes:
        for span in lane.spans:
            if span.name == name:
                yield (span.start_s, heights[lane.name])
                yield (span.end_s, heights[lane.name])
                yield None


def _text(graph: "Graph", name: str, title: str) -> str:
    """The drawing as text, named for screen readers; without pygal's script, and its remarks with the day in them."""
    graph.uuid = name
    root = graph.render_tree()
    for parent in root.iter():
        for child in [one for one in parent if not isinstance(one.tag, str) or one.tag.endswith("script")]:
            parent.remove(child)
    root.attrib |= {"role": "img", "aria-label": title}
    text: str = ElementTree.tostring(root, encoding="unicode")
    return text
