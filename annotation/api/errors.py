"""Errors that Django and DRF have no word for."""

from rest_framework import exceptions, status


class Conflict(exceptions.APIException):
    """409: the request contradicts what is there now."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "This conflicts with what is there now. Reload and try again."


class TooLargeFile(exceptions.APIException):
    """413: the file that was sent is above the limit."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The file is larger than this server accepts."


class UnreadableFile(exceptions.APIException):
    """422: the file that was sent cannot be read."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "The file cannot be read."
