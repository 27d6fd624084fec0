"""A file's bytes and characters: unpacked, decoded, and never more of them than a file of its size may hold."""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from charset_normalizer import from_bytes

from annotation.services.reading.rows import TABLES, Layout, Unreadable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

HEAD = 1 << 20
MOST_EXPANSION = 200  # times its size; texts shrink to a tenth, a bomb to a thousandth
FREE_EXPANSION = 256 << 20
LONGEST_LINE = 64 << 20
FEW_BYTES = 60  # of other alphabets, on which no guess of an encoding stands

_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Bytes that UTF-8 could not decode, as Windows-1252 has them. FF is no letter that people write, but binary junk.
_LEGACY = {
    0xDC00 + byte: character
    for byte in range(0x80, 0xFF)
    if (character := bytes([byte]).decode("cp1252", errors="ignore"))
}
_LEGACY_IN_UTF_8 = {code: character for code, character in _LEGACY.items() if code < 0xDCA0}
_OTHER_ALPHABETS = ["cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "cp1252"]
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


class Raw(io.RawIOBase):
    """The bytes of a file that is not ours to close."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self.file.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


class Lines(Raw):
    """The same of a file whose lines are read one by one: none may be longer than what is kept in memory."""

    since = 0  # bytes since the last line end

    def readinto(self, buffer: Any) -> int:
        n = super().readinto(buffer)
        end = max(bytes(buffer[:n]).rfind(b"\n"), bytes(buffer[:n]).rfind(b"\r"))
        self.since = self.since + n if end < 0 else n - end
        if self.since > LONGEST_LINE:
            raise Unreadable(
                f"A line is longer than {LONGEST_LINE >> 20} MB. Is this the right format, and does every row end?"
            )
        return n


class Inflated(Raw):
    """What a gzipped file holds, up to a bound."""

    def __init__(self, file: IO[bytes]) -> None:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        super().__init__(gzip.GzipFile(fileobj=file))  # type: ignore[arg-type]
        self.left = max(FREE_EXPANSION, size * MOST_EXPANSION)

    def readinto(self, buffer: Any) -> int:
        try:
            n = super().readinto(buffer)
        except (EOFError, OSError, zlib.error) as broken:
            raise Unreadable(f"The compressed file is damaged: {broken}. Pack it again.") from broken
        self.left -= n
        if self.left < 0:
            raise Unreadable(
                f"The file unpacks to more than {MOST_EXPANSION} times its size. Upload it without compression."
            )
        return n


def opened(file: IO[bytes], gzipped: bool) -> io.BufferedReader:
    """The file from its start, unpacked."""
    file.seek(0)
    return io.BufferedReader(Inflated(file) if gzipped else Raw(file), buffer_size=HEAD)


def is_gzipped(file: IO[bytes]) -> bool:
    """Whether it begins as gzip does."""
    file.seek(0)
    return file.read(2) == b"\x1f\x8b"


def encoding_of(file: IO[bytes], gzipped: bool, head: bytes) -> tuple[str, bool]:
    """The codec in which the text is written, and whether it is UTF-8's heir, Windows-1252, in disguise."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", False
    if zeros := head.count(0):
        if len(head) > 3 and max(head[0::2].count(0), head[1::2].count(0)) > 0.9 * zeros > len(head) * 0.3:
            return ("utf-16-le" if head[1::2].count(0) > zeros / 2 else "utf-16-be"), False
        if zeros > len(head) // 10:
            raise Unreadable("This is not a text file. Save it as CSV or JSON, in UTF-8.")
    if not is_legacy(opened(file, gzipped)):
        return "utf-8", False
    other = other_alphabet(opened(file, gzipped))
    return (other, False) if other else ("utf-8", True)


def is_legacy(blocks: IO[bytes]) -> bool:
    """Whether bytes that are no UTF-8 are there, and none that are more than ASCII in it: an older encoding."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    broken = False
    while block := blocks.read(HEAD):
        if block.isascii() and not decoder.getstate()[0]:
            continue
        text = decoder.decode(block).lstrip("\ufeff")
        if not text.isascii():
            escaped = _SURROGATE.search(text) is not None
            if not (_SURROGATE.sub("", text) if escaped else text).isascii():
                return False
            broken = broken or escaped
    return broken or bool(decoder.getstate()[0])


def other_alphabet(blocks: IO[bytes]) -> str:
    """The codec of a text in an older encoding that is none of Western Europe; empty where that is not clear."""
    lines: list[bytes] = []
    size = 0
    while size < 1 << 16 and (block := blocks.read(HEAD)):
        for line in block.split(b"\n"):
            if not line.isascii() and size < 1 << 16:
                lines.append(line[:1000])
                size += len(lines[-1])
    sample = b"\n".join(lines)
    if len(_NOT_ASCII.findall(sample)) < FEW_BYTES:
        return ""
    best = from_bytes(sample, cp_isolation=_OTHER_ALPHABETS).best()
    return "" if best is None or best.encoding == "cp1252" else best.encoding


def decoded(file: IO[bytes], layout: Layout) -> Iterator[str]:
    """The file's lines as text. What cannot be decoded stays as lone surrogates, for the row to be rejected.

    Only tables end their lines in any of three ways, and keep those inside quotation marks.
    """
    newline = "" if layout.format in TABLES else "\n"
    return as_text(io.BufferedReader(Lines(opened(file, layout.gzipped)), buffer_size=HEAD), layout, newline)


def characters(file: IO[bytes], layout: Layout) -> Iterator[str]:
    """The same in pieces of bounded length; a JSON array may be one line of a gigabyte."""
    text = as_text(opened(file, layout.gzipped), layout, "\n")
    while block := text.read(1 << 16):
        yield block


def as_text(binary: io.BufferedReader, layout: Layout, newline: str) -> io.TextIOWrapper:
    """The bytes decoded. Lines are made without a step of Python for each, so what is read in another way is
    replaced block by block, by a codec of our own."""
    if layout.encoding != "utf-8":
        return io.TextIOWrapper(binary, layout.encoding, errors="replace", newline=newline)
    codec = _AS_WINDOWS_1252 if layout.legacy else _AS_UTF_8
    return io.TextIOWrapper(binary, codec, errors="surrogateescape", newline=newline)


class _WithLegacy(codecs.BufferedIncrementalDecoder):
    """UTF-8 in which single bytes that are none are read as Windows-1252, as far as the table has them."""

    table = _LEGACY_IN_UTF_8
    begun = False

    def _buffer_decode(self, input: "ReadableBuffer", errors: str, final: bool) -> tuple[str, int]:
        data, mark = bytes(input), 0
        if not self.begun:
            if len(data) < len(codecs.BOM_UTF8) and codecs.BOM_UTF8.startswith(data) and not final:
                return "", 0
            self.begun = True
            if data.startswith(codecs.BOM_UTF8):
                mark = len(codecs.BOM_UTF8)
                data = data[mark:]
        try:
            text, consumed = codecs.utf_8_decode(data, "strict", final)
        except UnicodeDecodeError:
            text, consumed = codecs.utf_8_decode(data, errors, final)
            text = text.translate(self.table)
        return text, mark + consumed


class _AllLegacy(_WithLegacy):
    """The same for a file that is Windows-1252 throughout."""

    table = _LEGACY


_AS_UTF_8, _AS_WINDOWS_1252 = "loupe_utf_8", "loupe_windows_1252"
_DECODERS = {_AS_UTF_8: _WithLegacy, _AS_WINDOWS_1252: _AllLegacy}


def _codec(name: str) -> codecs.CodecInfo | None:
    """What Python asks for a codec that it does not know."""
    decoder = _DECODERS.get(name)
    if decoder is None:
        return None
    return codecs.CodecInfo(codecs.utf_8_encode, codecs.utf_8_decode, incrementaldecoder=decoder, name=name)


codecs.register(_codec)
