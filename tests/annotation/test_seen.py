"""What a file has had so far: nothing that was there is taken for new."""

from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.services.seen import Seen


@settings(max_examples=25)
@given(parts=st.lists(st.lists(st.integers(0, 60), max_size=20), max_size=3))
def test_whatever_was_there_before_is_found(parts: list[list[int]]) -> None:
    seen_digests, seen_names = Seen(), Seen()
    before: set[int] = set()
    for part in parts:
        there = [at for at, n in enumerate(part) if n in before]
        assert set(there) <= set(seen_digests.digests([n.to_bytes(16, "big") for n in part]))
        assert set(there) <= set(seen_names.names([f"t{n}" for n in part]))
        before |= set(part)


def test_what_is_new_is_mostly_known_to_be_new() -> None:
    seen = Seen()
    for start in range(0, 200_000, 10_000):
        assert len(seen.names([f"t{n}" for n in range(start, start + 10_000)])) < 3
    assert seen.names([None, ""]) == []
