"""Errors that Django and DRF have no word for."""

from rest_framework import exceptions, status


class Conflict(exceptions.APIException):
    """409: the request contradicts what is there now."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "This conflicts with what is there now. Reload and try again."


class UnreadableFile(exceptions.APIException):
    """422: the file that was sent cannot be read."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "The file cannot be read."
