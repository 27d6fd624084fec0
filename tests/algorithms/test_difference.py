from hypothesis import given
from hypothesis import strategies as st

from annotation.algorithms.difference import difference, line_difference

WORDS = st.lists(st.sampled_from(["my", "card", "Card", "is", "lost", "?"]), max_size=12)
SPACES = st.sampled_from([" ", "  ", "\n"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    return draw(st.sampled_from(["", " "])) + "".join(word + draw(SPACES) for word in draw(WORDS))


def test_changed_word_is_marked_on_each_side_without_the_space_around_it() -> None:
    result = difference("my card is lost", "my card was lost")
    assert result.left == [("same", "my card "), ("del", "is"), ("same", " lost")]
    assert result.right == [("same", "my card "), ("ins", "was"), ("same", " lost")]


def test_added_word_is_marked_on_the_right_alone() -> None:
    result = difference("lost card", "lost card today")
    assert result.left == [("same", "lost card")]
    assert result.right == [("same", "lost card "), ("ins", "today")]


def test_white_space_alone_is_no_difference_and_case_is_one() -> None:
    assert [s.op for s in difference("a  b\nc", "a b c").left] == ["same"]
    assert ("ins", "Card") in difference("card", "Card").right


def test_equal_and_empty_texts() -> None:
    assert difference("", "") == ([], [])
    assert difference("", "a b").right == [("ins", "a b")]
    assert difference("a b", "a b").left == [("same", "a b")]


def test_long_unlike_texts_are_marked_as_a_whole_in_good_time() -> None:
    result = difference("same " + "x y " * 5000 + "end", "same " + "y z " * 5000 + "end")
    assert [s.op for s in result.left] == ["same", "del", "same"]


@given(texts(), texts())
def test_segments_joined_are_the_texts_and_what_is_same_has_the_same_words(left: str, right: str) -> None:
    result = difference(left, right)
    assert "".join(s.text for s in result.left) == left
    assert "".join(s.text for s in result.right) == right
    words = [[w for s in side if s.op == "same" for w in s.text.split()] for side in result]
    assert words[0] == words[1]
    assert {s.op for s in result.left} <= {"same", "del"}
    assert {s.op for s in result.right} <= {"same", "ins"}


LINES = st.lists(st.sampled_from(["", "# a", "a b", "a c", "- x", "y"]), max_size=14)


@given(LINES, LINES, st.integers(0, 3))
def test_lines_of_both_texts_can_be_read_back_from_their_comparison(
    old: list[str], new: list[str], context: int
) -> None:
    lines = line_difference("\n".join(old), "\n".join(new), context=context)
    before, after = "\n".join(old).splitlines(), "\n".join(new).splitlines()
    if before == after:
        assert lines == []
        return
    rebuilt: list[str] = []
    for line in lines:
        text = "".join(segment.text for segment in line.segments)
        if line.op == "gap":
            assert line.number == len(rebuilt) + line.hidden + 1
            rebuilt += after[len(rebuilt) : len(rebuilt) + line.hidden]
        elif line.op == "del":
            assert before[line.number - 1] == text
        else:
            assert line.number == len(rebuilt) + 1
            rebuilt.append(text)
    assert rebuilt == after
    removed = sum(line.op == "del" for line in lines)
    added = sum(line.op == "add" for line in lines)
    assert len(before) - removed == len(after) - added


def test_a_changed_line_shows_the_words_that_changed() -> None:
    lines = line_difference("# Fee\nOne charge.\nend", "# Fee\nOne charge. Twice too.\nend", context=1)
    assert [(line.op, line.number) for line in lines] == [("same", 1), ("del", 2), ("add", 2), ("same", 3)]
    assert lines[2].segments == [("same", "One charge. "), ("ins", "Twice too.")]
