"""Which format an answer has, where its address says so."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request


def files(content_types: Iterable[str], *statuses: int) -> dict[tuple[int, str], OpenApiTypes]:
    """For the schema: the answer is a file of one of these types, with 200 or with these statuses."""
    kinds = sorted({content_type.partition(";")[0] for content_type in content_types})
    return {(status, kind): OpenApiTypes.BINARY for status in statuses or (200,) for kind in kinds}


class AsAddressed(BaseContentNegotiation):
    """The address names the format (`pairs.csv`), so that no Accept header is refused."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type
