"""What a pattern is called, and the sentence that states the fact."""

from collections.abc import Callable
from typing import Any

Evidence = dict[str, Any]


def in_words(kind: str, named: bool, evidence: Evidence, q: float) -> dict[str, str]:
    """{"title", "sentence"} of a test. Both state what was seen; neither says why it is so."""
    title, fine = TITLES[kind]
    sentence = SENTENCES[kind](evidence)
    return {"title": title if named else fine, "sentence": f"{sentence} {_q(q)}" if named else sentence}


TITLES = {
    "too_fast": ("Faster than the others can be", "A pace like the others’"),
    "one_label": ("One label nearly always", "No label stands out"),
    "copies": ("Answers like one other person", "No sign of copying"),
    "fixed_order": ("An answer depends on the one before", "No order in the answers"),
    "tires": ("Agreement falls within a sitting", "No clear fall within a sitting"),
}


def _too_fast(e: Evidence) -> str:
    said = f"Median {e['median']:.1f} s a text, the others {e['others']:.1f} s."
    if e.get("fast"):
        said += f" {e['fast']:,} of {e['answers']:,} answers in under {e['limit']:.1f} s"
        if e.get("agreement_fast") is not None and e.get("agreement_slow") is not None:
            said += f"; the rest agrees with {e['agreement_fast']:.0%} of these"
            said += f", with {e['agreement_slow']:.0%} of the slower ones"
        said += "."
    return said


def _one_label(e: Evidence) -> str:
    label = e["label"] if isinstance(e["label"], str) else "The commonest label"
    said = f"“{label}” is {e['share']:.0%} of {e['answers']:,} answers"
    return f"{said}; the others gave it to {e['expected']:.0%} of the same texts."


def _copies(e: Evidence) -> str:
    if not isinstance(e["other"], str):
        return "Nobody's answers are followed more closely than agreement with everybody else foretells."
    after = f"shared with {e['other']} (times are not known)"
    if e["timed"]:
        after = f"that {e['other']} had answered before"
    said = f"Same answer on {e['agreed']:,} of {e['texts']:,} texts {after}, {e['expected']:.0%} expected"
    return said + (", and quicker there than elsewhere." if e["quicker"] else ".")


def _fixed_order(e: Evidence) -> str:
    said = f"Dependence on the answer before {e['strength']:.2f} of 1"
    if "others" in e:
        said += f", in the others' answers to the same texts {e['others']:.2f}"
    if isinstance(e.get("before"), str):
        said += f"; “{e['after']}” after “{e['before']}” {e['times']:,} times"
    return said + "."


def _tires(e: Evidence) -> str:
    said = (
        f"{e['first']:.0%} agreement with the rest up to minute {e['until']:.0f} of a sitting, "
        f"{e['last']:.0%} from minute {e['after']:.0f} on"
    )
    if "others_first" in e:
        said += f"; the others among themselves {e['others_first']:.0%} and {e['others_last']:.0%}"
    return said + "."


SENTENCES: dict[str, Callable[[Evidence], str]] = {
    "too_fast": _too_fast,
    "one_label": _one_label,
    "copies": _copies,
    "fixed_order": _fixed_order,
    "tires": _tires,
}


def _q(q: float) -> str:
    return "q under 0.001." if q < 0.001 else f"q {q:.3f}."
