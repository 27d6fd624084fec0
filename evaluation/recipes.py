"""What may stand in a split set's recipe. A checked recipe has every key, so that it can be repeated as it is."""

import math
import re
from typing import Any

from django.core.exceptions import ValidationError

from annotation.models import MetaLabel
from qc.models import QualitySettings

TRAIN = "train"  # the one split that is learned from; all others are for evaluation
DUPLICATES = "duplicates"
LABEL = "label"
ADJUDICATED = "adjudicated-only"
LABEL_SOURCES = [*QualitySettings.Method.values, ADJUDICATED]  # how answers become labels
KEYS = ["splits", "stratify", "group", "hold_out", "labels", "exclude", "minimum_agreement"]
NOT_OFFERED = ["shifts", "recent", "hard", "folds"]
RESERVED = ("fold-", "shift-")
MOST_SPLITS = 50
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,58}")


def check_recipe(recipe: Any) -> dict[str, Any]:
    """The recipe with every key filled in; raises ValidationError that names what is wrong."""
    if not isinstance(recipe, dict):
        raise ValidationError({"recipe": "A recipe is an object with the key “splits”."})
    wrong: list[str] = []
    for key in recipe:
        if key in NOT_OFFERED and recipe[key]:
            wrong.append(f"“{key}” is not offered yet. Leave it out, or give null.")
        elif key not in KEYS and key not in NOT_OFFERED:
            wrong.append(f"“{key}” is not a key of a recipe. Known are {', '.join(KEYS)}.")
    hold_out = _hold_outs(recipe.get("hold_out"), wrong)
    checked: dict[str, Any] = {
        "splits": _shares(recipe.get("splits"), wrong),
        "stratify": _names(
            recipe.get("stratify", [LABEL]), "stratify", "“label” or fields of the metadata", wrong
        ),
        "group": _names(
            recipe.get("group", [DUPLICATES]), "group", "“duplicates” or fields of the metadata", wrong
        ),
        "hold_out": hold_out,
        "labels": _labels(recipe.get("labels", "majority"), wrong),
        "exclude": _exclude(recipe.get("exclude", list(MetaLabel.values)), wrong),
        "minimum_agreement": _agreement(recipe.get("minimum_agreement"), wrong),
    }
    names = split_names(checked)
    wrong += [f"Two splits are called “{name}”. Names must differ." for name in _twice(names)]
    wrong += [message for name in dict.fromkeys(names) if (message := _wrong_name(name))]
    if len(names) > MOST_SPLITS:
        wrong.append(f"That makes {len(names)} splits; {MOST_SPLITS} is the most.")
    if wrong:
        raise ValidationError({"recipe": wrong})
    return checked


def metadata_fields(recipe: dict[str, Any]) -> list[str]:
    """The fields of the metadata that a checked recipe names."""
    named = [field for field in recipe["stratify"] if field != LABEL]
    named += [field for field in recipe["group"] if field != DUPLICATES]
    named += [part["field"] for part in recipe["hold_out"]]
    return list(dict.fromkeys(named))


def split_names(recipe: dict[str, Any]) -> list[str]:
    """The splits that a checked recipe makes: train, validation, others by name, then what is held out.

    The order is ours, since stored JSON forgets that of its keys.
    """
    divided = sorted(recipe["splits"], key=lambda name: (name != TRAIN, name != "validation", name))
    return [*divided, *(part["name"] for part in recipe["hold_out"])]


def _twice(values: list[str]) -> list[str]:
    return sorted({value for value in values if values.count(value) > 1})


def _wrong_name(name: str) -> str:
    if name.startswith(RESERVED):
        return f"“{name}” cannot be a split's name: “fold-” and “shift-” are reserved."
    if not NAME.fullmatch(name):
        return f"“{name}” cannot be a split's name. Use small letters, digits, “-” and “_”, at most 59."
    return ""


def _number(value: Any) -> float | None:
    """A finite number, or None for anything else (a bool among them)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _shares(value: Any, wrong: list[str]) -> dict[str, float]:
    if not isinstance(value, dict) or not value:
        wrong.append('“splits” gives each split its share, as {"train": 0.8, "test": 0.2}.')
        return {}
    shares = {str(name): _number(share) for name, share in value.items()}
    bad = [name for name, share in shares.items() if share is None or not 0 < share <= 1]
    if bad:
        wrong.append(f"The share of {', '.join(bad)} must be a number above 0 and at most 1.")
        return {}
    total = math.fsum(share or 0 for share in shares.values())
    if abs(total - 1) > 1e-6:
        wrong.append(f"The shares add up to {total:g}; they must add up to 1.")
    return {name: share or 0 for name, share in shares.items()}


def _strings(value: Any) -> list[str] | None:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, str) and entry for entry in value):
        return None
    return list(dict.fromkeys(value))


def _names(value: Any, key: str, kinds: str, wrong: list[str]) -> list[str]:
    names = _strings(value)
    if names is None:
        wrong.append(f"“{key}” is a list of names: {kinds}.")
        return []
    return names


def _labels(value: Any, wrong: list[str]) -> str:
    if value not in LABEL_SOURCES:
        wrong.append(f"“labels” is one of {', '.join(LABEL_SOURCES)}; {value!r} is not offered.")
        return LABEL_SOURCES[0]
    return str(value)


def _exclude(value: Any, wrong: list[str]) -> list[str]:
    kinds = _strings(value)
    if kinds is None or not set(kinds) <= set(MetaLabel.values):
        wrong.append(f"“exclude” is a list of meta-labels out of {', '.join(MetaLabel.values)}.")
        return []
    return kinds


def _agreement(value: Any, wrong: list[str]) -> float | None:
    if value is None:
        return None
    number = _number(value)
    if number is None or not 0 <= number <= 1:
        wrong.append("“minimum_agreement” is a number from 0 to 1, or null.")
    return number


def _hold_outs(value: Any, wrong: list[str]) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list):
        wrong.append('“hold_out” is a list of {"field", "values", "name"}.')
        return []
    checked = []
    for at, part in enumerate(value):
        if not isinstance(part, dict) or set(part) != {"field", "values", "name"}:
            wrong.append(f"hold_out[{at}] needs exactly the keys field, values and name.")
        elif not all(isinstance(part[key], str) and part[key] for key in ("field", "name")):
            wrong.append(f"hold_out[{at}]: field and name are texts.")
        elif (
            not isinstance(part["values"], list)
            or not part["values"]
            or not all(isinstance(entry, str | int | float | bool) for entry in part["values"])
        ):
            wrong.append(
                f"hold_out[{at}]: values is a list of texts, numbers or booleans with at least one entry."
            )
        else:
            checked.append({key: part[key] for key in ("field", "values", "name")})
    return checked
