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
        return {"tone": state.tone, "icon": state.icon, "lead": lead, "detail": str(alpha["reason"] or "")}
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


def _figure(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
