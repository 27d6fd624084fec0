"""The rule on gold answers: whom it hits, by simulation and exactly; and the draws by which gold is handed out."""

import numpy as np
import pytest

from annotation.algorithms.draws import draw, uniforms
from annotation.algorithms.gold_policy import chances_of_pause, most_correct_to_pause, must_pause
from benchmarks.gold_policy import PAGE, with_table

THRESHOLD = 0.7
MINIMUM = 5
LOOKS = 40


def first_pauses(accuracy: float, people: int, seed: int) -> list[int]:
    """After how many gold answers each of so many simulated people is paused; LOOKS + 1 for those who never are."""
    rng = np.random.default_rng(seed)
    right = np.cumsum(rng.random((people, LOOKS)) < accuracy, axis=1)
    found = []
    for person in right:
        looks = (n for n in range(1, LOOKS + 1) if must_pause(int(person[n - 1]), n, THRESHOLD, MINIMUM))
        found.append(next(looks, LOOKS + 1))
    return found


def test_hardly_any_good_annotator_is_ever_paused_and_bad_ones_soon_are() -> None:
    good = first_pauses(0.9, 1000, seed=1)
    bad = first_pauses(0.5, 1000, seed=2)
    assert sum(when <= LOOKS for when in good) < 10
    assert np.median(bad) <= 15


@pytest.mark.parametrize("accuracy", [0.5, 0.7, 0.9])
def test_the_exact_chances_are_those_of_the_simulation(accuracy: float) -> None:
    people = 4000
    paused = np.array(first_pauses(accuracy, people, seed=3))
    exact = chances_of_pause(accuracy, THRESHOLD, MINIMUM, LOOKS)
    for n in (5, 10, 20, 40):
        share = np.mean(paused <= n)
        error = np.sqrt(max(exact[n - 1] * (1 - exact[n - 1]), 1e-4) / people)
        assert abs(share - exact[n - 1]) < 4 * error


def test_the_boundary_is_where_the_rule_turns() -> None:
    for n in range(1, 30):
        most = most_correct_to_pause(n, THRESHOLD, MINIMUM)
        verdicts = [must_pause(correct, n, THRESHOLD, MINIMUM) for correct in range(n + 1)]
        assert verdicts == [correct <= most for correct in range(n + 1)]


def test_nobody_is_paused_where_nothing_is_asked_for() -> None:
    assert not must_pause(0, 100, threshold=0.0, minimum=5)
    assert not must_pause(0, 0, threshold=0.7, minimum=0)


def test_draws_have_the_rates_and_geometric_gaps_and_depend_on_everything() -> None:
    drawn = draw(b"secret", 7, 3, 0, 40_000, gold_rate=0.1, repeat_rate=0.05)
    assert len(drawn.gold) == pytest.approx(4000, abs=4 * np.sqrt(40_000 * 0.1 * 0.9))
    assert len(drawn.repeats) == pytest.approx(1800, abs=4 * np.sqrt(40_000 * 0.045))
    gaps = np.diff(drawn.gold)
    assert np.mean(gaps == 1) == pytest.approx(0.1, abs=0.02)
    assert np.var(gaps) == pytest.approx(0.9 / 0.01, rel=0.15)
    first = uniforms(b"secret", 1, 2, 3)
    assert (
        len({first, uniforms(b"other", 1, 2, 3), uniforms(b"secret", 1, 2, 4), uniforms(b"secret", 1, 3, 3)})
        == 4
    )


def test_draws_do_not_depend_on_how_many_are_asked_for_at_once() -> None:
    together = draw(b"secret", 7, 3, 0, 100, 0.2, 0.2)
    one_by_one = [at for at in range(100) if draw(b"secret", 7, 3, at, 1, 0.2, 0.2).gold]
    assert together.gold == one_by_one


def test_the_documented_curve_is_the_computed_one() -> None:
    page = PAGE.read_text()
    assert with_table(page) == page
    curve = chances_of_pause(0.9, THRESHOLD, MINIMUM, LOOKS)
    assert f"| {100 * curve[-1]:.2f} % |" in next(
        line for line in page.splitlines() if line.startswith("| 40 ")
    )
