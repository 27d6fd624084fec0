import hashlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.algorithms.text import (
    control_characters,
    digest,
    digest_of_normalised,
    normalise,
    repair_windows_1252,
    share_of_letters,
)

ANY_TEXT = st.text(st.characters(), max_size=60)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \t\r\n ", ""),
        ("Where  is\tMY card?", "where is my card?"),
        ("ﬁne Ｃａｒｄ\u00a0②", "fine card 2"),
        ("Cafe\u0301", "café"),
        ("\u3000ΣΑΣ", "σας"),
    ],
)
def test_normalised_text_is_nfkc_lower_case_with_single_spaces(text: str, expected: str) -> None:
    assert normalise(text) == expected


@given(ANY_TEXT)
def test_normalising_follows_its_definition_for_any_text(text: str) -> None:
    assert normalise(text) == " ".join(unicodedata.normalize("NFKC", text).lower().split())


@given(ANY_TEXT)
def test_digest_is_the_same_for_equal_normalised_texts_and_survives_lone_surrogates(text: str) -> None:
    assert digest(text) == digest(f"  {text}\n")
    assert digest(text).bytes == digest_of_normalised(normalise(text))


def test_digest_is_the_128_bit_blake2b_of_the_normalised_text() -> None:
    assert digest("Lost  CARD").hex == hashlib.blake2b(b"lost card", digest_size=16).hexdigest()
    assert digest("lost card").hex == "06dc07689090f3d38d2f83b0efae55b3"
    assert digest("lost card") != digest("lost cards")


@given(ANY_TEXT)
def test_share_of_letters_counts_letters_of_any_script_among_visible_characters(text: str) -> None:
    visible = [c for c in text if not c.isspace()]
    expected = sum(c.isalpha() for c in visible) / len(visible) if visible else 0
    assert share_of_letters(text) == expected


def test_share_of_letters_is_not_lowered_by_padding() -> None:
    assert share_of_letters("hello" + " " * 1000) == 1
    assert share_of_letters("дом 123") == 0.5


@given(ANY_TEXT)
def test_control_characters_are_c0_without_tab_and_line_ends(text: str) -> None:
    assert control_characters(text) == "".join(c for c in text if c < " " and c not in "\t\n\r")


def test_delete_and_c1_are_no_c0_controls() -> None:
    assert control_characters("a\x7f\x85\tb\r\n") == ""
    assert control_characters("\x00") == "\x00"


def test_bytes_that_were_windows_1252_are_read_as_such() -> None:
    written = "“don’t” – 5 € … naïve"
    assert repair_windows_1252(written.encode("cp1252").decode("latin-1")) == written


def test_undefined_windows_1252_bytes_and_other_characters_stay() -> None:
    assert repair_windows_1252("\x81\x8d\x8f\x90\x9d é 漢") == "\x81\x8d\x8f\x90\x9d é 漢"
