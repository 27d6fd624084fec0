"""Figures of a whole panel: bars over time, curves, the reliability diagram. A builtin library.

Each has role=img and says its finding; the table or the figures beside it hold the values.
"""

from collections.abc import Sequence
from typing import Any

from django import template
from django.template.defaultfilters import date as format_date
from django.utils.html import format_html
from django.utils.safestring import SafeString

from annotation.templatetags.figures import NOTHING, checked, joined, place, plain
from annotation.templatetags.loupe import finite, number, part

register = template.Library()

NO_DATA = SafeString('<span class="faint">no data yet</span>')
Points = list[tuple[float, float]]


def chart(height: int, said: str, pieces: Sequence[SafeString]) -> SafeString:
    """The outer SVG of a chart."""
    return format_html(
        '<svg class="chart" width="100%" height="{}" role="img" aria-label="{}">{}</svg>',
        height,
        said,
        joined(pieces),
    )


def words(content: Any, x: str, y: float, css: str = "") -> SafeString:
    """A text in a chart."""
    kind = format_html(' class="{}"', css) if css else NOTHING
    return format_html('<text{} x="{}" y="{}">{}</text>', kind, x, plain(y), content)


@register.simple_tag
def bars(
    rows: Sequence[Any],
    height: int = 208,
    threshold: Any = None,
    threshold_label: str = "",
    label: str = "",
    marked: str = "",
) -> SafeString:
    """Upright bars of {label, value} from 0, with a named threshold. One bar may be marked; else the last is named."""
    if not rows:
        return NO_DATA
    names = [str(part(row, "label")) for row in rows]
    values = [finite(part(row, "value")) for row in rows]
    limit = finite(threshold)
    tallest = (
        max([0.0, *(value for value in values if value is not None), *([] if limit is None else [limit])])
        or 1.0
    )
    floor, top = height - 22, 26
    slot = 100 / len(rows)

    def y(value: float) -> int:
        return round(floor - (floor - top) * max(0.0, value) / tallest)

    pieces = [format_html('<line class="a" x1="0" x2="100%" y1="{}" y2="{}"/>', floor + 0.5, floor + 0.5)]
    for i, value in enumerate(values):
        if value is None:
            continue
        pieces.append(
            format_html(
                '<rect class="{}" x="{}%" width="{}%" y="{}" height="{}"/>',
                "bar2" if marked and names[i] != marked else "bar",
                plain(slot * (i + 0.115)),
                plain(slot * 0.77),
                y(value),
                floor - y(value),
            )
        )
    if limit is not None:
        pieces.append(format_html('<line class="t" x1="0" x2="100%" y1="{}" y2="{}"/>', y(limit), y(limit)))
        pieces.append(words(threshold_label or number(limit), "100%", y(limit) - 6, "on e"))
    pieces += under(names, slot, height - 5)
    named = names.index(marked) if marked in names else len(rows) - 1
    if (value := values[named]) is not None and (limit is None or abs(y(value) - y(limit)) > 14):
        pieces.append(words(number(value), f"{plain(slot * (named + 0.5))}%", y(value) - 4, "on m"))
    return chart(height, label or finding(values), pieces)


def under(names: Sequence[str], slot: float, y: float) -> list[SafeString]:
    """Names below the bars: all of them where there is room, else the first and the last."""
    if len(names) <= 7:
        return [words(name, f"{plain(slot * (i + 0.5))}%", y, "m") for i, name in enumerate(names)]
    return [words(names[0], "0", y), words(names[-1], "99%", y, "e")]


def finding(values: Sequence[float | None]) -> str:
    """What a chart of bars shows when its page has no better words."""
    known = [value for value in values if value is not None]
    if not known:
        return f"{len(values)} bars, no values yet"
    return f"{len(values)} bars, from {number(min(known))} to {number(max(known))}"


@register.simple_tag
def day_bars(
    days: Sequence[Any], height: int = 208, threshold: Any = None, threshold_label: str = ""
) -> SafeString:
    """Answers per day: rows of {day, answers}, oldest first."""
    rows = [{"label": format_date(part(day, "day"), "D j M"), "value": part(day, "answers")} for day in days]
    said = "Answers per day: " + finding([finite(row["value"]) for row in rows]).replace("bars", "days")
    return bars(rows, height, threshold, threshold_label, said)


def points_of(series: Sequence[Any]) -> Points:
    """(x, y) pairs, {x, y} rows alike; points without both are left out."""
    pairs = [
        (p[0], p[1]) if isinstance(p, (list, tuple)) else (part(p, "x"), part(p, "y")) for p in series or []
    ]
    return [(x, y) for a, b in pairs if (x := finite(a)) is not None and (y := finite(b)) is not None]


def plot(height: int, lines: Sequence[SafeString]) -> SafeString:
    """The stretching part of a chart: gridlines, axes and curves on 0 to 100."""
    return format_html(
        '<svg x="0" y="0" width="100%" height="{}" viewBox="0 0 100 100" preserveAspectRatio="none">'
        '<path class="g" vector-effect="non-scaling-stroke" d="M0 25H100M0 50H100M0 75H100"/>'
        '<path class="a" vector-effect="non-scaling-stroke" d="M0 0V100H100"/>{}</svg>',
        height,
        joined(lines),
    )


def dots(points: Points, plot_height: int, css: str = "p") -> list[SafeString]:
    """Points of a curve (x and y in percent) as circles that do not stretch."""
    return [
        format_html(
            '<circle class="{}" cx="{}%" cy="{}" r="3.5"/>',
            css,
            plain(x),
            plain(plot_height * (100 - y) / 100, 0),
        )
        for x, y in points
    ]


@register.simple_tag
def curve(
    series: Sequence[Any],
    second: Sequence[Any] = (),
    height: int = 220,
    x_low: Any = 0,
    x_high: Any = 1,
    y_low: Any = 0,
    y_high: Any = 1,
    x_name: str = "",
    y_name: str = "",
    name: str = "",
    second_name: str = "",
    threshold: Any = None,
    label: str = "",
) -> SafeString:
    """A curve over x, and at most one to compare it with, each named at its middle. `threshold` is an x."""
    left, right = checked(x_low, x_high)
    bottom, top = checked(y_low, y_high)
    both = [
        [(place(x, left, right), place(y, bottom, top)) for x, y in points_of(points)]
        for points in (series, second)
    ]
    if not both[0]:
        return NO_DATA
    plot_height = height - 30
    lines, texts = [], []
    for points, css, called, other in ((both[0], "l", name, both[1]), (both[1], "l2", second_name, both[0])):
        if not points:
            continue
        path = " ".join(f"{plain(x)},{plain(100 - y)}" for x, y in points)
        lines.append(format_html('<polyline class="{}" points="{}"/>', css, path))
        if called:
            texts.append(named(called, points, other, plot_height, "on" if css == "l" else ""))
    pieces = [plot(plot_height, lines)]
    if (limit := finite(threshold)) is not None:
        x1 = plain(place(limit, left, right))
        pieces.append(format_html('<line class="t" x1="{}%" x2="{}%" y1="0" y2="{}"/>', x1, x1, plot_height))
    pieces += texts + corners(height, number(left), x_name, number(right), y_name)
    said = label or f"{y_name or name or 'Curve'} over {x_name or 'x'}, {len(both[0])} points"
    return chart(height, said, pieces)


@register.simple_tag
def course(
    points: Sequence[Any],
    others: Sequence[Any] = (),
    x_high: Any = 1,
    height: int = 64,
    threshold: Any = None,
    label: str = "",
) -> SafeString:
    """Shares over x with their intervals, in a row of a table, and in grey what they are compared with.

    `points` are (x, estimate) from 0 to `x_high`, `others` (x, value); `threshold` is a share.
    """
    _, right = checked(0, x_high)
    known = [(x, estimate) for x, estimate in points if finite(part(estimate, "value")) is not None]
    if not known:
        return NO_DATA
    top, floor = 6, height - 6

    def down(share: float) -> float:
        return top + (floor - top) * (1 - share)

    def across(x: float) -> str:
        return plain(_inset(place(x, 0, right)))

    def path(css: str, pairs: Points) -> SafeString:
        return format_html(
            '<polyline class="{}" points="{}"/>',
            css,
            " ".join(f"{across(x)},{plain(down(y))}" for x, y in pairs),
        )

    own = [(float(x), float(part(estimate, "value"))) for x, estimate in known]
    drawn = [
        format_html('<line class="g" x1="0" x2="100%" y1="{}" y2="{}"/>', plain(down(y)), plain(down(y)))
        for y in (0.0, 0.5, 1.0)
    ]
    if (limit := finite(threshold)) is not None:
        y = plain(down(limit))
        drawn.append(format_html('<line class="t" x1="0" x2="100%" y1="{}" y2="{}"/>', y, y))
    drawn.append(
        format_html(
            '<svg x="0" y="0" width="100%" height="{}" viewBox="0 0 100 {}" preserveAspectRatio="none">{}{}</svg>',
            height,
            height,
            path("l2", points_of(others)),
            path("l", own),
        )
    )
    for x, estimate in known:
        low, high = finite(part(estimate, "low")), finite(part(estimate, "high"))
        if low is not None and high is not None:
            drawn.append(
                format_html(
                    '<line class="lx2" x1="{0}%" x2="{0}%" y1="{1}" y2="{2}"/>',
                    across(x),
                    plain(down(high)),
                    plain(down(low)),
                )
            )
    drawn += [
        format_html('<circle class="p" cx="{}%" cy="{}" r="3.5"/>', across(x), plain(down(y))) for x, y in own
    ]
    said = f"{own[0][1]:.0%} at first, {own[-1][1]:.0%} at last"
    if compared := points_of(others):
        said += f"; the others {compared[0][1]:.0%} and {compared[-1][1]:.0%}"
    return chart(height, f"{label}: {said}" if label else said, drawn)


@register.simple_tag
def course_axis(ticks: Sequence[tuple[float, str]], x_high: Any = 1, height: int = 14) -> SafeString:
    """The axis of a column of courses, for the table's head: (x, name)."""
    _, right = checked(0, x_high)
    texts = []
    for x, name in ticks:
        percent = place(x, 0, right)
        anchor = "" if percent < 5 else "e" if percent > 95 else "m"
        texts.append(words(name, f"{plain(_inset(percent))}%", height - 3, anchor))
    return format_html(
        '<svg class="ci" width="100%" height="{}" aria-hidden="true">{}</svg>', height, joined(texts)
    )


def _inset(percent: float) -> float:
    """A place such that a point at the edge is whole."""
    return 1.5 + 0.97 * percent


@register.simple_tag
def windows(
    estimates: Sequence[Any], labels: Sequence[str], height: int = 200, threshold: Any = None, label: str = ""
) -> SafeString:
    """Shares one after the other with their intervals, from 0 to 1; red where an interval lies below the threshold."""
    known = [
        (name, estimate, value)
        for name, estimate in zip(labels, estimates, strict=True)
        if (value := finite(part(estimate, "value"))) is not None
    ]
    if not known:
        return NO_DATA
    floor, top, limit = height - 20, 10, finite(threshold)

    def down(share: float) -> float:
        return top + (floor - top) * (1 - share)

    grid = [
        format_html('<line class="g" x1="0" x2="100%" y1="{}" y2="{}"/>', plain(y), plain(y))
        for y in (down(1), down(0.75), down(0.5), down(0.25))
    ]
    sides = [words(f"{share:.0%}", "0", down(share) - 4) for share in (1.0, 0.5)]
    axis = [format_html('<line class="a" x1="0" x2="100%" y1="{}" y2="{}"/>', floor, floor)]
    if limit is not None:
        y = plain(down(limit))
        axis += [
            format_html('<line class="t" x1="0" x2="100%" y1="{}" y2="{}"/>', y, y),
            words(f"floor {limit:.0%}", "100%", down(limit) - 6, "on e"),
        ]
    step = 100 / len(known)
    marks, path = [], []
    for at, (name, estimate, value) in enumerate(known):
        x = step * (at + 0.5)
        low, high = finite(part(estimate, "low")), finite(part(estimate, "high"))
        below = limit is not None and high is not None and high < limit
        path.append(f"{plain(x)},{plain(down(value))}")
        if low is not None and high is not None:
            marks.append(
                format_html(
                    '<line class="lx2{}" x1="{}%" x2="{}%" y1="{}" y2="{}"/>',
                    " bad" if below else "",
                    plain(x),
                    plain(x),
                    plain(down(high)),
                    plain(down(low)),
                )
            )
        marks.append(
            format_html(
                '<circle class="{}" cx="{}%" cy="{}" r="4.5"/>',
                "px" if below else "p",
                plain(x),
                plain(down(value)),
            )
        )
        if len(known) <= 8:
            marks.append(words(f"{value:.0%}", f"{plain(x + 1.2)}%", down(value) - 7, "on"))
        if at % max(1, len(known) // 6) == 0:
            marks.append(words(name, f"{plain(x)}%", height - 4, "m"))
    line = format_html(
        '<svg x="0" y="0" width="100%" height="{}" viewBox="0 0 100 {}" preserveAspectRatio="none">'
        '<polyline class="l2" points="{}"/></svg>',
        height,
        height,
        " ".join(path),
    )
    said = label or f"{len(known)} shares with intervals, from {known[0][2]:.0%} to {known[-1][2]:.0%}"
    return chart(height, said, [*grid, *sides, *axis, line, *marks])


def named(called: str, points: Points, other: Points, plot_height: int, weight: str) -> SafeString:
    """A curve's name where the other curve is farthest, on the side that is turned away from it."""
    x, y = points[len(points) // 2]
    away = 1.0
    if other:
        x, y, away = max(((x, y, y - height_at(other, x)) for x, y in points), key=lambda spot: abs(spot[2]))
    pixel = plot_height * (100 - y) / 100
    above = pixel >= 20 and (away >= 0 or pixel > plot_height - 20)
    side = "e" if x > 60 else "m" if x > 40 else ""
    return words(
        called, f"{plain(min(98.0, max(2.0, x)))}%", pixel + (-8 if above else 30), f"{weight} {side}".strip()
    )


def height_at(points: Points, x: float) -> float:
    """The height of a curve at this x, between its points along a straight line."""
    before = max((p for p in points if p[0] <= x), default=points[0])
    after = min((p for p in points if p[0] >= x), default=points[-1])
    if after[0] == before[0]:
        return before[1]
    return before[1] + (after[1] - before[1]) * (x - before[0]) / (after[0] - before[0])


def corners(height: int, start: str, middle: str, end: str, top: str) -> list[SafeString]:
    """The names of both axes and the ends of the lower one."""
    y = height - 14
    texts = [
        words(start, "0", y),
        words(middle, "50%", y, "m") if middle else NOTHING,
        words(end, "100%", y, "e"),
    ]
    return [words(top, "8", 14), *texts] if top else texts


@register.simple_tag
def reliability(bins: Sequence[Any], height: int = 220, label: str = "") -> SafeString:
    """Calibration: the share that was right against the stated confidence, rows of {confidence, accuracy, n}."""
    known: list[tuple[float, float]] = []
    for row in bins or []:
        stated, right = finite(part(row, "confidence")), finite(part(row, "accuracy"))
        if stated is not None and right is not None and part(row, "n") != 0:
            known.append((100 * stated, 100 * right))
    if not known:
        return NO_DATA
    plot_height = height - 30
    path = " ".join(f"{plain(x)},{plain(100 - y)}" for x, y in known)
    lines = [SafeString('<line class="l2 dash" x1="0" y1="100" x2="100" y2="0"/>')]
    if len(known) > 1:
        lines.append(format_html('<polyline class="l" points="{}"/>', path))
    above = sum(y < x for x, y in known)
    said = label or f"Calibration: fewer were right than stated in {above} of {len(known)} bins"
    pieces = [
        plot(plot_height, lines),
        *dots(known, plot_height),
        words("perfect", "74%", plot_height * 0.21, "e"),
    ]
    return chart(height, said, pieces + corners(height, "0", "stated confidence", "1", "share right"))
