"""Suspected label errors: searched for, ranked, and judged by what people say of them afterwards."""

from annotation.models import Item


def judge_suspects(item: Item) -> None:
    """Notes on the suspicions about a text what people have found since."""
