"""How numbers, times and icons are written on pages. A builtin library: no page needs to load it."""

import math
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.db import DatabaseError
from django.template.defaultfilters import date as format_date
from django.templatetags.l10n import unlocalize
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()
register.filter(unlocalize)

MINUS = "\u2212"
DASH = "–"
UNKNOWN = "–"
TONES = {"good": ("ok", "Fine: "), "warn": ("warn", "Needs attention: "), "bad": ("bad", "Problem: ")}


def finite(value: Any) -> float | None:
    """The value as a float, or None where it is missing, not a number, or infinite."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        result = float(value)
    except (TypeError, ValueError):
        return None
    return result if math.isfinite(result) else None


def part(estimate: Any, name: str) -> Any:
    """A part of an estimate ("value", "low", "high", "n", "reason"), which is a mapping, an object or a bare number."""
    if estimate is None:
        return None
    if isinstance(estimate, dict):
        return estimate.get(name)
    if isinstance(estimate, (int, float)):
        return estimate if name == "value" else None
    return getattr(estimate, name, None)


def written(value: float, digits: int = 2, signed: bool = False) -> str:
    """A number with this many decimals, thousands with a comma, and U+2212 as its minus; +0.05 where signed."""
    text = f"{value:,.{digits}f}"
    zero = not any(digit in text for digit in "123456789")
    if text.startswith("-"):
        return text[1:] if zero else MINUS + text[1:]
    return f"+{text}" if signed and not zero else text


@register.simple_tag
def icon(name: str, classes: str = "", label: str = "") -> SafeString:
    """One of the sprite's icons, by its name or by a tone; hidden from screen readers unless it has a label."""
    shape = TONES[name][0] if name in TONES else name or "info"
    said = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    extra = f" {classes}" if classes else ""
    return format_html(
        '<svg class="i{}" {} viewBox="0 0 16 16"><use href="#i-{}"/></svg>', extra, said, shape
    )


@register.filter
def tone_word(tone: str) -> str:
    """What a tone says to somebody who does not see its colour: "Problem: "."""
    return TONES[tone][1] if tone in TONES else ""


@register.simple_tag(takes_context=True)
def user_theme(context: template.Context) -> str:
    """The signed-in user's theme, or "" for the system's. Error pages need it when the database is away, too."""
    try:
        return str(getattr(getattr(context.get("request"), "user", None), "theme", ""))
    except DatabaseError:
        return ""


@register.simple_tag(takes_context=True)
def user_keys(context: template.Context) -> str:
    """ "off" where the user has switched single keys off, else "on"."""
    try:
        return "on" if getattr(getattr(context.get("request"), "user", None), "single_keys", True) else "off"
    except DatabaseError:
        return "on"


@register.filter
def successes(messages: Any) -> list[Any]:
    """The messages that only confirm; they go to the toast."""
    return [message for message in messages or [] if message.level_tag == "success"]


@register.simple_block_tag
def table(content: str, label: str, classes: str = "") -> SafeString:
    """{% table "Rounds" %}<thead>…{% endtable %}: a table that scrolls by itself, as a focusable labelled region."""
    extra = f" {classes}" if classes else ""
    return format_html(
        '<div class="tw" role="region" aria-label="{}" tabindex="0"><table class="tbl{}">{}</table></div>',
        label,
        extra,
        content,
    )


@register.filter
def at(found: Any, key: Any) -> Any:
    """What a mapping has at a key that is a variable; None where it has nothing, or where there is no mapping."""
    return found.get(key) if isinstance(found, dict) else None


@register.filter
def up_to(value: Any, most: int) -> str:
    """A count that was given up above `most`: 1001 of at most 1000 → "1,000+"."""
    amount = finite(value)
    return f"{number(most)}+" if amount is not None and amount > most else number(value)


@register.filter
def number(value: Any) -> str:
    """1236 → "1,236"; a fraction keeps at most two decimals; None → "–"."""
    amount = finite(value)
    if amount is None:
        return UNKNOWN
    text = written(amount, 0 if amount == int(amount) else 2)
    return text.rstrip("0").rstrip(".") if "." in text else text


@register.filter
def decimal(value: Any, digits: int = 2) -> str:
    """0.7421 → "0.74"; None → "–"."""
    amount = finite(value)
    return UNKNOWN if amount is None else written(amount, int(digits))


@register.filter
def signed(value: Any, digits: int = 2) -> str:
    """A difference: 0.016 → "+0.016" (3 digits), -0.12 → "−0.12"; None → "–"."""
    amount = finite(value)
    return UNKNOWN if amount is None else written(amount, int(digits), signed=True)


@register.filter
def percent(value: Any, digits: int = 0) -> str:
    """0.941 → "94%"; None → "–". A share that is not all is never written as 100%, nor one that is something as 0%."""
    amount = finite(value)
    if amount is None:
        return UNKNOWN
    text = written(100 * amount, int(digits))
    step = 10.0 ** -int(digits)
    if 0 < amount < 1 and text == written(100, int(digits)):
        text = written(100 - step, int(digits))
    if amount > 0 and text == written(0, int(digits)):
        return f"under {written(step, int(digits))}%"
    return f"{text}%"


@register.filter
def share(value: Any, total: Any) -> str:
    """1236 of 3000 → "41%"; of nothing → "–"."""
    amount, whole = finite(value), finite(total)
    return UNKNOWN if amount is None or not whole else percent(amount / whole)


@register.filter
def subtract(value: Any, other: Any) -> Any:
    """The difference of two numbers; "" where one of them is none."""
    try:
        return value - other
    except TypeError:
        return ""


def bounds(estimate: Any, digits: int, scale: float = 1.0) -> tuple[str, str] | None:
    """Both ends of an estimate's interval as text, or None where it has none."""
    low, high = finite(part(estimate, "low")), finite(part(estimate, "high"))
    if low is None or high is None:
        return None
    return written(scale * low, digits), written(scale * high, digits)


@register.filter
def interval(estimate: Any, digits: int = 2) -> str:
    """An interval in a tight place: "0.71–0.77", or "−0.19 to −0.05" where a minus would touch the dash."""
    ends = bounds(estimate, int(digits))
    if ends is None:
        return ""
    return (" to " if MINUS in "".join(ends) else DASH).join(ends)


@register.filter
def interval_words(estimate: Any, digits: int = 2) -> str:
    """An interval in a sentence: "0.71 to 0.77"."""
    ends = bounds(estimate, int(digits))
    return " to ".join(ends) if ends else ""


@register.filter
def interval_percent(estimate: Any, digits: int = 0) -> str:
    """An interval of a share: "62–79%"."""
    ends = bounds(estimate, int(digits), 100)
    return f"{ends[0]}{DASH}{ends[1]}%" if ends else ""


@register.filter
def ago(value: datetime | None) -> str:
    """A time as people say it: "12 s ago", "4 minutes ago", "today 09:58", "22 Nov 18:05", "3 Sep 2025"."""
    if value is None:
        return UNKNOWN
    now = timezone.now()
    moment = timezone.localtime(value)
    seconds_past = (now - value).total_seconds()
    if 0 <= seconds_past < 60:
        return f"{int(seconds_past)} s ago"
    if 0 <= seconds_past < 3600:
        minutes = int(seconds_past // 60)
        return f"{minutes} minute{'' if minutes == 1 else 's'} ago"
    today = timezone.localtime(now)
    if moment.date() == today.date():
        return f"today {moment:%H:%M}"
    return format_date(moment, "j M H:i" if moment.year == today.year else "j M Y")


def in_seconds(value: Any) -> float | None:
    """Seconds of a number or a timedelta."""
    return value.total_seconds() if isinstance(value, timedelta) else finite(value)


@register.filter
def duration(value: Any) -> str:
    """Seconds as a clock: 1450 → "24:10", 3725 → "1:02:05"; None → "–"."""
    total = in_seconds(value)
    if total is None or total < 0:
        return UNKNOWN
    minutes, rest = divmod(int(total), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def seconds(value: Any) -> str:
    """How long something took: "2.6 s", "41 s", "3 min", "1 h 02"; None → "–"."""
    total = in_seconds(value)
    if total is None or total < 0:
        return UNKNOWN
    if total < 9.95:
        return f"{total:.1f} s"
    if total < 59.5:
        return f"{total:.0f} s"
    minutes = round(total / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02}"


@register.filter
def initials(name: Any) -> str:
    """ "Hanna Novak" → "HN", "hanna" → "H", "" → "?"."""
    words = [
        word for word in str(name or "").replace(".", " ").replace("_", " ").split() if word[0].isalnum()
    ]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper() if words else "?"
