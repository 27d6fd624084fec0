"""A REST request behind authentication: its user is a User."""

from rest_framework import request

from annotation.models import User


class Request(request.Request):
    """What API views are given. DRF makes plain requests; this only tells the type checker whose they are."""

    user: User
