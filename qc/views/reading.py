"""What agreement means in a sentence: the state, the number, what holds it down."""

from dataclasses import dataclass
from typing import Any

TENTATIVE = 0.667  # Krippendorff 2004: below it, no conclusions
RELIABLE = 0.8


@dataclass(frozen=True)
class Verdict:
    """A state as the design draws it: tone of the box, icon, word."""

    tone: str  # good, warn or bad
    icon: str
    word: str


def verdict(alpha: dict[str, Any]) -> Verdict:
    """Reliable, tentative, low, or not known. Which one is read from the estimate itself, not from its interval."""
    value = alpha["value"]
    if value is None:
        return Verdict("warn", "info", "Not known")
    if value >= RELIABLE:
        return Verdict("good", "ok", "Reliable")
    if value >= TENTATIVE:
        return Verdict("warn", "warn", "Tentative")
    return Verdict("bad", "bad", "Low")


def read_agreement(result: dict[str, Any]) -> dict[str, str]:
    """The page's reading: {"tone", "icon", "lead", "detail"}."""
    alpha = result["alpha"]
    state = verdict(alpha)
    if alpha["value"] is None:
        lead = "Agreement cannot be computed yet."
        return {"tone": state.tone, "icon": state.icon, "lead": lead, "detail": _sentence(alpha["reason"])}
    lead = f"Agreement is {state.word.lower()}: α {_figure(alpha['value'])}."
    sentences = []
    if alpha["low"] is not None:
        sentences.append(f"The 95% interval runs from {_figure(alpha['low'])} to {_figure(alpha['high'])}.")
    if state.tone != "good" and result["confused_labels"]:
        worst = max(result["confused_labels"], key=lambda row: int(row["texts"]))
        sentences.append(f"“{worst['a']}” and “{worst['b']}” are mixed up most, in {worst['texts']:,} texts.")
    if state.tone == "bad":
        sentences.append(
            "Below 0.67 most teams draw no conclusions: look at the guideline before labelling more."
        )
    elif state.tone == "warn":
        sentences.append("From 0.80 on most teams call labels reliable.")
    return {"tone": state.tone, "icon": state.icon, "lead": lead, "detail": " ".join(sentences)}


def read_person(result: dict[str, Any], threshold: float) -> dict[str, str]:
    """The reading of one person's page: gold against the threshold, patterns, agreement with the rest."""
    gold, named = result["gold"], [test for test in result["tests"] if test["named"]]
    below = gold["high"] is not None and gold["high"] < threshold
    facts = []
    if gold["accuracy"] is not None:
        facts.append(
            f"{gold['accuracy']:.0%} on gold ({gold['low']:.0%} to {gold['high']:.0%}, {gold['n']:,} texts)"
        )
    if result["agreement_with_rest"] is not None:
        others = result["others"]["agreement_with_rest"]
        beside = "" if others is None else f"; the others {others:.0%}"
        facts.append(f"{result['agreement_with_rest']:.0%} agreement with the rest{beside}")
    detail = ", ".join(facts[:1]) + (". " if len(facts) > 1 else "") + ". ".join(facts[1:])
    detail = detail and f"{detail}."
    if below:
        lead = f"Right on {gold['accuracy']:.0%} of gold texts, below the floor of {threshold:.0%}."
        return {"tone": "bad", "icon": "bad", "lead": lead, "detail": " ".join([*_titles(named), detail])}
    if named:
        lead = (
            f"{named[0]['title']}: worth a look."
            if len(named) == 1
            else f"{len(named)} patterns are worth a look."
        )
        why = "A pattern is no proof: look at the texts, and ask, before deciding."
        return {"tone": "warn", "icon": "warn", "lead": lead, "detail": f"{named[0]['sentence']} {why}"}
    if not facts:
        lead = "Too few answers to say anything yet."
        return {
            "tone": "warn",
            "icon": "info",
            "lead": lead,
            "detail": "No gold, and no text that others answered too.",
        }
    return {"tone": "good", "icon": "ok", "lead": "Nothing stands out.", "detail": detail}


def _sentence(reason: str | None) -> str:
    return f"{reason[0].upper()}{reason[1:]}." if reason else ""


def _titles(named: list[dict[str, Any]]) -> list[str]:
    return [f"{test['title']}." for test in named]


def _figure(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
