"""One person's figures over minutes into the sitting and over weeks, as small curves in the rows of a table."""

from datetime import date
from typing import Any

from django.utils.formats import date_format

LAST_STRETCH = 10  # minutes that the open stretch at the end is drawn wide
TICKS = (0, 15, 30, 45, 60)
FIGURES = [  # name, estimate, the others' value
    ("Gold right", "gold", "others_gold"),
    ("Same answer twice", "same", "others_same"),
    ("Agreement with the rest", "agreement_interval", "others_agreement"),
]


def over_sitting(rows: list[dict[str, Any]], floor: float) -> dict[str, Any]:
    """{"curves", "ticks", "high"} of stretches of the sitting, each drawn at its middle; `floor` is gold's."""
    places = [(row["from"] + (row["to"] or row["from"] + LAST_STRETCH)) / 2 for row in rows]
    high = max([1.0, *(row["to"] or row["from"] + LAST_STRETCH for row in rows)])
    ticks = [(at, f"{at} min" if at == 0 else str(at)) for at in TICKS if at <= high]
    return {"curves": _curves(rows, places, floor), "ticks": ticks, "high": high}


def over_weeks(rows: list[dict[str, Any]], floor: float) -> dict[str, Any]:
    """The same of weeks."""
    days = [date.fromisoformat(row["week"]) for row in rows]
    places = [float((day - days[0]).days) for day in days]
    high = max([1.0, *places])
    ticks = [(places[at], date_format(days[at], "j M")) for at in sorted({0, len(days) - 1})] if days else []
    return {"curves": _curves(rows, places, floor), "ticks": ticks, "high": high}


def _curves(rows: list[dict[str, Any]], places: list[float], floor: float) -> list[dict[str, Any]]:
    """The figures that are known in two places or more. `fell`: the last interval lies below the first one."""
    found = []
    for name, key, others in FIGURES:
        pairs = list(zip(places, rows, strict=True))
        # Older reports have no interval of agreement
        estimates = [(place, row.get(key)) for place, row in pairs]
        known = [
            (place, estimate) for place, estimate in estimates if estimate and estimate["value"] is not None
        ]
        if len(known) < 2:
            continue
        first, last = known[0][1], known[-1][1]
        found.append(
            {
                "name": name,
                "points": known,
                "others": [(place, row.get(others)) for place, row in pairs],
                "first": first,
                "last": last,
                "fell": None not in (first["low"], last["high"]) and last["high"] < first["low"],
                "floor": floor if key == "gold" else None,
            }
        )
    return found
