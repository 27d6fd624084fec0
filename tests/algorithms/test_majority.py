"""The majority against counting by hand."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc.algorithms.label_counts import count_labels
from qc.algorithms.majority import majority


@given(st.lists(st.lists(st.integers(0, 4), max_size=7), min_size=1, max_size=20))
def test_majority_equals_counting_by_hand(answers: list[list[int]]) -> None:
    items = np.array([i for i, given_ in enumerate(answers) for _ in given_], dtype=np.int64)
    labels = np.array([label for given_ in answers for label in given_], dtype=np.int64)
    found = majority(count_labels(items, labels, 5, n_items=len(answers)))
    for i, given_ in enumerate(answers):
        ranked = Counter(given_).most_common()
        leaders = [label for label, n in ranked if n == ranked[0][1]]
        assert found.n[i] == len(given_)
        assert found.tie[i] == (len(leaders) > 1)
        assert found.label[i] == (leaders[0] if len(leaders) == 1 else -1)
        assert found.shares(i) == {label: pytest.approx(n / len(given_)) for label, n in ranked}
        if given_:
            assert found.confidence[i] == pytest.approx(ranked[0][1] / len(given_))
        else:
            assert np.isnan(found.confidence[i])


def test_nothing_at_all_gives_nothing() -> None:
    found = majority(np.zeros((0, 3), np.int64))
    assert len(found.label) == len(found.tie) == 0


def test_a_stored_zero_is_not_an_answer() -> None:
    assert majority(np.array([[0, 1], [0, 0]])).shares(1) == {}
