"""The one normalisation that decides which texts are equal, and the checks an imported text must pass."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
import uuid

_NOT_KEPT = re.compile(r"[\x00\ud800-\udfff]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_C1 = re.compile(r"[\x80-\x9f]")
_ASCII = re.compile(r"[\x00-\x7f]+")
_ASCII_LETTERS = bytes(range(65, 91)) + bytes(range(97, 123))
_ASCII_SPACE = b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"
_WINDOWS_1252 = {
    code: character
    for code in range(0x80, 0xA0)
    if (character := bytes([code]).decode("cp1252", errors="ignore"))
}


NOT_KEEPABLE = "NUL, and one half of a surrogate pair, can be in no text."


def is_keepable(text: str) -> bool:
    """Return whether the database can hold the text: PostgreSQL's texts have no NUL and no lone surrogate.

    Examples
    --------
    >>> is_keepable("naïve 🙂"), is_keepable("a\\x00"), is_keepable("\\ud83d")
    (True, False, False)
    """
    return _NOT_KEPT.search(text) is None


def all_keepable(value: object) -> bool:
    """Return whether the database can hold every text and number in a value read from JSON, names in objects too.

    Examples
    --------
    >>> all_keepable({"a": ["naïve", 1, None]}), all_keepable({"a": [{"b\\x00": 1}]})
    (True, False)
    >>> all_keepable([1.5]), all_keepable([float("inf")])
    (True, False)
    """
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            if not is_keepable(part):
                return False
        elif isinstance(part, float):
            if not math.isfinite(part):
                return False
        elif isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list):
            waiting += part
    return True


def normalise(text: str) -> str:
    """Return the form in which texts are compared: NFKC, lower case, white space collapsed and stripped.

    Examples
    --------
    >>> normalise("  Where\\u00a0IS\\n my \\uff23ard? ")
    'where is my card?'
    """
    if not text.isascii() and not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    text = text.lower()
    if "  " not in text and text.isprintable():  # its only white space are single spaces
        return text.strip(" ")
    return " ".join(text.split())


def digest(text: str) -> uuid.UUID:
    """Return the 128-bit BLAKE2b fingerprint of the normalised text; equal normalised texts share it.

    Lone surrogates, which UTF-8 cannot hold, are encoded as they stand instead of raising.

    Examples
    --------
    >>> digest("Lost  card") == digest("lost card")
    True
    """
    return uuid.UUID(bytes=digest_of_normalised(normalise(text)))


def digest_of_normalised(normalised: str) -> bytes:
    """Return the 16 bytes of `digest` for a text that is normalised already."""
    return hashlib.blake2b(normalised.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def share_of_letters(text: str) -> float:
    """Return the share of letters (of any script) among the characters that are not white space.

    Returns
    -------
    float
        Between 0 and 1; 0 for a text without any visible character.

    Examples
    --------
    >>> share_of_letters("ab 12")
    0.5
    """
    others = ""
    if not text.isascii():
        others = _ASCII.sub("", text)
    ascii_part = text.encode("ascii", "ignore")
    letters = len(ascii_part) - len(ascii_part.translate(None, _ASCII_LETTERS))
    visible = len(ascii_part.translate(None, _ASCII_SPACE))
    if others.isalpha():
        letters += len(others)
        visible += len(others)
    elif others:
        letters += sum(map(str.isalpha, others))
        visible += len(others) - sum(map(str.isspace, others))
    return letters / visible if visible else 0.0


def few_letters(text: str, fewest: float) -> bool:
    """Return whether `share_of_letters` is below `fewest`, mostly without working it out.

    Examples
    --------
    >>> few_letters("ab 12", 0.5), few_letters("ab 123", 0.5)
    (False, True)
    """
    beginning = text[: len(text) // 2].encode("ascii", "ignore")
    letters = len(beginning) - len(beginning.translate(None, _ASCII_LETTERS))
    if letters >= fewest * len(text):  # white space counted in, so the share is higher still
        return False
    return share_of_letters(text) < fewest


def control_characters(text: str) -> str:
    """Return the forbidden control characters of the text in order: C0 (with NUL) but tab, newline and CR.

    Examples
    --------
    >>> control_characters("a\\x00b\\tc\\x1b")
    '\\x00\\x1b'
    """
    if _CONTROLS.search(text) is None:
        return ""
    return "".join(_CONTROLS.findall(text))


def repair_windows_1252(text: str) -> str:
    """Read U+0080 to U+009F as the Windows-1252 characters that these bytes nearly always were.

    The five bytes that Windows-1252 leaves undefined (81, 8D, 8F, 90, 9D) stay as they are.

    Examples
    --------
    >>> repair_windows_1252("don\\x92t")
    'don’t'
    """
    if text.isascii() or _C1.search(text) is None:
        return text
    return text.translate(_WINDOWS_1252)
