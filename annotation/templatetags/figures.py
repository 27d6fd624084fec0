"""Figures of one estimate or one row: the graticule, its axis, a bar, a spark line, the step of a heat cell.

Inline SVG whose x is in percent and whose y is in pixels: it stretches without a script and follows
the theme. A builtin library. Figures of whole panels are in `charts`.
"""

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from annotation.templatetags.loupe import finite, number, part, written

register = template.Library()

TONES = {"", "good", "warn", "bad", "alt"}
NOTHING = SafeString("")
ROUNDING = 1e-9  # so far beyond the axis a value is still at its end


def plain(value: float, digits: int = 1) -> str:
    """A number for geometry: a point as decimal sign, no thousands, no needless zeros."""
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def place(value: float, low: float, high: float) -> float:
    """Where a value lies between low and high, in percent; outside, it is put at the edge."""
    return 100 * min(1.0, max(0.0, (value - low) / (high - low)))


def checked(low: Any, high: Any) -> tuple[float, float]:
    """The ends of an axis as numbers; ValueError unless low < high."""
    ends = finite(low), finite(high)
    if ends[0] is None or ends[1] is None or ends[0] >= ends[1]:
        raise ValueError(f"An axis must go from a lower to a higher number, not from {low!r} to {high!r}.")
    return ends[0], ends[1]


def toned(base: str, tone: str) -> str:
    """The class of a figure in this tone; ValueError for one that the design does not have."""
    if tone not in TONES:
        raise ValueError(f"The tone {tone!r} is none of {sorted(TONES)}.")
    return f"{base} {tone}" if tone else base


def marks(text: Any) -> list[tuple[float, str]]:
    """Positions on an axis with their names: ".667 .8", "0:0 chance, .5, 1" or a list of numbers."""
    if isinstance(text, (int, float)):
        return [(float(text), axis_number(float(text)))]
    words = (
        (text.split(",") if "," in text else text.split())
        if isinstance(text, str)
        else [str(t) for t in text or []]
    )
    result = []
    for word in words:
        at, _, name = word.strip().partition(":")
        if at:
            result.append((float(at), name or axis_number(float(at))))
    return result


def axis_number(value: float) -> str:
    """A number under an axis: ".25", "0", "1", "−.2"."""
    text = written(value, 3)
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("0.", ".", 1) if text.lstrip("\u2212").startswith("0.") else text


def quarters(low: float, high: float) -> list[tuple[float, str]]:
    """Five ticks, a quarter of the axis apart."""
    return [(at := low + (high - low) * i / 4, axis_number(at)) for i in range(5)]


def vertical(kind: str, percent: float, top: float, bottom: float) -> SafeString:
    """An upright line at this place."""
    x = plain(percent)
    return format_html(
        '<line class="{}" x1="{}%" x2="{}%" y1="{}" y2="{}"/>', kind, x, x, plain(top), plain(bottom)
    )


def joined(parts: Sequence[SafeString]) -> SafeString:
    """Several pieces of markup as one."""
    return format_html_join("", "{}", ((piece,) for piece in parts))


def estimate_words(estimate: Any, digits: int = 2, signed: bool = False) -> str:
    """An estimate for somebody who hears the figure: "0.74, 95% interval 0.71 to 0.77"."""
    value, low, high = (finite(part(estimate, name)) for name in ("value", "low", "high"))
    if value is None:
        return str(part(estimate, "reason") or "not known yet")
    text = written(value, digits, signed)
    if low is None or high is None:
        return text
    return f"{text}, 95% interval {written(low, digits, signed)} to {written(high, digits, signed)}"


@register.simple_tag
def graticule(
    estimate: Any,
    low: Any = 0,
    high: Any = 1,
    height: int = 32,
    thresholds: Any = "",
    tone: str = "",
    ticks: Any = None,
    reference: Any = None,
    digits: int = 2,
    signed: bool = False,
    label: str = "",
) -> SafeString:
    """One estimate as a point on its 95% interval; without a value, the reason in words.

    What lies beyond the axis is not drawn as if it were at its edge: an end of the interval has no cap there, and the
    value is an arrow. `reference` is a solid line ("same").
    """
    left, right = checked(low, high)
    css = toned("ci", tone)
    value = finite(part(estimate, "value"))
    if value is None:
        return format_html('<span class="faint">{}</span>', part(estimate, "reason") or "not known yet")
    bottom, middle = float(height), height / 2
    lines = quarters(left, right) if ticks is None else marks(ticks)
    drawn = [vertical("g", place(at, left, right), 0, bottom) for at, _ in lines if left <= at <= right]
    drawn += [
        vertical("t", place(at, left, right), 0, bottom) for at, _ in marks(thresholds) if left <= at <= right
    ]
    if (line := finite(reference)) is not None:
        drawn.append(vertical("ref", place(line, left, right), 0, bottom))
    start, end = finite(part(estimate, "low")), finite(part(estimate, "high"))
    if start is not None and end is not None:
        x1, x2, y = plain(place(start, left, right)), plain(place(end, left, right)), plain(middle)
        drawn.append(format_html('<line class="b" x1="{}%" x2="{}%" y1="{}" y2="{}"/>', x1, x2, y, y))
        caps = [at for at in (start, end) if left <= at <= right]
        drawn += [vertical("w", place(at, left, right), middle - 4, middle + 4) for at in caps]
    x, y = plain(place(value, left, right)), plain(middle)
    if left - ROUNDING <= value <= right + ROUNDING:
        drawn.append(format_html('<circle class="p" cx="{}%" cy="{}" r="4.5"/>', x, y))
    else:  # a point at the edge would be read as the edge's value
        side, arrow = ("", "\u2039") if value < left else ("e ", "\u203a")
        drawn.append(
            format_html('<text class="{}out" x="{}%" y="{}">{}</text>', side, x, plain(middle + 5), arrow)
        )
    said = estimate_words(estimate, digits, signed)
    return format_html(
        '<svg class="{}" width="100%" height="{}" role="img" aria-label="{}">{}</svg>',
        css,
        height,
        f"{label}: {said}" if label else said,
        joined(drawn),
    )


@register.simple_tag
def graticule_axis(low: Any = 0, high: Any = 1, height: int = 14, ticks: Any = None) -> SafeString:
    """The axis of a column of graticules, for the table's head. Ticks may have names: "-.2, 0:same, .2"."""
    left, right = checked(low, high)
    named = quarters(left, right) if ticks is None else marks(ticks)
    texts = []
    for at, name in named:
        percent = place(at, left, right)
        anchor = "" if percent < 0.05 else "e" if percent > 99.95 else "m"
        css = format_html(' class="{}"', anchor) if anchor else NOTHING
        texts.append(format_html('<text{} x="{}%" y="{}">{}</text>', css, plain(percent), height - 3, name))
    return format_html(
        '<svg class="ci" width="100%" height="{}" aria-hidden="true">{}</svg>', height, joined(texts)
    )


@register.simple_tag
def bar(value: Any, high: Any, kind: str = "bar", height: int = 12) -> SafeString:
    """One bar of a table or a list, against the longest. Its figure stands beside it, so it is hidden from readers."""
    amount, longest = finite(value) or 0.0, finite(high) or 0.0
    width = plain(place(amount, 0, longest)) if longest > 0 else "0"
    return format_html(
        '<svg class="chart" width="100%" height="{}" aria-hidden="true">'
        '<rect class="{}" x="0" y="1" width="{}%" height="{}" rx="1"/></svg>',
        height,
        kind,
        width,
        height - 2,
    )


@register.simple_tag
def hbars(rows: Sequence[Any], kind: str = "bar", high: Any = None) -> SafeString:
    """A list of bars: rows of {label, value} and where wanted url, text (instead of the number), group (a heading)."""
    if not rows:
        return SafeString('<span class="faint">nothing to show yet</span>')
    longest = finite(high) or max((finite(part(row, "value")) or 0.0 for row in rows), default=0.0)
    pieces: list[SafeString] = []
    group = None
    for row in rows:
        if (heading := part(row, "group")) and heading != group:
            pieces.append(format_html("<h3>{}</h3>", heading))
            group = heading
        name = format_html('<span class="nb">{}</span>', part(row, "label"))
        if url := part(row, "url"):
            name = format_html('<a class="nb" href="{}">{}</a>', url, part(row, "label"))
        text = part(row, "text")
        value = part(row, "value")
        figure = format_html('<span class="n">{}</span>', number(value) if text is None else text)
        pieces += [name, bar(value, longest, kind), figure]
    return format_html('<div class="hbars">{}</div>', joined(pieces))


@register.simple_tag
def spark(
    values: Sequence[Any],
    low: Any = None,
    high: Any = None,
    threshold: Any = None,
    label: str = "",
    tone: str = "",
) -> SafeString:
    """A small line over time or over a sitting. A missing value is a gap. `label` is the finding."""
    css = toned("spark", tone)
    known = [amount for value in values if (amount := finite(value)) is not None]
    if not known:
        return SafeString('<span class="faint">no data yet</span>')
    limit = finite(threshold)
    seen = known if limit is None else [*known, limit]
    bottom = min(seen) if finite(low) is None else float(low)
    top = max(seen) if finite(high) is None else float(high)
    if top <= bottom:
        bottom, top = bottom - 0.5, bottom + 0.5

    def y(value: float) -> str:
        return plain(22 - 0.2 * place(value, bottom, top))

    pieces = []
    if limit is not None:
        pieces.append(format_html('<line class="t" x1="0" x2="100" y1="{}" y2="{}"/>', y(limit), y(limit)))
    for run in runs(values):
        points = [f"{plain(2 + 96 * i / max(1, len(values) - 1))},{y(value)}" for i, value in run]
        if len(points) == 1:
            x, _, height = points[0].partition(",")
            pieces.append(format_html('<circle class="p" cx="{}" cy="{}" r="2"/>', x, height))
        else:
            pieces.append(format_html('<polyline class="l" points="{}"/>', " ".join(points)))
    said = label or f"{len(known)} values, from {written(known[0])} to {written(known[-1])}"
    return format_html(
        '<svg class="{}" width="88" height="20" viewBox="0 0 100 24" preserveAspectRatio="none" role="img"'
        ' aria-label="{}">{}</svg>',
        css,
        said,
        joined(pieces),
    )


def runs(values: Sequence[Any]) -> list[list[tuple[int, float]]]:
    """The stretches of a series without a gap, as (position, value)."""
    stretches: list[list[tuple[int, float]]] = [[]]
    for i, value in enumerate(values):
        if (amount := finite(value)) is not None:
            stretches[-1].append((i, amount))
        elif stretches[-1]:
            stretches.append([])
    return [stretch for stretch in stretches if stretch]


@register.simple_tag
def heat_class(value: Any, high: Any, kind: str = "h", low: Any = 0) -> str:
    """The step of a heat cell: h0 … h9 (right, agreeing) or e0 … e9 (wrong, disagreeing); "z" where there is nothing.

    Whatever lies above `low` is at least step 1, so that a single error is not lost.
    """
    if kind not in {"h", "e"}:
        raise ValueError(f"A heat cell is of kind h or e, not {kind!r}.")
    amount, floor, top = finite(value), finite(low) or 0.0, finite(high)
    if amount is None or top is None or (amount == 0 and floor == 0):
        return "z"
    if amount <= floor or top <= floor:
        return f"{kind}0" if amount <= floor else f"{kind}9"
    return f"{kind}{max(1, min(9, int(9 * (amount - floor) / (top - floor) + 0.5)))}"
