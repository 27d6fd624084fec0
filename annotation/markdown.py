"""Guidelines are Markdown that people of the project write; what is shown of it is plain, safe HTML."""

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

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
    ),
    *("ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"),
}
PARSER = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])


def render(text: str) -> SafeString:
    """The Markdown as HTML without scripts, styles, pictures and forms; headings start at the third level."""
    tokens = PARSER.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"  # the page has its own first and second
    html = PARSER.renderer.render(tokens, PARSER.options, {})
    allowed = {"a": {"href"}, "ol": {"start"}}
    clean = nh3.clean(html, tags=TAGS, attributes=allowed, url_schemes={"http", "https", "mailto"})
    return mark_safe(clean)  # noqa: S308 – nh3 has cleaned it
