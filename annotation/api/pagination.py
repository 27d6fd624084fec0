"""Lists: cursors, so that a page costs the same at the end as at the start."""

from rest_framework.pagination import CursorPagination


class Cursor(CursorPagination):
    """`{"next", "previous", "results"}`; `limit` up to 1,000 rows a page."""

    ordering = "-id"
    page_size = 100
    page_size_query_param = "limit"
    max_page_size = 1000
