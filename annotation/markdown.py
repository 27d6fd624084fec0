"""Guidelines are Markdown that people of the project write; what is shown of it is plain, safe HTML.

Headings are clauses and have numbers, by which decisions cite them: 1, 2, 2.1. A first heading above all others is the
title and has none.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

TAGS = {
    *(
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "p",
        "br",
        "hr",
        "blockquote",
        "pre",
        "code",
        "em",
        "strong",
        "s",
        "a",
        "span",
    ),
    *("ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"),
}
PARSER = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
_MARKS = re.compile(r"^[\s>#-]+|[*`]|\b_|_\b")
_ANCHOR = re.compile(r"\s*\{#[\w-]*\}\s*$")  # other tools' headings name their anchor like this


@dataclass(frozen=True)
class Clause:
    """A heading of a guideline with what stands under it, up to the next heading."""

    number: str
    title: str
    body: str  # in Markdown
    line: int  # of the heading, from 1

    @property
    def first_line(self) -> str:
        """The first line under the heading that says something, without its marks."""
        lines = (_MARKS.sub("", line).strip() for line in self.body.splitlines())
        return next((line for line in lines if line), "")


def render(text: str) -> SafeString:
    """The Markdown as HTML without scripts, styles, pictures and forms; headings start at the third level."""
    tokens = PARSER.parse(text)
    numbers = iter(_numbers(tokens))
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            _number_heading(tokens[at + 1], next(numbers))
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"  # the page has its own first and second
    html = PARSER.renderer.render(tokens, PARSER.options, {})
    allowed = {"a": {"href"}, "ol": {"start"}}
    clean = nh3.clean(
        html,
        tags=TAGS,
        attributes=allowed,
        allowed_classes={"span": {"sec"}},
        url_schemes={"http", "https", "mailto"},
    )
    return mark_safe(clean)  # noqa: S308 – nh3 has cleaned it


@lru_cache(maxsize=128)  # published versions do not change, and a page asks for all of them
def clauses(text: str) -> tuple[Clause, ...]:
    """The guideline's numbered headings, in their order."""
    tokens = PARSER.parse(text)
    lines = text.splitlines()
    numbers = iter(_numbers(tokens))
    heads = [
        (token.map[0], token.map[1], next(numbers), _words(tokens[at + 1]))
        for at, token in enumerate(tokens)
        if token.type == "heading_open" and token.map is not None
    ]
    ends = [*(start for start, _, _, _ in heads[1:]), len(lines)][: len(heads)]
    return tuple(
        Clause(number, title, "\n".join(lines[after:end]).strip(), start + 1)
        for (start, after, number, title), end in zip(heads, ends, strict=True)
        if number
    )


def _words(inline: Token) -> str:
    """A heading's words without the marks of emphasis, code and links, in which they are cited."""
    said = "".join(
        " " if child.type in {"softbreak", "hardbreak"} else child.content for child in inline.children or []
    )
    return _ANCHOR.sub("", said).strip()


def _numbers(tokens: list[Token]) -> list[str]:
    """The number of each heading; "" for the title."""
    levels = [int(token.tag[1]) for token in tokens if token.type == "heading_open"]
    titled = (len(levels) > 1 and levels[0] < min(levels[1:])) or (len(levels) == 1 and levels[0] == 1)
    rest = levels[1:] if titled else levels
    found = [""] if titled else []
    above: list[tuple[int, int]] = []  # (level, how many so far), from the outermost in
    for level in rest:
        count = 0
        while above and above[-1][0] >= level:
            count = above.pop()[1]
        above.append((level, count + 1))
        found.append(".".join(str(n) for _, n in above))
    return found


def _number_heading(inline: Token, number: str) -> None:
    """Puts the number behind the heading's words, and takes an anchor away."""
    children = inline.children or []
    if children and children[-1].type == "text":
        children[-1].content = _ANCHOR.sub("", children[-1].content)
    if number:
        children.append(Token("html_inline", "", 0, content=f' <span class="sec">{number}</span>'))
    inline.children = children
