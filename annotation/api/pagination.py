"""Lists: cursors, so that a page costs the same at the end as at the start."""

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor as Place
from rest_framework.pagination import CursorPagination

from annotation.algorithms.text import is_keepable


class Cursor(CursorPagination):
    """`{"next", "previous", "results"}`; `limit` up to 1,000 rows a page."""

    ordering = "-id"
    page_size = 100
    page_size_query_param = "limit"
    max_page_size = 1000
    invalid_cursor_message = (
        "This cursor leads nowhere. Begin the list anew, without one, and follow its links."
    )

    def decode_cursor(self, request: Any) -> Place | None:
        """The place that the address means; 404 for one that can be in no list."""
        place = super().decode_cursor(request)
        if place is not None and not is_keepable(str(place.position or "")):
            raise NotFound(self.invalid_cursor_message)
        return place

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> list[Any] | None:
        """A page of the rows; 404 where the cursor was made for rows in another order."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, ValidationError):
            if self.cursor_query_param not in request.query_params:
                raise
            raise NotFound(self.invalid_cursor_message) from None
