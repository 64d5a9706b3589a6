"""A trial drawn along its time, as inline SVG: messages sent, processes, faults, effects. Pure; needs nothing else."""

from collections.abc import Sequence
from html import escape

from eosctl.core.counts import counted
from eosctl.core.durations import format_duration_ms
from eosctl.domain.proof.stories import Course, Mark, Ran

_LEFT, _WIDTH, _LANE, _CURVE = 170, 1000, 20, 120
_COLOURS = {"killed": "#c0392b", "by itself": "#d68910", "asked": "#5d6d7e", "": "#5d6d7e"}


def timeline(course: Course, grown: Sequence[Mark], *, messages: int) -> str:
    """The whole picture. Every bar, line and point tells in its title what it is."""
    end = _end_ms(course, grown)
    programs = list(dict.fromkeys((one.program, one.instance) for one in course.ran))
    top = 40
    faults = _faults(course, end, top - 18, top + _LANE * (len(programs) + 1) + _CURVE + 10)
    lanes = [_lane("messages sent", top), *(_sent(course, end, top))]
    for number, (program, instance) in enumerate(programs, 1):
        y = top + _LANE * number
        label = program if instance == "1" else f"{program} ({instance})"
        lanes.append(_lane(label, y))
        lanes += [_bar(one, end, y) for one in course.ran if (one.program, one.instance) == (program, instance)]
    base = top + _LANE * (len(programs) + 1)
    lanes += _curve(grown, end, base + 10, messages)
    height = base + _CURVE + 40
    return (
        f'<svg viewBox="0 0 {_LEFT + _WIDTH + 20} {height}" role="img" aria-label="time line">'
        f"{''.join(faults)}{''.join(lanes)}{_axis(end, height - 18)}</svg>"
    )


def _end_ms(course: Course, grown: Sequence[Mark]) -> int:
    times = [one.ended_ms or one.began_ms for one in course.ran]
    times += [one.at_ms for one in course.history if one.at_ms is not None]
    times += [one.at_ms for one in grown] + [one.at_ms for one in course.sent]
    return max([*times, 1])


def _x(at_ms: int, end: int) -> float:
    return round(_LEFT + _WIDTH * max(at_ms, 0) / end, 1)


def _lane(label: str, y: int) -> str:
    return f'<text x="{_LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(label)}</text>'


def _sent(course: Course, end: int, y: int) -> list[str]:
    return [
        f'<rect x="{_x(one.at_ms, end) - 2}" y="{y + 2}" width="4" height="12" fill="#2471a3">'
        f"<title>{counted(one.count, 'message')} from number {one.first} at "
        f"{format_duration_ms(one.at_ms)}</title></rect>"
        for one in course.sent
    ]


def _bar(one: Ran, end: int, y: int) -> str:
    left, right = _x(one.began_ms, end), _x(end if one.ended_ms is None else one.ended_ms, end)
    until = "" if one.ended_ms is None else f" to {format_duration_ms(one.ended_ms)}, ended: {one.ended}"
    title = f"{one.name}, instance {one.instance}: {format_duration_ms(one.began_ms)}{until}"
    return (
        f'<rect x="{left}" y="{y + 3}" width="{max(right - left - 1, 1):.1f}" height="11" rx="2" fill="#a9cce3" '
        f'stroke="{_COLOURS[one.ended]}"><title>{escape(title)}</title></rect>'
    )


def _faults(course: Course, end: int, top: int, bottom: int) -> list[str]:
    drawn = []
    for number, one in enumerate(course.history, 1):
        if one.at_ms is None:
            continue
        x = _x(one.at_ms, end)
        title = f"{number}: {one.fault.words()} at {format_duration_ms(one.at_ms)}"
        drawn.append(
            f'<g><line x1="{x}" y1="{top + 4}" x2="{x}" y2="{bottom}" stroke="#c0392b" stroke-dasharray="3 3"/>'
            f'<text x="{x}" y="{top}" text-anchor="middle" fill="#c0392b">{number}</text>'
            f"<title>{escape(title)}</title></g>"
        )
    return drawn


def _curve(grown: Sequence[Mark], end: int, y: int, messages: int) -> list[str]:
    if not grown:
        return [_lane("effects", y), f'<text x="{_LEFT}" y="{y + 12}">they carry no time</text>']
    top = max(messages, grown[-1].effects)
    points: list[tuple[float, float]] = [(_x(0, end), y + _CURVE)]
    points += [(_x(one.at_ms, end), y + _CURVE - round(_CURVE * one.effects / top, 1)) for one in grown]
    line = " ".join(f"{x},{height}" for x, height in points)
    every = y + _CURVE - round(_CURVE * messages / top, 1)
    dots = "".join(
        f'<circle cx="{_x(one.at_ms, end)}" cy="{y + _CURVE - round(_CURVE * one.effects / top, 1)}" r="2.5" '
        f'fill="#1e8449">'
        f"<title>{counted(one.effects, 'effect')} at {format_duration_ms(one.at_ms)}</title></circle>"
        for one in grown
    )
    return [
        _lane(f"effects (of {messages})", y),
        f'<line x1="{_LEFT}" y1="{every}" x2="{_LEFT + _WIDTH}" y2="{every}" stroke="#aaa"/>',
        f'<polyline points="{line}" fill="none" stroke="#1e8449" stroke-width="1.5"/>{dots}',
    ]


def _axis(end: int, y: int) -> str:
    ticks = "".join(
        f'<text x="{_x(end * part // 5, end)}" y="{y + 14}" text-anchor="middle">{format_duration_ms(end * part // 5)}'
        "</text>"
        for part in range(6)
    )
    return f'<line x1="{_LEFT}" y1="{y}" x2="{_LEFT + _WIDTH}" y2="{y}" stroke="#888"/>{ticks}'
