"""Words of a text, by which it is found: how texts are cut into them, and what of a search an index can answer.

A word begins where a run of letters begins: after white space, punctuation or a sign. Scripts that put no spaces
between words (Han, kana, Thai, Lao, Khmer, Burmese) have no such places, so there every character begins one. The two
classes are spelled out, because Python and PostgreSQL disagree on what a letter is; both read these expressions alike.
"""

import re
from collections.abc import Iterable
from hashlib import blake2b

# White space, punctuation and signs
BREAKS = (
    r"\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u00d7\u00f7\u060c\u061b\u061f\u06d4\u0964\u0965"
    r"\u2000-\u206f\u2190-\u2bff\u3000-\u3004\u3008-\u3020\u3030\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
# Characters of scripts that are written without spaces
UNSPACED = (
    r"\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u302f\u3031-\u312f\u31a0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
LONGEST = 40  # characters; what is longer is cut into several
MOST_WORDS = 20  # of a search

_ASCII_WORDS = re.compile(f"[0-9a-z]{{1,{LONGEST}}}")
_WORDS = re.compile(f"[^{BREAKS}{UNSPACED}]{{1,{LONGEST}}}")
_UNSPACED_RUNS = re.compile(f"[{UNSPACED}]+")
_RUNS = re.compile(f"[^{BREAKS}{UNSPACED}]+|[{UNSPACED}]+")
_ANYWHERE = re.compile(f"[{BREAKS}{UNSPACED}]")


def folded(text: str) -> str:
    """The text in small letters, one for one, as PostgreSQL's `lower` makes them; the two small sigmas are one.

    >>> folded("ΟΔΟΣ İ")
    'οδοσ i'
    """
    return text.replace("İ", "i").lower().replace("ς", "σ")


def terms_of(text: str) -> set[str]:
    """What a text is found by: its words; of scripts without spaces every two characters, and the last of a run.

    >>> sorted(terms_of("Top-up FAILED, top"))
    ['failed', 'top', 'up']
    >>> sorted(terms_of("東京都"))
    ['京都', '東京', '都']
    """
    small = folded(text)
    if small.isascii():
        return set(_ASCII_WORDS.findall(small))
    terms = set(_WORDS.findall(small))
    for run in _UNSPACED_RUNS.findall(small):
        terms.update(run[at : at + 2] for at in range(len(run)))
    return terms


def search_words(search: str) -> list[str]:
    """The words that are searched for, folded; each has to be in the text."""
    return folded(search).split()[:MOST_WORDS]


def needed(words: Iterable[str]) -> set[str]:
    """What the terms of every text must hold in which all the words are, in the syntax of a tsquery.

    Texts that hold it need not have the words; texts that do not, have not. Words without a letter need nothing.

    >>> sorted(needed(["top-u"]))
    ["'top':*", "'u':*"]
    >>> sorted(needed(["東京都"])), sorted(needed(["都"])), needed(["?!"])
    (["'京都'", "'東京'"], ["'都':*"], set())
    """
    found = set[str]()
    for word in words:
        for run in _RUNS.findall(word):
            if _ANYWHERE.match(run) and len(run) > 1:
                found.update(f"'{run[at : at + 2]}'" for at in range(len(run) - 1))
            else:
                found.add(f"'{run[:LONGEST]}':*")
    return found


def expression(word: str) -> str:
    """A regular expression that finds the word, where one begins, in a text in small letters.

    >>> bool(re.search(expression("up"), "top-ups")), bool(re.search(expression("up"), "soup"))
    (True, False)
    """
    start = "" if _ANYWHERE.match(word) else f"(?:^|[{BREAKS}{UNSPACED}])"
    return start + "".join(
        "[σς]"
        if mark == "σ"
        else mark
        if mark.isalnum()
        else f"\\u{ord(mark):04x}"
        if ord(mark) < 65536
        else mark
        for mark in word
    )


def fact(kind: str, *values: object) -> str:
    """A term for something else that is known of a text, as its label or a field with its value; no word is like it.

    Values that JSON takes for equal give the same term.

    >>> fact("meta", "age", 1) == fact("meta", "age", 1.0) != fact("meta", "age", "1")
    True
    """
    written = "\x00".join((kind, *(_written(value) for value in values)))
    return "\x01" + blake2b(written.encode(errors="replace"), digest_size=8).hexdigest()


def _written(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return f"={value}"
    if isinstance(value, int | float):
        try:
            return f"={float(value)!r}"
        except OverflowError:
            return "=large"
    return str(value)


EVERYTHING = fact("everything")  # stands for more facts than are kept
