"""How soon the rule on gold answers pauses whom: writes the table into docs/gold.md.

python -m benchmarks.gold_policy
"""

from pathlib import Path

from annotation.algorithms.gold_policy import chances_of_pause

PAGE = Path(__file__).resolve().parent.parent / "docs" / "gold.md"
BEGIN, END = "<!-- table: python -m benchmarks.gold_policy -->", "<!-- end of table -->"
THRESHOLD = 0.7
MINIMUM = 5
ACCURACIES = (0.5, 0.6, 0.7, 0.8, 0.9)
AFTER = (5, 8, 10, 12, 15, 20, 25, 30, 40, 60, 100)


def table() -> str:
    """The chance of having been paused, in percent, by accuracy and number of gold answers."""
    curves = [chances_of_pause(accuracy, THRESHOLD, MINIMUM, max(AFTER)) for accuracy in ACCURACIES]
    head = "| gold answers | " + " | ".join(f"accuracy {accuracy}" for accuracy in ACCURACIES) + " |"
    rows = [f"| {n} | " + " | ".join(f"{100 * curve[n - 1]:.2f} %" for curve in curves) + " |" for n in AFTER]
    return "\n".join([head, "|--:" * (len(ACCURACIES) + 1) + "|", *rows])


def with_table(page: str) -> str:
    """The page with the table as it is now."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
